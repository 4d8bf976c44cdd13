//! Disputes, and the money that is kept back while they are open.

use std::collections::BTreeMap;

use protocol::{Amount, Digest, Epoch, PublicKey, Signed};

use super::{Applied, ApplyError, HoldError, Ledger, PaymentError};
use crate::transaction::Draft;
use crate::{Account, Dispute, Hold, Resolution, Transaction};

/// Most disputes of one key that the ledger knows, until the next settlement publishes them.
pub const DISPUTES_OF_KEY_MAX: usize = 64;
/// Most disputes of all keys together that it does not know, which are free to make.
pub const DISPUTES_OF_STRANGERS_MAX: usize = 1000;
/// A hold ends by itself with the settlement of so many epochs.
pub const HOLD_EPOCHS_MAX: u64 = 4;

/// What is disputed, and what is kept back for it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Disputes {
    /// Names of disputes, holds and resolutions since the last settlement, in the order in which they came.
    said: Vec<Digest>,
    /// Disputes since the last settlement, and who has signed them.
    open: BTreeMap<Digest, PublicKey>,
    /// How many of them are of each key that is known; `None` is all others.
    waiting: BTreeMap<Option<PublicKey>, usize>,
    /// All holds that ever were; those that have ended are empty.
    holds: BTreeMap<Digest, Option<Held>>,
}

/// Money that is kept back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Held {
    amount: Amount,
    /// The epoch with whose settlement it ends.
    ends: Epoch,
    party: PublicKey,
    disputed_by: PublicKey,
}

impl Disputes {
    /// What the next settlement publishes.
    pub(crate) fn said(&self) -> &[Digest] {
        &self.said
    }

    /// Whose money comes free when this epoch is settled, and how much.
    pub(crate) fn ending(&self, epoch: Epoch) -> impl Iterator<Item = (PublicKey, Amount)> {
        self.holds
            .values()
            .flatten()
            .filter(move |held| held.ends <= epoch)
            .map(|held| (held.party, held.amount))
    }

    /// Takes a place for a dispute: everybody who is known has some, whatever others have said; all others share some.
    fn take_place(&mut self, known: Option<PublicKey>) -> Result<(), ApplyError> {
        let most = if known.is_some() { DISPUTES_OF_KEY_MAX } else { DISPUTES_OF_STRANGERS_MAX };
        let waiting = self.waiting.get(&known).copied().unwrap_or_default();
        if waiting >= most {
            return Err(ApplyError::TooManyDisputes { most });
        }
        self.waiting.insert(known, waiting + 1);
        Ok(())
    }
}

impl Ledger {
    pub(super) fn dispute(&mut self, record: &Signed<Dispute>) -> Result<Applied, ApplyError> {
        let name = record.name();
        if self.disputes.open.contains_key(&name) {
            return Ok(Applied::Known);
        }
        let by = record.by();
        self.disputes.take_place(Some(by).filter(|by| self.knows(by)))?;
        self.disputes.said.push(name);
        self.disputes.open.insert(name, by);
        Ok(Applied::New(None))
    }

    /// A party that contracts pay may have been paid already, whatever is held: nothing of it is.
    pub(super) fn hold(&mut self, record: &Signed<Hold>) -> Result<Applied, ApplyError> {
        let (Hold { amount, dispute, party, .. }, name) = (*record.body(), record.name());
        if record.by() != self.terms.issuer {
            return Err(PaymentError::NotTheLedger { by: record.by() }.into());
        }
        if self.disputes.holds.contains_key(&name) {
            return Ok(Applied::Known);
        }
        let disputed_by = *self.disputes.open.get(&dispute).ok_or(HoldError::NoDispute { dispute })?;
        if [party, self.terms.issuer, self.terms.treasury].contains(&disputed_by) {
            return Err(HoldError::OwnDispute { by: disputed_by }.into());
        }
        if self.payments.is_paid_by_contract(&party) {
            return Err(HoldError::ByContract { party }.into());
        }
        let transaction = Transaction::transfer(Account::Earned(party), Account::Held(party), amount);
        let transaction = transaction.ok_or(PaymentError::Nothing)?;
        let applied = self.post(Some(transaction))?;
        let ends = Epoch::new(self.next_epoch().get() + HOLD_EPOCHS_MAX - 1);
        self.disputes.holds.insert(name, Some(Held { amount, ends, party, disputed_by }));
        self.disputes.said.push(name);
        Ok(applied)
    }

    pub(super) fn resolve(&mut self, record: &Signed<Resolution>) -> Result<Applied, ApplyError> {
        let Resolution { given, hold, .. } = *record.body();
        if record.by() != self.terms.issuer {
            return Err(PaymentError::NotTheLedger { by: record.by() }.into());
        }
        let known = self.disputes.holds.get(&hold).ok_or(HoldError::NoHold { hold })?;
        let Some(held) = *known else { return Ok(Applied::Known) };
        let rest = held.amount.minus(given).ok_or(HoldError::TooMuch { given, held: held.amount })?;
        let mut draft = Draft::default();
        draft.take(Account::Held(held.party), held.amount);
        draft.give(Account::Funds(held.disputed_by), given);
        draft.give(Account::Earned(held.party), rest);
        let applied = self.post(draft.finish())?;
        self.disputes.holds.insert(hold, None);
        self.disputes.said.push(record.name());
        Ok(applied)
    }

    /// What was said is published, and what was held too long is free.
    pub(super) fn settle_disputes(&mut self, epoch: Epoch) {
        self.disputes.said.clear();
        self.disputes.open.clear();
        self.disputes.waiting.clear();
        for held in self.disputes.holds.values_mut() {
            *held = held.filter(|held| held.ends > epoch);
        }
    }
}
