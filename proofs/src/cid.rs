//! The address of an object: the CID of its manifest.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::ByteArray;
use thiserror::Error;

use crate::Root;

/// Bytes of a CID in binary.
pub const CID_LEN: usize = 36;
/// Characters of a CID in text: the multibase prefix and 58 digits.
const TEXT_LEN: usize = 59;
/// Multibase prefix of lower-case base32 without padding.
const MULTIBASE: char = 'b';
/// `CIDv1`, codec `dag-cbor`, multihash `blake3`, 32 bytes of hash.
const PREFIX: [u8; 4] = [0x01, 0x71, 0x1e, 0x20];

/// The CID of a manifest: `CIDv1`, codec dag-cbor, BLAKE3 (spec section 8). There is no other kind here.
///
/// Written in lower-case base32 after `b`; serialized as a byte string of 36 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cid(Root);

impl Cid {
    /// The CID of the manifest with these bytes.
    pub fn of(manifest: &[u8]) -> Self {
        Self(Root::of(manifest))
    }

    /// The CID of the manifest whose bytes, kept as a shard, have this root.
    pub const fn from_root(root: Root) -> Self {
        Self(root)
    }

    /// The hash in this CID: the root under which nodes keep the manifest.
    pub const fn root(&self) -> Root {
        self.0
    }

    /// The binary form: prefix ‖ hash.
    pub fn to_bytes(self) -> [u8; CID_LEN] {
        let mut bytes = [0; CID_LEN];
        bytes[..4].copy_from_slice(&PREFIX);
        bytes[4..].copy_from_slice(self.0.as_bytes());
        bytes
    }

    /// The CID with this binary form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CidError> {
        let bytes: &[u8; CID_LEN] = bytes.try_into().map_err(|_| CidError::Length { bytes: bytes.len() })?;
        let hash = bytes.strip_prefix(&PREFIX).ok_or(CidError::OtherKind)?;
        Ok(Self(Root::from_bytes(hash.try_into().expect("36 bytes less 4 are 32"))))
    }
}

impl fmt::Display for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MULTIBASE}{}", BASE32_NOPAD.encode(&self.to_bytes()).to_ascii_lowercase())
    }
}

impl fmt::Debug for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cid({self})")
    }
}

impl FromStr for Cid {
    type Err = CidError;

    fn from_str(text: &str) -> Result<Self, CidError> {
        if text.len() != TEXT_LEN {
            return Err(CidError::TextLength { characters: text.chars().count() });
        }
        let digits = text.strip_prefix(MULTIBASE).ok_or(CidError::Text)?;
        if digits.contains(|c: char| c.is_ascii_uppercase()) {
            return Err(CidError::Text);
        }
        let bytes =
            BASE32_NOPAD.decode(digits.to_ascii_uppercase().as_bytes()).map_err(|_| CidError::Text)?;
        Self::from_bytes(&bytes)
    }
}

impl Serialize for Cid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.to_bytes())
    }
}

impl<'de> Deserialize<'de> for Cid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = ByteArray::<CID_LEN>::deserialize(deserializer)?;
        Self::from_bytes(bytes.as_slice()).map_err(serde::de::Error::custom)
    }
}

/// Why something is not the CID of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CidError {
    /// The binary form has another length.
    #[error("a CID has {CID_LEN} bytes, not {bytes}")]
    Length {
        /// Bytes found.
        bytes: usize,
    },
    /// The text has another length.
    #[error("a CID has {TEXT_LEN} characters, not {characters}")]
    TextLength {
        /// Characters found.
        characters: usize,
    },
    /// The text is not lower-case base32 after `b`, or its last digit has bits that mean nothing.
    #[error("a CID is `b` and 58 digits of lower-case base32")]
    Text,
    /// A CID, but not of a manifest.
    #[error("not a CIDv1 of codec dag-cbor with a BLAKE3 hash of 32 bytes")]
    OtherKind,
}
