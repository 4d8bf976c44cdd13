//! The state of all accounts: a fold over the journal, and nothing besides (spec §25).

mod agreements;
mod attestations;
mod covered;
mod disputes;
mod error;
mod lanes;
mod licences;
mod pages;
mod payments;
mod sessions;
mod storage;
mod views;

use std::borrow::Cow;
use std::collections::BTreeMap;

use protocol::{Digest, Epoch, Serial, UnixSeconds};

pub use self::agreements::INTRODUCED_MAX;
pub(crate) use self::agreements::{Agreements, Split};
use self::disputes::Waiting;
pub use self::disputes::{DISPUTES_OF_KEY_MAX, DISPUTES_OF_STRANGERS_MAX};
pub use self::error::{
    ApplyError, ClaimError, GrantError, HoldError, LaneError, LicenceError, PaymentError, ReceiptError,
    RegisterError, SettleError, StorageError,
};
pub(crate) use self::lanes::{Lane, LaneKey};
pub(crate) use self::licences::Licences;
pub use self::licences::{DELIVERY_TERM_MAX_S, HeldLicence};
pub(crate) use self::payments::{Payments, SetAside};
pub(crate) use self::sessions::Session;
pub use self::sessions::{GRANT_BYTES_MAX, GRANT_DURATION_MAX_S, GRANT_MS_MAX, RECEIPT_GRACE_S};
pub(crate) use self::storage::Storage;
pub use self::storage::{REPORT_HOURS_MAX, STORAGE_GRACE_S, STORAGE_NODES_MAX};
pub use self::views::{Division, KnownBy};
use crate::disputes::Disputes;
use crate::ids::digest_of;
use crate::{
    Account, Balances, BudgetRef, Entry, Head, Settlement, SplitAgreement, Summary, Terms, Transaction, What,
};

/// Most epochs that are open at once: grants, budgets and lanes may be for one of these.
pub const OPEN_EPOCHS_MAX: u64 = 4;

/// What follows from the entries that were applied, in their order.
///
/// An entry that is refused changes nothing. Whoever applies the same entries to the same terms has the same state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ledger {
    terms: Terms,
    head: Head,
    at: UnixSeconds,
    balances: Balances,
    agreements: Agreements,
    payments: Payments,
    licences: Licences,
    storage: Storage,
    disputes: Disputes,
    waiting: Waiting,
    pages: pages::Pages,
    attestations: attestations::Attestations,
    open: BTreeMap<Epoch, OpenEpoch>,
    settled: BTreeMap<Epoch, Digest>,
}

/// What has happened in an epoch that is not settled.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct OpenEpoch {
    pub(crate) sessions: BTreeMap<Serial, Session>,
    pub(crate) budgets: BTreeMap<BudgetRef, SetAside>,
    pub(crate) lanes: BTreeMap<LaneKey, Lane>,
    aliases: sessions::Aliases,
}

/// What became of an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Applied {
    /// It was applied already, or says nothing new; it does not belong into the journal once more.
    Known,
    /// It is applied, and this was posted.
    New(Option<Transaction>),
}

impl Ledger {
    /// The state before the first entry.
    pub fn new(terms: Terms) -> Self {
        Self {
            head: Head::of(&terms),
            terms,
            at: UnixSeconds::new(0),
            balances: Balances::default(),
            agreements: Agreements::default(),
            payments: Payments::default(),
            licences: Licences::default(),
            storage: Storage::default(),
            disputes: Disputes::default(),
            waiting: Waiting::default(),
            pages: pages::Pages::default(),
            attestations: attestations::Attestations::new(),
            open: BTreeMap::new(),
            settled: BTreeMap::new(),
        }
    }

    /// Applies an entry, or refuses it and stays as it is.
    pub fn apply(&mut self, entry: &Entry) -> Result<Applied, ApplyError> {
        let applied = self.take(entry, None)?;
        if applied != Applied::Known {
            self.advance(entry.at, &entry.encode());
        }
        Ok(applied)
    }

    /// The same for an entry that was written, or read, as `bytes`, and that settles what [`Self::settlement`] has said at this
    /// head, where it settles something: neither is made again.
    pub fn apply_written(
        &mut self,
        entry: &Entry,
        bytes: &[u8],
        settlement: Option<&Settlement>,
    ) -> Result<Applied, ApplyError> {
        let applied = self.take(entry, settlement)?;
        if applied != Applied::Known {
            self.advance(entry.at, bytes);
        }
        Ok(applied)
    }

    fn advance(&mut self, at: UnixSeconds, bytes: &[u8]) {
        self.at = at;
        self.head = self.head.after(bytes);
    }

    fn take(&mut self, entry: &Entry, settlement: Option<&Settlement>) -> Result<Applied, ApplyError> {
        if entry.at < self.at {
            return Err(ApplyError::Clock { at: entry.at, before: self.at });
        }
        match &entry.what {
            What::Agreement(agreed) => self.agree(agreed),
            What::Allocation(record) => self.allocate(record),
            What::Attestation(record) => Ok(self.attest(record)),
            What::Budget(record) => self.set_aside(record),
            What::Claim(record) => self.pay_out(record),
            What::Deposit(deposited) => self.deposit(deposited),
            What::Delivery(record) => self.deliver(record, entry.at),
            What::Dispute(record) => self.dispute(record),
            What::Grant(granted) => self.grant(granted, entry.at),
            What::Hold(record) => self.hold(record),
            What::Offer(record) => self.offer(record, entry.at),
            What::Page(record) => self.release_page(record),
            What::Payee(record) => self.name_payee(record),
            What::Prepayment(record) => self.prepay(record, entry.at),
            What::Purchase(record) => self.buy(record, entry.at),
            What::Receipt(record) => self.receive(record, entry.at),
            What::Report(record) => self.report(record, entry.at),
            What::Resolution(record) => self.resolve(record),
            What::Reversal(record) => self.reverse(record),
            What::Settlement(summary) => self.close(summary, settlement),
            What::Transfer(transferred) => self.transfer(transferred),
            What::Voucher(record) => self.owe(record),
        }
    }

    /// What the settlement of the oldest open epoch says, as of now. Nothing is changed.
    pub fn settlement(&self) -> Settlement {
        Settlement::of(self, self.next_epoch())
    }

    /// The terms of the journal.
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// How far the journal goes.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// What is in the accounts.
    pub const fn balances(&self) -> &Balances {
        &self.balances
    }

    /// The agreement with this id, superseded or not.
    pub fn agreement(&self, id: protocol::AgreementId) -> Option<&SplitAgreement> {
        self.agreements.get(id)
    }

    /// The epoch that is settled next.
    pub fn next_epoch(&self) -> Epoch {
        Epoch::new(self.settled.len() as u64 + 1)
    }

    /// The hash of an epoch's summary, once it is settled.
    pub fn settled(&self, epoch: Epoch) -> Option<Digest> {
        self.settled.get(&epoch).copied()
    }

    pub(crate) const fn agreements(&self) -> &Agreements {
        &self.agreements
    }

    pub(crate) const fn disputes(&self) -> &Disputes {
        &self.disputes
    }

    pub(crate) fn open_epoch(&self, epoch: Epoch) -> Option<&OpenEpoch> {
        self.open.get(&epoch)
    }

    /// When the last entry was taken.
    pub(crate) const fn at(&self) -> UnixSeconds {
        self.at
    }

    pub(crate) const fn licences(&self) -> &Licences {
        &self.licences
    }

    pub(crate) const fn storage(&self) -> &Storage {
        &self.storage
    }

    pub(crate) const fn payments(&self) -> &Payments {
        &self.payments
    }

    fn close(&mut self, summary: &Summary, known: Option<&Settlement>) -> Result<Applied, ApplyError> {
        let digest = digest_of(summary);
        if let Some(settled) = self.settled(summary.epoch) {
            let is_same = settled == digest;
            return if is_same { Ok(Applied::Known) } else { Err(ApplyError::Conflict("a settlement")) };
        }
        let next = self.next_epoch();
        if summary.epoch != next {
            return Err(SettleError::Order { epoch: summary.epoch, next }.into());
        }
        let known = known.filter(|known| known.summary.journal == self.head && known.summary.epoch == next);
        let settlement = known.map_or_else(|| Cow::Owned(self.settlement()), Cow::Borrowed);
        if settlement.summary != *summary {
            return Err(SettleError::Differs { epoch: next }.into());
        }
        let applied = self.post(settlement.transaction.clone())?;
        self.open.remove(&next);
        self.settle_storage();
        self.settle_licences();
        self.disputes.settle(next);
        self.waiting.settle();
        self.settled.insert(next, digest);
        Ok(applied)
    }

    /// Posts a transaction, where there is one.
    fn post(&mut self, transaction: Option<Transaction>) -> Result<Applied, ApplyError> {
        if let Some(transaction) = &transaction {
            self.balances.post(transaction)?;
        }
        Ok(Applied::New(transaction))
    }

    /// The epoch, when things may still happen in it.
    fn check_open(&self, epoch: Epoch) -> Result<(), ApplyError> {
        let next = self.next_epoch().get();
        let is_open = (next..next + OPEN_EPOCHS_MAX).contains(&epoch.get());
        if is_open { Ok(()) } else { Err(ApplyError::NotOpen { epoch, next: Epoch::new(next) }) }
    }

    /// What an account has that belongs to somebody.
    pub(crate) fn balance(&self, account: Account) -> u64 {
        u64::try_from(self.balances.of(account)).expect("nobody is overdrawn")
    }
}
