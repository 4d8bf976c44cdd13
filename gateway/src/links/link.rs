//! A link as a gateway knows it.

use protocol::{PublicKey, UnixSeconds};
use sha2::{Digest as _, Sha256};

/// Which records a link is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// A sealed link (spec §27).
    Share,
    /// A SMART Health Link (spec §28).
    Health,
    /// A stream of a device (spec §32).
    Stream,
}

/// Whose room a link takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkRoom {
    /// Of those who show the gateway's upload token: it keeps what they want.
    Own,
    /// Of everybody else: a part of all room, and for a limited time.
    Guests,
}

/// A link to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLink {
    /// What kind it is.
    pub kind: LinkKind,
    /// The key that may change it, end it, and ask what happened to it.
    pub owner: PublicKey,
    /// The record that its owner signed; when the link is kept and opens no more, its hash.
    pub record: Vec<u8>,
    /// Wrong attempts that it survives, less one; `None` where there is nothing to guess.
    pub attempts: Option<u32>,
    /// When it ends by itself.
    pub expires: Option<UnixSeconds>,
    /// Whose room it takes up.
    pub room: LinkRoom,
}

impl NewLink {
    /// Whether `kept`, a record or what is left of it, is of this link.
    pub(super) fn is(&self, kept: &[u8]) -> bool {
        kept == self.record || kept == RecordHash::of(&self.record).as_bytes()
    }
}

/// A link that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What its owner signed.
    pub terms: NewLink,
    /// Attempts that are left; `None` where there is nothing to guess.
    pub remaining: Option<u32>,
    /// When it was revoked.
    pub ended: Option<UnixSeconds>,
}

/// What a store has in the place of a record that nobody may read any more, so that the same one is known again: its SHA-256, which
/// `PostgreSQL` makes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordHash([u8; 32]);

/// Whether a link opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// It does, for whoever shows what it asks for.
    Open,
    /// Its owner revoked it.
    Revoked {
        /// When.
        at: UnixSeconds,
    },
    /// Its time is over.
    Expired,
    /// No attempt is left.
    Locked,
}

impl Link {
    /// Whether its record is still kept.
    pub fn has_record(&self) -> bool {
        !RecordHash::is_all(&self.terms.record)
    }

    /// The link as it begins.
    pub const fn begin(terms: NewLink) -> Self {
        Self { remaining: terms.attempts, terms, ended: None }
    }

    /// Whether it opens now.
    pub fn state(&self, now: UnixSeconds) -> LinkState {
        match (self.ended, self.terms.expires) {
            (Some(at), _) => LinkState::Revoked { at },
            (None, Some(expires)) if expires.has_passed(now) => LinkState::Expired,
            _ if self.remaining == Some(0) => LinkState::Locked,
            _ => LinkState::Open,
        }
    }
}

impl RecordHash {
    pub(super) fn of(record: &[u8]) -> Self {
        Self(Sha256::digest(record).into())
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this is all that is kept of a record: a record has a signature, and is longer.
    pub(super) const fn is_all(kept: &[u8]) -> bool {
        kept.len() == size_of::<Self>()
    }
}

impl LinkKind {
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Share => 0,
            Self::Health => 1,
            Self::Stream => 2,
        }
    }

    pub(super) const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Share),
            1 => Some(Self::Health),
            2 => Some(Self::Stream),
            _ => None,
        }
    }
}
