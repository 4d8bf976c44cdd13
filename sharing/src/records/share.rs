//! Share: what a gateway keeps of a sealed share, and what it lets in.

use std::fmt;

use protocol::{Digest, Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::{AccessToken, Attempts, Knock, LinkId, ShareContents, ShareKeys, ShareTags, Wrapped};

/// Registers a sealed share at a gateway (spec §27). It holds nothing that opens anything.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Share {
    fields: Fields,
}

/// A share ends before it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the share expires at {expires}, which is not after {issued}, when it was issued")]
pub struct ShareError {
    issued: UnixSeconds,
    expires: UnixSeconds,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    access: Digest,
    attempts: Attempts,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    emergency: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<UnixSeconds>,
    id: LinkId,
    issued: UnixSeconds,
    knock: Digest,
    tags: ShareTags,
    wrapped: Wrapped,
}

impl Record for Share {
    const TYPE: &'static str = "share";
}

impl Share {
    /// Wraps these contents for whoever has `keys`, which are those of this share alone.
    pub fn new(
        keys: &ShareKeys,
        contents: &ShareContents,
        attempts: Attempts,
        expires: Option<UnixSeconds>,
    ) -> Result<Self, ShareError> {
        let objects = contents.files().iter().map(|file| file.object);
        let tags =
            ShareTags::of(keys.access(), objects).expect("contents have as many files as there may be tags");
        Self::try_from(Fields {
            access: keys.access().digest(),
            attempts,
            emergency: false,
            expires,
            id: keys.id(),
            issued: contents.issued(),
            knock: keys.knock().digest(),
            tags,
            wrapped: Wrapped::seal(keys, contents),
        })
    }

    /// The same for emergencies alone: whoever opens it says who they are and why, and that is reported as such.
    #[must_use]
    pub const fn for_emergencies(mut self) -> Self {
        self.fields.emergency = true;
        self
    }

    /// Whether it is for emergencies alone.
    pub const fn is_for_emergencies(&self) -> bool {
        self.fields.emergency
    }

    /// Which share.
    pub const fn id(&self) -> LinkId {
        self.fields.id
    }

    /// When it was made.
    pub const fn issued(&self) -> UnixSeconds {
        self.fields.issued
    }

    /// Until when it opens, where that is bounded.
    pub const fn expires(&self) -> Option<UnixSeconds> {
        self.fields.expires
    }

    /// How many wrong passcodes it survives.
    pub const fn attempts(&self) -> Attempts {
        self.fields.attempts
    }

    /// Whether there is a passcode.
    pub const fn has_passcode(&self) -> bool {
        self.fields.attempts.get() > 0
    }

    /// Whether this is what a holder of the link shows.
    pub fn is_knock(&self, knock: &Knock) -> bool {
        knock.has_digest(&self.fields.knock)
    }

    /// Whether this is what a holder of link and passcode shows.
    pub fn is_access(&self, access: &AccessToken) -> bool {
        access.has_digest(&self.fields.access)
    }

    /// By what its objects are known.
    pub const fn tags(&self) -> &ShareTags {
        &self.fields.tags
    }

    /// What only its reader can open.
    pub const fn wrapped(&self) -> &Wrapped {
        &self.fields.wrapped
    }
}

impl TryFrom<Fields> for Share {
    type Error = ShareError;

    fn try_from(fields: Fields) -> Result<Self, ShareError> {
        match fields.expires {
            Some(expires) if expires <= fields.issued => Err(ShareError { issued: fields.issued, expires }),
            _ => Ok(Self { fields }),
        }
    }
}

impl From<Share> for Fields {
    fn from(share: Share) -> Self {
        share.fields
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "share       {}", self.id())?;
        writeln!(f, "objects     {}", self.tags().count())?;
        match self.attempts().get() {
            0 => writeln!(f, "passcode    no")?,
            attempts => writeln!(f, "passcode    yes, {attempts} wrong ones end it")?,
        }
        if self.is_for_emergencies() {
            writeln!(f, "for         emergencies")?;
        }
        match self.expires() {
            Some(expires) => writeln!(f, "expires     {expires}")?,
            None => writeln!(f, "expires     never")?,
        }
        write!(f, "issued      {}", self.issued())
    }
}
