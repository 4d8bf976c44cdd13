//! What a grant says: the record that its owner signs, and the files that it opens.

use std::fmt;

use chunker::{ContentKey, Link};
use proofs::{Cid, canonical};
use protocol::{PublicKey, Record, Sequence, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::{ContentHash, FileName, MediaType, Reason, exposed_key};

const TAG_CONTEXT: &str = "headwater v1 granted file";

/// Says who has granted what, for what, and until when; what it is and for whom is hashed alone (spec §11).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// BLAKE3 of the sealed contents.
    pub contents: ContentHash,
    /// When it ends. Whoever has opened it before keeps what they have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<UnixSeconds>,
    /// When it was given.
    pub issued: UnixSeconds,
    /// BLAKE3 of the owner's note.
    pub note: ContentHash,
    /// BLAKE3 of what it takes to pass it on; nothing where its recipients may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passing: Option<ContentHash>,
    /// What the files may be used for, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Reason>,
    /// The version.
    pub seq: Sequence,
    /// Which grant: the key that signs its pointers.
    #[serde(with = "protocol::keys")]
    pub series: PublicKey,
    /// BLAKE3 of all wrapped keys.
    pub wraps: ContentHash,
}

impl Record for Grant {
    const TYPE: &'static str = "grant";
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(purpose) = &self.purpose {
            writeln!(f, "purpose     {purpose}")?;
        }
        if let Some(expires) = self.expires {
            writeln!(f, "expires     {expires}")?;
        }
        writeln!(f, "version     {}", self.seq)?;
        write!(f, "issued      {}", self.issued)
    }
}

/// A file that a grant opens.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GrantedFile {
    /// The key that opens the object.
    #[serde(with = "exposed_key")]
    pub key: ContentKey,
    /// Its exact length in bytes.
    pub len: u64,
    /// What it is called.
    pub name: FileName,
    /// The object.
    pub object: Cid,
    /// What the bytes are.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
}

impl GrantedFile {
    /// By what those to whom the file was passed on know that it is one of the grant, and nobody else anything.
    pub(super) fn tag(&self) -> [u8; 32] {
        blake3::derive_key(TAG_CONTEXT, &canonical::to_vec(self))
    }

    /// The read capability of the object.
    pub fn link(&self) -> Link {
        Link::new(self.object, self.key.clone())
    }
}
