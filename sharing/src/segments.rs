//! Where the segments of a track lie: in which part, from which byte, from which time on (spec §17).

use std::num::NonZeroU32;

use bytes::Bytes;
use chunker::{ContentKey, Link};
use proofs::Cid;
use serde::{Deserialize, Serialize};

use crate::{ContentHash, VerifiedBytes, exposed_key};

/// Most parts of a track.
pub const PARTS_MAX: usize = 20_000;
/// Most segments of a track.
pub const SEGMENTS_MAX: usize = 20_000;
/// Longest segment, in bytes.
pub const SEGMENT_BYTES_MAX: u32 = 1 << 27;

/// An object that holds a run of a track's segments.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Part {
    /// The key that opens the object.
    #[serde(with = "exposed_key")]
    pub key: ContentKey,
    /// The address of the object.
    pub object: Cid,
    /// How many segments it holds.
    pub segments: NonZeroU32,
}

impl Part {
    /// The read capability of the object.
    pub fn link(&self) -> Link {
        Link::new(self.object, self.key.clone())
    }
}

/// One segment, as its maker describes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Its length in bytes, 1 to 2^27.
    pub len: u32,
    /// Its duration in units of the track's timescale, at least 1.
    pub duration: u32,
    /// BLAKE3 of its bytes.
    pub hash: ContentHash,
}

impl Segment {
    /// The bytes, when they are this segment; `None` when they are not.
    pub fn verify(&self, bytes: Bytes) -> Option<VerifiedBytes> {
        VerifiedBytes::check(bytes, self.len.into(), &self.hash)
    }
}

/// One segment of a track that was checked: where it lies, and how to tell its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentPlace {
    part: u32,
    offset: u64,
    start: u64,
    segment: Segment,
}

impl SegmentPlace {
    /// The number of the part that holds it, from 0.
    pub const fn part(&self) -> u32 {
        self.part
    }

    /// Where it begins in the plaintext of that part, in bytes.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Where it ends in the plaintext of that part, in bytes.
    pub const fn end(&self) -> u64 {
        self.offset + self.segment.len as u64
    }

    /// Its length in bytes.
    #[expect(clippy::len_without_is_empty, reason = "a segment is never empty")]
    pub const fn len(&self) -> u32 {
        self.segment.len
    }

    /// Where it begins in time: the durations of all segments before it, in units of the timescale.
    pub const fn start(&self) -> u64 {
        self.start
    }

    /// Its duration in units of the timescale.
    pub const fn duration(&self) -> u32 {
        self.segment.duration
    }

    /// BLAKE3 of its bytes.
    pub const fn hash(&self) -> ContentHash {
        self.segment.hash
    }

    /// The bytes, when they are this segment; `None` when they are not.
    pub fn verify(&self, bytes: Bytes) -> Option<VerifiedBytes> {
        self.segment.verify(bytes)
    }
}

/// Why parts and segments do not make a track.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum SegmentsError {
    #[error("{found} parts, 1 to {PARTS_MAX} are allowed")]
    Parts { found: usize },
    #[error("{found} segments, 1 to {SEGMENTS_MAX} are allowed")]
    Count { found: usize },
    #[error("parts of {in_parts} segments in all, but there are {found}")]
    Sum { in_parts: u64, found: usize },
    #[error("segment {segment} of {len} bytes, 1 to {SEGMENT_BYTES_MAX} are allowed")]
    Len { segment: usize, len: u32 },
    #[error("segment {segment} has no duration")]
    Duration { segment: usize },
    #[error("tables of {lens}, {durations} and {hashes} bytes do not describe the same segments")]
    Tables { lens: usize, durations: usize, hashes: usize },
}

/// The places of the segments in the parts, the first one behind an init section of `init_len` bytes.
pub(crate) fn places(
    parts: &[Part],
    init_len: u32,
    segments: &[Segment],
) -> Result<Vec<SegmentPlace>, SegmentsError> {
    check(parts, segments)?;
    let mut places = Vec::with_capacity(segments.len());
    let mut segments = segments.iter();
    let mut start = 0;
    for (part, run) in (0..).zip(parts) {
        let mut offset = if part == 0 { init_len.into() } else { 0 };
        for &segment in segments.by_ref().take(run.segments.get() as usize) {
            places.push(SegmentPlace { part, offset, start, segment });
            offset += u64::from(segment.len);
            start += u64::from(segment.duration);
        }
    }
    Ok(places)
}

fn check(parts: &[Part], segments: &[Segment]) -> Result<(), SegmentsError> {
    let found = segments.len();
    if !(1..=PARTS_MAX).contains(&parts.len()) {
        return Err(SegmentsError::Parts { found: parts.len() });
    }
    if !(1..=SEGMENTS_MAX).contains(&found) {
        return Err(SegmentsError::Count { found });
    }
    let in_parts = parts.iter().map(|part| u64::from(part.segments.get())).sum();
    if in_parts != found as u64 {
        return Err(SegmentsError::Sum { in_parts, found });
    }
    for (number, segment) in segments.iter().enumerate() {
        if !(1..=SEGMENT_BYTES_MAX).contains(&segment.len) {
            return Err(SegmentsError::Len { segment: number, len: segment.len });
        }
        if segment.duration == 0 {
            return Err(SegmentsError::Duration { segment: number });
        }
    }
    Ok(())
}
