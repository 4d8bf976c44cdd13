//! What happened to a link at its gateway.

use protocol::{UnixSeconds, Unverified};
use serde::{Deserialize, Serialize};

use super::Reader;
use crate::ShareReader;

/// Something that happened to a link, as its gateway tells its owner (spec §27).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkEvent {
    /// When.
    pub at: UnixSeconds,
    /// By what they showed that it was granted to them, as it came: its owner can tell whose it is, and nobody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Unverified<ShareReader>>,
    /// What.
    pub what: LinkEventKind,
    /// Who, by their own word; nobody where nothing was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Reader>,
}

/// What can happen to a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkEventKind {
    /// It was read.
    Opened,
    /// It was read past its usual checks, for a reason that was stated.
    BreakGlass,
    /// Somebody showed a wrong passcode or token.
    Refused,
    /// The last attempt was used up: nobody opens it any more.
    Locked,
    /// Its owner put something else behind it.
    Changed,
    /// Its owner revoked it.
    Ended,
}

impl LinkEventKind {
    /// Whether somebody got to read something. Of such events every one is kept; of the others not without limit, since
    /// anybody can cause them.
    pub const fn is_access(self) -> bool {
        matches!(self, Self::Opened | Self::BreakGlass)
    }
}
