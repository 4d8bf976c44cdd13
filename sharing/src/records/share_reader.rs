//! Share reader: somebody to whom a share for emergencies was granted says who they are as they open it.

use std::fmt;

use protocol::{Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::{LinkId, Reader};

/// Says who opens a share for emergencies; signed by the holder key of the grant that has its link, by which the owner knows whose word it is
/// (spec §31).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShareReader {
    /// Which share.
    pub id: LinkId,
    /// When it is opened.
    pub issued: UnixSeconds,
    /// Who opens it, and why.
    pub who: Reader,
}

impl Record for ShareReader {
    const TYPE: &'static str = "share_reader";
}

impl fmt::Display for ShareReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "share       {}", self.id)?;
        writeln!(f, "who         {}", self.who)?;
        write!(f, "issued      {}", self.issued)
    }
}
