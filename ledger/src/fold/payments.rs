//! Money that comes in, is set aside, goes out, and is taken back.

use std::collections::BTreeMap;

use proofs::Cid;
use protocol::{Amount, Digest, PublicKey, Sequence, Signed};

use super::covered::Covered;
use super::{Applied, ApplyError, ClaimError, Ledger, PaymentError};
use crate::{
    Account, Budget, BudgetRef, Deposited, Payee, PaymentId, PayoutAddress, PayoutClaim, Rail, Reversal,
    Transaction, Viewers,
};

/// What was paid, and to whom.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Payments {
    deposits: BTreeMap<(PublicKey, PaymentId), Digest>,
    /// Whatever can be taken back, by the hash of its record's signer and body.
    reversible: BTreeMap<Digest, Reversible>,
    parties: BTreeMap<PublicKey, PaidParty>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Reversible {
    owner: PublicKey,
    kind: Kind,
    transaction: Transaction,
    is_reversed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Deposit,
    Payout(Amount),
}

/// What a party was paid, and how it is paid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct PaidParty {
    paid: Amount,
    /// The part of it that contracts have paid.
    by_contract: Amount,
    payee: Option<(Sequence, PayoutAddress)>,
}

/// A budget, and what it is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SetAside {
    pub(crate) amount: Amount,
    pub(crate) content: Option<Cid>,
    /// What its grants hold of it.
    pub(crate) covered: Covered,
    pub(crate) each: Amount,
    pub(crate) viewers: Viewers,
    pub(crate) whole: bool,
    /// The name of its record.
    pub(crate) name: Digest,
}

impl Payments {
    /// Whether this key has ever deposited something, or was paid out.
    pub(crate) fn names(&self, key: &PublicKey) -> bool {
        let ids = [0, u8::MAX].map(|byte| (*key, PaymentId::from_bytes([byte; 16])));
        let is_paid = |state: &PaidParty| state.paid > Amount::ZERO;
        self.deposits.range(ids[0]..=ids[1]).next().is_some() || self.parties.get(key).is_some_and(is_paid)
    }

    /// Everybody whom contracts pay, with the address and what they have paid so far.
    pub(crate) fn payees(&self) -> impl Iterator<Item = (PublicKey, PayoutAddress, Amount)> {
        let payee =
            |(party, state): (&PublicKey, &PaidParty)| Some((*party, state.payee?.1, state.by_contract));
        self.parties.iter().filter_map(payee)
    }
}

impl Ledger {
    /// What was paid out to a party in all: the next claim is for more than this.
    pub fn paid(&self, party: &PublicKey) -> Amount {
        self.payments.parties.get(party).map_or(Amount::ZERO, |state| state.paid)
    }

    /// Money comes in when both say so, who gave it and the ledger that has it.
    pub(super) fn deposit(&mut self, deposited: &Deposited) -> Result<Applied, ApplyError> {
        let Deposited { acceptance, deposit } = deposited;
        let (owner, body, digest) = (deposit.by(), deposit.body(), deposit.name());
        if acceptance.by() != self.terms.issuer {
            return Err(PaymentError::NotTheLedger { by: acceptance.by() }.into());
        }
        if acceptance.body().name != digest {
            return Err(PaymentError::OtherAccepted { name: acceptance.body().name }.into());
        }
        if let Some(known) = self.payments.deposits.get(&(owner, body.id)) {
            return known_or_conflict(*known == digest, "a deposit");
        }
        if body.unit != self.terms.unit {
            let [found, expected] = [&body.unit, &self.terms.unit].map(Clone::clone);
            return Err(PaymentError::Unit { found, expected }.into());
        }
        let transaction = Transaction::transfer(Account::External, Account::Funds(owner), body.amount);
        let transaction = transaction.ok_or(PaymentError::Nothing)?;
        let applied = self.post(Some(transaction.clone()))?;
        self.payments.deposits.insert((owner, body.id), digest);
        let reversible = Reversible { owner, kind: Kind::Deposit, transaction, is_reversed: false };
        self.payments.reversible.insert(digest, reversible);
        Ok(applied)
    }

    pub(super) fn set_aside(&mut self, record: &Signed<Budget>) -> Result<Applied, ApplyError> {
        let (payer, body) = (record.by(), record.body());
        self.check_open(body.epoch)?;
        let name = BudgetRef { id: body.id, payer };
        let known = self.open.get(&body.epoch).and_then(|epoch| epoch.budgets.get(&name));
        if let Some(known) = known {
            return known_or_conflict(known.name == record.name(), "a budget");
        }
        let transaction = Transaction::transfer(Account::Funds(payer), Account::Reserved(payer), body.amount);
        let applied = self.post(Some(transaction.ok_or(PaymentError::Nothing)?))?;
        let Budget { amount, content, each, whole, .. } = *body;
        let (covered, viewers) = (Covered::default(), body.viewers.clone());
        let budget = SetAside { amount, content, covered, each, viewers, whole, name: record.name() };
        self.open.entry(body.epoch).or_default().budgets.insert(name, budget);
        Ok(applied)
    }

    pub(super) fn name_payee(&mut self, record: &Signed<Payee>) -> Result<Applied, ApplyError> {
        let Payee { address, seq, .. } = *record.body();
        let state = self.payments.parties.entry(record.by()).or_default();
        match state.payee {
            Some(known) if known == (seq, address) => Ok(Applied::Known),
            Some((known, _)) if known >= seq => Err(ClaimError::Stale.into()),
            _ => {
                state.payee = Some((seq, address));
                Ok(Applied::New(None))
            }
        }
    }

    /// Whoever is paid by contracts is not paid in another way, so a proof that a contract accepts is never worth more
    /// than the ledger owes.
    pub(super) fn pay_out(&mut self, record: &Signed<PayoutClaim>) -> Result<Applied, ApplyError> {
        let (party, body) = (record.by(), record.body());
        let digest = record.name();
        if self.payments.reversible.contains_key(&digest) {
            return Ok(Applied::Known);
        }
        let state = self.payments.parties.get(&party).copied().unwrap_or_default();
        let PayoutClaim { cumulative, rail, .. } = *body;
        if (rail == Rail::Contract) != state.payee.is_some() {
            return Err(ClaimError::Rail { rail }.into());
        }
        let amount = cumulative.minus(state.paid).filter(|amount| !amount.is_zero());
        let amount = amount.ok_or(ClaimError::NothingNew { claimed: cumulative, paid: state.paid })?;
        let transaction = Transaction::transfer(Account::Earned(party), Account::External, amount);
        let transaction = transaction.ok_or(PaymentError::Nothing)?;
        let applied = self.post(Some(transaction.clone()))?;
        let paid_by_contract = if rail == Rail::Contract { amount } else { Amount::ZERO };
        let by_contract = state.by_contract.plus(paid_by_contract).expect("no more than was paid");
        self.payments.parties.insert(party, PaidParty { paid: cumulative, by_contract, ..state });
        let kind = Kind::Payout(amount);
        self.payments
            .reversible
            .insert(digest, Reversible { owner: party, kind, transaction, is_reversed: false });
        Ok(applied)
    }

    /// A payment that a contract has made stands: nobody can take it back.
    pub(super) fn reverse(&mut self, record: &Signed<Reversal>) -> Result<Applied, ApplyError> {
        if record.by() != self.terms.issuer {
            return Err(PaymentError::NotTheLedger { by: record.by() }.into());
        }
        let entry = record.body().entry;
        let refused = PaymentError::NothingToReverse { entry };
        let reversible = self.payments.reversible.get(&entry).ok_or_else(|| refused.clone())?;
        if reversible.is_reversed {
            return Ok(Applied::Known);
        }
        let (owner, kind) = (reversible.owner, reversible.kind);
        if matches!(kind, Kind::Payout(_)) && self.payments.is_paid_by_contract(&owner) {
            return Err(refused.into());
        }
        let applied = self.post(Some(reversible.transaction.reversed()))?;
        if let Kind::Payout(amount) = kind {
            let state = self.payments.parties.get_mut(&owner).expect("who was paid is known");
            state.paid = state.paid.minus(amount).expect("no more comes back than was paid");
        }
        self.payments.reversible.get_mut(&entry).expect("it was found").is_reversed = true;
        Ok(applied)
    }
}

impl Payments {
    pub(super) fn is_paid_by_contract(&self, party: &PublicKey) -> bool {
        self.parties.get(party).is_some_and(|state| state.payee.is_some())
    }
}

pub(super) fn known_or_conflict(is_same: bool, what: &'static str) -> Result<Applied, ApplyError> {
    if is_same { Ok(Applied::Known) } else { Err(ApplyError::Conflict(what)) }
}
