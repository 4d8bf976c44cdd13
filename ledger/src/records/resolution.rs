//! Resolution: a dispute ends, and the money that was held has an owner again.

use std::fmt;

use protocol::{Amount, Digest, Record, UnixSeconds};
use serde::{Deserialize, Serialize};

/// Ends a hold: a part goes to whoever has disputed, the rest back to the party; signed by the ledger (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolution {
    /// What the signer of the dispute has of it.
    pub given: Amount,
    /// The hold, by the name of its record.
    pub hold: Digest,
    /// When it was said.
    pub issued: UnixSeconds,
}

impl Record for Resolution {
    const TYPE: &'static str = "resolution";
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "given       {}", self.given)?;
        writeln!(f, "hold        {}", self.hold)?;
        write!(f, "issued      {}", self.issued)
    }
}
