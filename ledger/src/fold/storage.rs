//! Storage that is paid in advance, by what auditors report.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Amount, Digest, PublicKey, Signed, UnixSeconds};

use super::payments::known_or_conflict;
use super::{Applied, ApplyError, Ledger, PaymentError, StorageError};
use crate::{Account, BudgetRef, Keeper, Prepayment, StorageReport, Transaction};

/// Most hours that one report speaks of: a week.
pub const REPORT_HOURS_MAX: u64 = 168;
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

    /// What all charges come to that are not paid yet, and what is held back.
    fn charged(&self) -> Option<Amount> {
        let charges = self.nodes.values().map(|keeping| {
            let charge = Keeper::charge(self.terms.price, keeping.byte_hours)?;
            charge.plus(keeping.held).ok()
        });
        charges.into_iter().try_fold(self.paid, |sum, charge| sum.plus(charge?).ok())
    }

    fn take(&mut self, name: Digest, report: &StorageReport, at: UnixSeconds) -> Result<bool, StorageError> {
        let known = self.nodes.get(&report.node).cloned().unwrap_or_default();
        if known.reports.contains(&name) {
            return Ok(false);
        }
        let hours = checked_hours(report, known.until, self.terms.until)?;
        let now = at.get() / HOUR_S;
        if report.to > now {
            return Err(StorageError::Early { to: report.to, now });
        }
        let byte_hours = report.bytes.checked_mul(hours).and_then(|new| known.byte_hours.checked_add(new));
        let (byte_hours, lost) =
            byte_hours.zip(known.lost.checked_add(report.lost)).ok_or(StorageError::TooMuch)?;
        let mut new = Keeping { until: report.to, byte_hours, lost, ..known };
        new.reports.insert(name);
        let before = self.nodes.insert(report.node, new);
        if self.charged().is_some_and(|charged| charged <= self.terms.amount) {
            return Ok(true);
        }
        match before {
            Some(before) => self.nodes.insert(report.node, before),
            None => self.nodes.remove(&report.node),
        };
        Err(StorageError::UsedUp { amount: self.terms.amount })
    }

    /// What a settlement at this time pays is paid.
    fn settle(&mut self, at: UnixSeconds) {
        let keepers: Vec<Keeper> = self.keepers(at).collect();
        for Keeper { node, paid, held, .. } in keepers {
            let keeping = self.nodes.get_mut(&node).expect("who is paid has been reported");
            self.paid = self.paid.plus(paid).expect("no more than is set aside");
            *keeping = Keeping { until: keeping.until, held, ..Keeping::default() };
        }
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
        self.storage.insert(key, Prepaid { name, terms, paid: Amount::ZERO, nodes: BTreeMap::new() });
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

/// How many hours a report speaks of, all of them paid for until `end` and none of them paid.
fn checked_hours(report: &StorageReport, paid_until: u64, end: UnixSeconds) -> Result<u64, StorageError> {
    let StorageReport { from, to, .. } = *report;
    if from < paid_until {
        return Err(StorageError::Overlap { from, paid_until });
    }
    let hours = to.checked_sub(from).filter(|hours| (1..=REPORT_HOURS_MAX).contains(hours));
    let is_paid_for = to <= end.get() / HOUR_S;
    hours.filter(|_| is_paid_for).ok_or(StorageError::Hours { from, to })
}
