//! Reads the audit log of a steward as it grows, and hands in what follows from it.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use client::{AuditLogError, AuditLogReader};
use ledger::{BudgetRef, Prepayment, StorageReport};
use protocol::{LogEntryError, SecretKey, Signed};

use super::intervals::{Audited, Interval, Intervals};
use crate::folders::write_atomically;
use crate::ledger_api::{LedgerApi, Refused};

/// How often the audit log is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// The file that remembers which hours were handed in.
const FILE: &str = "reported.json";

/// What is reported for one prepayment.
#[derive(Debug)]
pub(crate) struct Reporter {
    ledger: String,
    prepayment: Signed<Prepayment>,
    auditor: SecretKey,
    log: PathBuf,
    file: PathBuf,
    reader: Option<AuditLogReader>,
    intervals: Intervals,
    /// What follows from the log, and is not handed in yet.
    waiting: Vec<Interval>,
    /// Of each node, up to which hour something was handed in.
    reported: BTreeMap<String, u64>,
}

impl Reporter {
    /// Reports for this prepayment what the steward in `dir` finds.
    pub(crate) fn new(
        ledger: String,
        prepayment: Signed<Prepayment>,
        auditor: SecretKey,
        dir: &Path,
    ) -> anyhow::Result<Self> {
        let (log, file) = (dir.join("audit.log"), dir.join(FILE));
        let reported = match fs::read(&file) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", file.display()))?
            }
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        let (intervals, waiting) = (Intervals::default(), Vec::new());
        Ok(Self { ledger, prepayment, auditor, log, file, reader: None, intervals, waiting, reported })
    }

    /// Hands in what follows from audits, without end.
    pub(crate) async fn always(mut self) {
        loop {
            if let Err(error) = self.look().await {
                tracing::warn!(error = format!("{error:#}"), "reports of storage wait");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn look(&mut self) -> anyhow::Result<()> {
        tokio::task::block_in_place(|| self.read())?;
        if self.waiting.is_empty() {
            return Ok(());
        }
        let ledger = LedgerApi::connect(&self.ledger).await?;
        if ledger.signed_for()? != self.prepayment.network() {
            bail!("the prepayment is for another ledger than the one at {}", ledger.url());
        }
        while let Some(interval) = self.waiting.first().copied() {
            self.hand_in(&ledger, &interval).await?;
            self.reported.insert(interval.node.to_string(), interval.to);
            write_atomically(&self.file, &serde_json::to_vec(&self.reported)?)
                .with_context(|| format!("cannot write {}", self.file.display()))?;
            self.waiting.remove(0);
        }
        Ok(())
    }

    /// Everything that was written since it was read last.
    fn read(&mut self) -> Result<(), AuditLogError> {
        let mut reader = if let Some(reader) = self.reader.take() {
            reader
        } else {
            // What came before leads to the same intervals again.
            (self.intervals, self.waiting) = (Intervals::default(), Vec::new());
            AuditLogReader::open(&self.log)?
        };
        loop {
            match reader.next_transcript() {
                Ok(Some(transcript)) => self.take(&Audited::of(&transcript)),
                Ok(None) => break,
                // The steward is about to write the rest of it: it is read from the beginning the next time.
                Err(AuditLogError::Entry { source: LogEntryError::Torn { .. }, .. }) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.reader = Some(reader);
        Ok(())
    }

    fn take(&mut self, audit: &Audited) {
        let interval = self.intervals.take(audit).filter(|it| self.is_paid_for(it));
        let is_new = |it: &Interval| self.reported.get(&it.node.to_string()).is_none_or(|to| *to <= it.from);
        self.waiting.extend(interval.filter(is_new));
    }

    /// Whether the prepayment is for some of these hours: the ledger pays those.
    fn is_paid_for(&self, interval: &Interval) -> bool {
        const HOUR_S: u64 = 3600;
        let Prepayment { issued, until, .. } = *self.prepayment.body();
        interval.to > issued.get() / HOUR_S && interval.from < until.get() / HOUR_S
    }

    /// What the ledger refuses is not handed in again: it is paid already, or never will be.
    async fn hand_in(&self, ledger: &LedgerApi, interval: &Interval) -> anyhow::Result<()> {
        let Interval { node, from, to, bytes, lost, at, transcript } = *interval;
        let prepayment = BudgetRef { id: self.prepayment.body().id, payer: self.prepayment.by() };
        let report = StorageReport { bytes, from, issued: at, lost, node, prepayment, to, transcript };
        let report = Signed::sign(&self.auditor, &self.prepayment.network(), report);
        match ledger.record(&report).await {
            Ok(_promise) => {
                tracing::info!(node = %node.fmt_short(), bytes, from, to, lost, "storage is reported");
                Ok(())
            }
            Err(error) if error.is::<Refused>() => {
                tracing::warn!(node = %node.fmt_short(), from, to, error = format!("{error:#}"), "a report is refused");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
