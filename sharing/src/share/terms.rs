//! Numbers of a `share` record: how often a wrong passcode is survived, and by what its objects are known.

use std::fmt;

use proofs::Cid;
use protocol::Digest;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use subtle::{Choice, ConstantTimeEq as _};

use super::{AccessToken, SHARE_FILES_MAX};

/// Wrong passcodes that a share survives at most.
pub const SHARE_ATTEMPTS_MAX: u8 = 100;
/// How long a session is good for, in seconds.
pub const SHARE_SESSION_S: u64 = 3600;
const TAG_LEN: usize = 32;

/// How many wrong passcodes a share survives in its life; 0 where it has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Attempts(u8);

/// A number is none of attempts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a share survives at most {SHARE_ATTEMPTS_MAX} wrong passcodes, {found} were asked for")]
pub struct AttemptsError {
    found: u8,
}

impl Attempts {
    /// The share has no passcode.
    pub const NONE: Self = Self(0);
    /// What a share with a passcode has unless its owner says otherwise.
    pub const USUAL: Self = Self(5);

    /// The number; 0 for a share without a passcode.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Attempts {
    type Error = AttemptsError;

    fn try_from(number: u8) -> Result<Self, AttemptsError> {
        if number <= SHARE_ATTEMPTS_MAX { Ok(Self(number)) } else { Err(AttemptsError { found: number }) }
    }
}

impl From<Attempts> for u8 {
    fn from(attempts: Attempts) -> Self {
        attempts.0
    }
}

/// One tag per object of a share, in the order of its files: 1 to 16.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "ByteBuf", into = "ByteBuf")]
pub struct ShareTags(Vec<u8>);

/// Bytes are no tags.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a share has 1 to {SHARE_FILES_MAX} tags of {TAG_LEN} bytes, not {len} bytes of them")]
pub struct ShareTagsError {
    len: usize,
}

impl ShareTags {
    /// The tags of these objects for whoever has this token.
    pub fn of(access: &AccessToken, objects: impl IntoIterator<Item = Cid>) -> Result<Self, ShareTagsError> {
        let tags: Vec<u8> = objects.into_iter().flat_map(|object| *access.tag(&object).as_bytes()).collect();
        ByteBuf::from(tags).try_into()
    }

    /// Whether this tag is among them. Takes the same time wherever it stands.
    pub fn contains(&self, tag: &Digest) -> bool {
        let found = self.0.chunks_exact(TAG_LEN).map(|one| one.ct_eq(tag.as_bytes()));
        found.fold(Choice::from(0), |found, one| found | one).into()
    }

    /// How many there are.
    pub const fn count(&self) -> usize {
        self.0.len() / TAG_LEN
    }
}

impl TryFrom<ByteBuf> for ShareTags {
    type Error = ShareTagsError;

    fn try_from(bytes: ByteBuf) -> Result<Self, ShareTagsError> {
        let len = bytes.len();
        let is_right = len.is_multiple_of(TAG_LEN) && (1..=SHARE_FILES_MAX).contains(&(len / TAG_LEN));
        if is_right { Ok(Self(bytes.into_vec())) } else { Err(ShareTagsError { len }) }
    }
}

impl From<ShareTags> for ByteBuf {
    fn from(tags: ShareTags) -> Self {
        Self::from(tags.0)
    }
}

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
