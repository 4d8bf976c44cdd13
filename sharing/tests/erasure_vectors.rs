//! Runs every golden vector in `docs/vectors/erasure`, and damages them. `make.py` there makes them from the specification alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use data_encoding::HEXLOWER;
use fuzzing::fuzz;
use serde_json::Value;
use sharing::{ErasureCertificate, ErasureError};

fn vectors() -> Vec<Value> {
    let path = format!("{}/../docs/vectors/erasure/certificates.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn bytes(vector: &Value) -> Vec<u8> {
    HEXLOWER.decode(vector["certificate"].as_str().unwrap().as_bytes()).unwrap()
}

#[test]
fn certificates() {
    let vectors = vectors();
    assert!(vectors.iter().any(|vector| vector["accepted"] == false));
    for vector in &vectors {
        let result = ErasureCertificate::decode(&bytes(vector));
        assert_eq!(result.is_ok(), vector["accepted"] == true, "{}: {result:?}", vector["name"]);
        if let Ok(certificate) = result {
            assert_eq!(certificate.encode(), bytes(vector));
        }
    }
}

/// What people read is what was signed: a text in which anything is changed does not verify.
#[test]
fn what_stands_above_a_certificate_is_what_it_says() {
    let all = vectors();
    let certificate = ErasureCertificate::decode(&bytes(&all[0])).unwrap();
    let text = certificate.to_text();
    assert!(text.contains("/scan.dcm") && text.contains("3 of its 3 parts"));
    assert_eq!(ErasureCertificate::from_text(&text).unwrap(), certificate);
    assert!(ErasureCertificate::is_in(text.as_bytes()) && !ErasureCertificate::is_in(b"a text"));
    for changed in [
        text.replace("/scan.dcm", "/other.dcm"),
        text.replace("3 of its 3", "2 of its 3"),
        format!("{text}\n"),
        format!("And nobody has a copy.\n{text}"),
        text.replace("=\n-----END", "\n=\n-----END"),
    ] {
        let result = ErasureCertificate::from_text(&changed);
        assert!(changed == text || matches!(result, Err(ErasureError::Text)), "{result:?}");
    }
    assert!(matches!(ErasureCertificate::from_text("a text"), Err(ErasureError::Armor)));
}

#[test]
fn what_is_damaged_does_not_verify_as_something_else() {
    let corpus: Vec<_> = vectors().iter().map(bytes).filter(|bytes| !bytes.is_empty()).collect();
    let texts: Vec<_> = corpus.iter().filter_map(|bytes| ErasureCertificate::decode(bytes).ok()).collect();
    let texts: Vec<_> = texts.iter().map(|certificate| certificate.to_text().into_bytes()).collect();
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(certificate) = ErasureCertificate::decode(&bytes) {
            assert_eq!(certificate.encode(), bytes);
        }
        let text = random.damaged(&texts);
        if let Ok(text) = str::from_utf8(&text)
            && let Ok(certificate) = ErasureCertificate::from_text(text)
        {
            assert_eq!(certificate.to_text(), text);
        }
    });
}
