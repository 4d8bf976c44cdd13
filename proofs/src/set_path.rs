//! The way from a shard up to the root of an audited set, as bytes (spec section 23).

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_bytes::{ByteBuf, Bytes};
use thiserror::Error;

use crate::audited_set::{AUDITED_SHARDS_MAX, SumNode};

/// Bytes of one step: `u8(side) ‖ hash ‖ u64le(sum)`.
const STEP_LEN: usize = 41;
/// Most steps: as many as levels above the shards.
const STEPS_MAX: usize = AUDITED_SHARDS_MAX.ilog2() as usize;

/// The siblings on the way from a shard to the root, lowest first; empty in a set of one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetPath(Vec<Step>);

/// One level of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) side: Side,
    pub(crate) sibling: SumNode,
}

/// Where the sibling stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

impl SetPath {
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The path as bytes, 41 a step.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(STEP_LEN * self.0.len());
        for Step { side, sibling } in &self.0 {
            bytes.push(u8::from(*side == Side::Right));
            bytes.extend_from_slice(&sibling.to_bytes());
        }
        bytes
    }

    /// The path in these bytes; where it leads is not looked at.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeSetPathError> {
        let (steps, rest) = bytes.as_chunks::<STEP_LEN>();
        if !rest.is_empty() || steps.len() > STEPS_MAX {
            return Err(DecodeSetPathError::Length { len: bytes.len() });
        }
        steps.iter().map(Step::from_bytes).collect::<Result<_, _>>().map(Self)
    }
}

impl Step {
    fn from_bytes(bytes: &[u8; STEP_LEN]) -> Result<Self, DecodeSetPathError> {
        let (hash, sum) = bytes[1..].split_at(32);
        let side = match bytes[0] {
            0 => Side::Left,
            1 => Side::Right,
            side => return Err(DecodeSetPathError::Side { side }),
        };
        let hash = hash.try_into().expect("32 bytes were split off");
        let sum = u64::from_le_bytes(sum.try_into().expect("8 bytes are left"));
        if sum == 0 {
            Err(DecodeSetPathError::NoBytes)
        } else {
            Ok(Self { side, sibling: SumNode { hash, sum } })
        }
    }
}

/// Why bytes are no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeSetPathError {
    /// Not a whole number of steps, or more than any set has.
    #[error("path of {len} bytes: a step has {STEP_LEN} bytes, and there are at most {STEPS_MAX}")]
    Length {
        /// Bytes found.
        len: usize,
    },
    /// A sibling that is neither left nor right.
    #[error("side {side} on a path is neither 0 nor 1")]
    Side {
        /// The byte found.
        side: u8,
    },
    /// A sibling with nothing below it.
    #[error("a sibling on the path has no bytes below it")]
    NoBytes,
}

impl Serialize for SetPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Bytes::new(&self.to_bytes()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SetPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = ByteBuf::deserialize(deserializer)?;
        Self::from_bytes(&bytes).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_path() {
        let step = |side: u8, sum: u64| [&[side], &[7; 32][..], &sum.to_le_bytes()].concat();
        for good in [vec![], step(0, 1), step(1, u64::MAX), step(1, 9).repeat(STEPS_MAX)] {
            assert_eq!(SetPath::from_bytes(&good).unwrap().to_bytes(), good);
        }
        let long = step(1, 9).repeat(STEPS_MAX + 1);
        for bytes in [&[0; 1][..], &[0; 40], &[0; 42], &long] {
            let len = bytes.len();
            assert_eq!(SetPath::from_bytes(bytes), Err(DecodeSetPathError::Length { len }));
        }
        assert_eq!(SetPath::from_bytes(&step(2, 1)), Err(DecodeSetPathError::Side { side: 2 }));
        assert_eq!(SetPath::from_bytes(&step(1, 0)), Err(DecodeSetPathError::NoBytes));
    }
}
