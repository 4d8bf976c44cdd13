//! Share end: its owner takes a sealed share back.

use std::fmt;

use protocol::{Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::LinkId;

/// Ends a sealed share for good; it counts when the share's own key signed it (spec §27).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShareEnd {
    /// Which share.
    pub id: LinkId,
    /// When it was said.
    pub issued: UnixSeconds,
}

impl Record for ShareEnd {
    const TYPE: &'static str = "share_end";
}

impl fmt::Display for ShareEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "share       {}", self.id)?;
        write!(f, "issued      {}", self.issued)
    }
}
