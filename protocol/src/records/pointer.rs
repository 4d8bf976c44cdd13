//! Pointer: a small, signed, versioned value that an account keeps on the nodes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::POINTER_VALUE_LEN_MAX;
use crate::{Record, Sequence, Slot, UnixSeconds};

/// One slot of an account, one per device; the highest version counts (spec §11).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pointer {
    /// Until when nodes are asked to keep it.
    pub expires: UnixSeconds,
    /// The version.
    pub seq: Sequence,
    /// Which of the account's pointers.
    pub slot: Slot,
    /// What it points to, in the words of the account.
    pub value: PointerValue,
}

impl Record for Pointer {
    const TYPE: &'static str = "pointer";
}

/// 0 to 1024 bytes that mean something to the account alone.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "serde_bytes::ByteBuf", into = "serde_bytes::ByteBuf")]
pub struct PointerValue(Vec<u8>);

/// A value is longer than a pointer's may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("pointer value of {len} bytes, at most {POINTER_VALUE_LEN_MAX} are allowed")]
pub struct PointerValueError {
    len: usize,
}

impl PointerValue {
    /// The value with these bytes.
    pub fn new(bytes: Vec<u8>) -> Result<Self, PointerValueError> {
        if bytes.len() > POINTER_VALUE_LEN_MAX {
            return Err(PointerValueError { len: bytes.len() });
        }
        Ok(Self(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<serde_bytes::ByteBuf> for PointerValue {
    type Error = PointerValueError;

    fn try_from(bytes: serde_bytes::ByteBuf) -> Result<Self, PointerValueError> {
        Self::new(bytes.into_vec())
    }
}

impl From<PointerValue> for serde_bytes::ByteBuf {
    fn from(value: PointerValue) -> Self {
        Self::from(value.0)
    }
}

impl fmt::Debug for PointerValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PointerValue({} bytes)", self.0.len())
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "slot        {} (version {})", self.slot, self.seq)?;
        writeln!(f, "value       {} bytes", self.value.0.len())?;
        write!(f, "expires     {}", self.expires)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_value_has_1024_bytes() {
        assert!(PointerValue::new(vec![0; 1024]).is_ok());
        assert_eq!(PointerValue::new(vec![0; 1025]), Err(PointerValueError { len: 1025 }));
    }
}
