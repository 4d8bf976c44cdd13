//! Root and outboard of a shard in one pass.

use blake3::hazmat::ChainingValue;

use crate::tree::{self, GROUP_LEAVES, Pair};
use crate::{GROUP_LEN, Outboard, Root, SHARD_LEN_MAX, ShardLen, ShardLenError};

#[expect(clippy::cast_possible_truncation, reason = "16 384 fits every usize")]
const GROUP: usize = GROUP_LEN as usize;

/// Computes root and outboard of a shard while its bytes pass, in pieces of any size.
///
/// Pieces of several groups are hashed where they lie; of smaller ones at most one group is copied and kept.
/// Memory beside the outboard (0.39 % of the shard): 17 KiB.
#[derive(Debug, Default)]
pub struct ShardHasher {
    len: u64,
    /// The group that is being filled. The first one stays here until another byte shows that it is not the last.
    group: Vec<u8>,
    groups_done: u32,
    /// Chaining values of the complete trees to the left, the greatest first.
    left: Vec<ChainingValue>,
    pairs: Vec<u8>,
}

/// What is known of a shard once all its bytes have passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedShard {
    /// The shard's name.
    pub root: Root,
    /// Its length.
    pub len: ShardLen,
    /// Its tree above groups.
    pub outboard: Outboard,
}

impl ShardHasher {
    /// A hasher that has seen no byte yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the shard. What lies past [`SHARD_LEN_MAX`] is counted but not hashed.
    pub fn push(&mut self, mut bytes: &[u8]) {
        self.len = self.len.saturating_add(bytes.len() as u64);
        if self.len > SHARD_LEN_MAX {
            return;
        }
        if !self.group.is_empty() {
            let room = GROUP - self.group.len();
            let (head, rest) = bytes.split_at(room.min(bytes.len()));
            self.group.extend_from_slice(head);
            bytes = rest;
            self.flush_full_group(!bytes.is_empty());
        }
        self.push_aligned(bytes);
    }

    /// Bytes that have passed so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether no byte has passed yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Root, length and outboard of all bytes that have passed, when they can be a shard.
    pub fn finish(mut self) -> Result<HashedShard, ShardLenError> {
        let len = ShardLen::new(self.len)?;
        if self.groups_done == 0 {
            let root = Root::of(&self.group);
            return Ok(HashedShard { root, len, outboard: Outboard::from_pairs(self.pairs) });
        }
        if !self.group.is_empty() {
            let group = std::mem::take(&mut self.group);
            self.add_group(&group);
        }
        let root = self.merge_all();
        Ok(HashedShard { root, len, outboard: Outboard::from_pairs(self.pairs) })
    }

    /// Hashes whole groups where they lie and keeps the rest.
    fn push_aligned(&mut self, mut bytes: &[u8]) {
        while bytes.len() > GROUP || (bytes.len() == GROUP && self.groups_done > 0) {
            let (group, rest) = bytes.split_at(GROUP);
            self.add_group(group);
            bytes = rest;
        }
        self.group.extend_from_slice(bytes);
    }

    /// Hashes the kept group when it is full and is not, or not known to be, the only one.
    fn flush_full_group(&mut self, more_follows: bool) {
        if self.group.len() == GROUP && (more_follows || self.groups_done > 0) {
            let mut group = std::mem::take(&mut self.group);
            self.add_group(&group);
            group.clear();
            self.group = group;
        }
    }

    /// Merging waits until a group follows, since the last merge of all is the root's and is made differently.
    fn add_group(&mut self, bytes: &[u8]) {
        while self.left.len() > self.groups_done.count_ones() as usize {
            let pair = self.take_pair();
            self.left.push(tree::merge(&pair));
        }
        self.left.push(tree::subtree(self.groups_done * GROUP_LEAVES, bytes));
        self.groups_done += 1;
    }

    fn merge_all(&mut self) -> Root {
        loop {
            let pair = self.take_pair();
            if self.left.is_empty() {
                return tree::merge_root(&pair);
            }
            self.left.push(tree::merge(&pair));
        }
    }

    /// Takes the two rightmost trees and writes them into the outboard.
    fn take_pair(&mut self) -> Pair {
        let right = self.left.pop().expect("two trees stand on the stack");
        let left = self.left.pop().expect("two trees stand on the stack");
        let pair = tree::pair(&left, &right);
        self.pairs.extend_from_slice(&pair);
        pair
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference::{self, BOUNDARY_LENS, sample};

    fn hash(bytes: &[u8], piece_lens: &[usize]) -> HashedShard {
        let mut hasher = ShardHasher::new();
        for piece in reference::pieces(bytes, piece_lens) {
            hasher.push(&piece);
        }
        assert_eq!(hasher.len(), bytes.len() as u64);
        hasher.finish().unwrap()
    }

    fn check(bytes: &[u8], piece_lens: &[usize]) {
        let hashed = hash(bytes, piece_lens);
        assert_eq!(hashed.len.get(), bytes.len() as u64);
        assert_eq!(hashed.root, Root::of(bytes), "{} bytes", bytes.len());
        assert_eq!(hashed.outboard.as_bytes().len() as u64, hashed.len.outboard_len());
        assert_eq!(hashed.outboard.as_bytes(), reference::outboard(bytes), "{} bytes", bytes.len());
        assert_eq!((*hashed.root.as_bytes(), hashed.outboard.into_bytes()), reference::bao_outboard(bytes));
    }

    #[test]
    fn the_reference_agrees_with_blake3() {
        for &len in BOUNDARY_LENS {
            let bytes = sample(len);
            assert_eq!(reference::hash(&bytes, 0, true), *Root::of(&bytes).as_bytes(), "{len} bytes");
        }
    }

    #[test]
    fn every_boundary() {
        for &len in BOUNDARY_LENS {
            for pieces in [&[usize::MAX][..], &[16_384], &[1, 16_383, 16_384, 16_385, 1000], &[40_000]] {
                check(&sample(len), pieces);
            }
        }
    }

    #[test]
    fn byte_by_byte_with_empty_pieces_between() {
        let bytes = sample(33_000);
        let mut hasher = ShardHasher::new();
        for byte in &bytes {
            hasher.push(&[]);
            hasher.push(&[*byte]);
        }
        assert_eq!(hasher.finish().unwrap(), hash(&bytes, &[usize::MAX]));
    }

    #[test]
    fn no_shard_is_empty_or_too_long() {
        assert_eq!(ShardHasher::new().finish(), Err(ShardLenError::Empty));

        let (zeros, mut hasher, mut whole) = (vec![0; 1 << 20], ShardHasher::new(), blake3::Hasher::new());
        for _ in 0..SHARD_LEN_MAX >> 20 {
            hasher.push(&zeros);
            whole.update(&zeros);
        }
        let mut longer = ShardHasher { len: hasher.len, ..ShardHasher::new() };
        longer.push(&[0]);
        assert_eq!(longer.finish(), Err(ShardLenError::TooLong { len: SHARD_LEN_MAX + 1 }));
        assert_eq!(hasher.finish().unwrap().root.as_bytes(), whole.finalize().as_bytes());
    }

    proptest! {
        #[test]
        fn any_length_in_any_pieces(
            bytes in reference::shards(300_000),
            piece_lens in proptest::collection::vec(1_usize..50_000, 1..5),
        ) {
            check(&bytes, &piece_lens);
        }
    }
}
