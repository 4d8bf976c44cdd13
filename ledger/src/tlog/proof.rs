//! Proofs that an entry is in a tree, and that a tree is the beginning of another one (RFC 6962, RFC 9162).

use super::TreeHash;

/// A whole subtree: the leaves from `number · 2^level` on, `2^level` of them. Trees are kept as hashes of these.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Subtree {
    /// Its height; below 64.
    pub level: u8,
    /// Its place among those of its height.
    pub number: u64,
}

/// Why there is no proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum ProofError {
    #[error("leaf {index} of a tree of {size}")]
    NoSuchLeaf { index: u64, size: u64 },
    #[error("a tree of {old} leaves does not grow to {size}")]
    Shrinks { old: u64, size: u64 },
    #[error("the hash of subtree {} of height {} is not there", .0.number, .0.level)]
    NotThere(Subtree),
}

/// The hashes beside the path from a leaf to the root of a tree of `size` leaves, the lowest one first.
pub fn inclusion_proof(
    index: u64,
    size: u64,
    hash_of: impl FnMut(Subtree) -> Option<TreeHash>,
) -> Result<Vec<TreeHash>, ProofError> {
    if index >= size {
        return Err(ProofError::NoSuchLeaf { index, size });
    }
    let (mut start, mut end, mut beside) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + left_of(end - start);
        if index < middle {
            beside.push((middle, end));
            end = middle;
        } else {
            beside.push((start, middle));
            start = middle;
        }
    }
    hashes(&beside, hash_of)
}

/// The hashes from which the roots of the tree of `old` leaves and of the one of `size` leaves follow.
pub fn consistency_proof(
    old: u64,
    size: u64,
    hash_of: impl FnMut(Subtree) -> Option<TreeHash>,
) -> Result<Vec<TreeHash>, ProofError> {
    if old > size {
        return Err(ProofError::Shrinks { old, size });
    }
    if old == 0 || old == size {
        return Ok(Vec::new());
    }
    let (mut start, mut end, mut beside) = (0, size, Vec::new());
    while end != old {
        let middle = start + left_of(end - start);
        if old <= middle {
            beside.push((middle, end));
            end = middle;
        } else {
            beside.push((start, middle));
            start = middle;
        }
    }
    // The old tree itself is known to whoever checks.
    if start > 0 {
        beside.push((start, end));
    }
    hashes(&beside, hash_of)
}

/// True when the leaf is at this place of the tree with this size and root.
pub fn verify_inclusion(leaf: TreeHash, index: u64, size: u64, root: TreeHash, proof: &[TreeHash]) -> bool {
    if index >= size {
        return false;
    }
    let mut place = Place { index, last: size - 1 };
    let mut hash = leaf;
    for &beside in proof {
        if place.last == 0 {
            return false;
        }
        hash =
            if place.is_right() { TreeHash::of_node(beside, hash) } else { TreeHash::of_node(hash, beside) };
        place = place.above();
    }
    place.last == 0 && hash == root
}

/// True when the tree with the size and root of `old` is the beginning of the one of `new`.
pub fn verify_consistency(old: (u64, TreeHash), new: (u64, TreeHash), proof: &[TreeHash]) -> bool {
    let ((old_size, old_root), (size, root)) = (old, new);
    if old_size == 0 || old_size >= size {
        let is_same = old_size == size && old_root == root;
        return proof.is_empty() && (is_same || (old_size == 0 && size > 0 && old_root == TreeHash::empty()));
    }
    let mut place = Place { index: old_size - 1, last: size - 1 };
    while place.index & 1 == 1 {
        place = Place { index: place.index >> 1, last: place.last >> 1 };
    }
    // A whole subtree is its own beginning; its root need not be sent.
    let (first, rest) = match proof.split_first() {
        _ if old_size.is_power_of_two() => (old_root, proof),
        Some((first, rest)) => (*first, rest),
        None => return false,
    };
    let (mut old_hash, mut hash) = (first, first);
    for &beside in rest {
        if place.last == 0 {
            return false;
        }
        if place.is_right() {
            old_hash = TreeHash::of_node(beside, old_hash);
            hash = TreeHash::of_node(beside, hash);
        } else {
            hash = TreeHash::of_node(hash, beside);
        }
        place = place.above();
    }
    place.last == 0 && old_hash == old_root && hash == root
}

/// Where on a level of a tree one is, and where the level ends.
#[derive(Clone, Copy)]
struct Place {
    index: u64,
    last: u64,
}

impl Place {
    /// Something stands to the left of it and belongs to the same node. What ends a level may be alone on it, and is then
    /// itself on the next ones, until it is not.
    const fn is_right(self) -> bool {
        self.index & 1 == 1 || self.index == self.last
    }

    const fn above(self) -> Self {
        let mut place = self;
        if place.is_right() {
            while place.index & 1 == 0 && place.index != 0 {
                place = Self { index: place.index >> 1, last: place.last >> 1 };
            }
        }
        Self { index: place.index >> 1, last: place.last >> 1 }
    }
}

/// How many of these leaves are in the left half: the greatest power of two below their number, which is above 1.
const fn left_of(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// The hash of each of these ranges, the last one first.
fn hashes(
    ranges: &[(u64, u64)],
    mut hash_of: impl FnMut(Subtree) -> Option<TreeHash>,
) -> Result<Vec<TreeHash>, ProofError> {
    ranges.iter().rev().map(|(start, end)| range_hash(*start, *end, &mut hash_of)).collect()
}

/// A range is whole subtrees, each smaller than the one to its left.
fn range_hash(
    mut start: u64,
    end: u64,
    hash_of: &mut impl FnMut(Subtree) -> Option<TreeHash>,
) -> Result<TreeHash, ProofError> {
    let mut parts = Vec::new();
    while start < end {
        let level = (end - start).ilog2();
        let level8 = u8::try_from(level).expect("below 64");
        let subtree = Subtree { level: level8, number: start >> level };
        parts.push(hash_of(subtree).ok_or(ProofError::NotThere(subtree))?);
        start += 1 << level;
    }
    let from_the_right = parts.into_iter().rev();
    Ok(from_the_right.reduce(|right, left| TreeHash::of_node(left, right)).expect("no range is empty"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::Frontier;

    fn leaf(number: u64) -> TreeHash {
        TreeHash::of_leaf(&number.to_le_bytes())
    }

    fn root(size: u64) -> TreeHash {
        let mut frontier = Frontier::default();
        (0..size).for_each(|number| frontier.push_leaf(leaf(number)));
        frontier.root()
    }

    /// From the leaves each time.
    #[expect(clippy::unnecessary_wraps, reason = "it stands for tiles, where a hash may be missing")]
    fn hash_of(subtree: Subtree) -> Option<TreeHash> {
        let mut frontier = Frontier::default();
        let start = subtree.number << subtree.level;
        (start..start + (1 << subtree.level)).for_each(|number| frontier.push_leaf(leaf(number)));
        Some(frontier.root())
    }

    #[test]
    fn every_leaf_is_proved_at_its_place_alone() {
        for size in 1..20 {
            for index in 0..size {
                let proof = inclusion_proof(index, size, hash_of).unwrap();
                for claimed in 0..=size {
                    let is_there = verify_inclusion(leaf(index), claimed, size, root(size), &proof);
                    assert_eq!(is_there, claimed == index, "{index} of {size} as {claimed}");
                }
                assert!(!verify_inclusion(leaf(index), index, size, root(size + 1), &proof));
                for at in 0..proof.len() {
                    let mut altered = proof.clone();
                    altered[at] = leaf(99);
                    assert!(!verify_inclusion(leaf(index), index, size, root(size), &altered));
                }
                let longer = [proof.as_slice(), &[leaf(0)]].concat();
                assert!(!verify_inclusion(leaf(index), index, size, root(size), &longer));
            }
        }
        assert_eq!(inclusion_proof(3, 3, hash_of), Err(ProofError::NoSuchLeaf { index: 3, size: 3 }));
    }

    #[test]
    fn every_tree_is_the_beginning_of_those_it_grows_to() {
        for size in 1..20 {
            for old in 0..=size {
                let proof = consistency_proof(old, size, hash_of).unwrap();
                let (before, after) = ((old, root(old)), (size, root(size)));
                assert!(verify_consistency(before, after, &proof), "{old} to {size}");
                assert!(!verify_consistency((old, leaf(99)), after, &proof), "{old} to {size}");
                assert!(old == 0 || !verify_consistency(before, (size, leaf(99)), &proof));
                let longer = [proof.as_slice(), &[leaf(0)]].concat();
                assert!(!verify_consistency(before, after, &longer), "{old} to {size}");
                if let Some((_, shorter)) = proof.split_last() {
                    assert!(!verify_consistency(before, after, shorter), "{old} to {size}");
                }
            }
        }
        assert_eq!(consistency_proof(4, 3, hash_of), Err(ProofError::Shrinks { old: 4, size: 3 }));
        assert!(!verify_consistency((4, root(4)), (3, root(3)), &[]));
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = Subtree { level: 1, number: 1 };
        let with_a_hole = |subtree| if subtree == missing { None } else { hash_of(subtree) };
        assert_eq!(inclusion_proof(0, 4, with_a_hole), Err(ProofError::NotThere(missing)));
    }
}
