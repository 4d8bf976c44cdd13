//! What a grant says: the record that its owner signs, and the files that it opens.

use std::fmt;

use chunker::{ContentKey, Link};
use proofs::{Cid, canonical};
use protocol::{NetworkId, PublicKey, Record, Sequence, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::{ContentHash, FileName, MediaType, Reason, exposed_key};

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

impl Grant {
    /// What stands in the place of the hash of the wraps where these are bound to the rest.
    pub(super) const NO_WRAPS: ContentHash = ContentHash::from_bytes([0; 32]);

    /// What each wrap is bound to: who signs what, on which network, but for the wraps themselves.
    pub(super) fn terms(&self, by: &PublicKey, network: &NetworkId) -> ContentHash {
        let body = canonical::to_vec(&Self { wraps: Self::NO_WRAPS, ..self.clone() });
        ContentHash::of(&[by.as_bytes().as_slice(), network.as_bytes(), &body].concat())
    }
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
    /// The read capability of the object.
    pub fn link(&self) -> Link {
        Link::new(self.object, self.key.clone())
    }
}
