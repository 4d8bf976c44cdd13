//! Live segment: a creator says that the next piece of a stream is there, and how to check it.

use std::fmt;
use std::num::NonZeroU32;

use bytes::Bytes;
use chunker::{ContentKey, Link};
use proofs::Cid;
use protocol::Record;
use serde::{Deserialize, Serialize};

use crate::{
    ContentHash, LiveId, SEGMENT_BYTES_MAX, SEGMENTS_MAX, Segment, TrackId, VerifiedBytes, exposed_key,
};

/// One segment of a live stream and the object that holds it (spec §11, §21).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveSegment {
    /// How long it is shown, in units of the track's timescale.
    pub duration: NonZeroU32,
    /// BLAKE3 of the segment.
    pub hash: ContentHash,
    /// The key of the object.
    #[serde(with = "exposed_key")]
    pub key: ContentKey,
    /// Length of the segment in bytes.
    pub len: SegmentLen,
    /// Which stream.
    pub live: LiveId,
    /// Its number in its track.
    pub n: SegmentNumber,
    /// The object: the segment, and in front of number 0 the init section.
    pub object: Cid,
    /// Which track.
    pub track: TrackId,
}

impl Record for LiveSegment {
    const TYPE: &'static str = "live_segment";
}

impl LiveSegment {
    /// The read capability of the object.
    pub fn link(&self) -> Link {
        Link::new(self.object, self.key.clone())
    }

    /// The segment as a bundle describes it.
    pub const fn segment(&self) -> Segment {
        Segment { len: self.len.0, duration: self.duration.get(), hash: self.hash }
    }

    /// The bytes, when they are the segment; `None` when they are not.
    pub fn verify(&self, bytes: Bytes) -> Option<VerifiedBytes> {
        VerifiedBytes::check(bytes, self.len.0.into(), &self.hash)
    }
}

/// Without the key.
impl fmt::Display for LiveSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "live        {}", self.live)?;
        writeln!(f, "segment     {} of {}, counted from 0", self.n.0, self.track)?;
        writeln!(f, "bytes       {}", self.len.0)?;
        writeln!(f, "duration    {} units", self.duration)?;
        writeln!(f, "hash        {}", self.hash)?;
        write!(f, "object      {}", self.object)
    }
}

/// The number of a segment in its track: 0 to 19 999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct SegmentNumber(u32);

/// The length of a segment: 1 to 2^27 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct SegmentLen(u32);

/// No segment has this number or length.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum SegmentNumberError {
    #[error("segment {found}, but a track has at most {SEGMENTS_MAX}, counted from 0")]
    Number { found: u32 },
    #[error("segment of {found} bytes, 1 to {SEGMENT_BYTES_MAX} are allowed")]
    Len { found: u32 },
}

impl SegmentNumber {
    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl SegmentLen {
    /// The length in bytes.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for SegmentNumber {
    type Error = SegmentNumberError;

    fn try_from(found: u32) -> Result<Self, SegmentNumberError> {
        let fits = usize::try_from(found).is_ok_and(|number| number < SEGMENTS_MAX);
        if fits { Ok(Self(found)) } else { Err(SegmentNumberError::Number { found }) }
    }
}

impl TryFrom<u32> for SegmentLen {
    type Error = SegmentNumberError;

    fn try_from(found: u32) -> Result<Self, SegmentNumberError> {
        let fits = (1..=SEGMENT_BYTES_MAX).contains(&found);
        if fits { Ok(Self(found)) } else { Err(SegmentNumberError::Len { found }) }
    }
}

impl From<SegmentNumber> for u32 {
    fn from(number: SegmentNumber) -> Self {
        number.0
    }
}

impl From<SegmentLen> for u32 {
    fn from(len: SegmentLen) -> Self {
        len.0
    }
}
