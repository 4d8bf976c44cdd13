//! The plainest possible versions of everything clever, and bao-tree's versions, to compare with. Tests only.

use std::ops::Range;

use bao_tree::io::sync::{DecodeResponseIter, encode_ranges_validated};
use bao_tree::io::{BaoContentItem, outboard::PostOrderMemOutboard};
use bao_tree::{BaoTree, BlockSize, ChunkNum, ChunkRanges};
use blake3::hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use bytes::Bytes;
use proptest::prelude::*;

use crate::{LeafSet, ShardLen};

/// Lengths at which something changes: leaf, group and whole tree, each one byte less and more.
pub(crate) const BOUNDARY_LENS: &[usize] = &[
    1, 2, 1023, 1024, 1025, 2047, 2048, 2049, 3072, 3073, 15_360, 15_361, 16_383, 16_384, 16_385, 17_408,
    17_409, 32_767, 32_768, 32_769, 49_151, 49_152, 49_153, 65_535, 65_536, 65_537, 131_071, 131_072,
    131_073, 262_143, 262_144, 262_145,
];

/// Bytes that look random and are the same every time.
pub(crate) fn sample(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(b"sample").finalize_xof().fill(&mut bytes);
    bytes
}

pub(crate) fn shard_len(bytes: &[u8]) -> ShardLen {
    ShardLen::new(bytes.len() as u64).unwrap()
}

/// The leaves with these numbers, which are ascending.
pub(crate) fn leaf_set(len: ShardLen, leaves: impl IntoIterator<Item = u32>) -> LeafSet {
    let mut ranges: Vec<Range<u32>> = Vec::new();
    for leaf in leaves {
        match ranges.last_mut() {
            Some(range) if range.end == leaf => range.end += 1,
            _ => ranges.push(leaf..leaf + 1),
        }
    }
    LeafSet::new(len, &ranges).unwrap()
}

/// A shard of up to `max` bytes, often of a length where something changes.
pub(crate) fn shards(max: usize) -> impl Strategy<Value = Vec<u8>> {
    let boundaries: Vec<usize> = BOUNDARY_LENS.iter().copied().filter(|len| *len <= max).collect();
    prop_oneof![1..=max, proptest::sample::select(boundaries)].prop_map(sample)
}

/// A shard and some of its leaves: few, many, or long runs.
pub(crate) fn shards_with_leaves(max: usize) -> impl Strategy<Value = (Vec<u8>, LeafSet)> {
    shards(max).prop_flat_map(|bytes| {
        let len = shard_len(&bytes);
        let leaves = len.leaves();
        let runs = proptest::collection::vec((0..leaves, 1..=leaves), 1..6);
        runs.prop_map(move |runs| {
            let chosen =
                |leaf: &u32| runs.iter().any(|(start, count)| (*start..start + count / 4 + 1).contains(leaf));
            (bytes.clone(), leaf_set(len, (0..leaves).filter(chosen)))
        })
    })
}

/// `bytes` cut into pieces whose lengths go round in `lens`.
pub(crate) fn pieces(bytes: &[u8], lens: &[usize]) -> Vec<Bytes> {
    let (mut rest, mut pieces) = (Bytes::copy_from_slice(bytes), Vec::new());
    for len in lens.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        pieces.push(rest.split_to((*len).min(rest.len())));
    }
    pieces
}

fn is_leaf(bytes: &[u8]) -> bool {
    bytes.len() <= 1024
}

/// How many bytes go to the left child.
fn middle(bytes: &[u8]) -> usize {
    let mut middle = 1024;
    while middle * 2 < bytes.len() {
        middle *= 2;
    }
    middle
}

/// The hash of the subtree over `bytes`, leaf by leaf.
pub(crate) fn hash(bytes: &[u8], start: usize, is_root: bool) -> [u8; 32] {
    if is_leaf(bytes) {
        let mut hasher = blake3::Hasher::new();
        if is_root {
            return *hasher.update(bytes).finalize().as_bytes();
        }
        return hasher.set_input_offset(start as u64).update(bytes).finalize_non_root();
    }
    let [left, right] = children(bytes, start);
    if is_root {
        *merge_subtrees_root(&left, &right, Mode::Hash).as_bytes()
    } else {
        merge_subtrees_non_root(&left, &right, Mode::Hash)
    }
}

fn children(bytes: &[u8], start: usize) -> [[u8; 32]; 2] {
    let (left, right) = bytes.split_at(middle(bytes));
    [hash(left, start, false), hash(right, start + left.len(), false)]
}

pub(crate) fn outboard(bytes: &[u8]) -> Vec<u8> {
    fn write(bytes: &[u8], start: usize, out: &mut Vec<u8>) {
        if bytes.len() > 16 * 1024 {
            let (left, right) = bytes.split_at(middle(bytes));
            write(left, start, out);
            write(right, start + left.len(), out);
            out.extend(children(bytes, start).concat());
        }
    }
    let mut out = Vec::new();
    write(bytes, 0, &mut out);
    out
}

pub(crate) fn slice(bytes: &[u8], leaves: &LeafSet) -> Vec<u8> {
    fn write(bytes: &[u8], start: usize, asked: &dyn Fn(usize) -> bool, out: &mut Vec<u8>) {
        let mut below = (start / 1024)..(start + bytes.len()).div_ceil(1024);
        if !below.clone().any(asked) {
            return;
        }
        if is_leaf(bytes) || (bytes.len() <= 16 * 1024 && below.all(asked)) {
            out.extend(bytes);
            return;
        }
        out.extend(children(bytes, start).concat());
        let (left, right) = bytes.split_at(middle(bytes));
        write(left, start, asked, out);
        write(right, start + left.len(), asked, out);
    }
    let mut out = Vec::new();
    let asked = |leaf: usize| {
        leaves.ranges().iter().any(|range| (range.start as usize..range.end as usize).contains(&leaf))
    };
    write(bytes, 0, &asked, &mut out);
    out
}

/// The bytes of the leaves, one after another.
pub(crate) fn data_of(bytes: &[u8], leaves: &LeafSet) -> Vec<u8> {
    let at = |leaf: u32| (leaf as usize * 1024).min(bytes.len());
    leaves.ranges().iter().flat_map(|range| bytes[at(range.start)..at(range.end)].to_vec()).collect()
}

const BLOCK_SIZE: BlockSize = BlockSize::from_chunk_log(4);

fn chunk_ranges(leaves: &LeafSet) -> ChunkRanges {
    let mut ranges = ChunkRanges::empty();
    for range in leaves.ranges() {
        ranges |= ChunkRanges::from(ChunkNum(range.start.into())..ChunkNum(range.end.into()));
    }
    ranges
}

pub(crate) fn bao_outboard(bytes: &[u8]) -> ([u8; 32], Vec<u8>) {
    let outboard = PostOrderMemOutboard::create(bytes, BLOCK_SIZE);
    (*outboard.root.as_bytes(), outboard.data)
}

pub(crate) fn bao_slice(bytes: &[u8], leaves: &LeafSet) -> Vec<u8> {
    let outboard = PostOrderMemOutboard::create(bytes, BLOCK_SIZE);
    let mut out = Vec::new();
    encode_ranges_validated(bytes, &outboard, &chunk_ranges(leaves), &mut out).unwrap();
    out
}

/// The bytes that bao-tree verifies in `slice`, one after another; `None` when it rejects it.
pub(crate) fn bao_decode(root: [u8; 32], slice: &[u8], leaves: &LeafSet) -> Option<Vec<u8>> {
    let tree = BaoTree::new(leaves.len().get(), BLOCK_SIZE);
    let ranges = chunk_ranges(leaves);
    let mut out = Vec::new();
    for item in DecodeResponseIter::new(root.into(), tree, slice, &ranges) {
        if let BaoContentItem::Leaf(leaf) = item.ok()? {
            out.extend(leaf.data);
        }
    }
    Some(out)
}
