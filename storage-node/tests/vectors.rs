//! Runs the golden vectors in `docs/vectors/node`. They were made by another program, from the specification alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use data_encoding::HEXLOWER;
use serde_json::Value;
use storage_node::entry::{self, Entry, EntryError, HEADER_LEN, Header};

/// The word for an error in the vectors.
fn word(error: &EntryError) -> &'static str {
    match error {
        EntryError::Magic => "magic",
        EntryError::Kind(_) => "kind",
        EntryError::Reserved => "reserved",
        EntryError::PayloadLen(_) => "payload_len",
        EntryError::Check => "check",
        EntryError::ShardLen(_) => "shard_len",
        EntryError::Lease(_) => "lease",
        EntryError::Control => "control",
        EntryError::Payer => "payer",
    }
}

/// What a scan finds in these bytes.
fn decode(bytes: &[u8]) -> Result<Entry, &'static str> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_LEN>().ok_or("short")?;
    let header = Header::decode(header).map_err(|error| word(&error))?;
    let head = rest.get(..header.head_len()).ok_or("short")?;
    header.decode_head(head).map_err(|error| word(&error))
}

fn matches(entry: &Entry, vector: &Value, bytes: &[u8]) {
    let hex = |key: &str| HEXLOWER.decode(vector[key].as_str().unwrap().as_bytes()).unwrap();
    match (entry, vector["kind"].as_str().unwrap()) {
        (Entry::Shard { root, len }, "shard") => {
            assert_eq!((root.as_bytes().to_vec(), len.get()), (hex("root"), vector["len"].as_u64().unwrap()));
            assert_eq!(entry::encode_shard_prefix(*root, *len), bytes[..entry::SHARD_PREFIX_LEN]);
        }
        (Entry::Lease(lease), "lease") => {
            assert_eq!(lease.root().as_bytes().to_vec(), hex("root"));
            assert_eq!(lease.control().as_bytes().to_vec(), hex("control"));
            assert_eq!(lease.payer().as_bytes().to_vec(), hex("payer"));
            assert_eq!(lease.id().as_bytes().to_vec(), hex("id"));
            let numbers = [lease.len().get(), lease.seq().get(), lease.start().get(), lease.expires().get()];
            let expected = ["len", "seq", "start", "expires"].map(|key| vector[key].as_u64().unwrap());
            assert_eq!(numbers, expected);
            assert_eq!(entry::encode_lease(lease), bytes);
        }
        (Entry::Release { root, control }, "release") => {
            assert_eq!(root.as_bytes().to_vec(), hex("root"));
            assert_eq!(control.as_bytes().to_vec(), hex("control"));
            assert_eq!(entry::encode_release(*root, control), bytes);
        }
        (Entry::Pointer { payer, record }, "pointer") => {
            assert_eq!(payer.as_bytes().to_vec(), hex("payer"));
            assert_eq!(*record, hex("record"));
            assert_eq!(entry::encode_pointer(payer, record), bytes);
        }
        (entry, kind) => panic!("{entry:?} where {kind} is expected"),
    }
}

#[test]
fn entries() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/node/entry.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert!(vectors.len() > 50);
    for vector in vectors {
        let bytes = HEXLOWER.decode(vector["hex"].as_str().unwrap().as_bytes()).unwrap();
        match (decode(&bytes), vector["error"].as_str()) {
            (Ok(entry), None) => matches(&entry, vector, &bytes),
            (found, expected) => assert_eq!(found.err(), expected, "{}", vector["name"]),
        }
    }
}
