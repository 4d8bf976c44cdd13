//! Every decoder against damaged and arbitrary input, as [`fuzzing::fuzz`] describes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use fuzzing::{Random, fuzz};
use proofs::canonical;
use proofs::{
    Challenge, Cid, HashedShard, LeafSet, Root, ShardHasher, ShardInMemory, ShardLen, SliceDecoder,
    encode_slice,
};
use serde::{Deserialize, Serialize};

const SHARD_LEN_MAX: u64 = 100_000;

fn shard(random: &mut Random) -> (Vec<u8>, HashedShard) {
    let len = 1 + random.index(usize::try_from(SHARD_LEN_MAX).unwrap());
    let bytes = random.bytes(len);
    let mut hasher = ShardHasher::new();
    hasher.push(&bytes);
    (bytes, hasher.finish().unwrap())
}

fn some_leaves(random: &mut Random, len: ShardLen) -> LeafSet {
    let start = random.leaf(len.leaves());
    let end = start + 1 + random.leaf(len.leaves() - start);
    if end + 1 < len.leaves() {
        let next = end + 1 + random.leaf(len.leaves() - end - 1);
        return LeafSet::new(len, &[start..end, next..next + 1]).unwrap();
    }
    LeafSet::of_bytes(len, u64::from(start) * 1024..(u64::from(end) * 1024).min(len.get())).unwrap()
}

/// Decodes in pieces of random lengths; every byte given out must be the shard's.
fn decodes(random: &mut Random, bytes: &[u8], root: Root, leaves: &LeafSet, slice: Vec<u8>) -> bool {
    let mut decoder = SliceDecoder::new(root, leaves.clone());
    let (mut rest, piece_len_max) = (Bytes::from(slice), 1 + random.index(40_000));
    while !rest.is_empty() {
        let mut piece = rest.split_to((1 + random.index(piece_len_max)).min(rest.len()));
        loop {
            match decoder.decode(&mut piece) {
                Ok(None) => break,
                Err(_) => return false,
                Ok(Some(run)) => {
                    let start = usize::try_from(run.offset()).unwrap();
                    assert!(bytes[start..].starts_with(run.bytes()), "wrong bytes were given out");
                }
            }
        }
    }
    decoder.finish().is_ok()
}

#[test]
fn slices() {
    fuzz(|random| {
        let (bytes, hashed) = shard(random);
        let leaves = some_leaves(random, hashed.len);
        let source = ShardInMemory { bytes: &bytes, outboard: &hashed.outboard };
        let slice = encode_slice(hashed.root, &leaves, &source).unwrap();
        assert!(decodes(random, &bytes, hashed.root, &leaves, slice.to_vec()));

        let mut damaged = slice.to_vec();
        random.damage(&mut damaged);
        let is_same = damaged == slice;
        assert_eq!(decodes(random, &bytes, hashed.root, &leaves, damaged), is_same);
    });
}

#[test]
fn slices_of_a_wrong_length() {
    fuzz(|random| {
        let (bytes, hashed) = shard(random);
        let wrong = ShardLen::new(1 + random.below(SHARD_LEN_MAX)).unwrap();
        let claimed = some_leaves(random, wrong);
        let true_leaves = LeafSet::new(hashed.len, claimed.ranges()).unwrap_or(LeafSet::whole(hashed.len));
        let source = ShardInMemory { bytes: &bytes, outboard: &hashed.outboard };
        let slice = encode_slice(hashed.root, &true_leaves, &source).unwrap();
        let accepted = decodes(random, &bytes, hashed.root, &claimed, slice.to_vec());
        assert!(
            !accepted || wrong == hashed.len || !claimed.has_last(),
            "the last leaf must prove the length"
        );
    });
}

#[test]
fn challenges() {
    fuzz(|random| {
        let (bytes, hashed) = shard(random);
        let seed = random.array();
        let challenge = Challenge::draw(hashed.root, hashed.len, seed, 1 + random.leaf(64)).unwrap();
        let proof = challenge.prove(&ShardInMemory { bytes: &bytes, outboard: &hashed.outboard }).unwrap();
        assert!(challenge.verify(&proof).is_ok());

        let mut damaged = proof.to_vec();
        random.damage(&mut damaged);
        assert_eq!(challenge.verify(&damaged).is_ok(), damaged == proof);
    });
}

#[test]
fn leaf_sets() {
    fuzz(|random| {
        let len = ShardLen::new(1 + random.below(SHARD_LEN_MAX)).unwrap();
        let ranges: Vec<_> = (0..random.below(4)).map(|_| random.leaf(110)..random.leaf(110)).collect();
        if let Ok(set) = LeafSet::new(len, &ranges) {
            let leaves: Vec<u32> = set.ranges().iter().cloned().flatten().collect();
            assert!(leaves.is_sorted_by(|a, b| a < b) && leaves.len() == set.leaf_count() as usize);
            assert!(leaves.last().is_some_and(|last| *last < len.leaves()));
        }
    });
}

#[derive(Debug, Serialize, Deserialize)]
struct Sample {
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
    cid: Cid,
    list: Vec<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    optional: Option<Root>,
    text: String,
}

#[test]
fn canonical_cbor() {
    fuzz(|random| {
        let sample = Sample {
            bytes: random.bytes(40),
            cid: Cid::of(&random.bytes(3)),
            list: (0..random.below(5)).map(|_| random.number() >> random.below(64)).collect(),
            optional: (random.coin()).then(|| Root::of(&random.bytes(3))),
            text: random.number().to_string(),
        };
        let mut cbor = canonical::to_vec(&sample);
        assert!(canonical::from_slice::<Sample>(&cbor, 4096).is_ok());
        random.damage(&mut cbor);
        if let Ok(sample) = canonical::from_slice::<Sample>(&cbor, 4096) {
            assert_eq!(canonical::to_vec(&sample), cbor);
        }
        let arbitrary = random.bytes(16);
        assert!(canonical::from_slice::<Sample>(&arbitrary, 4096).is_err());
    });
}

#[test]
fn texts() {
    fuzz(|random| {
        let root = Root::of(&random.bytes(3));
        for text in [root.to_string(), Cid::from_root(root).to_string()] {
            let mut damaged = text.into_bytes();
            random.damage(&mut damaged);
            let damaged = String::from_utf8_lossy(&damaged);
            if let Ok(root) = damaged.parse::<Root>() {
                assert_eq!(root.to_string(), damaged);
            }
            if let Ok(cid) = damaged.parse::<Cid>() {
                assert_eq!(cid.to_string(), damaged);
                assert_eq!(Cid::from_bytes(&cid.to_bytes()), Ok(cid));
            }
        }
    });
}
