//! Licence transfer: a licence changes hands.

use std::fmt;

use protocol::{Amount, Digest, PublicKey, Record, UnixSeconds, keys};
use serde::{Deserialize, Serialize};

/// Gives a licence to somebody else, who pays for it; signed by its holder, and accepted by who receives it (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LicenceTransfer {
    /// When it was said.
    pub issued: UnixSeconds,
    /// The licence, by the name of its purchase.
    pub licence: Digest,
    /// How often it changed hands before.
    pub number: u32,
    /// What the new holder pays.
    pub price: Amount,
    /// The new holder.
    #[serde(with = "keys")]
    pub to: PublicKey,
}

impl Record for LicenceTransfer {
    const TYPE: &'static str = "licence_transfer";
}

impl fmt::Display for LicenceTransfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "issued      {}", self.issued)?;
        writeln!(f, "licence     {}", self.licence)?;
        writeln!(f, "number      {}", self.number)?;
        writeln!(f, "price       {}", self.price)?;
        write!(f, "to          {}", self.to)
    }
}
