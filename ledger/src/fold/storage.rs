//! Storage that is paid in advance, by what auditors report.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Amount, Digest, PublicKey, Signed, UnixSeconds};

use super::payments::known_or_conflict;
use super::{Applied, ApplyError, Ledger, PaymentError, StorageError};
use crate::{Account, BudgetRef, Keeper, Prepayment, StorageReport, Transaction};

/// Most hours that one report speaks of: a week.
pub const REPORT_HOURS_MAX: u64 = 168;
/// Most nodes that are paid out of one prepayment.
pub const STORAGE_NODES_MAX: usize = 10_000;
/// How long after its end a prepayment still waits for reports.
pub const STORAGE_GRACE_S: u64 = 7 * 86_400;
const HOUR_S: u64 = 3600;

/// All prepayments that have not ended.
pub(crate) type Storage = BTreeMap<BudgetRef, Prepaid>;

/// A prepayment, and what was reported under it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Prepaid {
    name: Digest,
    terms: Prepayment,
    /// What settlements have paid out of it.
    paid: Amount,
    /// The same with all charges that are not paid yet, and with what is held back: no report has to look at all nodes.
    charged: Amount,
    nodes: BTreeMap<PublicKey, Keeping>,
}

/// What one node keeps under one prepayment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Keeping {
    /// No hour before this one is paid any more.
    until: u64,
    /// What was held back of earlier charges.
    held: Amount,
    /// Since the last settlement: what was proved and lost, and by which reports.
    byte_hours: u64,
    lost: u64,
    reports: BTreeSet<Digest>,
}

impl Prepaid {
    /// What each node has, were it settled at this time; ascending by node. Nodes of which nothing is new are left out.
    pub(crate) fn keepers(&self, at: UnixSeconds) -> impl Iterator<Item = Keeper> {
        let ended = self.has_ended(at);
        let is_new =
            move |keeping: &Keeping| !keeping.reports.is_empty() || (ended && !keeping.held.is_zero());
        let nodes = self.nodes.iter().filter(move |(_, keeping)| is_new(keeping));
        nodes.map(move |(node, keeping)| self.keeper(*node, keeping, ended))
    }

    pub(crate) fn has_ended(&self, at: UnixSeconds) -> bool {
        self.terms.until.plus(STORAGE_GRACE_S).has_passed(at)
    }

    /// What is left when it is settled at this time.
    pub(crate) fn rest(&self, at: UnixSeconds) -> Amount {
        let paid = self
            .keepers(at)
            .fold(self.paid, |sum, keeper| sum.plus(keeper.paid).expect("no more than is set aside"));
        self.terms.amount.minus(paid).expect("no more than is set aside")
    }

    fn keeper(&self, node: PublicKey, keeping: &Keeping, ended: bool) -> Keeper {
        let Prepayment { price, withheld, .. } = self.terms;
        let nothing = Amount::ZERO;
        let keeper = Keeper {
            byte_hours: keeping.byte_hours,
            ended,
            forfeited: nothing,
            held: nothing,
            lost: keeping.lost,
            node,
            paid: nothing,
            prepayment: self.name,
            price,
            withheld,
        };
        keeper.after(keeping.held).expect("charges were checked as they came")
    }

    /// What a report costs is looked up, not counted again: one node of many, whatever was reported before.
    fn take(&mut self, name: Digest, report: &StorageReport, at: UnixSeconds) -> Result<bool, StorageError> {
        let (known, nothing) = (self.nodes.get(&report.node), Keeping::default());
        if known.is_none() && self.nodes.len() >= STORAGE_NODES_MAX {
            return Err(StorageError::TooManyNodes);
        }
        let known = known.unwrap_or(&nothing);
        if known.reports.contains(&name) {
            return Ok(false);
        }
        let hours = paid_hours(report, known.until, &self.terms)?;
        let now = at.get() / HOUR_S;
        if report.to > now {
            return Err(StorageError::Early { to: report.to, now });
        }
        let byte_hours = report.bytes.checked_mul(hours).and_then(|new| known.byte_hours.checked_add(new));
        let (byte_hours, lost) =
            byte_hours.zip(known.lost.checked_add(report.lost)).ok_or(StorageError::TooMuch)?;
        let charged = self.charged_with(known.byte_hours, byte_hours);
        self.charged = charged.ok_or(StorageError::UsedUp { amount: self.terms.amount })?;
        let keeping = self.nodes.entry(report.node).or_default();
        (keeping.until, keeping.byte_hours, keeping.lost) = (report.to, byte_hours, lost);
        keeping.reports.insert(name);
        Ok(true)
    }

    /// What is charged when a node has proved more than before; `None` where that is more than is set aside.
    fn charged_with(&self, before: u64, after: u64) -> Option<Amount> {
        let [before, after] = [before, after].map(|byte_hours| Keeper::charge(self.terms.price, byte_hours));
        let charged = self.charged.minus(before?)?.plus(after?).ok()?;
        (charged <= self.terms.amount).then_some(charged)
    }

    /// What a settlement at this time pays is paid.
    fn settle(&mut self, at: UnixSeconds) {
        let keepers: Vec<Keeper> = self.keepers(at).collect();
        for Keeper { node, paid, held, .. } in keepers {
            let keeping = self.nodes.get_mut(&node).expect("who is paid has been reported");
            self.paid = self.paid.plus(paid).expect("no more than is set aside");
            *keeping = Keeping { until: keeping.until, held, ..Keeping::default() };
        }
        // What is forfeited stays with the prepayment.
        self.charged =
            self.held().fold(self.paid, |sum, held| sum.plus(held).expect("no more than is set aside"));
    }

    /// What is held back of each node.
    fn held(&self) -> impl Iterator<Item = Amount> {
        self.nodes.values().map(|keeping| keeping.held)
    }
}

impl Ledger {
    pub(super) fn prepay(
        &mut self,
        record: &Signed<Prepayment>,
        at: UnixSeconds,
    ) -> Result<Applied, ApplyError> {
        let (payer, terms, name) = (record.by(), *record.body(), record.name());
        let key = BudgetRef { id: terms.id, payer };
        if let Some(known) = self.storage.get(&key) {
            return known_or_conflict(known.name == name, "a prepayment");
        }
        if terms.until.has_passed(at) {
            return Err(StorageError::Ended { until: terms.until }.into());
        }
        let transaction =
            Transaction::transfer(Account::Funds(payer), Account::Reserved(payer), terms.amount);
        let applied = self.post(Some(transaction.ok_or(PaymentError::Nothing)?))?;
        self.storage.insert(
            key,
            Prepaid { name, terms, paid: Amount::ZERO, charged: Amount::ZERO, nodes: BTreeMap::new() },
        );
        Ok(applied)
    }

    pub(super) fn report(
        &mut self,
        record: &Signed<StorageReport>,
        at: UnixSeconds,
    ) -> Result<Applied, ApplyError> {
        let (by, report) = (record.by(), record.body());
        let prepaid = self.storage.get_mut(&report.prepayment).ok_or(StorageError::NoPrepayment)?;
        if by != prepaid.terms.auditor || by == report.node {
            return Err(StorageError::NotTheAuditor { by }.into());
        }
        let is_new = prepaid.take(record.name(), report, at)?;
        Ok(if is_new { Applied::New(None) } else { Applied::Known })
    }

    /// What is settled is paid, and what has ended is forgotten.
    pub(super) fn settle_storage(&mut self) {
        let at = self.at;
        self.storage.retain(|_, prepaid| {
            prepaid.settle(at);
            !prepaid.has_ended(at)
        });
    }
}

/// How many hours of a report are paid: of an interval across the beginning or the end of the
/// prepayment those in it.
fn paid_hours(report: &StorageReport, paid_until: u64, terms: &Prepayment) -> Result<u64, StorageError> {
    let StorageReport { from, to, .. } = *report;
    if from < paid_until {
        return Err(StorageError::Overlap { from, paid_until });
    }
    let is_long = to.checked_sub(from).is_some_and(|hours| (1..=REPORT_HOURS_MAX).contains(&hours));
    let [begin, end] = [terms.issued, terms.until].map(|time| time.get() / HOUR_S);
    let hours = to.min(end).checked_sub(from.max(begin)).filter(|hours| *hours > 0);
    hours.filter(|_| is_long).ok_or(StorageError::Hours { from, to })
}

#[cfg(test)]
mod tests {
    use protocol::{Ppm, SecretKey};

    use super::*;
    use crate::PaymentId;

    const HOUR: u64 = 500_000;

    fn node(number: u64) -> PublicKey {
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        SecretKey::from_bytes(&seed).public()
    }

    fn amount(micro: u64) -> Amount {
        Amount::new(micro).expect("a small amount")
    }

    /// What is charged is the same when it is counted node by node, at every step; and of nodes there is an end.
    #[test]
    fn what_a_report_costs_does_not_grow_with_the_nodes() {
        let terms = Prepayment {
            amount: amount(40_000),
            auditor: node(0),
            id: PaymentId::from_bytes([1; 16]),
            issued: UnixSeconds::new(0),
            price: amount(720),
            until: UnixSeconds::new((HOUR + 9) * HOUR_S),
            withheld: Ppm::new(250_000).expect("a part"),
        };
        let key = BudgetRef { id: terms.id, payer: node(0) };
        let (name, nodes) = (Digest::of(b"prepayment"), BTreeMap::new());
        let mut prepaid = Prepaid { name, terms, paid: Amount::ZERO, charged: Amount::ZERO, nodes };
        let at = UnixSeconds::new((HOUR + 5) * HOUR_S);
        let take = |prepaid: &mut Prepaid, number: u64, from: u64| {
            let report = StorageReport {
                bytes: (1 + number % 3) << 30,
                from,
                issued: at,
                lost: u64::from(number.is_multiple_of(5)),
                node: node(1 + number),
                prepayment: key,
                to: from + 1,
                transcript: Digest::of(b"transcript"),
            };
            prepaid.take(Digest::of(&[number.to_le_bytes(), from.to_le_bytes()].concat()), &report, at)
        };
        let plainly = |prepaid: &Prepaid| {
            let charges = prepaid.nodes.values().map(|keeping| {
                Keeper::charge(amount(720), keeping.byte_hours).expect("it is small").get()
                    + keeping.held.get()
            });
            prepaid.paid.get() + charges.sum::<u64>()
        };
        for number in 0..300 {
            assert_eq!(take(&mut prepaid, number % 100, HOUR + number / 100), Ok(true));
            assert_eq!(prepaid.charged.get(), plainly(&prepaid), "report {number}");
            if number.is_multiple_of(70) {
                prepaid.settle(at);
                assert_eq!(prepaid.charged.get(), plainly(&prepaid), "settled after report {number}");
            }
        }
        for number in 100..STORAGE_NODES_MAX as u64 {
            assert_eq!(take(&mut prepaid, number, HOUR), Ok(true));
        }
        assert_eq!(take(&mut prepaid, STORAGE_NODES_MAX as u64, HOUR), Err(StorageError::TooManyNodes));
        assert_eq!(take(&mut prepaid, 0, HOUR + 3), Ok(true), "those that are paid already go on");
    }
}
