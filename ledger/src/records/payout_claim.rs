//! Payout claim: a party asks for what it has earned.

use std::fmt;

use protocol::{Amount, Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::Remark;

/// Asks that its signer has been paid so much in all; what is new of it is paid out (spec §11, §25).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayoutClaim {
    /// What was ever paid to the party, this payment included.
    pub cumulative: Amount,
    /// By which way.
    pub rail: Rail,
    /// Where to, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<Remark>,
    /// When it was said.
    pub issued: UnixSeconds,
}

impl Record for PayoutClaim {
    const TYPE: &'static str = "payout_claim";
}

/// A way by which money leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rail {
    /// A transfer of a bank.
    Bank,
    /// A contract that checks payout proofs.
    Contract,
    /// Vouchers of the operator.
    Voucher,
}

impl fmt::Display for Rail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bank => "bank",
            Self::Contract => "contract",
            Self::Voucher => "voucher",
        })
    }
}

impl fmt::Display for PayoutClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "in all      {}", self.cumulative)?;
        writeln!(f, "by way of   {}", self.rail)?;
        if let Some(remark) = &self.remark {
            writeln!(f, "remark      {remark}")?;
        }
        write!(f, "issued      {}", self.issued)
    }
}
