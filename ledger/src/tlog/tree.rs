//! Hashes of RFC 6962: leaves, nodes, and the root of a tree that grows by one leaf after the other.

use std::fmt;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256 hash in a Merkle tree. Shown in base64, as checkpoints and proofs write it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TreeHash(#[serde(with = "serde_bytes")] [u8; 32]);

impl TreeHash {
    /// The root of a tree without leaves: SHA-256 of nothing.
    pub fn empty() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// The hash of a leaf: SHA-256 of 0x00 and the entry.
    pub fn of_leaf(entry: &[u8]) -> Self {
        Self(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
    }

    /// The hash of a node: SHA-256 of 0x01 and the hashes below it.
    pub fn of_node(left: Self, right: Self) -> Self {
        Self(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
    }

    /// The hash with these 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(&self.0))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreeHash({self})")
    }
}

/// The right edge of a tree: enough to add leaves and to know the root, in 64 hashes at most.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frontier {
    size: u64,
    /// Roots of whole subtrees from the left, the largest first: one for each bit of the size.
    roots: Vec<TreeHash>,
}

impl Frontier {
    /// How many leaves there are.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds the leaf of one more entry.
    pub fn push(&mut self, entry: &[u8]) {
        self.push_leaf(TreeHash::of_leaf(entry));
    }

    /// Adds one more leaf. Two subtrees of a size become one of twice the size.
    pub fn push_leaf(&mut self, leaf: TreeHash) {
        let mut root = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.roots.pop().expect("a subtree for each bit of the size");
            root = TreeHash::of_node(left, root);
        }
        self.roots.push(root);
        self.size += 1;
    }

    /// The root over all leaves.
    pub fn root(&self) -> TreeHash {
        let from_the_right = self.roots.iter().rev().copied();
        from_the_right.reduce(|right, left| TreeHash::of_node(left, right)).unwrap_or_else(TreeHash::empty)
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// MTH of RFC 6962, section 2.1, as it stands there.
    fn plain_root(entries: &[Vec<u8>]) -> TreeHash {
        match entries {
            [] => TreeHash::empty(),
            [entry] => TreeHash::of_leaf(entry),
            _ => {
                let split = entries.len().next_power_of_two() / 2;
                TreeHash::of_node(plain_root(&entries[..split]), plain_root(&entries[split..]))
            }
        }
    }

    #[test]
    fn roots_are_those_of_the_recursive_definition() {
        let entries: Vec<Vec<u8>> = (0..70_u8).map(|n| vec![n; usize::from(n)]).collect();
        let mut frontier = Frontier::default();
        for size in 0..entries.len() {
            assert_eq!(frontier.root(), plain_root(&entries[..size]), "{size}");
            assert_eq!(frontier.size(), size as u64);
            frontier.push(&entries[size]);
        }
    }

    /// The tree heads of Certificate Transparency's own test vectors.
    #[test]
    fn published_roots() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(HEXLOWER.encode(TreeHash::empty().as_bytes()), empty);
        let leaf = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        assert_eq!(HEXLOWER.encode(TreeHash::of_leaf(&[]).as_bytes()), leaf);
    }
}
