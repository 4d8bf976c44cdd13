//! Who has what of a line or a sale, by agreements out of a log and nothing else.

use std::collections::BTreeMap;

use protocol::{AgreementId, Amount, PublicKey};

use super::divided;
use crate::fold::{Agreements, Split};
use crate::{Agreed, Division, Line, RegisterError, Sale, SplitAgreement, Unit};

/// Agreements in the order of the log, each with those that it names before it.
#[derive(Clone, Debug)]
pub struct Divisions {
    agreements: Agreements,
    treasury: PublicKey,
    unit: Unit,
}

impl Divisions {
    /// Divides what a ledger in this unit has settled, whose own part goes to `treasury`.
    pub fn new(unit: Unit, treasury: PublicKey) -> Self {
        Self { agreements: Agreements::default(), treasury, unit }
    }

    /// Takes the next agreement.
    pub fn register(&mut self, agreed: &Agreed) -> Result<(), RegisterError> {
        self.agreements.register(agreed, &self.unit)
    }

    /// The agreement of this id; `None` where it was not taken.
    pub fn agreement(&self, id: AgreementId) -> Option<&SplitAgreement> {
        self.agreements.get(id)
    }

    /// How a line is divided; `None` where its agreement was not taken.
    pub fn line(&self, line: &Line) -> Option<Division> {
        self.agreements.get(line.agreement)?;
        let Split { gateway, network, node, parties } = self.agreements.split(line.agreement, line.paid);
        Some(Division { gateway, network, node, parties })
    }

    /// What each key has of a sale, the treasury included; `None` where its agreement was not taken.
    pub fn sale(&self, sale: &Sale) -> Option<BTreeMap<PublicKey, Amount>> {
        self.agreements.get(sale.agreement)?;
        Some(divided(&self.agreements, self.treasury, sale))
    }
}
