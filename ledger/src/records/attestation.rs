//! Attestation: somebody had a document at a time, and says so without showing it.

use std::fmt;

use protocol::{Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::Commitment;

/// Its signer attests to a document, of which a keyed commitment alone is public (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// To the document; says nothing to whoever lacks its nonce.
    pub commitment: Commitment,
    /// When it was said.
    pub issued: UnixSeconds,
    /// What the document is.
    pub kind: AttestedKind,
}

/// What is attested to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttestedKind {
    /// What somebody has learned, passed or been given, such as an Open Badge.
    Credential,
    /// Any file.
    File,
    /// How far an audit trail goes (spec §29).
    Trail,
}

impl AttestedKind {
    /// In one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::File => "file",
            Self::Trail => "trail",
        }
    }
}

impl Record for Attestation {
    const TYPE: &'static str = "attestation";
}

impl fmt::Display for Attestation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "commitment  {}", self.commitment)?;
        writeln!(f, "kind        {}", self.kind.as_str())?;
        write!(f, "issued      {}", self.issued)
    }
}
