//! Runs every golden vector in `docs/vectors/audit`. `make.py` there makes them from the specification alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use data_encoding::HEXLOWER;
use proofs::{AuditedSet, AuditedShard, SetCommitment, SetPath, SetPathError, ShardLen};
use protocol::{Pick, Transcript, TranscriptError};
use serde_json::Value;

fn vectors(file: &str) -> Vec<Value> {
    let path = format!("{}/../docs/vectors/audit/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let file: Value = serde_json::from_str(&text).unwrap();
    let vectors = file["vectors"].as_array().unwrap().clone();
    assert!(vectors.iter().any(|vector| vector["error"].is_string()), "{path} has rejections");
    assert!(vectors.iter().any(|vector| vector["error"].is_null()), "{path} has accepted vectors");
    vectors
}

fn bytes(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn hash(value: &Value) -> [u8; 32] {
    bytes(value).try_into().unwrap()
}

fn shard(root: &Value, len: &Value) -> AuditedShard {
    let len = ShardLen::new(len.as_u64().unwrap()).unwrap();
    AuditedShard { root: root.as_str().unwrap().parse().unwrap(), len }
}

#[test]
fn sets() {
    for vector in vectors("sets.json") {
        let name = &vector["name"];
        let commitment =
            SetCommitment { root: hash(&vector["set"]), total: vector["total"].as_u64().unwrap() };
        if let Some(error) = vector["error"].as_str() {
            let path = SetPath::from_bytes(&bytes(&vector["path"])).map_err(|_| "malformed");
            let shard = shard(&vector["root"], &vector["len"]);
            let found = path.and_then(|path| {
                path.positions_of(&shard, &commitment).map_err(|error| match error {
                    SetPathError::Overflow => "overflow",
                    SetPathError::OtherSet { .. } => "other_set",
                })
            });
            assert_eq!(found, Err(error), "{name}");
            continue;
        }
        let shards = vector["shards"].as_array().unwrap().iter().map(|item| shard(&item[0], &item[1]));
        let set = AuditedSet::new(shards.collect()).unwrap();
        assert_eq!(set.commitment(), commitment, "{name}");
        let selected = vector["selected"].as_array().unwrap();
        let positions = commitment.positions(&hash(&vector["seed"]), u32::try_from(selected.len()).unwrap());
        for (position, expected) in positions.zip(selected) {
            assert_eq!(position, expected["position"].as_u64().unwrap(), "{name}");
            let found = set.select(position).unwrap();
            assert_eq!(found.shard, shard(&expected["root"], &expected["len"]), "{name}");
            assert_eq!(u64::from(found.leaf), expected["leaf"].as_u64().unwrap(), "{name}");
            assert_eq!(found.path.to_bytes(), bytes(&expected["path"]), "{name}");
        }
    }
}

#[test]
fn transcripts() {
    for vector in vectors("transcripts.json") {
        let (name, bytes) = (&vector["name"], bytes(&vector["transcript"]));
        match (Transcript::decode(&bytes), vector["error"].as_str()) {
            (Ok(transcript), None) => {
                assert_eq!(transcript.encode(), bytes, "{name}");
                assert_eq!(transcript.digest().to_string(), vector["digest"], "{name}");
                assert_eq!(transcript.ending().name(), vector["ended"], "{name}");
                let outcomes: Vec<&str> = transcript.picks().iter().map(outcome).collect();
                assert_eq!(Value::from(outcomes), vector["outcomes"], "{name}");
            }
            (Ok(_), Some(expected)) => panic!("{name}: accepted, but is {expected}"),
            (Err(error), expected) => assert_eq!(Some(kind(&error)), expected, "{name}: {error}"),
        }
    }
}

fn outcome(pick: &Pick) -> &'static str {
    pick.outcome().name()
}

fn kind(error: &TranscriptError) -> &'static str {
    match error {
        TranscriptError::Malformed(_) => "malformed",
        TranscriptError::Version(_) => "version",
        TranscriptError::Record { .. } => "record",
        TranscriptError::Signature => "signature",
        TranscriptError::Receipt(_) => "receipt",
        TranscriptError::Reveal(_) => "reveal",
        TranscriptError::Selection(_) => "selection",
        TranscriptError::Answer(_) => "answer",
        TranscriptError::Outcome(_) => "outcome",
        TranscriptError::Contradiction { .. } => "contradiction",
    }
}
