//! The decoders of the transparency log against damaged input, as [`fuzzing::fuzz`] describes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use data_encoding::HEXLOWER;
use fuzzing::fuzz;
use ledger::tlog::{AddCheckpoint, Bundle, Checkpoint, LogBytes, LogProof, Policy, SignedNote, VerifierKey};
use ledger::{Commitment, LogEntry, Proved};
use protocol::NetworkId;
use serde_json::Value;

/// For what the records of the vectors are signed.
fn signed_for() -> NetworkId {
    let file: Value = serde_json::from_str(&text("log_entries.json")).unwrap();
    file["network"].as_str().unwrap().parse().unwrap()
}

fn text(name: &str) -> String {
    let path = format!("{}/../docs/vectors/ledger/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn values(name: &str, key: &str) -> Vec<String> {
    let file: Value = serde_json::from_str(&text(name)).unwrap();
    file["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|vector| vector[key].as_str().unwrap().to_owned())
        .collect()
}

/// A damaged proof that is still one proves what it did before, or nothing. Only what signs nothing may differ.
#[test]
fn proofs() {
    let corpus: Vec<Vec<u8>> = values("proofs.json", "proof").into_iter().map(String::into_bytes).collect();
    let entry = HEXLOWER.decode(values("proofs.json", "entry")[0].as_bytes()).unwrap();
    let policy = Policy::parse(&text("policy.txt")).unwrap();
    let honest = LogProof::decode(&corpus[0]).unwrap().verify(&entry, &policy).unwrap().checkpoint;
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        let Ok(proof) = LogProof::decode(&bytes) else { return };
        assert_eq!(LogProof::decode(proof.encode().as_bytes()).as_ref(), Ok(&proof));
        if let Ok(accepted) = proof.verify(&entry, &policy) {
            assert_eq!((accepted.checkpoint, proof.index), (honest.clone(), 4));
        }
    });
}

/// Whatever is changed in a file of which every signature is wanted, it proves what it did before, or nothing; and nothing for
/// another document.
#[test]
fn attestations() {
    let corpus: Vec<Vec<u8>> = values("attested.json", "proof").into_iter().map(String::into_bytes).collect();
    let document = HEXLOWER.decode(values("attested.json", "document")[0].as_bytes()).unwrap();
    let policy = Policy::parse(&text("policy.txt")).unwrap();
    let verify = |file: &[u8], document: &[u8]| {
        let proved = Proved::decode(file).ok()?;
        let commitment = Commitment::to(document, &proved.attested.nonce);
        proved.verify(commitment, &policy).ok().map(|_| proved)
    };
    let honest = verify(&corpus[0], &document).unwrap();
    for at in 0..corpus[0].len() {
        let mut changed = corpus[0].clone();
        changed[at] ^= 1;
        assert_eq!(verify(&changed, &document), None, "byte {at}");
    }
    for at in 0..document.len() {
        let mut changed = document.clone();
        changed[at] ^= 1;
        assert_eq!(verify(&corpus[0], &changed), None, "byte {at}");
    }
    fuzz(|random| {
        let bytes = random.damaged(&corpus[..1]);
        if let Some(proved) = verify(&bytes, &document) {
            assert_eq!((&proved.attested, proved.proof.index), (&honest.attested, honest.proof.index));
        }
        if let Ok(proved) = Proved::decode(&random.damaged(&corpus)) {
            assert_eq!(Proved::decode(proved.encode().as_bytes()).unwrap(), proved);
        }
    });
}

#[test]
fn notes() {
    let proofs = values("proofs.json", "proof");
    let notes = proofs.iter().filter_map(|proof| proof.split_once("\n\n")).map(|(_, note)| note);
    let corpus: Vec<Vec<u8>> = notes.map(|note| note.as_bytes().to_vec()).collect();
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(note) = SignedNote::decode(&bytes) {
            assert_eq!(note.encode().as_bytes(), bytes);
            if let Ok(checkpoint) = Checkpoint::parse(note.text()) {
                assert_eq!(checkpoint.to_text(), note.text());
            }
        }
    });
}

#[test]
fn requests_to_a_witness() {
    let corpus: Vec<Vec<u8>> =
        values("witness.json", "request").into_iter().map(String::into_bytes).collect();
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(request) = AddCheckpoint::decode(&bytes) {
            assert_eq!(request.encode().as_bytes(), bytes);
        }
    });
}

/// What is read as a key is written the same way, so a key has one spelling.
#[test]
fn policies_and_keys() {
    let policy = text("policy.txt");
    let keys = policy.split_whitespace().filter(|word| word.contains('+'));
    let keys: Vec<Vec<u8>> = keys.map(|key| key.as_bytes().to_vec()).collect();
    let corpus = vec![policy.into_bytes()];
    fuzz(|random| {
        if let Ok(text) = String::from_utf8(random.damaged(&corpus))
            && let Ok(policy) = Policy::parse(&text)
        {
            assert_eq!(Policy::parse(&text), Ok(policy));
        }
        if let Ok(text) = String::from_utf8(random.damaged(&keys))
            && let Ok(key) = text.parse::<VerifierKey>()
        {
            assert_eq!(key.to_string(), text);
        }
    });
}

#[test]
fn bundles_and_log_entries() {
    let signed_for = signed_for();
    let entries: Vec<Vec<u8>> = values("log_entries.json", "entry")
        .iter()
        .map(|hex| HEXLOWER.decode(hex.as_bytes()).unwrap())
        .collect();
    let logged: Vec<LogBytes> = entries.iter().map(|entry| LogBytes::new(entry.clone()).unwrap()).collect();
    let bundle = Bundle::added(0, logged.len() as u64)[0];
    let corpus = vec![Bundle::encode(&logged)];
    assert_eq!(bundle.decode(&corpus[0]).as_deref(), Ok(logged.as_slice()));
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(entries) = bundle.decode(&bytes) {
            assert_eq!(Bundle::encode(&entries), bytes);
        }
        let bytes = random.damaged(&entries);
        if let Ok(entry) = LogEntry::decode(&bytes, &signed_for) {
            assert_eq!(entry.encode().as_bytes(), bytes);
        }
    });
}
