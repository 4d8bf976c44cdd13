//! The BLAKE3 tree over a shard: its nodes, their hashes, and the walk that slices are made of.

use std::ops::Range;

use blake3::hazmat::{self, ChainingValue, HasherExt, Mode};

use crate::leaves::Selection;
use crate::{LEAF_LEN, LeafSet, Root, ShardLen};

/// Leaves of a group.
pub(crate) const GROUP_LEAVES: u32 = 16;
/// Bytes of a pair of chaining values.
pub(crate) const PAIR_LEN: usize = 64;

/// The chaining values of a node's children: left ‖ right.
pub(crate) type Pair = [u8; PAIR_LEN];

/// Inner nodes on the way from the root of the longest shard to a leaf, and one for the right sibling.
const DEPTH_MAX: usize = 19;

/// A node of the tree, named by the leaves below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    start: u32,
    end: u32,
}

impl Node {
    /// The root of the tree of a shard.
    pub(crate) const fn root(len: ShardLen) -> Self {
        Self { start: 0, end: len.leaves() }
    }

    pub(crate) const fn leaves(self) -> Range<u32> {
        self.start..self.end
    }

    pub(crate) const fn count(self) -> u32 {
        self.end - self.start
    }

    pub(crate) const fn fits_group(self) -> bool {
        self.count() <= GROUP_LEAVES
    }

    /// Left and right child. The left one has the greatest power of two of leaves that leaves one over.
    pub(crate) fn children(self) -> (Self, Self) {
        assert!(self.count() > 1, "a leaf has no children");
        let middle = self.start + self.count().div_ceil(2).next_power_of_two();
        (Self { start: self.start, end: middle }, Self { start: middle, end: self.end })
    }

    /// The bytes of the shard below this node.
    pub(crate) fn bytes(self, len: ShardLen) -> Range<u64> {
        u64::from(self.start) * LEAF_LEN..(u64::from(self.end) * LEAF_LEN).min(len.get())
    }

    /// Where the outboard keeps this node's pair, in bytes.
    ///
    /// The `a` groups before this node form one complete tree for each bit of `a`: together `a - ones(a)` pairs. Of this
    /// node's own `e - a` groups all `e - a - 1` pairs come before what follows, and its own is the last of them.
    pub(crate) fn outboard_offset(self) -> u64 {
        assert!(!self.fits_group(), "the outboard has no pair below a group");
        let first_group = self.start / GROUP_LEAVES;
        let groups_to_end = self.end.div_ceil(GROUP_LEAVES);
        u64::from(groups_to_end - 2 - first_group.count_ones()) * PAIR_LEN as u64
    }
}

/// The chaining value of the subtree over `bytes`, which start at a leaf. Never the root.
pub(crate) fn subtree(start_leaf: u32, bytes: &[u8]) -> ChainingValue {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(u64::from(start_leaf) * LEAF_LEN);
    hasher.update(bytes).finalize_non_root()
}

/// Both chaining values as they stand in slices and outboards.
pub(crate) fn pair(left: &ChainingValue, right: &ChainingValue) -> Pair {
    let mut pair = [0; PAIR_LEN];
    pair[..32].copy_from_slice(left);
    pair[32..].copy_from_slice(right);
    pair
}

/// The chaining value of the node over `pair`. Never the root.
pub(crate) fn merge(pair: &Pair) -> ChainingValue {
    let (left, right) = halves(pair);
    hazmat::merge_subtrees_non_root(&left, &right, Mode::Hash)
}

/// The root over `pair`.
pub(crate) fn merge_root(pair: &Pair) -> Root {
    let (left, right) = halves(pair);
    Root::from_bytes(*hazmat::merge_subtrees_root(&left, &right, Mode::Hash).as_bytes())
}

fn halves(pair: &Pair) -> (ChainingValue, ChainingValue) {
    let (mut left, mut right) = ([0; 32], [0; 32]);
    left.copy_from_slice(&pair[..32]);
    right.copy_from_slice(&pair[32..]);
    (left, right)
}

/// The hash that a node must have: the root we were given, or a value from a pair that was checked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trusted {
    Root(Root),
    Inner(ChainingValue),
}

impl Trusted {
    pub(crate) fn is_over_pair(&self, pair: &Pair) -> bool {
        match self {
            Self::Root(root) => merge_root(pair) == *root,
            Self::Inner(value) => merge(pair) == *value,
        }
    }

    pub(crate) fn is_over_bytes(&self, start_leaf: u32, bytes: &[u8]) -> bool {
        match self {
            Self::Root(root) => Root::of(bytes) == *root,
            Self::Inner(value) => subtree(start_leaf, bytes) == *value,
        }
    }
}

/// A node that the walk has come to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visit {
    pub(crate) node: Node,
    pub(crate) trusted: Trusted,
    /// Whether all leaves below the node are asked for, and no pair is needed because it fits a group.
    pub(crate) is_bytes: bool,
}

/// The walk in pre-order over the nodes that a slice consists of, together with the hashes they must have.
#[derive(Debug)]
pub(crate) struct Walk {
    pending: Vec<(Node, Trusted)>,
}

impl Walk {
    pub(crate) fn new(root: Root, len: ShardLen) -> Self {
        let mut pending = Vec::with_capacity(DEPTH_MAX);
        pending.push((Node::root(len), Trusted::Root(root)));
        Self { pending }
    }

    /// The next node that has leaves in `set`; always the same set.
    pub(crate) fn next(&mut self, set: &LeafSet) -> Option<Visit> {
        while let Some((node, trusted)) = self.pending.pop() {
            match set.selection(node.leaves()) {
                Selection::Nothing => {}
                Selection::Part => return Some(Visit { node, trusted, is_bytes: false }),
                Selection::Whole => return Some(Visit { node, trusted, is_bytes: node.fits_group() }),
            }
        }
        None
    }

    /// Goes on below `visit` after its pair has been checked.
    pub(crate) fn descend(&mut self, visit: &Visit, pair: &Pair) {
        let (left, right) = visit.node.children();
        let (left_value, right_value) = halves(pair);
        self.pending.push((right, Trusted::Inner(right_value)));
        self.pending.push((left, Trusted::Inner(left_value)));
    }
}

#[cfg(test)]
mod tests {
    use bao_tree::{BaoTree, BlockSize};

    use super::*;

    /// Start and middle leaf of every pair in the outboard, in order, as bao-tree has them.
    fn pairs_in_post_order(len: ShardLen) -> Vec<(u64, u64)> {
        BaoTree::new(len.get(), BlockSize::from_chunk_log(4))
            .post_order_nodes_iter()
            .map(|node| (node.chunk_range().start.0, node.mid().0))
            .filter(|(start, middle)| middle - start >= 16 && *middle < u64::from(len.leaves()))
            .collect()
    }

    #[test]
    fn outboard_offsets_are_those_of_bao_tree() {
        for groups in 1_u64..200 {
            let len = ShardLen::new(groups * 16 * 1024 - 5).unwrap();
            let expected = pairs_in_post_order(len);
            let mut nodes = vec![Node::root(len)];
            let mut seen = 0;
            while let Some(node) = nodes.pop() {
                if node.fits_group() {
                    continue;
                }
                let (left, right) = node.children();
                let at = usize::try_from(node.outboard_offset() / 64).unwrap();
                assert_eq!(
                    expected[at],
                    (u64::from(left.start), u64::from(left.end)),
                    "{node:?} of {groups} groups"
                );
                nodes.extend([left, right]);
                seen += 1;
            }
            assert_eq!(seen, expected.len());
        }
    }
}
