//! What the owner signs.

use std::fmt;

use protocol::{Digest, Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::TrailText;

/// The owner's word that something is erased, over all that nodes have said (spec §33). Signed by the identity key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// When.
    pub at: UnixSeconds,
    /// BLAKE3 of the canonical CBOR of the ways by which the key was given, and of the objects.
    pub evidence: Digest,
    /// What became of the content key.
    pub key: KeyFate,
    /// What it was called.
    pub name: TrailText,
}

/// What became of the only copy of a content key that the owner knows of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyFate {
    /// It was written over and removed.
    Destroyed,
    /// It was not on the machine that erased.
    NotHere,
}

impl Record for Erasure {
    const TYPE: &'static str = "erasure";
}

impl KeyFate {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Destroyed => "destroyed on the machine that kept it",
            Self::NotHere => "not on the machine that erased",
        }
    }
}

impl fmt::Display for Erasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "erased      {}", self.name.as_str())?;
        writeln!(f, "at          {}", self.at)?;
        write!(f, "its key     {}", self.key.as_str())
    }
}
