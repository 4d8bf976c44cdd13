//! Health link end: the owner of a health link revokes it.

use std::fmt;

use protocol::{Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::LinkId;

/// Ends a health link for ever; it counts when the key of the link signed it (spec §28).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthLinkEnd {
    /// Which link.
    pub id: LinkId,
    /// When it was said.
    pub issued: UnixSeconds,
}

impl Record for HealthLinkEnd {
    const TYPE: &'static str = "health_link_end";
}

/// Without the id, by which the link was found.
impl fmt::Display for HealthLinkEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "issued      {}", self.issued)
    }
}
