//! The length of a shard, and what follows from it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Length of a leaf in bytes: a BLAKE3 chunk, the unit of a challenge.
pub const LEAF_LEN: u64 = 1024;
/// Length of a group in bytes: the outboard keeps the tree above groups, and a slice carries whole groups.
pub const GROUP_LEN: u64 = 16 * 1024;
/// Greatest length of a shard in bytes (spec section 15).
pub const SHARD_LEN_MAX: u64 = 1 << 28;

/// The length of a shard: 1 to [`SHARD_LEN_MAX`] bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct ShardLen(u32);

impl ShardLen {
    /// The length of `bytes`, when a shard may have it.
    pub fn new(bytes: u64) -> Result<Self, ShardLenError> {
        match u32::try_from(bytes) {
            Ok(0) => Err(ShardLenError::Empty),
            Ok(len) if bytes <= SHARD_LEN_MAX => Ok(Self(len)),
            _ => Err(ShardLenError::TooLong { len: bytes }),
        }
    }

    /// Bytes.
    pub const fn get(self) -> u64 {
        self.0 as u64
    }

    /// Leaves of 1 KiB; the last one may be shorter.
    pub const fn leaves(self) -> u32 {
        self.0.div_ceil(1 << LEAF_LEN.ilog2())
    }

    /// Groups of 16 KiB; the last one may be shorter.
    pub const fn groups(self) -> u32 {
        self.0.div_ceil(1 << GROUP_LEN.ilog2())
    }

    /// Bytes of the outboard: 64 for every inner node above groups.
    pub const fn outboard_len(self) -> u64 {
        64 * (self.groups() as u64 - 1)
    }
}

/// Why a number is not the length of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ShardLenError {
    /// A shard has at least one byte.
    #[error("a shard is never empty")]
    Empty,
    /// A shard has at most [`SHARD_LEN_MAX`] bytes.
    #[error("{len} bytes are more than a shard may have ({SHARD_LEN_MAX})")]
    TooLong {
        /// The length asked for, in bytes.
        len: u64,
    },
}

impl TryFrom<u64> for ShardLen {
    type Error = ShardLenError;

    fn try_from(bytes: u64) -> Result<Self, ShardLenError> {
        Self::new(bytes)
    }
}

impl From<ShardLen> for u64 {
    fn from(len: ShardLen) -> Self {
        len.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        assert_eq!(ShardLen::new(0), Err(ShardLenError::Empty));
        assert_eq!(ShardLen::new(SHARD_LEN_MAX).unwrap().get(), SHARD_LEN_MAX);
        for len in [SHARD_LEN_MAX + 1, 1 << 32, u64::MAX] {
            assert_eq!(ShardLen::new(len), Err(ShardLenError::TooLong { len }));
        }
    }

    #[test]
    fn counts_at_every_boundary() {
        for (len, leaves, groups, outboard) in [
            (1, 1, 1, 0),
            (1024, 1, 1, 0),
            (1025, 2, 1, 0),
            (16_384, 16, 1, 0),
            (16_385, 17, 2, 64),
            (SHARD_LEN_MAX, 1 << 18, 1 << 14, 64 * ((1 << 14) - 1)),
        ] {
            let len = ShardLen::new(len).unwrap();
            assert_eq!(
                (len.leaves(), len.groups(), len.outboard_len()),
                (leaves, groups, outboard),
                "{len:?}"
            );
        }
    }
}
