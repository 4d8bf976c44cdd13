//! Numbers that records about payments refer to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A stretch of time that is settled at once, numbered from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which of a gateway's lanes to a node: each is counted for itself, so several processes can sign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LaneNumber(u32);

impl LaneNumber {
    /// The lane with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// Which stream of a grant: each tab, each connection after a break, counts for itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct StreamNumber(u8);

/// Most streams of one grant.
pub const STREAMS_MAX: u8 = 16;

/// No stream has this number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("stream {0}, they are numbered below {STREAMS_MAX}")]
pub struct StreamNumberError(u8);

impl TryFrom<u8> for StreamNumber {
    type Error = StreamNumberError;

    fn try_from(number: u8) -> Result<Self, StreamNumberError> {
        if number < STREAMS_MAX { Ok(Self(number)) } else { Err(StreamNumberError(number)) }
    }
}

impl From<StreamNumber> for u8 {
    fn from(stream: StreamNumber) -> Self {
        stream.0
    }
}
