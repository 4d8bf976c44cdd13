//! The shards that one audit draws from: a Merkle sum tree weighted by size (spec section 23).
//!
//! Every byte of the set has a position, and every position lies in one leaf of one shard. Whoever has committed
//! to the set can no longer choose what a position stands for, and whoever holds the commitment can check it.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::set_path::{SetPath, Side, Step};
use crate::{LEAF_LEN, Root, ShardLen};

/// Most shards in one set. With [`SHARD_LEN_MAX`](crate::SHARD_LEN_MAX) it bounds every sum to 2^52 bytes.
pub const AUDITED_SHARDS_MAX: usize = 1 << 24;

/// A shard as an auditor knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedShard {
    /// Its root.
    pub root: Root,
    /// Its length, which is its weight.
    pub len: ShardLen,
}

/// What an auditor looks after at one node: shards in the order of their roots, and the tree above them.
#[derive(Debug, Clone)]
pub struct AuditedSet {
    shards: Vec<AuditedShard>,
    /// From the shards up to the root alone; a node without a sibling stands in the next level as it is.
    levels: Vec<Vec<SumNode>>,
}

/// The root of a set's tree and the sum of its lengths: all that is needed to check a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetCommitment {
    /// Hash of the tree's root.
    #[serde(with = "serde_bytes")]
    pub root: [u8; 32],
    /// Bytes in all shards together.
    pub total: u64,
}

/// What a position of a set stands for, and the proof of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The shard in which the position lies.
    pub shard: AuditedShard,
    /// The leaf of the shard in which it lies.
    pub leaf: u32,
    /// The way from the shard up to the commitment.
    pub path: SetPath,
}

impl AuditedSet {
    /// The set of these shards, strictly ascending by root. Costs two hashes a shard.
    pub fn new(shards: Vec<AuditedShard>) -> Result<Self, AuditedSetError> {
        if shards.is_empty() || shards.len() > AUDITED_SHARDS_MAX {
            return Err(AuditedSetError::Count { count: shards.len() });
        }
        if let Some(pair) = shards.windows(2).find(|pair| pair[0].root >= pair[1].root) {
            return Err(AuditedSetError::OutOfOrder { root: pair[1].root });
        }
        let mut levels = vec![shards.iter().map(SumNode::of_shard).collect::<Vec<_>>()];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            levels.push(level.chunks(2).map(SumNode::above).collect());
        }
        Ok(Self { shards, levels })
    }

    /// What an auditor commits to.
    pub fn commitment(&self) -> SetCommitment {
        let top = self.levels[self.levels.len() - 1][0];
        SetCommitment { root: top.hash, total: top.sum }
    }

    /// The shards, ascending by root.
    pub fn shards(&self) -> &[AuditedShard] {
        &self.shards
    }

    /// What lies at a position; `None` from the total on. Costs one step a level.
    pub fn select(&self, position: u64) -> Option<Selection> {
        if position >= self.commitment().total {
            return None;
        }
        let (index, offset) = self.descend(position);
        let shard = self.shards[index];
        Some(Selection { shard, leaf: leaf_at(offset), path: self.path(index) })
    }

    /// The shard in which a position lies, and the offset inside it.
    fn descend(&self, position: u64) -> (usize, u64) {
        let (mut index, mut offset) = (0, position);
        for level in self.levels.iter().rev().skip(1) {
            index *= 2;
            if offset >= level[index].sum {
                offset -= level[index].sum;
                index += 1;
            }
        }
        (index, offset)
    }

    fn path(&self, mut index: usize) -> SetPath {
        let mut steps = Vec::with_capacity(self.levels.len());
        for level in &self.levels {
            if let Some(&sibling) = level.get(index ^ 1) {
                let side = if index & 1 == 1 { Side::Left } else { Side::Right };
                steps.push(Step { side, sibling });
            }
            index >>= 1;
        }
        SetPath::new(steps)
    }
}

impl SetCommitment {
    /// The positions that `count` draws from a seed stand for, in order; some may be drawn twice.
    pub fn positions(&self, seed: &[u8; 32], count: u32) -> impl Iterator<Item = u64> + use<> {
        let total = self.total;
        let mut stream = blake3::Hasher::new().update(seed).finalize_xof();
        (0..count).map(move |_| {
            let mut x = [0; 8];
            stream.fill(&mut x);
            let scaled = (u128::from(u64::from_le_bytes(x)) * u128::from(total)) >> 64;
            u64::try_from(scaled).expect("the product is below total · 2^64")
        })
    }
}

/// The leaf in which an offset of a shard lies.
pub fn leaf_at(offset: u64) -> u32 {
    u32::try_from(offset / LEAF_LEN).expect("a shard has at most 2^18 leaves")
}

/// Why shards are no set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuditedSetError {
    /// None, or more than [`AUDITED_SHARDS_MAX`].
    #[error("an audited set has 1 to {AUDITED_SHARDS_MAX} shards, not {count}")]
    Count {
        /// Shards given.
        count: usize,
    },
    /// A shard that does not come after the one before it.
    #[error("shard {root} is not greater than the shard before it")]
    OutOfOrder {
        /// The shard.
        root: Root,
    },
}

/// A node of the tree: its hash, and the bytes below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SumNode {
    pub(crate) hash: [u8; 32],
    pub(crate) sum: u64,
}

impl SumNode {
    pub(crate) fn of_shard(shard: &AuditedShard) -> Self {
        let sum = shard.len.get();
        let hash = blake3::derive_key(SHARD_CONTEXT, &Self { hash: *shard.root.as_bytes(), sum }.to_bytes());
        Self { hash, sum }
    }

    /// The node above one or two neighbours.
    fn above(nodes: &[Self]) -> Self {
        match *nodes {
            [left, right] => Self::join(left, right).expect("a set is bounded, and so are its sums"),
            [single] => single,
            _ => unreachable!("levels are taken in pairs"),
        }
    }

    /// The node above two; `None` when their sum is no number.
    pub(crate) fn join(left: Self, right: Self) -> Option<Self> {
        let sum = left.sum.checked_add(right.sum)?;
        let pair = [left.to_bytes(), right.to_bytes()].concat();
        Some(Self { hash: blake3::derive_key(PAIR_CONTEXT, &pair), sum })
    }

    /// `hash ‖ u64le(sum)`
    pub(crate) fn to_bytes(self) -> [u8; 40] {
        let mut bytes = [0; 40];
        bytes[..32].copy_from_slice(&self.hash);
        bytes[32..].copy_from_slice(&self.sum.to_le_bytes());
        bytes
    }
}

const SHARD_CONTEXT: &str = "headwater v1 audited shard";
const PAIR_CONTEXT: &str = "headwater v1 audited pair";

impl SetPath {
    /// The positions that `shard` has in the set of this commitment, when the path leads from one to the other.
    pub fn positions_of(
        &self,
        shard: &AuditedShard,
        commitment: &SetCommitment,
    ) -> Result<Range<u64>, SetPathError> {
        let mut node = SumNode::of_shard(shard);
        let mut start = 0_u64;
        for Step { side, sibling } in self.steps() {
            let joined = match side {
                Side::Left => {
                    start = start.checked_add(sibling.sum).ok_or(SetPathError::Overflow)?;
                    SumNode::join(*sibling, node)
                }
                Side::Right => SumNode::join(node, *sibling),
            };
            node = joined.ok_or(SetPathError::Overflow)?;
        }
        if node.hash == commitment.root && node.sum == commitment.total {
            Ok(start..start + shard.len.get())
        } else {
            Err(SetPathError::OtherSet { root: shard.root })
        }
    }
}

/// Why a path does not lead from a shard to a commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SetPathError {
    /// Sums that no set has.
    #[error("the sums on the path exceed any number")]
    Overflow,
    /// It leads elsewhere.
    #[error("shard {root} is not in the set that was committed to, or not at this place")]
    OtherSet {
        /// The shard.
        root: Root,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shard(number: u32, len: u64) -> AuditedShard {
        AuditedShard { root: Root::of(&number.to_le_bytes()), len: ShardLen::new(len).unwrap() }
    }

    fn sorted(lens: &[u64]) -> Vec<AuditedShard> {
        let mut shards: Vec<_> = (0..).zip(lens).map(|(number, len)| shard(number, *len)).collect();
        shards.sort_by_key(|shard| shard.root);
        shards
    }

    /// The tree of the specification by its other definition: split at the greatest power of two below the count.
    fn naive(shards: &[AuditedShard]) -> SumNode {
        if let [shard] = shards {
            return SumNode::of_shard(shard);
        }
        let split = shards.len().next_power_of_two() / 2;
        SumNode::join(naive(&shards[..split]), naive(&shards[split..])).unwrap()
    }

    /// What lies at a position, by walking all shards.
    fn walked(shards: &[AuditedShard], mut position: u64) -> Option<(AuditedShard, u32)> {
        for shard in shards {
            if position < shard.len.get() {
                return Some((*shard, u32::try_from(position / 1024).unwrap()));
            }
            position -= shard.len.get();
        }
        None
    }

    #[test]
    fn lists_that_are_no_set() {
        let two = sorted(&[1, 1]);
        assert_eq!(AuditedSet::new(vec![]).unwrap_err(), AuditedSetError::Count { count: 0 });
        let twice = AuditedSet::new(vec![two[0], two[0]]).unwrap_err();
        assert_eq!(twice, AuditedSetError::OutOfOrder { root: two[0].root });
        let backwards = AuditedSet::new(vec![two[1], two[0]]).unwrap_err();
        assert_eq!(backwards, AuditedSetError::OutOfOrder { root: two[0].root });
    }

    #[test]
    fn a_hundred_thousand_shards_have_paths_of_seventeen_steps() {
        let shards = sorted(&vec![70_000; 100_000]);
        let set = AuditedSet::new(shards.clone()).unwrap();
        let commitment = set.commitment();
        for position in commitment.positions(&[7; 32], 64) {
            let selection = set.select(position).unwrap();
            let range = selection.path.positions_of(&selection.shard, &commitment).unwrap();
            assert!(range.contains(&position));
            assert!(selection.path.to_bytes().len() <= 17 * 41);
        }
    }

    #[test]
    fn sums_that_overflow_are_refused() {
        let step = Step { side: Side::Left, sibling: SumNode { hash: [0; 32], sum: u64::MAX } };
        let commitment = SetCommitment { root: [0; 32], total: 0 };
        for side in [Side::Left, Side::Right] {
            let path = SetPath::new(vec![Step { side, ..step }, step]);
            assert_eq!(path.positions_of(&shard(1, 1), &commitment), Err(SetPathError::Overflow));
        }
    }

    proptest! {
        #[test]
        fn every_position_selects_what_lies_there(
            lens in prop::collection::vec(1_u64..5000, 1..40), beyond in 0_u64..3, draws in any::<[u8; 32]>(),
        ) {
            let shards = sorted(&lens);
            let set = AuditedSet::new(shards.clone()).unwrap();
            let commitment = set.commitment();
            let top = naive(&shards);
            prop_assert_eq!((top.hash, top.sum), (commitment.root, commitment.total));
            prop_assert_eq!(set.select(commitment.total + beyond), None);
            let edges = [0, commitment.total - 1];
            for position in commitment.positions(&draws, 40).chain(edges) {
                let found = set.select(position).unwrap();
                prop_assert_eq!(Some((found.shard, found.leaf)), walked(&shards, position));
                let range = found.path.positions_of(&found.shard, &commitment).unwrap();
                prop_assert_eq!(leaf_at(position - range.start), found.leaf);
                prop_assert!(range.contains(&position));
            }
        }

        #[test]
        fn a_path_proves_one_shard_of_one_set(
            lens in prop::collection::vec(1_u64..5000, 2..20), at in any::<prop::sample::Index>(), flip: u16,
        ) {
            let shards = sorted(&lens);
            let set = AuditedSet::new(shards.clone()).unwrap();
            let commitment = set.commitment();
            let found = set.select(at.index(usize::try_from(commitment.total).unwrap()) as u64).unwrap();
            for other in shards.iter().filter(|shard| shard.root != found.shard.root) {
                prop_assert!(found.path.positions_of(other, &commitment).is_err());
            }
            let longer = AuditedShard { len: ShardLen::new(found.shard.len.get() + 1).unwrap(), ..found.shard };
            prop_assert!(found.path.positions_of(&longer, &commitment).is_err());
            let more = SetCommitment { total: commitment.total + 1, ..commitment };
            prop_assert!(found.path.positions_of(&found.shard, &more).is_err());
            let mut bytes = found.path.to_bytes();
            let bit = usize::from(flip) % (8 * bytes.len());
            bytes[bit / 8] ^= 1 << (bit % 8);
            let damaged = SetPath::from_bytes(&bytes);
            prop_assert!(damaged.is_err() || damaged.unwrap().positions_of(&found.shard, &commitment).is_err());
        }
    }
}
