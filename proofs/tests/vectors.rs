//! Runs every golden vector in `docs/vectors/proofs`. They were made by another implementation, from the specification alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ops::Range;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use proofs::canonical::{self, CanonicalError};
use proofs::{
    Challenge, ChallengeError, Cid, CidError, DecodeSliceError, HashedShard, LeafSet, LeafSetError, Root,
    ShardHasher, ShardInMemory, ShardLen, ShardLenError, SliceDecoder, encode_slice,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest canonical value, in bytes, where a vector does not say otherwise.
const CANONICAL_LEN_MAX: u64 = 4096;

fn vectors(file: &str) -> Vec<Value> {
    let path = format!("{}/../docs/vectors/proofs/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let file: Value = serde_json::from_str(&text).unwrap();
    let vectors = file["vectors"].as_array().unwrap().clone();
    assert!(vectors.iter().any(|vector| vector["error"].is_string()), "{path} has rejections");
    assert!(vectors.iter().any(|vector| vector["error"].is_null()), "{path} has accepted vectors");
    vectors
}

/// Compares how a vector ended with how it says it ends; an accepted one is handed to `accepted`.
fn check<T, E: Kind>(vector: &Value, result: Result<T, E>, accepted: impl FnOnce(T)) {
    let (name, expected) = (&vector["name"], vector["error"].as_str());
    match (result, expected) {
        (Ok(value), None) => accepted(value),
        (Ok(_), Some(expected)) => panic!("{name}: accepted, but is {expected}"),
        (Err(error), expected) => assert_eq!(Some(error.kind()), expected, "{name}"),
    }
}

/// The word for an error in the vectors.
trait Kind {
    fn kind(&self) -> &'static str;
}

impl Kind for DecodeSliceError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Mismatch { .. } => "mismatch",
            Self::Truncated { .. } => "truncated",
            Self::Surplus { .. } => "surplus",
        }
    }
}

impl Kind for LeafSetError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::EmptyRange { .. } => "empty_range",
            Self::OutOfOrder { .. } => "out_of_order",
            Self::PastEnd { .. } => "past_end",
            Self::Unaligned { .. } => "unaligned",
        }
    }
}

impl Kind for ShardLenError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "shard_empty",
            Self::TooLong { .. } => "shard_too_long",
        }
    }
}

impl Kind for ChallengeError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Count { .. } => "count",
            Self::OutOfOrder { .. } => "out_of_order",
            Self::Leaves(error) => error.kind(),
        }
    }
}

impl Kind for CidError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Length { .. } => "length",
            Self::TextLength { .. } => "text_length",
            Self::Text => "text",
            Self::OtherKind => "other_kind",
        }
    }
}

impl Kind for CanonicalError {
    fn kind(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "too_long",
            // Which of the two it is depends on how much the CBOR library notices by itself.
            Self::Malformed { .. } | Self::NotCanonical => "invalid",
        }
    }
}

impl Kind for &'static str {
    fn kind(&self) -> &'static str {
        self
    }
}

fn hex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn root(value: &Value) -> Root {
    value.as_str().unwrap().parse().unwrap()
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// The shard of the vectors with this length: byte `i` is `i mod 251`.
fn pattern(len: u64) -> Vec<u8> {
    (0..=250).cycle().take(usize::try_from(len).unwrap()).collect()
}

fn hashed(bytes: &[u8]) -> HashedShard {
    let mut hasher = ShardHasher::new();
    hasher.push(bytes);
    hasher.finish().unwrap()
}

fn data_of(bytes: &[u8], leaves: &LeafSet) -> Vec<u8> {
    let at = |leaf: u32| (leaf as usize * 1024).min(bytes.len());
    leaves.ranges().iter().flat_map(|range| &bytes[at(range.start)..at(range.end)]).copied().collect()
}

/// Everything that a decoder verified, when it took the whole slice.
fn decode(vector: &Value, piece_len: usize) -> Result<(LeafSet, Vec<u8>), &'static str> {
    let len = ShardLen::new(vector["len"].as_u64().unwrap()).map_err(|error| error.kind())?;
    let ranges = vector["ranges"].as_array().unwrap().iter().map(numbers);
    let ranges: Vec<Range<u32>> = ranges.map(|ends| ends[0]..ends[1]).collect();
    let leaves = LeafSet::new(len, &ranges).map_err(|error| error.kind())?;
    let mut decoder = SliceDecoder::new(root(&vector["root"]), leaves.clone());
    let (mut rest, mut verified) = (Bytes::from(hex(&vector["slice"])), Vec::new());
    while !rest.is_empty() {
        let mut piece = rest.split_to(piece_len.min(rest.len()));
        while let Some(run) = decoder.decode(&mut piece).map_err(|error| error.kind())? {
            verified.extend_from_slice(run.bytes());
        }
    }
    decoder.finish().map_err(|error| error.kind())?;
    Ok((leaves, verified))
}

#[test]
fn slices() {
    for vector in vectors("slice.json") {
        for piece_len in [usize::MAX, 1000, 1] {
            check(&vector, decode(&vector, piece_len), |(leaves, verified)| {
                let shard = pattern(leaves.len().get());
                assert_eq!(verified, data_of(&shard, &leaves), "{}", vector["name"]);
                assert_eq!(Root::of(&verified), root(&vector["data_hash"]), "{}", vector["name"]);
            });
        }
    }
}

#[test]
fn slices_are_cut_as_the_vectors_say() {
    for vector in vectors("slice.json").iter().filter(|vector| vector["error"].is_null()) {
        let (leaves, _) = decode(vector, usize::MAX).unwrap();
        let shard = pattern(leaves.len().get());
        let known = hashed(&shard);
        assert_eq!(known.root, root(&vector["root"]), "{}", vector["name"]);
        let source = ShardInMemory { bytes: &shard, outboard: &known.outboard };
        let slice = encode_slice(known.root, &leaves, &source).unwrap();
        assert_eq!(slice, hex(&vector["slice"]), "{}", vector["name"]);
    }
}

/// The challenge of a vector: drawn where it has a count, named otherwise.
fn challenge(vector: &Value) -> Result<Challenge, &'static str> {
    let root = root(&vector["root"]);
    let len = ShardLen::new(vector["len"].as_u64().unwrap()).map_err(|error| error.kind())?;
    let challenge = if vector["count"].is_u64() {
        let seed = hex(&vector["seed"]).try_into().unwrap();
        Challenge::draw(root, len, seed, number(&vector["count"]))
    } else {
        Challenge::new(root, len, &numbers(&vector["leaves"]))
    };
    challenge.map_err(|error| error.kind())
}

#[test]
fn challenges() {
    for vector in vectors("challenge.json") {
        if vector["proof"].is_null() {
            check(&vector, challenge(&vector), |drawn| {
                assert_eq!(
                    drawn.leaves().collect::<Vec<_>>(),
                    numbers(&vector["leaves"]),
                    "{}",
                    vector["name"]
                );
            });
        } else {
            let proven = challenge(&vector)
                .and_then(|named| named.verify(&hex(&vector["proof"])).map_err(|error| error.kind()));
            check(&vector, proven, |proven| {
                assert_eq!(vector["proves_length"], proven.proves_length(), "{}", vector["name"]);
            });
        }
    }
}

#[test]
fn cids() {
    for vector in vectors("cid.json") {
        if let Some(text) = vector["text"].as_str() {
            check(&vector, text.parse::<Cid>(), |cid| {
                assert_eq!((cid.to_string().as_str(), cid.root()), (text, root(&vector["root"])));
            });
        }
        if vector["hex"].is_string() {
            let bytes = hex(&vector["hex"]);
            check(&vector, Cid::from_bytes(&bytes), |cid| {
                assert_eq!(
                    (cid.to_bytes().as_slice(), cid.root()),
                    (bytes.as_slice(), root(&vector["root"]))
                );
            });
            check_serialized_cid(&vector, &bytes);
        }
    }
}

/// The same bytes as a CBOR byte string.
fn check_serialized_cid(vector: &Value, bytes: &[u8]) {
    let cbor = canonical::to_vec(&serde_bytes::Bytes::new(bytes));
    let decoded = canonical::from_slice::<Cid>(&cbor, 64);
    assert_eq!(decoded.is_ok(), vector["error"].is_null(), "{}", vector["name"]);
    if let Ok(cid) = decoded {
        assert_eq!(canonical::to_vec(&cid), cbor);
    }
}

/// The type that the vectors of canonical CBOR are about.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Sample {
    a: u64,
    #[serde(with = "serde_bytes")]
    b: Vec<u8>,
    t: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    o: Option<u64>,
}

#[test]
fn canonical_cbor() {
    for vector in vectors("canonical.json") {
        let bytes = hex(&vector["cbor"]);
        let max_len = usize::try_from(vector["max_len"].as_u64().unwrap_or(CANONICAL_LEN_MAX)).unwrap();
        check(&vector, canonical::from_slice::<Sample>(&bytes, max_len), |sample| {
            let value = &vector["value"];
            assert_eq!(Some(sample.a), value["a"].as_u64());
            assert_eq!(sample.b, hex(&value["b"]));
            assert_eq!(Some(sample.t.as_str()), value["t"].as_str());
            assert_eq!(sample.o, value["o"].as_u64());
            assert_eq!(canonical::to_vec(&sample), bytes);
        });
    }
}
