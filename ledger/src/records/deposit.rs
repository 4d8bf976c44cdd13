//! Deposit: money comes in, and the depositor says so.

use std::fmt;

use protocol::{Amount, Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::{PaymentId, Remark, Unit};

/// Its signer has put money in; nothing is credited that no depositor signed (spec §11, §25).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deposit {
    /// How much.
    pub amount: Amount,
    /// Its name among the depositor's.
    pub id: PaymentId,
    /// By which way it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<Remark>,
    /// In what it is counted.
    pub unit: Unit,
    /// When it was said.
    pub issued: UnixSeconds,
}

impl Record for Deposit {
    const TYPE: &'static str = "deposit";
}

impl fmt::Display for Deposit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "amount      {}", self.amount)?;
        writeln!(f, "id          {}", self.id)?;
        if let Some(remark) = &self.remark {
            writeln!(f, "remark      {remark}")?;
        }
        writeln!(f, "unit        {}", self.unit)?;
        write!(f, "issued      {}", self.issued)
    }
}
