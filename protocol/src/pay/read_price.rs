//! What a node asks for what is read from it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Amount, PublicKey, keys};

/// Micro-units for one GiB that is read, paid by vouchers of one ledger (spec §11, §13).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadPrice {
    /// The ledger.
    #[serde(with = "keys")]
    pub ledger: PublicKey,
    /// For 2^30 bytes.
    pub micro: Amount,
}

impl fmt::Display for ReadPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} µ per GiB that is read, by ledger {}", self.micro.get(), self.ledger.fmt_short())
    }
}
