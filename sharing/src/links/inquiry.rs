//! Link inquiry: the owner of a link asks what happened to it.

use std::fmt;

use protocol::{Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::LinkId;

/// Asks for the events of a link; it counts when the link's own key signed it (spec §27).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkInquiry {
    /// The number of the last event that the owner keeps: the gateway may forget it and those before it; 0 for none.
    pub after: u64,
    /// Which link.
    pub id: LinkId,
    /// When it was asked.
    pub issued: UnixSeconds,
}

impl Record for LinkInquiry {
    const TYPE: &'static str = "link_inquiry";
}

/// Without the id, which opens health links.
impl fmt::Display for LinkInquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "after       event {}", self.after)?;
        write!(f, "issued      {}", self.issued)
    }
}
