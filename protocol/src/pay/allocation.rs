//! Allocation: a gateway sets money aside for one lane to a node.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Amount, Epoch, LaneNumber, PublicKey, Record, UnixSeconds, keys};

/// Sets aside what vouchers of one lane may come to; signed by the payer (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allocation {
    /// The most that its vouchers may come to.
    pub amount: Amount,
    /// For which epoch.
    pub epoch: Epoch,
    /// When it was said.
    pub issued: UnixSeconds,
    /// Which lane.
    pub lane: LaneNumber,
    /// The node that is paid.
    #[serde(with = "keys")]
    pub payee: PublicKey,
}

impl Record for Allocation {
    const TYPE: &'static str = "allocation";
}

impl fmt::Display for Allocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "at most     {}", self.amount)?;
        writeln!(f, "epoch       {}", self.epoch)?;
        writeln!(f, "issued      {}", self.issued)?;
        writeln!(f, "lane        {}", self.lane.get())?;
        write!(f, "payee       {}", self.payee)
    }
}
