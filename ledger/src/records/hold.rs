//! Hold: the ledger keeps money back while a dispute is open.

use std::fmt;

use protocol::{Amount, Digest, Record, UnixSeconds};
use serde::{Deserialize, Serialize};

/// Keeps back what is disputed of a party's earnings, or a part of it, until that is resolved; signed by the ledger (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// How much.
    pub amount: Amount,
    /// The dispute, by the name of its record.
    pub dispute: Digest,
    /// When it was said.
    pub issued: UnixSeconds,
}

impl Record for Hold {
    const TYPE: &'static str = "hold";
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "amount      {}", self.amount)?;
        writeln!(f, "dispute     {}", self.dispute)?;
        write!(f, "issued      {}", self.issued)
    }
}
