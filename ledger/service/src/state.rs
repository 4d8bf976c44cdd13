//! What a ledger knows: the fold of its journal, and what is looked up beside it. Nothing of it is kept but the journal.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use ledger::{
    Acknowledged, Agreed, Applied, ApplyError, Disputed, Entry, HledgerJournal, KnownBy, Ledger, LogEntry,
    PaymentId, PayoutTree, Settlement, Summary, Terms, What,
};
use protocol::{AgreementId, Digest, Epoch, PublicKey, Serial, UnixSeconds};

use crate::Schedule;
use crate::clock::Calendar;
use crate::disputes::ListedDisputes;

/// Settled epochs of which it is kept what was counted: about 130 bytes for each stream and grant.
const COUNTED_EPOCHS_MAX: usize = 4;

/// The fold, and what answers need besides.
#[derive(Clone, Debug)]
pub(crate) struct State {
    ledger: Ledger,
    at: UnixSeconds,
    calendar: Calendar,
    /// Who has made a deposit of this name: a top-up code is redeemed once, whoever has it.
    deposits: HashMap<PaymentId, PublicKey>,
    /// Who was ever granted something, at whose cost whatever: lines of the log may be theirs, and nothing else follows.
    viewers: HashSet<PublicKey>,
    agreements: BTreeMap<AgreementId, Registered>,
    settled: BTreeMap<Epoch, Settled>,
    /// The receipts of the last settlements, the newest at the end.
    counted: VecDeque<Arc<CountedEpoch>>,
    /// The entry of the log of each attestation.
    attested: HashMap<Digest, u64>,
    disputes: ListedDisputes,
    /// What contracts owe after the last settlement.
    payouts: Arc<PayoutTree>,
    log_size: u64,
}

/// An agreement as it was registered.
#[derive(Clone, Debug)]
pub(crate) struct Registered {
    /// `{ agreement, consents }`, canonical CBOR.
    pub(crate) bytes: Vec<u8>,
    /// Its entry of the log.
    pub(crate) index: u64,
}

/// A settled epoch, and where the log has it.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    pub(crate) summary: Summary,
    /// When it was settled.
    pub(crate) at: UnixSeconds,
    /// The log's entry of its first line; the summary stands at `first + items`.
    pub(crate) first: u64,
    /// Lines, gateways, carriers and payouts together.
    pub(crate) items: u64,
}

/// What a settlement has counted, and whose it was.
#[derive(Debug)]
pub(crate) struct CountedEpoch {
    epoch: Epoch,
    /// All grants of the epoch, ascending by serial.
    grants: Vec<(Serial, PublicKey)>,
    /// As they stand in the list of the summary.
    pub(crate) receipts: Vec<Acknowledged>,
}

/// An entry of the journal; where it settles an epoch, with all that it settles, once that was computed.
#[derive(Debug)]
pub(crate) struct Step {
    entry: Entry,
    settlement: Option<Arc<Settlement>>,
}

/// What an entry has led to.
#[derive(Debug)]
pub(crate) enum Taken {
    /// Nothing that was not so already.
    Known,
    /// This, which is public now.
    New(Vec<LogEntry>),
}

impl State {
    /// Before the first entry.
    pub(crate) fn new(terms: Terms, schedule: Schedule) -> Self {
        Self {
            ledger: Ledger::new(terms),
            at: UnixSeconds::new(0),
            calendar: Calendar::new(schedule),
            deposits: HashMap::new(),
            viewers: HashSet::new(),
            agreements: BTreeMap::new(),
            settled: BTreeMap::new(),
            counted: VecDeque::new(),
            attested: HashMap::new(),
            disputes: ListedDisputes::default(),
            payouts: Arc::new(PayoutTree::new(Vec::new())),
            log_size: 0,
        }
    }

    /// Applies an entry, whose bytes are these, or refuses it and stays as it is.
    pub(crate) fn apply(&mut self, step: &mut Step, bytes: &[u8]) -> Result<Taken, ApplyError> {
        // A settlement shows what it settles only before it is applied.
        if let What::Settlement(summary) = &step.entry.what
            && step.settlement.is_none()
            && summary.epoch == self.ledger.next_epoch()
        {
            step.settlement = Some(Arc::new(self.ledger.settlement()));
        }
        let settlement = step.settlement.as_deref();
        // Whose the grants are is known only as long as their epoch is open.
        let grants = settlement.map(|settlement| self.ledger.grants_in(settlement.summary.epoch).collect());
        if self.ledger.apply_written(&step.entry, bytes, settlement)? == Applied::Known {
            return Ok(Taken::Known);
        }
        self.at = step.entry.at;
        if let (Some(settlement), Some(grants)) = (settlement, grants) {
            self.keep_counted(settlement, grants);
        }
        Ok(Taken::New(self.remember(&step.entry, settlement)))
    }

    fn remember(&mut self, entry: &Entry, settlement: Option<&Settlement>) -> Vec<LogEntry> {
        let mut public = Vec::new();
        match &entry.what {
            What::Deposit(deposited) => {
                let deposit = &deposited.deposit;
                self.deposits.insert(deposit.body().id, deposit.by());
            }
            What::Grant(granted) => {
                self.viewers.insert(granted.request.by());
            }
            What::Agreement(agreed) => {
                self.register(agreed);
                public.push(LogEntry::Agreement(agreed.clone()));
            }
            What::Attestation(record) => {
                self.attested.insert(record.name(), self.log_size);
                public.push(LogEntry::Attestation(record.clone()));
            }
            What::Dispute(record) => {
                let disputed = Disputed::from(record);
                self.disputes.dispute(disputed, self.log_size, entry.at);
                public.push(LogEntry::Dispute(disputed));
            }
            What::Hold(record) => {
                self.disputes.hold(record, self.log_size, entry.at);
                public.push(LogEntry::Hold(record.clone()));
            }
            What::Resolution(record) => {
                self.disputes.resolve(record, self.log_size, entry.at);
                public.push(LogEntry::Resolution(record.clone()));
            }
            What::Page(record) => public.push(LogEntry::Page(record.body().clone())),
            _ => {}
        }
        if let Some(settlement) = settlement {
            public.extend(settlement.log_entries());
            self.close(settlement, entry.at, public.len() as u64 - 1);
        }
        self.log_size += public.len() as u64;
        public
    }

    fn register(&mut self, agreed: &Agreed) {
        let registered = Registered { bytes: agreed.encode(), index: self.log_size };
        self.agreements.insert(agreed.agreement.id(), registered);
    }

    fn close(&mut self, settlement: &Settlement, at: UnixSeconds, items: u64) {
        let summary = settlement.summary.clone();
        self.calendar.settle(summary.epoch, at);
        self.payouts = Arc::new(PayoutTree::new(settlement.payouts.clone()));
        self.settled.insert(summary.epoch, Settled { summary, at, first: self.log_size, items });
    }

    fn keep_counted(&mut self, settlement: &Settlement, grants: Vec<(Serial, PublicKey)>) {
        let (epoch, receipts) = (settlement.summary.epoch, settlement.receipts.clone());
        self.counted.push_back(Arc::new(CountedEpoch { epoch, grants, receipts }));
        if self.counted.len() > COUNTED_EPOCHS_MAX {
            self.counted.pop_front();
        }
    }

    /// What was counted in an epoch, while that is kept.
    pub(crate) fn counted(&self, epoch: Epoch) -> Option<Arc<CountedEpoch>> {
        self.counted.iter().find(|counted| counted.epoch == epoch).cloned()
    }

    /// Whether a grant was of one of the last epochs that were settled.
    pub(crate) fn was_settled(&self, serial: &Serial) -> bool {
        self.counted.iter().any(|counted| counted.has(serial))
    }

    pub(crate) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// When the last entry was taken: no entry is earlier.
    pub(crate) const fn at(&self) -> UnixSeconds {
        self.at
    }

    /// By whose money a key is known here: its own, or that of somebody who shares in a title with it. A grant over nothing costs
    /// nothing, and makes nobody known.
    pub(crate) fn known_by(&self, key: &PublicKey) -> Option<KnownBy> {
        self.ledger.known_by(key)
    }

    /// When which epoch ends.
    pub(crate) const fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Whether anything was taken since the last settlement.
    pub(crate) fn is_anything_new(&self) -> bool {
        let settled = self.settled.values().next_back();
        self.ledger.head().count > settled.map_or(0, |settled| settled.summary.journal.count + 1)
    }

    /// What was disputed, and what was held for it.
    pub(crate) const fn disputes(&self) -> &ListedDisputes {
        &self.disputes
    }

    /// Whether anything in the log can be of this key.
    pub(crate) fn may_have_part(&self, key: &PublicKey) -> bool {
        self.known_by(key).is_some() || self.viewers.contains(key)
    }

    /// Who has made the deposit of this name.
    pub(crate) fn depositor(&self, id: &PaymentId) -> Option<PublicKey> {
        self.deposits.get(id).copied()
    }

    pub(crate) fn registered(&self, id: AgreementId) -> Option<&Registered> {
        self.agreements.get(&id)
    }

    /// Where the log has the attestation of this name.
    pub(crate) fn attested(&self, name: &Digest) -> Option<u64> {
        self.attested.get(name).copied()
    }

    pub(crate) fn settled(&self, epoch: Epoch) -> Option<&Settled> {
        self.settled.get(&epoch)
    }

    /// All epochs that are settled, the first one first.
    pub(crate) fn all_settled(&self) -> impl DoubleEndedIterator<Item = &Settled> {
        self.settled.values()
    }

    /// What contracts owe after the last settlement.
    pub(crate) fn payouts(&self) -> Arc<PayoutTree> {
        Arc::clone(&self.payouts)
    }
}

impl CountedEpoch {
    fn has(&self, serial: &Serial) -> bool {
        self.grants.binary_search_by_key(serial, |(serial, _)| *serial).is_ok()
    }

    /// The grants that a viewer had.
    pub(crate) fn grants_of(&self, viewer: &PublicKey) -> impl Iterator<Item = Serial> {
        self.grants.iter().filter(move |(_, owner)| owner == viewer).map(|(serial, _)| *serial)
    }
}

impl Step {
    pub(crate) const fn new(entry: Entry) -> Self {
        Self { entry, settlement: None }
    }

    /// The entry that settles this, which was computed by the state that it is applied to next.
    pub(crate) fn settling(at: UnixSeconds, settlement: Settlement) -> Self {
        let what = What::Settlement(Box::new(settlement.summary.clone()));
        Self { entry: Entry { at, what }, settlement: Some(Arc::new(settlement)) }
    }

    pub(crate) const fn entry(&self) -> &Entry {
        &self.entry
    }
}

/// What was posted, as hledger reads it; made of the whole journal, which is played again for it.
#[derive(Debug)]
pub(crate) struct Books {
    ledger: Ledger,
    text: HledgerJournal,
}

impl Books {
    pub(crate) fn new(terms: Terms) -> Self {
        let text = HledgerJournal::new(terms.unit.clone());
        Self { ledger: Ledger::new(terms), text }
    }

    /// Takes an entry of the journal.
    pub(crate) fn take(&mut self, entry: &Entry) -> Result<(), ApplyError> {
        if let Applied::New(Some(transaction)) = self.ledger.apply(entry)? {
            self.text.push(entry.at, entry.what.name(), &transaction);
        }
        Ok(())
    }

    pub(crate) fn into_text(self) -> String {
        self.text.into_text()
    }
}
