//! Sales: what licences have brought to whom.

use std::collections::BTreeMap;

use protocol::{AgreementId, Amount, Digest, Ppm, PublicKey, keys};
use serde::{Deserialize, Serialize};

use super::{add, sum};
use crate::apportion;
use crate::fold::Agreements;

/// A licence was paid for, and its key delivered, or it was passed on. In the order in which it happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sale {
    /// The work.
    pub agreement: AgreementId,
    /// The licence, by the name of its purchase.
    pub licence: Digest,
    /// What was paid.
    pub paid: Amount,
    /// Who has sold it on; without this it was sold for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resale: Option<Resale>,
}

/// A licence that is sold on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resale {
    /// Who held it before.
    #[serde(with = "keys")]
    pub by: PublicKey,
    /// The part of the price that those have who share in the work.
    pub share: Ppm,
}

/// What all sales bring to whom.
#[derive(Clone, Default, Debug)]
pub(super) struct Sold {
    pub(super) paid: Amount,
    earned: BTreeMap<PublicKey, Amount>,
}

impl Sold {
    /// Adds what a sale brings. All sales together have paid an amount, and name registered agreements.
    pub(super) fn take(&mut self, agreements: &Agreements, treasury: PublicKey, sale: &Sale) {
        self.paid = sum([self.paid, sale.paid]);
        let shared = match sale.resale {
            None => sale.paid,
            Some(Resale { by, share }) => {
                let weights = [(0, u64::from(share.get())), (1, u64::from(share.rest().get()))];
                let parts = apportion(sale.paid, &weights).expect("share and rest are the whole");
                add(&mut self.earned, by, parts[1]);
                parts[0]
            }
        };
        let (network, parties) = agreements.split_sale(sale.agreement, shared);
        add(&mut self.earned, treasury, network);
        for (party, part) in parties {
            add(&mut self.earned, party, part);
        }
    }

    /// Adds what everybody has earned by them.
    pub(super) fn earned(&self, earned: &mut BTreeMap<PublicKey, Amount>) {
        for (owner, amount) in &self.earned {
            add(earned, *owner, *amount);
        }
    }
}
