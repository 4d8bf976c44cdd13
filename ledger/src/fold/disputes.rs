//! Disputes as the ledger takes them, and the money that is held back while they are open.

use std::collections::BTreeMap;

use protocol::Signed;

use super::{Applied, ApplyError, HoldError, KnownBy, Ledger, PaymentError};
use crate::disputes::Disputed;
use crate::transaction::Draft;
use crate::{Account, Dispute, Hold, Resolution, Transaction};

/// Most disputes that wait for the next settlement of one key that has had money, and of those that it has made known.
pub const DISPUTES_OF_KEY_MAX: usize = 64;
/// Most disputes of all keys together that the ledger does not know, which are free to make.
pub const DISPUTES_OF_STRANGERS_MAX: usize = 1000;

/// How many disputes since the last settlement are of each key that answers for them; `None` is all who are not known.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Waiting(BTreeMap<Option<KnownBy>, usize>);

impl Waiting {
    /// Takes a place for a dispute: everybody who is known has some, whatever others have said; all others share some.
    fn take_place(&mut self, known: Option<KnownBy>) -> Result<(), ApplyError> {
        let most = if known.is_some() { DISPUTES_OF_KEY_MAX } else { DISPUTES_OF_STRANGERS_MAX };
        let waiting = self.0.get(&known).copied().unwrap_or_default();
        if waiting >= most {
            return Err(ApplyError::TooManyDisputes { most });
        }
        self.0.insert(known, waiting + 1);
        Ok(())
    }

    /// What waited is published.
    pub(super) fn settle(&mut self) {
        self.0.clear();
    }
}

impl Ledger {
    pub(super) fn dispute(&mut self, record: &Signed<Dispute>) -> Result<Applied, ApplyError> {
        if self.disputes.has(&record.name()) {
            return Ok(Applied::Known);
        }
        let known = self.known_by(&record.by());
        self.waiting.take_place(known)?;
        self.disputes.dispute(Disputed::from(record));
        Ok(Applied::New(None))
    }

    /// A party that contracts pay may have been paid already, whatever is held: nothing of it is. Nor is anything held for keys
    /// that have no money here, which are free to make.
    pub(super) fn hold(&mut self, record: &Signed<Hold>) -> Result<Applied, ApplyError> {
        if record.by() != self.terms.issuer {
            return Err(PaymentError::NotTheLedger { by: record.by() }.into());
        }
        if self.disputes.has_hold(&record.name()) {
            return Ok(Applied::Known);
        }
        let epoch = self.next_epoch();
        let held = self.disputes.holding(record.body(), epoch, &self.terms)?;
        if !self.has_had_money(&held.disputed_by) {
            return Err(HoldError::Stranger { by: held.disputed_by }.into());
        }
        let party = held.party;
        if self.payments.is_paid_by_contract(&party) {
            return Err(HoldError::ByContract { party }.into());
        }
        let transaction = Transaction::transfer(Account::Earned(party), Account::Held(party), held.amount);
        let transaction = transaction.ok_or(PaymentError::Nothing)?;
        let applied = self.post(Some(transaction))?;
        self.disputes.hold(record, held, epoch);
        Ok(applied)
    }

    pub(super) fn resolve(&mut self, record: &Signed<Resolution>) -> Result<Applied, ApplyError> {
        if record.by() != self.terms.issuer {
            return Err(PaymentError::NotTheLedger { by: record.by() }.into());
        }
        let Some((held, rest)) = self.disputes.resolving(record.body())? else { return Ok(Applied::Known) };
        let mut draft = Draft::default();
        draft.take(Account::Held(held.party), held.amount);
        draft.give(Account::Funds(held.disputed_by), record.body().given);
        draft.give(Account::Earned(held.party), rest);
        let applied = self.post(draft.finish())?;
        self.disputes.resolve(record);
        Ok(applied)
    }
}
