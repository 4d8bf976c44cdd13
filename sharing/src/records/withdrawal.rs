//! Withdrawal: a creator takes a publication back.

use std::fmt;

use protocol::{Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::PublicationId;

/// Asks no longer to serve a publication; it counts when the publication's creator signed it (spec §11).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawal {
    /// Which publication.
    pub bundle: PublicationId,
    /// When it was said.
    pub issued: UnixSeconds,
}

impl Record for Withdrawal {
    const TYPE: &'static str = "withdrawal";
}

impl fmt::Display for Withdrawal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "publication {}", self.bundle)?;
        write!(f, "issued      {}", self.issued)
    }
}
