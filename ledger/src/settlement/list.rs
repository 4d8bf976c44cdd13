//! Lists of a settlement as trees, and proofs that an item is in one.

use proofs::canonical;
use serde::{Deserialize, Serialize};

use crate::tlog::{Frontier, Subtree, TreeHash, inclusion_proof, verify_inclusion};

/// A list as a Merkle tree over its items, each in canonical CBOR (RFC 6962).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListRoot {
    /// How many items.
    pub count: u64,
    /// The root of the tree.
    pub root: TreeHash,
}

/// Where an item is in a list, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListProof {
    /// The place, from 0.
    pub index: u64,
    /// The hashes beside its path, the lowest first.
    pub path: Vec<TreeHash>,
}

impl ListRoot {
    /// The root over these items.
    pub fn of<T: Serialize>(items: &[T]) -> Self {
        let mut frontier = Frontier::default();
        for item in items {
            frontier.push(&canonical::to_vec(item));
        }
        Self::at(&frontier)
    }

    /// The root over items with these hashes.
    pub fn of_leaves(leaves: &[TreeHash]) -> Self {
        let mut frontier = Frontier::default();
        for leaf in leaves {
            frontier.push_leaf(*leaf);
        }
        Self::at(&frontier)
    }

    pub(super) fn at(frontier: &Frontier) -> Self {
        Self { count: frontier.size(), root: frontier.root() }
    }

    /// True when the item is in the list, at the place that the proof names.
    pub fn has<T: Serialize>(&self, item: &T, proof: &ListProof) -> bool {
        let leaf = TreeHash::of_leaf(&canonical::to_vec(item));
        verify_inclusion(leaf, proof.index, self.count, self.root, &proof.path)
    }
}

impl ListProof {
    /// The proof of the item at `index` of the list; `None` when the list ends before it.
    pub fn of<T: Serialize>(items: &[T], index: usize) -> Option<Self> {
        ListTree::of(items).proof(index)
    }
}

/// The hashes of a list, for many proofs: 64 bytes an item.
#[derive(Debug)]
pub(super) struct ListTree {
    /// Of each height, the whole subtrees; the items are those of height 0.
    levels: Vec<Vec<TreeHash>>,
}

impl ListTree {
    pub(super) fn of<T: Serialize>(items: &[T]) -> Self {
        let mut level: Vec<_> =
            items.iter().map(|item| TreeHash::of_leaf(&canonical::to_vec(item))).collect();
        let mut levels = Vec::new();
        while level.len() > 1 {
            let above = level.chunks_exact(2).map(|pair| TreeHash::of_node(pair[0], pair[1])).collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        Self { levels }
    }

    /// The proof of the item at `index`; `None` when the list ends before it.
    pub(super) fn proof(&self, index: usize) -> Option<ListProof> {
        let hash_of = |Subtree { level, number }| {
            self.levels.get(usize::from(level))?.get(usize::try_from(number).ok()?).copied()
        };
        let path = inclusion_proof(index as u64, self.levels[0].len() as u64, hash_of).ok()?;
        Some(ListProof { index: index as u64, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_proved_at_its_place_alone() {
        for count in 0..10_u64 {
            let items: Vec<u64> = (0..count).collect();
            let root = ListRoot::of(&items);
            assert_eq!(ListProof::of(&items, items.len()), None);
            for (at, item) in items.iter().enumerate() {
                let proof = ListProof::of(&items, at).unwrap();
                assert!(root.has(item, &proof) && !root.has(&(item + 1), &proof));
                let elsewhere = ListProof { index: proof.index + 1, ..proof };
                assert!(!root.has(item, &elsewhere));
            }
        }
    }
}
