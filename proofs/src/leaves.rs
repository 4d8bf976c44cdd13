//! Which leaves of a shard a slice is about.

use std::ops::Range;

use thiserror::Error;

use crate::tree::{Node, PAIR_LEN};
use crate::{GROUP_LEN, LEAF_LEN, ShardLen};

/// A set of 1 KiB leaves of a shard of known length: not empty, and inside the shard.
///
/// Empty sets and sets past the end verify against any root, so neither can be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafSet {
    len: ShardLen,
    /// Ascending, none empty, none touching another.
    ranges: Vec<Range<u32>>,
}

/// How much of a node's leaves is in a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selection {
    Nothing,
    Part,
    Whole,
}

impl LeafSet {
    /// The leaves in `ranges`, which must be as they stand on the wire: ascending and not touching.
    pub fn new(len: ShardLen, ranges: &[Range<u32>]) -> Result<Self, LeafSetError> {
        let mut end_before = None;
        for range in ranges {
            if range.is_empty() {
                return Err(LeafSetError::EmptyRange { start: range.start });
            }
            if end_before.is_some_and(|end| range.start <= end) {
                return Err(LeafSetError::OutOfOrder { start: range.start });
            }
            end_before = Some(range.end);
        }
        match end_before {
            None => Err(LeafSetError::Empty),
            Some(end) if end > len.leaves() => Err(LeafSetError::PastEnd { end, leaves: len.leaves() }),
            Some(_) => Ok(Self { len, ranges: ranges.to_vec() }),
        }
    }

    /// All leaves.
    pub fn whole(len: ShardLen) -> Self {
        let all = 0..len.leaves();
        Self { len, ranges: vec![all] }
    }

    /// The leaves of `bytes`, which must start on a leaf and end on one or at the end of the shard.
    pub fn of_bytes(len: ShardLen, bytes: Range<u64>) -> Result<Self, LeafSetError> {
        if bytes.is_empty() {
            return Err(LeafSetError::Empty);
        }
        if bytes.end > len.get() {
            let end = u32::try_from(bytes.end.div_ceil(LEAF_LEN)).unwrap_or(u32::MAX);
            return Err(LeafSetError::PastEnd { end, leaves: len.leaves() });
        }
        let ends_on_leaf = bytes.end.is_multiple_of(LEAF_LEN) || bytes.end == len.get();
        if !bytes.start.is_multiple_of(LEAF_LEN) || !ends_on_leaf {
            return Err(LeafSetError::Unaligned { start: bytes.start, end: bytes.end });
        }
        let leaf = |at: u64| u32::try_from(at.div_ceil(LEAF_LEN)).expect("a shard has at most 2^18 leaves");
        let range = leaf(bytes.start)..leaf(bytes.end);
        Ok(Self { len, ranges: vec![range] })
    }

    /// The length of the shard (not of the set: that is [`Self::leaf_count`]).
    pub fn len(&self) -> ShardLen {
        self.len
    }

    /// The leaves as half-open ranges, ascending and not touching.
    pub fn ranges(&self) -> &[Range<u32>] {
        &self.ranges
    }

    /// How many leaves there are; at least one.
    pub fn leaf_count(&self) -> u32 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    /// Bytes of the shard in these leaves.
    pub fn data_len(&self) -> u64 {
        let missing_at_end = if self.has_last() { self.last_leaf_gap() } else { 0 };
        u64::from(self.leaf_count()) * LEAF_LEN - missing_at_end
    }

    /// Bytes of the slice of these leaves, exactly.
    pub fn slice_len(&self) -> u64 {
        self.data_len() + self.pairs_below(Node::root(self.len)) * PAIR_LEN as u64
    }

    /// Whether the last leaf is in the set: then its slice also proves the length of the shard.
    pub fn has_last(&self) -> bool {
        self.ranges.last().is_some_and(|range| range.end == self.len.leaves())
    }

    /// How much of `leaves`, which are not empty, is in the set.
    pub(crate) fn selection(&self, leaves: Range<u32>) -> Selection {
        let first = self.ranges.partition_point(|range| range.end <= leaves.start);
        match self.ranges.get(first) {
            Some(range) if range.start <= leaves.start && leaves.end <= range.end => Selection::Whole,
            Some(range) if range.start < leaves.end => Selection::Part,
            _ => Selection::Nothing,
        }
    }

    fn last_leaf_gap(&self) -> u64 {
        u64::from(self.len.leaves()) * LEAF_LEN - self.len.get()
    }

    /// How many pairs the slice has for `node` and what is below it.
    fn pairs_below(&self, node: Node) -> u64 {
        match self.selection(node.leaves()) {
            Selection::Nothing => 0,
            Selection::Whole => (u64::from(node.count()) * LEAF_LEN).div_ceil(GROUP_LEN) - 1,
            Selection::Part => {
                let (left, right) = node.children();
                1 + self.pairs_below(left) + self.pairs_below(right)
            }
        }
    }
}

/// Why ranges are not a set of leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LeafSetError {
    /// No leaf at all.
    #[error("a slice of no leaves proves nothing")]
    Empty,
    /// A range without a leaf, or one that ends before it starts.
    #[error("the range at leaf {start} is empty")]
    EmptyRange {
        /// First leaf of the range.
        start: u32,
    },
    /// A range that does not stand behind the one before it with at least one leaf between.
    #[error("the range at leaf {start} overlaps, touches or precedes the one before it")]
    OutOfOrder {
        /// First leaf of the range.
        start: u32,
    },
    /// The set names leaves that the shard does not have.
    #[error("leaf {end} is past the end of a shard of {leaves} leaves")]
    PastEnd {
        /// End of the set, exclusive.
        end: u32,
        /// Leaves of the shard.
        leaves: u32,
    },
    /// A byte range does not lie on leaves.
    #[error("bytes {start}..{end} do not start and end on leaves of 1024 bytes")]
    Unaligned {
        /// First byte.
        start: u64,
        /// End, exclusive.
        end: u64,
    },
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "one range is a list of ranges, too")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference;

    fn len(bytes: u64) -> ShardLen {
        ShardLen::new(bytes).unwrap()
    }

    #[test]
    fn sets_that_prove_nothing_cannot_be_made() {
        let shard = len(100_000);
        assert_eq!(shard.leaves(), 98);
        let new = |ranges: &[Range<u32>]| LeafSet::new(shard, ranges).unwrap_err();
        assert_eq!(new(&[]), LeafSetError::Empty);
        assert_eq!(new(&[3..3]), LeafSetError::EmptyRange { start: 3 });
        assert_eq!(new(&[0..1, Range { start: 5, end: 4 }]), LeafSetError::EmptyRange { start: 5 });
        assert_eq!(new(&[0..99]), LeafSetError::PastEnd { end: 99, leaves: 98 });
        assert_eq!(new(&[98..99]), LeafSetError::PastEnd { end: 99, leaves: 98 });
        assert_eq!(new(&[0..1, 97..u32::MAX]), LeafSetError::PastEnd { end: u32::MAX, leaves: 98 });
        assert_eq!(new(&[0..5, 5..6]), LeafSetError::OutOfOrder { start: 5 });
        assert_eq!(new(&[0..5, 4..6]), LeafSetError::OutOfOrder { start: 4 });
        assert_eq!(new(&[7..8, 2..3]), LeafSetError::OutOfOrder { start: 2 });
    }

    #[test]
    fn byte_ranges_lie_on_leaves() {
        let shard = len(100_000);
        let of = |bytes: Range<u64>| LeafSet::of_bytes(shard, bytes);
        assert_eq!(of(0..100_000), Ok(LeafSet::whole(shard)));
        assert_eq!(of(1024..4096).unwrap().ranges(), [1..4]);
        assert_eq!(of(99_328..100_000).unwrap().ranges(), [97..98]);
        assert_eq!(of(1024..1024), Err(LeafSetError::Empty));
        assert_eq!(of(0..1000), Err(LeafSetError::Unaligned { start: 0, end: 1000 }));
        assert_eq!(of(1000..2048), Err(LeafSetError::Unaligned { start: 1000, end: 2048 }));
        assert_eq!(of(0..100_001), Err(LeafSetError::PastEnd { end: 98, leaves: 98 }));
        assert_eq!(of(0..100_352), Err(LeafSetError::PastEnd { end: 98, leaves: 98 }));
        assert!(matches!(of(1024..u64::MAX), Err(LeafSetError::PastEnd { .. })));
    }

    #[test]
    fn the_whole_costs_the_outboard() {
        for &bytes in reference::BOUNDARY_LENS {
            let shard = len(bytes as u64);
            let whole = LeafSet::whole(shard);
            assert_eq!((whole.leaf_count(), whole.data_len()), (shard.leaves(), shard.get()));
            assert_eq!(whole.slice_len(), shard.get() + shard.outboard_len());
        }
    }

    proptest! {
        #[test]
        fn lengths_are_exact((bytes, leaves) in reference::shards_with_leaves(200_000)) {
            prop_assert_eq!(leaves.data_len(), reference::data_of(&bytes, &leaves).len() as u64);
            prop_assert_eq!(leaves.slice_len(), reference::slice(&bytes, &leaves).len() as u64);
        }
    }
}
