//! Checking a slice as it arrives. No byte is given out before the path above it is verified.

use std::ops::Range;

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

use crate::tree::{PAIR_LEN, Visit, Walk};
use crate::{LeafSet, Root};

/// Bytes of a shard that have been verified against its root. Only this crate can make them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedBytes {
    offset: u64,
    bytes: Bytes,
}

impl VerifiedBytes {
    /// Where in the shard they start, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes: 1 KiB to 16 KiB in whole leaves, less at the end of the shard.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

/// Verifies a slice that arrives in pieces of any size.
///
/// Root, length and leaves come from the one who asks, never from the one who answers. Runs that lie within one
/// piece are given out as parts of it, without a copy (they keep the piece alive); others are put together first. Memory: 17 KiB.
#[derive(Debug)]
pub struct SliceDecoder {
    verifier: Verifier,
    /// The beginning of something that the last piece ended within.
    begun: BytesMut,
    failed: Option<DecodeSliceError>,
}

impl SliceDecoder {
    /// Expects the slice of `leaves` of the shard with this `root`.
    pub fn new(root: Root, leaves: LeafSet) -> Self {
        Self { verifier: Verifier::new(root, leaves), begun: BytesMut::new(), failed: None }
    }

    /// The next verified run, taken from the front of `input`; `None` when all of `input` has been taken.
    ///
    /// Call it until it returns `None`, then again with the next piece. After an error it repeats the error.
    pub fn decode(&mut self, input: &mut Bytes) -> Result<Option<VerifiedBytes>, DecodeSliceError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = self.take_from(input);
        if let Err(error) = &result {
            self.failed = Some(error.clone());
        }
        result
    }

    /// Whether every leaf has been given out.
    pub fn is_complete(&self) -> bool {
        self.verifier.expected().is_none()
    }

    /// Succeeds when exactly the leaves asked for have been verified.
    pub fn finish(self) -> Result<(), DecodeSliceError> {
        match self.failed {
            Some(error) => Err(error),
            None if self.is_complete() => Ok(()),
            None => Err(self.verifier.truncated()),
        }
    }

    fn take_from(&mut self, input: &mut Bytes) -> Result<Option<VerifiedBytes>, DecodeSliceError> {
        while let Some(expected) = self.verifier.expected() {
            let Some(piece) = self.take(expected.len(), input) else { return Ok(None) };
            self.verifier.accept(&piece)?;
            if let Expected::Bytes(range) = expected {
                return Ok(Some(VerifiedBytes { offset: range.start, bytes: piece }));
            }
        }
        if input.is_empty() { Ok(None) } else { Err(DecodeSliceError::Surplus { bytes: input.len() }) }
    }

    /// Exactly `len` bytes, once they are there.
    fn take(&mut self, len: usize, input: &mut Bytes) -> Option<Bytes> {
        if self.begun.is_empty() && input.len() >= len {
            return Some(input.split_to(len));
        }
        let missing = len - self.begun.len();
        self.begun.reserve(missing);
        let head = missing.min(input.len());
        self.begun.extend_from_slice(&input[..head]);
        input.advance(head);
        (self.begun.len() == len).then(|| self.begun.split().freeze())
    }
}

/// What has to come next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    Pair,
    /// Bytes of the shard.
    Bytes(Range<u64>),
}

impl Expected {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Pair => PAIR_LEN,
            Self::Bytes(range) => {
                usize::try_from(range.end - range.start).expect("at most a group of 16 384 bytes")
            }
        }
    }
}

/// The walk of a decoder: says what has to come next, and checks it.
#[derive(Debug)]
pub(crate) struct Verifier {
    root: Root,
    leaves: LeafSet,
    walk: Walk,
    visit: Option<Visit>,
}

impl Verifier {
    pub(crate) fn new(root: Root, leaves: LeafSet) -> Self {
        let mut walk = Walk::new(root, leaves.len());
        let visit = walk.next(&leaves);
        Self { root, leaves, walk, visit }
    }

    pub(crate) fn expected(&self) -> Option<Expected> {
        self.visit.map(
            |visit| {
                if visit.is_bytes { Expected::Bytes(self.bytes_of(&visit)) } else { Expected::Pair }
            },
        )
    }

    /// Takes the next piece, which is as long as expected.
    pub(crate) fn accept(&mut self, piece: &[u8]) -> Result<(), DecodeSliceError> {
        let visit = self.visit.expect("something was expected");
        if visit.is_bytes {
            self.check(visit.trusted.is_over_bytes(visit.node.leaves().start, piece), &visit)?;
        } else {
            let pair = piece.try_into().expect("the piece is as long as expected");
            self.check(visit.trusted.is_over_pair(pair), &visit)?;
            self.walk.descend(&visit, pair);
        }
        self.visit = self.walk.next(&self.leaves);
        Ok(())
    }

    /// The error of a slice that ends here.
    pub(crate) fn truncated(&self) -> DecodeSliceError {
        let visit = self.visit.expect("something was expected");
        DecodeSliceError::Truncated { offset: self.bytes_of(&visit).start }
    }

    fn check(&self, matches: bool, visit: &Visit) -> Result<(), DecodeSliceError> {
        if matches { Ok(()) } else { Err(self.mismatch(visit)) }
    }

    fn mismatch(&self, visit: &Visit) -> DecodeSliceError {
        let bytes = self.bytes_of(visit);
        DecodeSliceError::Mismatch { root: self.root, start: bytes.start, end: bytes.end }
    }

    fn bytes_of(&self, visit: &Visit) -> Range<u64> {
        visit.node.bytes(self.leaves.len())
    }
}

/// Why bytes are not the slice that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeSliceError {
    /// A pair or bytes do not have the hash that they must have.
    #[error("what came for bytes {start}..{end} does not match root {root}")]
    Mismatch {
        /// The shard.
        root: Root,
        /// First byte below the node that does not match.
        start: u64,
        /// End of the bytes below it, exclusive.
        end: u64,
    },
    /// The slice ends too early.
    #[error("the slice ends before byte {offset} of the shard")]
    Truncated {
        /// First byte of the shard that is still missing.
        offset: u64,
    },
    /// The slice goes on after all leaves.
    #[error("{bytes} bytes follow the end of the slice")]
    Surplus {
        /// Bytes too many, as far as they had come.
        bytes: usize,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference::{self, leaf_set, sample, shard_len};
    use crate::{LeafSetError, ShardLen};

    /// What is given out until the end or an error, and how it ended.
    fn decode(
        root: Root,
        leaves: &LeafSet,
        pieces: Vec<Bytes>,
    ) -> (Vec<VerifiedBytes>, Result<(), DecodeSliceError>) {
        let mut decoder = SliceDecoder::new(root, leaves.clone());
        let mut runs = Vec::new();
        for mut piece in pieces {
            loop {
                match decoder.decode(&mut piece) {
                    Ok(Some(run)) => runs.push(run),
                    Ok(None) => break,
                    Err(error) => {
                        assert_eq!(
                            decoder.decode(&mut Bytes::new()),
                            Err(error.clone()),
                            "an error is final"
                        );
                        assert_eq!(decoder.finish(), Err(error.clone()));
                        return (runs, Err(error));
                    }
                }
            }
        }
        (runs, decoder.finish())
    }

    fn assert_right(runs: &[VerifiedBytes], bytes: &[u8]) {
        for run in runs {
            let start = usize::try_from(run.offset()).unwrap();
            assert!(bytes[start..start + run.bytes().len()] == run.bytes()[..], "wrong bytes at {start}");
        }
    }

    fn joined(runs: &[VerifiedBytes]) -> Vec<u8> {
        runs.iter().flat_map(|run| run.bytes().to_vec()).collect()
    }

    /// Shards and leaves whose slices are short enough to damage everywhere.
    fn small_cases() -> Vec<(Vec<u8>, LeafSet)> {
        let case = |len: usize, leaves: &[u32]| {
            let bytes = sample(len);
            let set = leaf_set(shard_len(&bytes), leaves.iter().copied());
            (bytes, set)
        };
        vec![
            case(1, &[0]),
            case(1000, &[0]),
            case(1025, &[0]),
            case(1025, &[1]),
            case(1025, &[0, 1]),
            case(5000, &[1, 2, 4]),
            case(16_385, &[16]),
            case(40_000, &[0, 17, 18, 39]),
            case(100_000, &[50]),
        ]
    }

    #[test]
    fn a_bit_flipped_anywhere_is_found_and_nothing_wrong_comes_out() {
        for (bytes, leaves) in small_cases() {
            let slice = reference::slice(&bytes, &leaves);
            for bit in 0..slice.len() * 8 {
                let mut flipped = slice.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let (runs, end) = decode(Root::of(&bytes), &leaves, vec![flipped.into()]);
                assert!(
                    matches!(end, Err(DecodeSliceError::Mismatch { .. })),
                    "bit {bit} of {leaves:?}: {end:?}"
                );
                assert_right(&runs, &bytes);
            }
        }
    }

    #[test]
    fn a_slice_cut_anywhere_is_truncated() {
        for (bytes, leaves) in small_cases() {
            let slice = reference::slice(&bytes, &leaves);
            for cut in 0..slice.len() {
                let (runs, end) =
                    decode(Root::of(&bytes), &leaves, vec![Bytes::copy_from_slice(&slice[..cut])]);
                assert!(
                    matches!(end, Err(DecodeSliceError::Truncated { .. })),
                    "cut at {cut} of {leaves:?}: {end:?}"
                );
                assert_right(&runs, &bytes);
            }
        }
    }

    #[test]
    fn whatever_follows_the_slice_is_surplus() {
        for (bytes, leaves) in small_cases() {
            let mut slice = reference::slice(&bytes, &leaves);
            slice.extend([0, 0]);
            let (runs, end) = decode(Root::of(&bytes), &leaves, vec![slice.into()]);
            assert_eq!(end, Err(DecodeSliceError::Surplus { bytes: 2 }));
            assert_eq!(joined(&runs), reference::data_of(&bytes, &leaves));
        }
    }

    #[test]
    fn no_bytes_are_no_slice() {
        for (bytes, leaves) in small_cases() {
            let (_, end) = decode(Root::of(&bytes), &leaves, vec![]);
            assert_eq!(end, Err(DecodeSliceError::Truncated { offset: 0 }));
        }
    }

    #[test]
    fn the_slice_of_other_leaves_is_rejected() {
        let bytes = sample(100_000);
        let asked = leaf_set(shard_len(&bytes), [50]);
        for other in (0..98).filter(|leaf| *leaf != 50) {
            let slice = reference::slice(&bytes, &leaf_set(shard_len(&bytes), [other]));
            let (runs, end) = decode(Root::of(&bytes), &asked, vec![slice.into()]);
            assert!(end.is_err() && runs.is_empty(), "leaf {other}");
        }
    }

    /// bao-tree answers a range past the end with the last chunk, and it verifies: such a set cannot be made here.
    #[test]
    fn leaves_past_the_end_cannot_be_asked_for() {
        let len = ShardLen::new(100_000).unwrap();
        let past_end = LeafSet::new(len, &[0..1, 98..99]);
        assert_eq!(past_end, Err(LeafSetError::PastEnd { end: 99, leaves: 98 }));
    }

    #[test]
    fn the_last_leaf_proves_the_length() {
        let bytes = sample(100_000);
        let slice = reference::slice(&bytes, &leaf_set(shard_len(&bytes), [97]));
        for wrong in (1..110_000_u64).filter(|len| *len != 100_000).step_by(7).chain([
            99_999,
            100_001,
            1_000_000,
            1 << 28,
        ]) {
            let len = ShardLen::new(wrong).unwrap();
            let (runs, end) =
                decode(Root::of(&bytes), &leaf_set(len, [len.leaves() - 1]), vec![slice.clone().into()]);
            assert!(end.is_err() && runs.is_empty(), "a length of {wrong} was believed");
        }
    }

    /// Why the length must come from the manifest or a lease: this wrong one cannot be found.
    #[test]
    fn inner_leaves_do_not_prove_the_length() {
        let bytes = sample(100_000);
        let slice = reference::slice(&bytes, &leaf_set(shard_len(&bytes), [0]));
        let wrong = ShardLen::new(100_001).unwrap();
        let (_, end) = decode(Root::of(&bytes), &leaf_set(wrong, [0]), vec![slice.into()]);
        assert_eq!(end, Ok(()));
        assert!(!leaf_set(wrong, [0]).has_last());
    }

    #[test]
    fn runs_within_a_piece_are_not_copied() {
        let bytes = sample(100_000);
        let leaves = LeafSet::whole(shard_len(&bytes));
        let piece = Bytes::from(reference::slice(&bytes, &leaves));
        let (runs, end) = decode(Root::of(&bytes), &leaves, vec![piece.clone()]);
        assert_eq!(end, Ok(()));
        assert_eq!(runs.len(), 7);
        for run in runs {
            assert!(piece.as_ptr_range().contains(&run.bytes().as_ptr()));
        }
    }

    #[test]
    fn memory_is_bounded() {
        let bytes = sample(500_000);
        let leaves = LeafSet::whole(shard_len(&bytes));
        let mut decoder = SliceDecoder::new(Root::of(&bytes), leaves.clone());
        for mut piece in reference::pieces(&reference::slice(&bytes, &leaves), &[1400]) {
            while decoder.decode(&mut piece).unwrap().is_some() {}
            assert!(decoder.begun.capacity() <= 17 * 1024, "{} bytes", decoder.begun.capacity());
        }
        assert_eq!(decoder.finish(), Ok(()));
    }

    proptest! {
        #[test]
        fn any_slice_in_any_pieces_round_trips(
            (bytes, leaves) in reference::shards_with_leaves(300_000),
            piece_lens in proptest::collection::vec(1_usize..40_000, 1..5),
        ) {
            let slice = reference::slice(&bytes, &leaves);
            let (runs, end) = decode(Root::of(&bytes), &leaves, reference::pieces(&slice, &piece_lens));
            prop_assert_eq!(end, Ok(()));
            assert_right(&runs, &bytes);
            prop_assert!(joined(&runs) == reference::data_of(&bytes, &leaves));
            let theirs = reference::bao_decode(*Root::of(&bytes).as_bytes(), &slice, &leaves);
            prop_assert!(theirs == Some(joined(&runs)));
        }

        #[test]
        fn damage_is_found_wherever_bao_tree_finds_it(
            (bytes, leaves) in reference::shards_with_leaves(100_000),
            at in any::<prop::sample::Index>(),
            to in any::<u8>(),
            piece_len in 1_usize..40_000,
        ) {
            let mut slice = reference::slice(&bytes, &leaves);
            let at = at.index(slice.len());
            slice[at] = to;
            let (runs, end) = decode(Root::of(&bytes), &leaves, reference::pieces(&slice, &[piece_len]));
            assert_right(&runs, &bytes);
            let theirs = reference::bao_decode(*Root::of(&bytes).as_bytes(), &slice, &leaves);
            prop_assert_eq!(end.is_ok(), theirs.is_some());
        }
    }
}
