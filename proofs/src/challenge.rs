//! Challenges and proofs of storage.

use std::ops::Range;

use bytes::Bytes;
use thiserror::Error;

use crate::decoder::Verifier;
use crate::{
    DecodeSliceError, EncodeSliceError, LeafSet, LeafSetError, ReadShard, Root, ShardLen, encode_slice,
};

/// Greatest number of leaves of a challenge (spec section 15).
pub const CHALLENGE_LEAVES_MAX: u32 = 64;

/// A demand to produce 1 to 64 leaves of one shard (spec section 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    root: Root,
    leaf_set: LeafSet,
}

impl Challenge {
    /// The challenge that names these leaves: strictly ascending, all inside the shard.
    pub fn new(root: Root, len: ShardLen, leaves: &[u32]) -> Result<Self, ChallengeError> {
        check_count(leaves.len())?;
        if let Some(pair) = leaves.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(ChallengeError::OutOfOrder { leaf: pair[1] });
        }
        Ok(Self { root, leaf_set: LeafSet::new(len, &runs(leaves))? })
    }

    /// The challenge drawn from `seed`: `count` leaves, or all of a shard that has fewer.
    pub fn draw(root: Root, len: ShardLen, seed: [u8; 32], count: u32) -> Result<Self, ChallengeError> {
        check_count(count as usize)?;
        let wanted = count.min(len.leaves()) as usize;
        let mut stream = blake3::Hasher::new().update(&seed).update(root.as_bytes()).finalize_xof();
        let mut leaves = Vec::with_capacity(wanted);
        while leaves.len() < wanted {
            let mut x = [0; 8];
            stream.fill(&mut x);
            let leaf = scale(u64::from_le_bytes(x), len.leaves());
            if let Err(at) = leaves.binary_search(&leaf) {
                leaves.insert(at, leaf);
            }
        }
        Self::new(root, len, &leaves)
    }

    /// The shard.
    pub fn root(&self) -> Root {
        self.root
    }

    /// The leaves asked for, and the length of the shard.
    pub fn leaf_set(&self) -> &LeafSet {
        &self.leaf_set
    }

    /// The leaves asked for, ascending.
    pub fn leaves(&self) -> impl Iterator<Item = u32> + '_ {
        self.leaf_set.ranges().iter().cloned().flatten()
    }

    /// The proof, made from the shard itself: the slice of the leaves.
    pub fn prove(&self, shard: &impl ReadShard) -> Result<Bytes, EncodeSliceError> {
        encode_slice(self.root, &self.leaf_set, shard)
    }

    /// Checks a proof, against the root alone.
    pub fn verify(&self, proof: &[u8]) -> Result<Proven, DecodeSliceError> {
        let mut verifier = Verifier::new(self.root, self.leaf_set.clone());
        let mut rest = proof;
        while let Some(expected) = verifier.expected() {
            let (piece, tail) = rest.split_at_checked(expected.len()).ok_or_else(|| verifier.truncated())?;
            verifier.accept(piece)?;
            rest = tail;
        }
        if rest.is_empty() {
            Ok(Proven(self.clone()))
        } else {
            Err(DecodeSliceError::Surplus { bytes: rest.len() })
        }
    }
}

/// A challenge that has been answered rightly. Only [`Challenge::verify`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven(Challenge);

impl Proven {
    /// What was proved.
    pub fn challenge(&self) -> &Challenge {
        &self.0
    }

    /// Whether the last leaf was among the leaves: then the length of the shard is proved, too.
    pub fn proves_length(&self) -> bool {
        self.0.leaf_set.has_last()
    }
}

/// Why leaves are not a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ChallengeError {
    /// No leaf, or more than [`CHALLENGE_LEAVES_MAX`].
    #[error("a challenge has 1 to {CHALLENGE_LEAVES_MAX} leaves, not {count}")]
    Count {
        /// Leaves asked for.
        count: usize,
    },
    /// A leaf that does not come after the one before it.
    #[error("leaf {leaf} is not greater than the leaf before it")]
    OutOfOrder {
        /// The leaf.
        leaf: u32,
    },
    /// A leaf that the shard does not have.
    #[error(transparent)]
    Leaves(#[from] LeafSetError),
}

fn check_count(count: usize) -> Result<(), ChallengeError> {
    if (1..=CHALLENGE_LEAVES_MAX as usize).contains(&count) {
        Ok(())
    } else {
        Err(ChallengeError::Count { count })
    }
}

/// Ascending leaves as ranges that do not touch.
fn runs(leaves: &[u32]) -> Vec<Range<u32>> {
    let mut runs: Vec<Range<u32>> = Vec::new();
    for &leaf in leaves {
        match runs.last_mut() {
            Some(run) if run.end == leaf => run.end += 1,
            _ => runs.push(leaf..leaf.saturating_add(1)),
        }
    }
    runs
}

/// A leaf below `leaves`, as evenly as `x` is spread.
fn scale(x: u64, leaves: u32) -> u32 {
    let scaled = (u128::from(x) * u128::from(leaves)) >> 64;
    u32::try_from(scaled).expect("the product is below leaves · 2^64")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::reference::{self, leaf_set, sample, shard_len};
    use crate::{Outboard, ShardInMemory};

    fn prove(bytes: &[u8], challenge: &Challenge) -> Bytes {
        let outboard = Outboard::from_bytes(shard_len(bytes), reference::outboard(bytes)).unwrap();
        challenge.prove(&ShardInMemory { bytes, outboard: &outboard }).unwrap()
    }

    /// The formula of the specification, with a set and whole numbers as they come.
    fn drawn_naively(root: Root, len: ShardLen, seed: [u8; 32], count: usize) -> BTreeSet<u32> {
        let mut stream = vec![0; 8 * 100_000];
        blake3::Hasher::new().update(&[seed, *root.as_bytes()].concat()).finalize_xof().fill(&mut stream);
        let mut drawn = BTreeSet::new();
        for x in stream.chunks(8) {
            if drawn.len() < count.min(len.leaves() as usize) {
                let x = x.iter().rev().fold(0_u128, |x, byte| (x << 8) | u128::from(*byte));
                drawn.insert(u32::try_from((x * u128::from(len.leaves())) / (1 << 64)).unwrap());
            }
        }
        drawn
    }

    #[test]
    fn lists_of_leaves_that_are_no_challenge() {
        let (root, len) = (Root::of(b"x"), ShardLen::new(100_000).unwrap());
        let new = |leaves: &[u32]| Challenge::new(root, len, leaves).unwrap_err();
        assert_eq!(new(&[]), ChallengeError::Count { count: 0 });
        assert_eq!(new(&(0..65).collect::<Vec<_>>()), ChallengeError::Count { count: 65 });
        assert_eq!(new(&[4, 4]), ChallengeError::OutOfOrder { leaf: 4 });
        assert_eq!(new(&[4, 9, 3]), ChallengeError::OutOfOrder { leaf: 3 });
        let past_end = LeafSetError::PastEnd { end: 99, leaves: 98 };
        assert_eq!(new(&[97, 98]), ChallengeError::Leaves(past_end));
        let past_end = LeafSetError::PastEnd { end: u32::MAX, leaves: 98 };
        assert_eq!(new(&[u32::MAX - 1]), ChallengeError::Leaves(past_end));
        assert!(Challenge::new(root, len, &[u32::MAX]).is_err());
    }

    #[test]
    fn a_short_shard_is_asked_for_all_its_leaves() {
        for count in [3, 64] {
            let drawn =
                Challenge::draw(Root::of(b"x"), ShardLen::new(3000).unwrap(), [7; 32], count).unwrap();
            assert_eq!(drawn.leaves().collect::<Vec<_>>(), [0, 1, 2]);
        }
        for count in [0, 65, u32::MAX] {
            let none = Challenge::draw(Root::of(b"x"), ShardLen::new(3000).unwrap(), [7; 32], count);
            assert_eq!(none, Err(ChallengeError::Count { count: count as usize }));
        }
    }

    #[test]
    fn a_proof_damaged_anywhere_is_rejected() {
        let bytes = sample(40_000);
        let challenge = Challenge::new(Root::of(&bytes), shard_len(&bytes), &[2, 3, 39]).unwrap();
        let proof = prove(&bytes, &challenge);
        assert!(challenge.verify(&proof).unwrap().proves_length());
        for at in 0..proof.len() {
            let mut flipped = proof.to_vec();
            flipped[at] ^= 1 << (at % 8);
            assert!(
                matches!(challenge.verify(&flipped), Err(DecodeSliceError::Mismatch { .. })),
                "byte {at}"
            );
            assert!(
                matches!(challenge.verify(&proof[..at]), Err(DecodeSliceError::Truncated { .. })),
                "cut at {at}"
            );
        }
        let surplus = [&proof[..], &[0]].concat();
        assert_eq!(challenge.verify(&surplus), Err(DecodeSliceError::Surplus { bytes: 1 }));
    }

    #[test]
    fn a_proof_answers_its_own_challenge_only() {
        let bytes = sample(40_000);
        let (root, len) = (Root::of(&bytes), shard_len(&bytes));
        let proof = prove(&bytes, &Challenge::new(root, len, &[5]).unwrap());
        for other in (0..40).filter(|leaf| *leaf != 5) {
            assert!(Challenge::new(root, len, &[other]).unwrap().verify(&proof).is_err(), "leaf {other}");
        }
        let other_root = Challenge::new(Root::of(b"other"), len, &[5]).unwrap();
        assert!(other_root.verify(&proof).is_err());
    }

    proptest! {
        #[test]
        fn drawn_leaves_follow_the_formula(len in 1_u64..3_000_000, seed: [u8; 32], root: [u8; 32], count in 1_u32..=64) {
            let (root, len) = (Root::from_bytes(root), ShardLen::new(len).unwrap());
            let challenge = Challenge::draw(root, len, seed, count).unwrap();
            let naive = drawn_naively(root, len, seed, count as usize);
            prop_assert!(challenge.leaves().eq(naive.iter().copied()));
            prop_assert_eq!(challenge.leaf_set(), &leaf_set(len, naive));
        }

        #[test]
        fn what_is_kept_is_proved(bytes in reference::shards(300_000), seed: [u8; 32], count in 1_u32..=64) {
            let challenge = Challenge::draw(Root::of(&bytes), shard_len(&bytes), seed, count).unwrap();
            let proof = prove(&bytes, &challenge);
            prop_assert!(proof == reference::slice(&bytes, challenge.leaf_set()));
            let proven = challenge.verify(&proof).unwrap();
            prop_assert_eq!(proven.challenge(), &challenge);
            prop_assert_eq!(proven.proves_length(), challenge.leaves().last() == Some(shard_len(&bytes).leaves() - 1));
        }
    }
}
