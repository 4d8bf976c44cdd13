//! Voucher: a gateway owes a node for what it has read.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Amount, Epoch, LaneNumber, PublicKey, Record, keys};

/// What its signer owes on one lane, all in all; each voucher takes the place of those before (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voucher {
    /// What is owed at least, all in all.
    pub amount: Amount,
    /// How many bytes the node has delivered, all in all.
    pub bytes: u64,
    /// In which epoch.
    pub epoch: Epoch,
    /// On which lane.
    pub lane: LaneNumber,
    /// The node.
    #[serde(with = "keys")]
    pub payee: PublicKey,
}

impl Record for Voucher {
    const TYPE: &'static str = "voucher";
}

impl fmt::Display for Voucher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "amount      {}", self.amount)?;
        writeln!(f, "bytes       {}", self.bytes)?;
        writeln!(f, "epoch       {}", self.epoch)?;
        writeln!(f, "lane        {}", self.lane.get())?;
        write!(f, "payee       {}", self.payee)
    }
}
