//! The root of a shard: its BLAKE3 hash.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The BLAKE3 hash of a shard: its only name (spec section 5).
///
/// Written as 64 lower-case hexadecimal digits; serialized as a byte string of 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Root(#[serde(with = "serde_bytes")] [u8; 32]);

impl Root {
    /// The root of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The root with these 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of this root.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Why a text is not a root.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a root is 64 lower-case hexadecimal digits")]
pub struct RootError;

impl FromStr for Root {
    type Err = RootError;

    fn from_str(text: &str) -> Result<Self, RootError> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| RootError)?;
        bytes.try_into().map(Self).map_err(|_| RootError)
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({}…)", HEXLOWER.encode(&self.0[..5]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_debug_is_short() {
        let root = Root::of(b"abc");
        // The published BLAKE3 hash of "abc".
        let hex = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";
        assert_eq!(root.to_string(), hex);
        assert_eq!(hex.parse(), Ok(root));
        assert_eq!(format!("{root:?}"), "Root(6437b3ac38…)");
    }

    #[test]
    fn other_texts_are_rejected() {
        let hex = Root::of(b"abc").to_string();
        for text in
            ["", "64", &hex[..63], &hex[..62], &hex.to_uppercase(), &format!("{hex}0"), &format!(" {hex}")]
        {
            assert_eq!(text.parse::<Root>(), Err(RootError), "{text:?}");
        }
    }

    #[test]
    fn serialized_as_a_byte_string() {
        let root = Root::of(b"abc");
        let cbor = crate::canonical::to_vec(&root);
        assert_eq!(cbor[..2], [0x58, 32]);
        assert_eq!(cbor[2..], root.as_bytes()[..]);
        assert_eq!(crate::canonical::from_slice::<Root>(&cbor, 34), Ok(root));
    }
}
