//! Checking a slice as it arrives. No byte is given out before the path above it is verified.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
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
        self.begun.extend_from_slice(&input.split_to(missing.min(input.len())));
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
