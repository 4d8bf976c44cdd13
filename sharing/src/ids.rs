//! Names of publications and of what they consist of.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use proofs::{Cid, CidError};
use serde::{Deserialize, Serialize};

/// The name of a publication: the CID of its *plaintext* bundle (spec §17).
///
/// Written as a CID is, and serialized as a byte string of 36 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicationId(Cid);

impl PublicationId {
    /// The id of the publication whose encoded bundle these bytes are.
    pub fn of(bundle: &[u8]) -> Self {
        Self(Cid::of(bundle))
    }

    /// The id that is this CID.
    pub const fn from_cid(cid: Cid) -> Self {
        Self(cid)
    }

    /// The id as a CID, which is what a denial names. No object has this address: that is the CID of a manifest.
    pub const fn cid(&self) -> Cid {
        self.0
    }
}

impl FromStr for PublicationId {
    type Err = CidError;

    fn from_str(text: &str) -> Result<Self, CidError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for PublicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for PublicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicationId({self})")
    }
}

/// The name of a live stream: the CID of its *plaintext* prelude (spec §21).
///
/// Written as a CID is, and serialized as a byte string of 36 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LiveId(Cid);

impl LiveId {
    /// The id of the stream whose encoded prelude these bytes are.
    pub fn of(prelude: &[u8]) -> Self {
        Self(Cid::of(prelude))
    }

    /// The id that is this CID.
    pub const fn from_cid(cid: Cid) -> Self {
        Self(cid)
    }

    /// The id as a CID, which is what denials and withdrawals name.
    pub const fn cid(&self) -> Cid {
        self.0
    }
}

impl FromStr for LiveId {
    type Err = CidError;

    fn from_str(text: &str) -> Result<Self, CidError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for LiveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for LiveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiveId({self})")
    }
}

/// The BLAKE3 hash of plaintext: of a file, an init section or a segment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContentHash(#[serde(with = "serde_bytes")] [u8; 32]);

impl ContentHash {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The hash that these 32 bytes are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({}…)", HEXLOWER.encode(&self.0[..5]))
    }
}

/// Plaintext that is what its bundle says, byte for byte.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedBytes(Bytes);

impl VerifiedBytes {
    /// The bytes, when they have this length and this hash.
    pub(crate) fn check(bytes: Bytes, len: u64, hash: &ContentHash) -> Option<Self> {
        (bytes.len() as u64 == len && ContentHash::of(&bytes) == *hash).then_some(Self(bytes))
    }

    /// The bytes, without a copy.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl AsRef<[u8]> for VerifiedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for VerifiedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedBytes({} bytes)", self.0.len())
    }
}
