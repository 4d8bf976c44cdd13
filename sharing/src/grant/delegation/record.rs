//! What recipients sign when they pass a grant on.

use std::fmt;

use protocol::{PublicKey, Record, Sequence, Slot, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::{ContentHash, Reason};

/// Says who has passed on what, for what, and until when; signed by their identity key (spec §31).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// BLAKE3 of the sealed contents.
    pub contents: ContentHash,
    /// When it ends: not after what was passed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<UnixSeconds>,
    /// When it was passed on.
    pub issued: UnixSeconds,
    /// BLAKE3 of the note for those above.
    pub note: ContentHash,
    /// BLAKE3 of the record that was passed on: this version and no other one.
    pub parent: ContentHash,
    /// BLAKE3 of what is passed on to whom, and how often from there.
    pub passing: ContentHash,
    /// What the files may be used for: as above, or closer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Reason>,
    /// The version.
    pub seq: Sequence,
    /// The key that signs its pointers: the holder key of who passes on.
    #[serde(with = "protocol::keys")]
    pub series: PublicKey,
    /// Which of these pointers.
    pub slot: Slot,
    /// BLAKE3 of all wrapped keys.
    pub wraps: ContentHash,
}

impl Record for Delegation {
    const TYPE: &'static str = "delegation";
}

impl fmt::Display for Delegation {
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
