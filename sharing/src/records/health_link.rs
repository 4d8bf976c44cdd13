//! Health link: what a gateway keeps of a SMART Health Link, and what it lets in.

use std::fmt;

use chunker::{ContentKey, Link};
use proofs::Cid;
use protocol::{Digest, Record, Sequence, UnixSeconds};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::{Attempts, HealthFileType, HealthFlags, LinkId, Passcode, exposed_key};

/// Files of one health link.
pub const HEALTH_FILES_MAX: usize = 16;

/// Registers a SMART Health Link at a gateway (spec §28): the objects hold JWE, whose key it does not have.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "HealthLinkFields", into = "HealthLinkFields")]
pub struct HealthLink {
    fields: HealthLinkFields,
}

/// What a health link is made of, unchecked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthLinkFields {
    /// How many wrong passcodes it survives, less one; 0 without one.
    pub attempts: Attempts,
    /// Until when it opens, where that is bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<UnixSeconds>,
    /// Its files.
    pub files: Vec<HealthFile>,
    /// Its flags.
    pub flags: HealthFlags,
    /// Which link.
    pub id: LinkId,
    /// When this was said.
    pub issued: UnixSeconds,
    /// What the passcode is checked against, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passcode: Option<Digest>,
    /// Of several records the one with the highest number counts.
    pub seq: Sequence,
}

/// An object that holds a file as JWE.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthFile {
    /// The key of the object: what it holds is encrypted once more.
    #[serde(with = "exposed_key")]
    pub key: ContentKey,
    /// Length of the JWE in bytes, which is that of the object.
    pub len: u64,
    /// The object.
    pub object: Cid,
    /// What the file is.
    #[serde(rename = "type")]
    pub kind: HealthFileType,
}

/// Why there is no such health link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum HealthLinkRecordError {
    #[error("{found} files, 1 to {HEALTH_FILES_MAX} are allowed")]
    Files { found: usize },
    #[error("{found} files behind the flag U, which stands for one")]
    Single { found: usize },
    #[error("flag P, passcode and attempts do not go together")]
    Passcode,
    #[error("it expires at {expires}, which is not after {issued}, when it was issued")]
    Expires { issued: UnixSeconds, expires: UnixSeconds },
    #[error("number {seq} of a link that cannot change")]
    Sequence { seq: Sequence },
}

impl Record for HealthLink {
    const TYPE: &'static str = "health_link";
}

impl HealthLink {
    /// All that it says.
    pub const fn fields(&self) -> &HealthLinkFields {
        &self.fields
    }

    /// Whether this record may take the place of `known`, which is of the same link and key.
    pub fn follows(&self, known: &Self) -> bool {
        self.fields.seq > known.fields.seq && self.fields.flags == known.fields.flags
    }

    /// Whether this is its passcode. Takes 64 MiB and about 0.2 s, and the same time wherever two differ.
    pub fn is_passcode(&self, passcode: &Passcode) -> bool {
        let shown = passcode.stretch(&self.fields.id);
        self.fields.passcode.is_some_and(|known| known.as_bytes().ct_eq(shown.as_slice()).into())
    }
}

impl HealthLinkFields {
    /// What a passcode is checked against: `Argon2id(passcode, salt = id[0..16])`, as sealed shares have it.
    pub fn verifier(id: LinkId, passcode: &Passcode) -> Digest {
        Digest::from_bytes(*passcode.stretch(&id))
    }
}

impl HealthFile {
    /// The read capability of the object.
    pub fn link(&self) -> Link {
        Link::new(self.object, self.key.clone())
    }
}

impl TryFrom<HealthLinkFields> for HealthLink {
    type Error = HealthLinkRecordError;

    fn try_from(fields: HealthLinkFields) -> Result<Self, HealthLinkRecordError> {
        let found = fields.files.len();
        if !(1..=HEALTH_FILES_MAX).contains(&found) {
            return Err(HealthLinkRecordError::Files { found });
        }
        if fields.flags.is_single() && found != 1 {
            return Err(HealthLinkRecordError::Single { found });
        }
        let asks = fields.flags.has_passcode();
        if fields.passcode.is_some() != asks || (fields.attempts.get() > 0) != asks {
            return Err(HealthLinkRecordError::Passcode);
        }
        if let Some(expires) = fields.expires.filter(|expires| *expires <= fields.issued) {
            return Err(HealthLinkRecordError::Expires { issued: fields.issued, expires });
        }
        if fields.seq != Sequence::FIRST && !fields.flags.is_long_term() {
            return Err(HealthLinkRecordError::Sequence { seq: fields.seq });
        }
        Ok(Self { fields })
    }
}

impl From<HealthLink> for HealthLinkFields {
    fn from(link: HealthLink) -> Self {
        link.fields
    }
}

/// Without the id, by which it is found, and without keys.
impl fmt::Display for HealthLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HealthLinkFields { attempts, expires, files, flags, issued, seq, .. } = &self.fields;
        for file in files {
            writeln!(f, "file        {} in {}", file.kind, file.object)?;
        }
        writeln!(f, "flags       {:?}", flags.to_string())?;
        if flags.has_passcode() {
            writeln!(f, "passcode    yes, {} wrong ones end it", attempts.get())?;
        }
        if let Some(expires) = expires {
            writeln!(f, "expires     {expires}")?;
        }
        writeln!(f, "number      {seq}")?;
        write!(f, "issued      {issued}")
    }
}
