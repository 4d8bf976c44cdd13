//! Prepayment: somebody pays in advance for what nodes keep.

use std::fmt;

use protocol::{Amount, Ppm, PublicKey, Record, UnixSeconds, keys};
use serde::{Deserialize, Serialize};

use crate::PaymentId;

/// Sets money aside for storage; nodes have of it what an auditor of the payer's choice has seen proved; signed by the payer (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prepayment {
    /// The most that it pays.
    pub amount: Amount,
    /// Whose reports it pays for.
    #[serde(with = "keys")]
    pub auditor: PublicKey,
    /// Its name among the payer's.
    pub id: PaymentId,
    /// When it was said.
    pub issued: UnixSeconds,
    /// For one GiB kept over 30 days, as node records name it.
    pub price: Amount,
    /// The end of what it pays for.
    pub until: UnixSeconds,
    /// The part of each charge that is held back until more is proved, and lost with the first shard.
    pub withheld: Ppm,
}

impl Record for Prepayment {
    const TYPE: &'static str = "prepayment";
}

impl fmt::Display for Prepayment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "amount      {}", self.amount)?;
        writeln!(f, "auditor     {}", self.auditor)?;
        writeln!(f, "id          {}", self.id)?;
        writeln!(f, "issued      {}", self.issued)?;
        writeln!(f, "per GiB·30 d{}", self.price)?;
        writeln!(f, "until       {}", self.until)?;
        write!(f, "held back   {}", self.withheld)
    }
}
