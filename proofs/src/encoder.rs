//! Cutting a slice out of a shard. Everything read is checked before it is given out.

use std::io;
use std::ops::Range;

use blake3::hazmat::ChainingValue;
use bytes::{Bytes, BytesMut};
use thiserror::Error;

use crate::leaves::Selection;
use crate::tree::{self, Node, PAIR_LEN, Pair, Visit, Walk};
use crate::{GROUP_LEN, LeafSet, Outboard, Root};

/// Where a shard and its outboard are read from.
///
/// Both are read in ascending pieces: groups of at most 16 KiB, and pairs of 64 bytes that jump within
/// the outboard. A source over a file does well to keep the outboard in memory when many leaves are asked for.
pub trait ReadShard {
    /// Fills `buf` with the bytes of the shard from `offset` on.
    fn read_bytes(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;

    /// Fills `buf` with the bytes of the outboard from `offset` on.
    fn read_outboard(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;
}

/// A shard that is in memory as a whole.
#[derive(Debug, Clone, Copy)]
pub struct ShardInMemory<'a> {
    /// The shard.
    pub bytes: &'a [u8],
    /// Its outboard.
    pub outboard: &'a Outboard,
}

impl ReadShard for ShardInMemory<'_> {
    fn read_bytes(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        copy_at(self.bytes, offset, buf)
    }

    fn read_outboard(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        copy_at(self.outboard.as_bytes(), offset, buf)
    }
}

fn copy_at(from: &[u8], offset: u64, buf: &mut [u8]) -> io::Result<()> {
    let start = usize::try_from(offset).ok();
    let part = start.and_then(|start| from.get(start..)?.get(..buf.len()));
    buf.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
    Ok(())
}

/// The whole slice of `leaves` at once. For long slices use [`SliceEncoder`], which needs less memory.
pub fn encode_slice(root: Root, leaves: &LeafSet, shard: &impl ReadShard) -> Result<Bytes, EncodeSliceError> {
    let len = usize::try_from(leaves.slice_len()).expect("a slice is shorter than 2^29 bytes");
    let mut slice = BytesMut::with_capacity(len);
    SliceEncoder::new(root, leaves.clone(), shard).fill(&mut slice, len)?;
    assert_eq!(slice.len(), len, "the slice is as long as foretold");
    Ok(slice.freeze())
}

/// Gives out the slice of a set of leaves part by part.
///
/// What is read is checked against the root before it is given out. An error is the end, and asking for more is a
/// panic: the shard or its outboard is rotten, or cannot be read.
#[derive(Debug)]
pub struct SliceEncoder<'a, S> {
    leaves: LeafSet,
    shard: &'a S,
    walk: Walk,
    /// The group that a part is cut from.
    group: Vec<u8>,
    failed: bool,
}

impl<'a, S: ReadShard> SliceEncoder<'a, S> {
    /// The slice of `leaves` of the shard with this `root`.
    pub fn new(root: Root, leaves: LeafSet, shard: &'a S) -> Self {
        Self { walk: Walk::new(root, leaves.len()), leaves, shard, group: Vec::new(), failed: false }
    }

    /// The next bytes of the slice: at least `at_least` (and at most 16 KiB more), or what is left; `None` after the end.
    pub fn next_part(&mut self, at_least: usize) -> Result<Option<Bytes>, EncodeSliceError> {
        let mut out = BytesMut::with_capacity(at_least + len_of(&(0..GROUP_LEN)));
        self.fill(&mut out, at_least.max(1))?;
        Ok((!out.is_empty()).then(|| out.freeze()))
    }

    fn fill(&mut self, out: &mut BytesMut, at_least: usize) -> Result<(), EncodeSliceError> {
        assert!(!self.failed, "nothing follows an error");
        while out.len() < at_least {
            let Some(visit) = self.walk.next(&self.leaves) else { break };
            self.encode(&visit, out).inspect_err(|_| self.failed = true)?;
        }
        Ok(())
    }

    fn encode(&mut self, visit: &Visit, out: &mut BytesMut) -> Result<(), EncodeSliceError> {
        if visit.is_bytes {
            self.encode_bytes(visit, out)
        } else if visit.node.fits_group() {
            self.encode_part_of_group(visit, out)
        } else {
            self.encode_pair(visit, out)
        }
    }

    fn encode_pair(&mut self, visit: &Visit, out: &mut BytesMut) -> Result<(), EncodeSliceError> {
        let mut pair: Pair = [0; PAIR_LEN];
        let offset = visit.node.outboard_offset();
        self.shard
            .read_outboard(offset, &mut pair)
            .map_err(|source| EncodeSliceError::ReadOutboard { offset, source })?;
        if !visit.trusted.is_over_pair(&pair) {
            return Err(EncodeSliceError::RottenOutboard { offset });
        }
        out.extend_from_slice(&pair);
        self.walk.descend(visit, &pair);
        Ok(())
    }

    fn encode_bytes(&mut self, visit: &Visit, out: &mut BytesMut) -> Result<(), EncodeSliceError> {
        let bytes = visit.node.bytes(self.leaves.len());
        let at = out.len();
        out.resize(at + len_of(&bytes), 0);
        self.read(&bytes, &mut out[at..])?;
        if visit.trusted.is_over_bytes(visit.node.leaves().start, &out[at..]) {
            Ok(())
        } else {
            Err(EncodeSliceError::rotten(&bytes))
        }
    }

    /// The tree below a group is not kept: it is hashed again, and what the slice needs is written on the way.
    fn encode_part_of_group(&mut self, visit: &Visit, out: &mut BytesMut) -> Result<(), EncodeSliceError> {
        let bytes = visit.node.bytes(self.leaves.len());
        let mut group = std::mem::take(&mut self.group);
        group.resize(len_of(&bytes), 0);
        self.read(&bytes, &mut group)?;
        let pair =
            Group { bytes: &group, start: bytes.start, leaves: &self.leaves }.encode_pair(visit.node, out);
        self.group = group;
        if visit.trusted.is_over_pair(&pair) { Ok(()) } else { Err(EncodeSliceError::rotten(&bytes)) }
    }

    fn read(&self, bytes: &Range<u64>, buf: &mut [u8]) -> Result<(), EncodeSliceError> {
        let offset = bytes.start;
        self.shard.read_bytes(offset, buf).map_err(|source| EncodeSliceError::ReadBytes { offset, source })
    }
}

/// A group, part of which is asked for.
struct Group<'a> {
    bytes: &'a [u8],
    /// Where in the shard it starts, in bytes.
    start: u64,
    leaves: &'a LeafSet,
}

impl Group<'_> {
    /// Writes the slice of `node` and returns the node's chaining value.
    fn encode(&self, node: Node, out: &mut BytesMut) -> ChainingValue {
        match self.leaves.selection(node.leaves()) {
            Selection::Nothing => tree::subtree(node.leaves().start, self.below(node)),
            Selection::Whole => {
                out.extend_from_slice(self.below(node));
                tree::subtree(node.leaves().start, self.below(node))
            }
            Selection::Part => tree::merge(&self.encode_pair(node, out)),
        }
    }

    /// Writes the slice of `node`, part of which is asked for, and returns the node's pair.
    fn encode_pair(&self, node: Node, out: &mut BytesMut) -> Pair {
        let at = out.len();
        out.extend_from_slice(&[0; PAIR_LEN]);
        let (left, right) = node.children();
        let pair = tree::pair(&self.encode(left, out), &self.encode(right, out));
        out[at..at + PAIR_LEN].copy_from_slice(&pair);
        pair
    }

    fn below(&self, node: Node) -> &[u8] {
        let bytes = node.bytes(self.leaves.len());
        &self.bytes[len_of(&(self.start..bytes.start))..len_of(&(self.start..bytes.end))]
    }
}

fn len_of(bytes: &Range<u64>) -> usize {
    debug_assert!(bytes.end - bytes.start <= GROUP_LEN, "no more than a group is read at once");
    usize::try_from(bytes.end - bytes.start).expect("a group is at most 16 384 bytes")
}

/// Why a slice could not be cut.
#[derive(Debug, Error)]
pub enum EncodeSliceError {
    /// The shard could not be read.
    #[error("cannot read the shard at byte {offset}")]
    ReadBytes {
        /// Offset in the shard, in bytes.
        offset: u64,
        /// What the source said.
        source: io::Error,
    },
    /// The outboard could not be read.
    #[error("cannot read the outboard at byte {offset}")]
    ReadOutboard {
        /// Offset in the outboard, in bytes.
        offset: u64,
        /// What the source said.
        source: io::Error,
    },
    /// The shard has changed since its root was computed, or never had it.
    #[error("bytes {start}..{end} of the shard do not match its root")]
    RottenBytes {
        /// First byte of the group.
        start: u64,
        /// End of the group, exclusive.
        end: u64,
    },
    /// The outboard has changed since it was written, or belongs to another shard.
    #[error("the outboard at byte {offset} does not match the shard's root")]
    RottenOutboard {
        /// Offset in the outboard, in bytes.
        offset: u64,
    },
}

impl EncodeSliceError {
    fn rotten(bytes: &Range<u64>) -> Self {
        Self::RottenBytes { start: bytes.start, end: bytes.end }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference::{self, leaf_set, sample, shard_len};

    fn outboard_of(bytes: &[u8]) -> Outboard {
        Outboard::from_bytes(shard_len(bytes), reference::outboard(bytes)).unwrap()
    }

    /// What is given out until the end or an error, and the error.
    fn encode(
        root: Root,
        leaves: &LeafSet,
        shard: ShardInMemory<'_>,
        at_least: usize,
    ) -> (Vec<u8>, Option<EncodeSliceError>) {
        let mut encoder = SliceEncoder::new(root, leaves.clone(), &shard);
        let mut out = Vec::new();
        loop {
            match encoder.next_part(at_least) {
                Ok(Some(part)) => out.extend(part),
                Ok(None) => return (out, None),
                Err(error) => return (out, Some(error)),
            }
        }
    }

    #[test]
    fn every_boundary_equals_bao_tree() {
        for &len in reference::BOUNDARY_LENS {
            let bytes = sample(len);
            let (outboard, shard) = (outboard_of(&bytes), shard_len(&bytes));
            let last = shard.leaves() - 1;
            for leaves in [
                LeafSet::whole(shard),
                leaf_set(shard, [0]),
                leaf_set(shard, [last]),
                leaf_set(shard, [last / 2]),
            ] {
                let source = ShardInMemory { bytes: &bytes, outboard: &outboard };
                let slice = encode_slice(Root::of(&bytes), &leaves, &source).unwrap();
                assert_eq!(slice, reference::slice(&bytes, &leaves), "{leaves:?}");
                assert_eq!(slice, reference::bao_slice(&bytes, &leaves), "{leaves:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let bytes = sample(40_000);
        let outboard = outboard_of(&bytes);
        let leaves = LeafSet::whole(shard_len(&bytes));
        let cut = ShardInMemory { bytes: &bytes[..39_999], outboard: &outboard };
        let (sent, error) = encode(Root::of(&bytes), &leaves, cut, 1);
        assert!(matches!(error, Some(EncodeSliceError::ReadBytes { offset: 32_768, .. })), "{error:?}");
        assert_eq!(sent, reference::slice(&bytes, &leaves)[..sent.len()]);

        let none = Outboard::from_pairs(Vec::new());
        let (sent, error) =
            encode(Root::of(&bytes), &leaves, ShardInMemory { bytes: &bytes, outboard: &none }, 1);
        assert!(matches!(error, Some(EncodeSliceError::ReadOutboard { offset: 64, .. })), "{error:?}");
        assert_eq!(sent, []);
    }

    #[test]
    fn another_root_gives_nothing() {
        for len in [1, 1024, 5000, 16_384, 16_385, 100_000] {
            let bytes = sample(len);
            let outboard = outboard_of(&bytes);
            let source = ShardInMemory { bytes: &bytes, outboard: &outboard };
            for leaves in [LeafSet::whole(shard_len(&bytes)), leaf_set(shard_len(&bytes), [0])] {
                let (sent, error) = encode(Root::of(b"other"), &leaves, source, 1);
                assert!(error.is_some() && sent.is_empty(), "{len} bytes: {error:?}");
            }
        }
    }

    /// Unvalidated encoding sends garbage without an error: ours finds every flipped bit that it would have sent.
    #[test]
    fn rotten_bytes_are_found_before_they_are_sent() {
        let bytes = sample(40_000);
        let (outboard, root) = (outboard_of(&bytes), Root::of(&bytes));
        for leaves in [LeafSet::whole(shard_len(&bytes)), leaf_set(shard_len(&bytes), [3, 20, 21, 38])] {
            let slice = reference::slice(&bytes, &leaves);
            for at in (0..bytes.len()).step_by(97) {
                let mut rotten = bytes.clone();
                rotten[at] ^= 1 << (at % 8);
                let (sent, error) =
                    encode(root, &leaves, ShardInMemory { bytes: &rotten, outboard: &outboard }, 1);
                let Some(EncodeSliceError::RottenBytes { start, end }) = error else {
                    panic!("byte {at}: {error:?}")
                };
                assert!((start..end).contains(&(at as u64)), "byte {at} was placed in {start}..{end}");
                assert_eq!(sent, slice[..sent.len()]);
            }
        }
    }

    #[test]
    fn a_rotten_outboard_is_found_before_it_is_sent() {
        let bytes = sample(100_000);
        let (root, leaves) = (Root::of(&bytes), LeafSet::whole(shard_len(&bytes)));
        let (pairs, slice) = (reference::outboard(&bytes), reference::slice(&bytes, &leaves));
        for at in 0..pairs.len() {
            let mut rotten = pairs.clone();
            rotten[at] ^= 1 << (at % 8);
            let rotten = Outboard::from_bytes(shard_len(&bytes), rotten).unwrap();
            let (sent, error) = encode(root, &leaves, ShardInMemory { bytes: &bytes, outboard: &rotten }, 1);
            let Some(EncodeSliceError::RottenOutboard { offset }) = error else {
                panic!("byte {at}: {error:?}")
            };
            assert_eq!(offset, at as u64 / 64 * 64);
            assert_eq!(sent, slice[..sent.len()]);
        }
    }

    #[test]
    #[should_panic(expected = "nothing follows an error")]
    fn an_error_is_the_end() {
        let bytes = sample(40_000);
        let outboard = outboard_of(&bytes);
        let source = ShardInMemory { bytes: &bytes[..20_000], outboard: &outboard };
        let mut encoder = SliceEncoder::new(Root::of(&bytes), LeafSet::whole(shard_len(&bytes)), &source);
        assert!(encoder.next_part(100_000).is_err());
        assert!(encoder.next_part(100_000).is_err());
    }

    #[test]
    fn rot_elsewhere_does_no_harm() {
        let mut bytes = sample(100_000);
        let (outboard, root) = (outboard_of(&bytes), Root::of(&bytes));
        let leaves = leaf_set(shard_len(&bytes), [17]);
        let slice = reference::slice(&bytes, &leaves);
        bytes[50_000] ^= 1;
        let source = ShardInMemory { bytes: &bytes, outboard: &outboard };
        assert_eq!(encode_slice(root, &leaves, &source).unwrap(), slice);
    }

    proptest! {
        #[test]
        fn any_leaves_equal_the_reference_and_bao_tree(
            (bytes, leaves) in reference::shards_with_leaves(300_000),
            at_least in 0_usize..100_000,
        ) {
            let outboard = outboard_of(&bytes);
            let source = ShardInMemory { bytes: &bytes, outboard: &outboard };
            let (slice, error) = encode(Root::of(&bytes), &leaves, source, at_least);
            prop_assert!(error.is_none());
            prop_assert!(slice == reference::slice(&bytes, &leaves));
            prop_assert!(slice == reference::bao_slice(&bytes, &leaves));
            prop_assert!(slice == encode_slice(Root::of(&bytes), &leaves, &source).unwrap());
        }
    }
}
