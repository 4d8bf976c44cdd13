//! The outboard: what a node keeps beside a shard so that it can prove any part of it.

use thiserror::Error;

use crate::ShardLen;
use crate::tree::PAIR_LEN;

/// The inner nodes of a shard's tree above groups of 16 KiB: pairs of chaining values, left ‖ right, in
/// post-order (spec section 5).
///
/// Only its length is checked here. Nothing is believed of its content: whoever reads it checks every pair
/// against the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outboard(Vec<u8>);

impl Outboard {
    /// The outboard of a shard of `len` bytes, read from somewhere.
    pub fn from_bytes(len: ShardLen, bytes: Vec<u8>) -> Result<Self, OutboardError> {
        if bytes.len() as u64 == len.outboard_len() {
            Ok(Self(bytes))
        } else {
            Err(OutboardError { found: bytes.len() as u64, expected: len.outboard_len() })
        }
    }

    /// The bytes as they are stored, 64 for each pair.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as they are stored.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn from_pairs(pairs: Vec<u8>) -> Self {
        assert_eq!(pairs.len() % PAIR_LEN, 0, "an outboard is made of whole pairs");
        Self(pairs)
    }
}

/// An outboard has another length than its shard asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the outboard has {found} bytes instead of {expected}")]
pub struct OutboardError {
    /// Bytes found.
    pub found: u64,
    /// Bytes that the shard's length asks for.
    pub expected: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_length_is_taken() {
        let len = ShardLen::new(40_000).unwrap();
        for found in [0, 64, 127, 129, 192] {
            let result = Outboard::from_bytes(len, vec![0; found]);
            assert_eq!(result, Err(OutboardError { found: found as u64, expected: 128 }));
        }
        assert_eq!(Outboard::from_bytes(len, vec![7; 128]).unwrap().into_bytes(), [7; 128]);
    }
}
