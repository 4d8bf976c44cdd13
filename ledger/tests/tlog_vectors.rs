//! Runs the golden vectors of the transparency log in `docs/vectors/ledger`; `make.py` there makes them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use ledger::tlog::{
    AddCheckpoint, Frontier, LogProof, NotProved, Policy, Subtree, TreeHash, VerifierKey, Witnessed,
    consistency_proof, inclusion_proof, verify_consistency, verify_inclusion,
};
use ledger::{EntryError, LogEntry};
use protocol::NetworkId;
use serde_json::Value;

/// For what the records of the vectors are signed.
fn signed_for() -> NetworkId {
    let file: Value = serde_json::from_str(&text("log_entries.json")).unwrap();
    file["network"].as_str().unwrap().parse().unwrap()
}

fn text(name: &str) -> String {
    let path = format!("{}/../docs/vectors/ledger/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn vectors(name: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(&text(name)).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn hex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn hash(value: &Value) -> TreeHash {
    TreeHash::from_bytes(hex(value).try_into().unwrap())
}

fn root_of(entries: std::ops::Range<u64>) -> TreeHash {
    let mut frontier = Frontier::default();
    entries.for_each(|entry| frontier.push(&[u8::try_from(entry).unwrap()]));
    frontier.root()
}

#[expect(clippy::unnecessary_wraps, reason = "it stands for tiles, where a hash may be missing")]
fn hash_of(subtree: Subtree) -> Option<TreeHash> {
    let start = subtree.number << subtree.level;
    Some(root_of(start..start + (1 << subtree.level)))
}

#[test]
fn trees() {
    for vector in vectors("trees.json") {
        let (size, root) = (vector["size"].as_u64().unwrap(), hash(&vector["root"]));
        assert_eq!(root_of(0..size), root);
        let proofs = |key: &str| -> BTreeMap<u64, Vec<TreeHash>> {
            let proofs = vector[key].as_object().unwrap().iter();
            proofs
                .map(|(at, proof)| {
                    (at.parse().unwrap(), proof.as_array().unwrap().iter().map(hash).collect())
                })
                .collect()
        };
        for (index, proof) in proofs("inclusion") {
            assert_eq!(inclusion_proof(index, size, hash_of).unwrap(), proof, "{index} of {size}");
            assert!(verify_inclusion(root_of(index..index + 1), index, size, root, &proof));
        }
        for (old, proof) in proofs("consistency") {
            assert_eq!(consistency_proof(old, size, hash_of).unwrap(), proof, "{old} to {size}");
            assert!(verify_consistency((old, root_of(0..old)), (size, root), &proof));
        }
    }
}

#[test]
fn proofs() {
    let policy = Policy::parse(&text("policy.txt")).unwrap();
    let vectors = vectors("proofs.json");
    assert!(vectors.iter().filter(|vector| vector["error"].is_null()).count() > 2);
    for vector in &vectors {
        let result = prove(vector, &policy);
        match (&vector["error"], result) {
            (Value::Null, Ok(witnesses)) => assert_eq!(vector["witnesses"], witnesses, "{}", vector["name"]),
            (expected, Err(error)) => assert_eq!(expected, error, "{}", vector["name"]),
            (expected, Ok(_)) => panic!("{}: accepted, but is {expected}", vector["name"]),
        }
    }
}

fn prove(vector: &Value, policy: &Policy) -> Result<usize, &'static str> {
    let proof = LogProof::decode(vector["proof"].as_str().unwrap().as_bytes()).map_err(|_| "malformed")?;
    let accepted = proof.verify(&hex(&vector["entry"]), policy).map_err(|error| match error {
        NotProved::NotAccepted(_) => "not_accepted",
        NotProved::NotThere { .. } => "not_there",
    })?;
    assert_eq!(accepted.checkpoint.size, 7);
    Ok(accepted.witnessed_by)
}

#[test]
fn witness() {
    let log: VerifierKey = text("policy.txt").split_whitespace().nth(1).unwrap().parse().unwrap();
    for vector in vectors("witness.json") {
        let result = cosigned(vector["request"].as_str().unwrap(), &log);
        let (size, status) = (vector["size"].as_u64(), vector["status"].as_u64());
        assert_eq!(result, size.ok_or_else(|| status.unwrap()), "{}", vector["name"]);
    }
}

/// What a witness knows after the request, or the status of its answer.
fn cosigned(request: &str, log: &VerifierKey) -> Result<u64, u64> {
    let known = Witnessed { size: 3, root: root_of(0..3) };
    let request = AddCheckpoint::decode(request.as_bytes()).map_err(|_| 400_u64)?;
    let admitted = request.admit(std::slice::from_ref(log)).map_err(|error| u64::from(error.status()))?;
    admitted.after(known).map(|new| new.witnessed().size).map_err(|error| error.status().into())
}

#[test]
fn log_entries() {
    let signed_for = signed_for();
    for vector in vectors("log_entries.json") {
        let bytes = hex(&vector["entry"]);
        match (LogEntry::decode(&bytes, &signed_for), vector["error"].as_str()) {
            (Ok(entry), None) => assert_eq!(entry.encode().as_bytes(), bytes, "{}", vector["name"]),
            (Err(EntryError::Cbor(_)), Some("malformed"))
            | (Err(EntryError::Record(_)), Some("record"))
            | (Err(EntryError::Agreement(_)), Some("agreement")) => {}
            (result, expected) => panic!("{}: {result:?}, not {expected:?}", vector["name"]),
        }
    }
}
