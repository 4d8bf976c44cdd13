//! Payee: where a contract pays a party.

use std::fmt;

use protocol::{Record, Sequence, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::PayoutAddress;

/// From now on its signer is paid by contracts, at this address, and in no other way (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payee {
    /// The address.
    pub address: PayoutAddress,
    /// When it was said.
    pub issued: UnixSeconds,
    /// The highest one counts.
    pub seq: Sequence,
}

impl Record for Payee {
    const TYPE: &'static str = "payee";
}

impl fmt::Display for Payee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "address     {}", self.address)?;
        writeln!(f, "issued      {}", self.issued)?;
        write!(f, "sequence    {}", self.seq)
    }
}
