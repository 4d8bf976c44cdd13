//! Disputes, and what is held back for them, as whoever reads the log can follow them, too (spec §25).

use std::collections::BTreeMap;

use protocol::{Amount, Digest, Epoch, PublicKey, Signed, keys};
use serde::{Deserialize, Serialize};

use crate::{Dispute, Hold, HoldError, Resolution, Terms};

/// A hold ends by itself with the settlement of so many epochs, the one in which it began among them; for as many after these
/// nothing of the same party is held.
pub const HOLD_EPOCHS_MAX: u64 = 4;

/// A dispute as the log shows it. Reason and subject are not in it, by which a viewer could be known; its name is a hash over
/// them, so that whoever has the record can show that it is this one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disputed {
    /// How much is disputed.
    pub amount: Amount,
    /// Who has signed it.
    #[serde(with = "keys")]
    pub by: PublicKey,
    /// The name of its record.
    pub name: Digest,
    /// Against whom.
    #[serde(with = "keys")]
    pub party: PublicKey,
}

/// Money that is held back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Held {
    pub(crate) amount: Amount,
    /// The epoch with whose settlement it ends.
    pub(crate) ends: Epoch,
    pub(crate) party: PublicKey,
    pub(crate) disputed_by: PublicKey,
}

/// What is disputed, and what is held back for it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Disputes {
    /// Names of disputes, holds and resolutions since the last settlement, in the order in which they came.
    said: Vec<Digest>,
    /// Disputes since the last settlement, and what is held for each.
    open: BTreeMap<Digest, (Disputed, u64)>,
    /// All holds that ever were; those that have ended are empty.
    holds: BTreeMap<Digest, Option<Held>>,
    /// In which epoch holds of a party have begun, as long as that stands in the way of others.
    began: BTreeMap<PublicKey, Epoch>,
}

impl From<&Signed<Dispute>> for Disputed {
    fn from(record: &Signed<Dispute>) -> Self {
        let Dispute { amount, party, .. } = *record.body();
        Self { amount, by: record.by(), name: record.name(), party }
    }
}

impl Disputes {
    /// What the next settlement names.
    pub(crate) fn said(&self) -> &[Digest] {
        &self.said
    }

    /// Whether this was disputed since the last settlement.
    pub(crate) fn has(&self, dispute: &Digest) -> bool {
        self.open.contains_key(dispute)
    }

    /// Whether a hold has this name, ended or not.
    pub(crate) fn has_hold(&self, hold: &Digest) -> bool {
        self.holds.contains_key(hold)
    }

    pub(crate) fn dispute(&mut self, disputed: Disputed) {
        self.said.push(disputed.name);
        self.open.insert(disputed.name, (disputed, 0));
    }

    /// What a hold would keep back in this epoch: no more than is disputed, of the party against whom, for somebody who is
    /// neither that nor the ledger.
    pub(crate) fn holding(&self, hold: &Hold, epoch: Epoch, terms: &Terms) -> Result<Held, HoldError> {
        let Hold { amount, dispute, .. } = *hold;
        let (disputed, already) = self.open.get(&dispute).ok_or(HoldError::NoDispute { dispute })?;
        let Disputed { by, party, .. } = *disputed;
        if [party, terms.issuer, terms.treasury].contains(&by) {
            return Err(HoldError::OwnDispute { by });
        }
        if amount.get().saturating_add(*already) > disputed.amount.get() {
            return Err(HoldError::MoreThanDisputed { amount, disputed: disputed.amount });
        }
        let began = self.began.get(&party).map_or(epoch.get(), |began| began.get());
        let ends = Epoch::new(began + HOLD_EPOCHS_MAX - 1);
        if epoch > ends {
            return Err(HoldError::Again { party, from: Epoch::new(began + 2 * HOLD_EPOCHS_MAX) });
        }
        Ok(Held { amount, ends, party, disputed_by: by })
    }

    /// Holds what [`Self::holding`] has said in this epoch.
    pub(crate) fn hold(&mut self, record: &Signed<Hold>, held: Held, epoch: Epoch) {
        let name = record.name();
        if let Some((_, of_dispute)) = self.open.get_mut(&record.body().dispute) {
            *of_dispute += held.amount.get();
        }
        self.said.push(name);
        self.holds.insert(name, Some(held));
        self.began.entry(held.party).or_insert(epoch);
    }

    /// What is held, and what is left of it for the party; nothing when the hold has ended.
    pub(crate) fn resolving(&self, resolution: &Resolution) -> Result<Option<(Held, Amount)>, HoldError> {
        let Resolution { given, hold, .. } = *resolution;
        let Some(held) = *self.holds.get(&hold).ok_or(HoldError::NoHold { hold })? else { return Ok(None) };
        let rest = held.amount.minus(given).ok_or(HoldError::TooMuch { given, held: held.amount })?;
        Ok(Some((held, rest)))
    }

    /// Ends a hold.
    pub(crate) fn resolve(&mut self, record: &Signed<Resolution>) {
        self.said.push(record.name());
        self.holds.insert(record.body().hold, None);
    }

    /// Whose money comes free when this epoch is settled, and how much.
    pub(crate) fn ending(&self, epoch: Epoch) -> impl Iterator<Item = (PublicKey, Amount)> {
        self.holds
            .values()
            .flatten()
            .filter(move |held| held.ends <= epoch)
            .map(|held| (held.party, held.amount))
    }

    /// What was said is published, and what was held too long is free.
    pub(crate) fn settle(&mut self, epoch: Epoch) {
        self.said.clear();
        self.open.clear();
        for held in self.holds.values_mut() {
            *held = held.filter(|held| held.ends > epoch);
        }
        self.began.retain(|_, began| began.get() + 2 * HOLD_EPOCHS_MAX > epoch.get() + 1);
    }
}
