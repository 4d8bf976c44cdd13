//! Purchase: somebody buys what is offered.

use std::fmt;

use protocol::{Digest, Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::PaymentId;

/// Sets the price of an offer aside, which the seller has when the key is delivered; signed by the buyer (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purchase {
    /// Its name among the buyer's.
    pub id: PaymentId,
    /// When it was said.
    pub issued: UnixSeconds,
    /// The offer, by the name of its record.
    pub offer: Digest,
}

impl Record for Purchase {
    const TYPE: &'static str = "purchase";
}

impl fmt::Display for Purchase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "id          {}", self.id)?;
        writeln!(f, "issued      {}", self.issued)?;
        write!(f, "offer       {}", self.offer)
    }
}
