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
        text.replace("\n-----END", "\n\n-----END"),
    ] {
        assert_ne!(changed, text, "nothing was changed");
        let result = ErasureCertificate::from_text(&changed);
        assert!(matches!(result, Err(ErasureError::Text)), "{result:?}");
    }
    assert!(matches!(ErasureCertificate::from_text("a text"), Err(ErasureError::Armor)));
}

#[test]
fn what_is_damaged_does_not_verify_as_something_else() {
    let corpus: Vec<_> = vectors().iter().filter(|vector| vector["accepted"] == true).map(bytes).collect();
    let certificates: Vec<_> =
        corpus.iter().map(|bytes| ErasureCertificate::decode(bytes).unwrap()).collect();
    let texts: Vec<_> = certificates.iter().map(|certificate| certificate.to_text().into_bytes()).collect();
    // All of it is signed, by the owner or by nodes: nothing but what was signed is ever accepted.
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        assert_eq!(ErasureCertificate::decode(&bytes).is_ok(), corpus.contains(&bytes));
        let text = random.damaged(&texts);
        let is_accepted = str::from_utf8(&text).is_ok_and(|text| ErasureCertificate::from_text(text).is_ok());
        assert_eq!(is_accepted, texts.contains(&text));
    });
}
