//! Live end: a creator says that a stream is over, and what it has become.

use std::fmt;

use protocol::{Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::{LiveId, PublicationId};

/// Ends a live stream; it counts when the stream's creator signed it (spec §11, §21).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveEnd {
    /// When it was said.
    pub issued: UnixSeconds,
    /// Which stream.
    pub live: LiveId,
    /// The publication that it has become.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publication: Option<PublicationId>,
}

impl Record for LiveEnd {
    const TYPE: &'static str = "live_end";
}

impl fmt::Display for LiveEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "live        {}", self.live)?;
        if let Some(publication) = self.publication {
            writeln!(f, "publication {publication}")?;
        }
        write!(f, "issued      {}", self.issued)
    }
}
