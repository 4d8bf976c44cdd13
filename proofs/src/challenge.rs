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
