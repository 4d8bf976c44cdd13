//! Budget: somebody pays for what viewers watch, up to a sum.

use std::fmt;

use proofs::Cid;
use protocol::{Amount, Epoch, PublicKey, Record, UnixSeconds, keys};
use serde::{Deserialize, Serialize};

use crate::PaymentId;

/// Sets a sum aside for one epoch: a subscription of one viewer, or a pool of a sponsor; signed by who pays (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// The sum.
    pub amount: Amount,
    /// The only title that it pays for, whatever the version of its agreement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Cid>,
    /// The most that the charges of one viewer count for.
    pub each: Amount,
    /// For which epoch.
    pub epoch: Epoch,
    /// Its name among the payer's.
    pub id: PaymentId,
    /// When it was said.
    pub issued: UnixSeconds,
    /// The only viewer that it pays for.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "keys::optional")]
    pub viewer: Option<PublicKey>,
    /// Whether all of it is paid out as soon as there is any charge, in proportion to these.
    pub whole: bool,
}

impl Record for Budget {
    const TYPE: &'static str = "budget";
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "amount      {}", self.amount)?;
        if let Some(content) = &self.content {
            writeln!(f, "title       {content}")?;
        }
        writeln!(f, "each viewer {}", self.each)?;
        writeln!(f, "epoch       {}", self.epoch)?;
        writeln!(f, "id          {}", self.id)?;
        if let Some(viewer) = &self.viewer {
            writeln!(f, "viewer      {viewer}")?;
        }
        writeln!(f, "issued      {}", self.issued)?;
        write!(f, "all of it   {}", if self.whole { "yes" } else { "no" })
    }
}
