//! Session request: a viewer asks for a grant, and says what it may cost.

use std::fmt;

use protocol::{AgreementId, Amount, Epoch, PublicKey, Record, UnixSeconds, Usage, keys};
use serde::{Deserialize, Serialize};

use crate::PaymentId;

/// Asks to watch a title on account; signed by the viewer, without whom nothing is charged (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// The title, by the version of its agreement.
    pub agreement: AgreementId,
    /// Whether the page that asks came from the gateway itself.
    pub attested: bool,
    /// Whose budget pays; without it the viewer's own funds do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetRef>,
    /// The most that it may cost.
    pub charge: Amount,
    /// In which epoch it is settled.
    pub epoch: Epoch,
    /// The gateway that serves.
    #[serde(with = "keys")]
    pub gateway: PublicKey,
    /// When it was said.
    pub issued: UnixSeconds,
    /// The most that may be delivered.
    pub limit: Usage,
    /// The key that will acknowledge, for this grant alone.
    #[serde(with = "keys")]
    pub session: PublicKey,
}

/// The name of a budget.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetRef {
    /// Its name among the payer's.
    pub id: PaymentId,
    /// Who pays.
    #[serde(with = "keys")]
    pub payer: PublicKey,
}

impl Record for SessionRequest {
    const TYPE: &'static str = "session_request";
}

impl fmt::Display for SessionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "agreement   {}", self.agreement)?;
        writeln!(f, "by its page {}", if self.attested { "yes" } else { "no" })?;
        if let Some(budget) = &self.budget {
            writeln!(f, "budget      {} of {}", budget.id, budget.payer)?;
        }
        writeln!(f, "may cost    {}", self.charge)?;
        writeln!(f, "epoch       {}", self.epoch)?;
        writeln!(f, "gateway     {}", self.gateway)?;
        writeln!(f, "limit       {}", self.limit)?;
        writeln!(f, "session     {}", self.session)?;
        write!(f, "issued      {}", self.issued)
    }
}
