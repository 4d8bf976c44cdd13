//! Reads the audit log of a steward as it grows, and hands in what follows from it.
//!
//! The log is the queue, and durable: what is not handed in follows from it again, however often everything ends. A report leaves it
//! when the ledger has taken it, has refused it for good, or takes no more reports for its prepayment.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use client::{AuditLogError, AuditLogReader};
use ledger::{BudgetRef, Prepayment, StorageReport};
use protocol::{LogEntryError, PublicKey, SecretKey, Signed, UnixSeconds};

use super::intervals::{Audited, Interval, Intervals};
use super::prepaid::{is_over, next_part};
use crate::folders::write_atomically;
use crate::ledger_api::{LedgerApi, Refused};

/// How often the audit log is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// Intervals in memory that are not handed in, about 150 bytes each: as many as 1000 nodes have in ten hours. When there are as
/// many, no more of the log is read until some of them were taken; nothing is dropped.
const WAITING_MAX: usize = 10_000;
/// Prepayments of one steward.
const PREPAYMENTS_MAX: usize = 64;
/// The file that remembers which hours were handed in.
const FILE: &str = "reported.json";

/// What is reported of the nodes that a steward audits: each hour once, for the first prepayment that pays for it.
#[derive(Debug)]
pub(crate) struct Reporter {
    ledger: String,
    prepayments: Vec<Signed<Prepayment>>,
    auditor: SecretKey,
    log: PathBuf,
    file: PathBuf,
    reader: Option<AuditLogReader>,
    intervals: Intervals,
    /// What follows from the log, and is not handed in yet; of each node in order.
    waiting: VecDeque<Interval>,
    /// Of each node, up to which hour all is settled with the ledger.
    reported: BTreeMap<String, u64>,
    /// Prepayments of other ledgers than the one that was found.
    foreign: Vec<usize>,
}

/// What became of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Became {
    /// Nothing of it has to be handed in any more.
    Done,
    /// The ledger does not take it now.
    Waits,
}

/// What became of a report.
enum Handed {
    Taken,
    /// It will never be taken.
    Refused,
    /// Its prepayment has not so much left: for fewer hours it may suffice.
    TooDear,
    /// Its prepayment does not pay for it: another one may.
    Unpaid,
    /// The ledger has never got its prepayment.
    Unheard,
    /// Nor does it take the prepayment now, as its payer has not enough: hours wait for a deposit.
    Unfunded,
    Later,
}

impl Reporter {
    /// Reports for these prepayments what the steward in `dir` finds.
    pub(crate) fn new(
        ledger: String,
        prepayments: Vec<Signed<Prepayment>>,
        auditor: SecretKey,
        dir: &Path,
    ) -> anyhow::Result<Self> {
        if prepayments.len() > PREPAYMENTS_MAX {
            bail!("{} prepayments, {PREPAYMENTS_MAX} are reported for", prepayments.len());
        }
        let (log, file) = (dir.join("audit.log"), dir.join(FILE));
        let reported = match fs::read(&file) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", file.display()))?
            }
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        let (intervals, waiting) = (Intervals::default(), VecDeque::new());
        let foreign = Vec::new();
        Ok(Self {
            ledger,
            prepayments,
            auditor,
            log,
            file,
            reader: None,
            intervals,
            waiting,
            reported,
            foreign,
        })
    }

    /// Hands in what follows from audits, without end.
    pub(crate) async fn always(mut self) {
        loop {
            if let Err(error) = self.look().await {
                let waiting = self.waiting.len();
                tracing::warn!(waiting, error = format!("{error:#}"), "reports of storage wait");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn look(&mut self) -> anyhow::Result<()> {
        loop {
            let is_all = tokio::task::block_in_place(|| self.read())?;
            if self.waiting.is_empty() {
                return Ok(());
            }
            let ledger = LedgerApi::connect(&self.ledger).await?;
            self.leave_out_foreign(&ledger)?;
            let before = self.waiting.len();
            self.hand_in_all(&ledger).await?;
            if is_all || self.waiting.len() == before {
                return Ok(());
            }
        }
    }

    /// Prepayments of another ledger pay for nothing here, and keep no other one from it.
    fn leave_out_foreign(&mut self, ledger: &LedgerApi) -> anyhow::Result<()> {
        let network = ledger.signed_for()?;
        let others = self.prepayments.iter().enumerate().filter(|(_, it)| it.network() != network);
        let foreign: Vec<usize> = others.map(|(index, _)| index).collect();
        if !foreign.is_empty() && foreign.len() == self.prepayments.len() {
            bail!("all prepayments are for another ledger than the one at {}", ledger.url());
        }
        if foreign != self.foreign {
            let names: Vec<_> =
                foreign.iter().map(|index| self.prepayments[*index].name().to_string()).collect();
            tracing::error!(?names, ledger = %ledger.url(), "prepayments are left out: they are for another ledger");
            self.foreign = foreign;
        }
        Ok(())
    }

    /// Hands in all that waits, of each node in order. What waits of one node keeps no other one waiting.
    async fn hand_in_all(&mut self, ledger: &LedgerApi) -> anyhow::Result<()> {
        let (mut held, mut at) = (BTreeSet::<PublicKey>::new(), 0);
        while let Some(interval) = self.waiting.get(at).copied() {
            if !held.contains(&interval.node) && self.hand_in(ledger, interval).await? == Became::Done {
                self.waiting.remove(at);
            } else {
                held.insert(interval.node);
                at += 1;
            }
        }
        if !held.is_empty() {
            tracing::warn!(waiting = self.waiting.len(), nodes = held.len(), "reports of storage wait");
        }
        Ok(())
    }

    /// Hands in what is not settled of an interval, for one prepayment after the other. Where one has not enough left, it pays
    /// for as many hours as it can.
    async fn hand_in(&mut self, ledger: &LedgerApi, interval: Interval) -> anyhow::Result<Became> {
        let (node, mut unpaid) = (interval.node.to_string(), self.foreign.clone());
        // As many hours are tried at once.
        let mut most = u64::MAX;
        let (mut introduced, mut waits) = (Vec::new(), false);
        loop {
            let done = self.reported.get(&node).copied().unwrap_or(0);
            let Some(rest) = interval.after(done) else { return Ok(Became::Done) };
            let Some((index, part)) = next_part(&self.prepayments, &rest, &unpaid) else {
                if waits {
                    return Ok(Became::Waits);
                }
                self.settle(&node, interval.to)?;
                return Ok(Became::Done);
            };
            // What is settled is settled up to an hour: none that waits is jumped over.
            if waits && part.from > rest.from {
                return Ok(Became::Waits);
            }
            let part = part.first(most);
            let handed = match self.report(ledger, &self.prepayments[index], &part).await? {
                Handed::Unheard if !introduced.contains(&index) => {
                    introduced.push(index);
                    self.introduce(ledger, &self.prepayments[index]).await?
                }
                Handed::Unheard => Handed::Later,
                handed => handed,
            };
            match handed {
                Handed::Taken | Handed::Refused => self.settle(&node, part.to)?,
                Handed::TooDear if part.hours() > 1 => most = part.hours() / 2,
                Handed::TooDear | Handed::Unpaid => {
                    tracing::error!(%node, part.from, part.to, "a prepayment pays no more for what a node has kept");
                    unpaid.push(index);
                    most = u64::MAX;
                }
                Handed::Unfunded => {
                    waits = true;
                    unpaid.push(index);
                    most = u64::MAX;
                }
                Handed::Unheard => {}
                Handed::Later => return Ok(Became::Waits),
            }
        }
    }

    /// Hands in a prepayment that the ledger has not got: whoever has it may. Where that is refused, it pays for nothing; where its
    /// payer has no money yet, not now.
    async fn introduce(&self, ledger: &LedgerApi, prepayment: &Signed<Prepayment>) -> anyhow::Result<Handed> {
        let name = prepayment.name();
        let Err(error) = ledger.record(prepayment).await else {
            tracing::info!(%name, "a prepayment is handed in that the ledger had not got");
            // So the report is told once more.
            return Ok(Handed::Unheard);
        };
        let Some(refused) = error.downcast_ref::<Refused>() else { return Err(error) };
        if refused.is_about_all() {
            return Err(error);
        }
        let is_poor = refused.is_for_want_of_money() && !is_over(prepayment.body(), now());
        tracing::error!(%name, reason = refused.to_string(), "the ledger does not take a prepayment");
        Ok(if is_poor { Handed::Unfunded } else { Handed::Unpaid })
    }

    /// Remembers, durably, that all is settled up to this hour.
    fn settle(&mut self, node: &str, hour: u64) -> anyhow::Result<()> {
        self.reported.insert(node.to_owned(), hour);
        write_atomically(&self.file, &serde_json::to_vec(&self.reported)?)
            .with_context(|| format!("cannot write {}", self.file.display()))
    }

    /// Everything that was written since it was read last, as far as there is room; whether that is all.
    fn read(&mut self) -> Result<bool, AuditLogError> {
        let mut reader = if let Some(reader) = self.reader.take() {
            reader
        } else {
            // What came before leads to the same intervals again.
            (self.intervals, self.waiting) = (Intervals::default(), VecDeque::new());
            AuditLogReader::open(&self.log)?
        };
        let is_all = loop {
            if self.waiting.len() >= WAITING_MAX {
                break false;
            }
            match reader.next_transcript() {
                Ok(Some(transcript)) => self.take(&Audited::of(&transcript)),
                Ok(None) => break true,
                // The steward is about to write the rest of it: it is read from the beginning the next time.
                Err(AuditLogError::Entry { source: LogEntryError::Torn { .. }, .. }) => return Ok(true),
                Err(error) => return Err(error),
            }
        };
        self.reader = Some(reader);
        Ok(is_all)
    }

    fn take(&mut self, audit: &Audited) {
        let interval = self.intervals.take(audit);
        let done = |it: &Interval| self.reported.get(&it.node.to_string()).copied().unwrap_or(0);
        let rest = interval.and_then(|it| it.after(done(&it)));
        self.waiting.extend(rest.filter(|rest| next_part(&self.prepayments, rest, &self.foreign).is_some()));
    }

    /// Hands in one report. What the ledger may take another time is no refusal, unless its prepayment is over.
    async fn report(
        &self,
        ledger: &LedgerApi,
        prepayment: &Signed<Prepayment>,
        part: &Interval,
    ) -> anyhow::Result<Handed> {
        let Interval { node, from, to, bytes, lost, at, transcript } = *part;
        let name = BudgetRef { id: prepayment.body().id, payer: prepayment.by() };
        let report = StorageReport { bytes, from, issued: at, lost, node, prepayment: name, to, transcript };
        let report = Signed::sign(&self.auditor, &prepayment.network(), report);
        let node = node.fmt_short();
        let error = match ledger.record(&report).await {
            Ok(_promise) => {
                tracing::info!(%node, bytes, from, to, lost, "storage is reported");
                return Ok(Handed::Taken);
            }
            Err(error) => error,
        };
        let Some(refused) = error.downcast_ref::<Refused>() else { return Err(error) };
        let reason = refused.to_string();
        if refused.is_for_want_of_money() {
            tracing::warn!(%node, from, to, reason, "a prepayment does not suffice for what a node has kept");
            return Ok(Handed::TooDear);
        }
        if is_over(prepayment.body(), now()) {
            return Ok(Handed::Unpaid);
        }
        if refused.is_not_found() {
            return Ok(Handed::Unheard);
        }
        if refused.is_for_good() {
            tracing::error!(%node, from, to, reason, "a report is refused for good");
            return Ok(Handed::Refused);
        }
        if refused.is_about_all() {
            return Err(error);
        }
        tracing::warn!(%node, from, to, reason, "a report waits");
        Ok(Handed::Later)
    }
}

fn now() -> UnixSeconds {
    SystemTime::now().into()
}

#[cfg(test)]
#[path = "reporter_tests.rs"]
mod tests;
