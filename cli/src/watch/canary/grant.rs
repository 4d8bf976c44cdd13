//! One grant that is checked: what can be said of it before the settlement, and after.

use std::collections::HashMap;

use anyhow::{Context, anyhow, bail};
use data_encoding::BASE64;
use ledger::{Inquired, Neighbours, NotPublished, Omission, Shown};
use proofs::canonical;
use protocol::{Epoch, Promise, Serial, Signed, Usage};
use serde::Deserialize;

use super::book::{Book, Noted, Short};
use super::finding::{Finding, Open, Settled, open, settled};
use super::log::SettledEpoch;
use super::tally::{Tally, Title, Watched};
use super::{Check, Checked, now};

/// Longest list that shows one grant, in bytes: 18 items with their proofs.
const SHOWN_LEN_MAX: usize = 64 << 10;

/// A grant with what is known of it.
pub(super) struct One<'a> {
    pub(super) check: &'a Check<'a>,
    pub(super) book: &'a Book,
    pub(super) watched: Watched,
    /// Whether the gateway has answered that it has the receipt: nobody is blamed for what did not arrive.
    pub(super) is_taken: bool,
    pub(super) noted: Noted,
}

/// What the ledger knows, for all grants at once; where it does not say, why.
pub(super) struct Known {
    pub(super) sessions: Result<HashMap<String, Usage>, String>,
    pub(super) epochs: HashMap<Epoch, Result<SettledEpoch, Unseen>>,
    pub(super) tallies: HashMap<Title, Result<Tally, String>>,
}

/// Why an epoch is not seen.
pub(super) struct Unseen {
    why: String,
    /// The log does not have the lists that its own settlement names: it is hidden from everybody.
    is_hidden: bool,
}

/// What was found out, and more about it.
pub(super) struct Found {
    finding: Finding,
    why: Option<String>,
}

/// The answer to an inquiry about the sessions of a settled epoch.
#[derive(Deserialize)]
struct CountedAnswer {
    counted: Counted,
}

#[derive(Deserialize)]
struct Counted {
    grants: Vec<CountedGrant>,
}

#[derive(Deserialize)]
struct CountedGrant {
    serial: String,
    receipts: String,
}

impl One<'_> {
    /// What is found out about it. What the ledger does not answer about one grant is said of that one.
    pub(super) async fn checked(mut self, known: &Known) -> Checked {
        let found = self.found(known).await;
        let Found { finding, why } = found
            .unwrap_or_else(|error| Found { finding: Finding::Unanswered, why: Some(format!("{error:#}")) });
        self.said(finding, why)
    }

    /// The same in words for programs.
    pub(super) fn said(&self, finding: Finding, why: Option<String>) -> Checked {
        let grant = self.watched.grant.body();
        let is_proved = matches!(finding, Finding::Omitted | Finding::Withheld);
        Checked {
            serial: grant.serial.to_string(),
            gateway: grant.gateway.to_string(),
            agreement: grant.agreement.to_string(),
            epoch: grant.epoch.get(),
            finding,
            why,
            signed: self.watched.receipt.body().usage,
            known: self.noted.short.map(|short| short.known),
            promised: self.promise().is_some(),
            proof: self.book.proof(grant.serial).filter(|_| is_proved),
        }
    }

    /// Whether its epoch is settled, as the ledger says.
    pub(super) fn is_settled(&self) -> bool {
        self.watched.grant.body().epoch.get() < self.check.ledger.terms().open_epoch
    }

    async fn found(&mut self, known: &Known) -> anyhow::Result<Found> {
        self.check.is_about(&self.watched)?;
        let seq = self.watched.receipt.body().seq;
        if self.is_taken && self.noted.look(seq, now()) {
            self.write()?;
        }
        match self.noted.found {
            Some(finding) => Ok(finding.into()),
            None if self.is_settled() => self.once_settled(known).await,
            None => {
                let sessions = known.sessions.as_ref().map_err(|why| anyhow!("{why}"))?;
                Ok(self.while_open(sessions).await?.into())
            }
        }
    }

    /// Whether the ledger knows by now what the gateway has taken. It is told what it does not know.
    async fn while_open(&mut self, sessions: &HashMap<String, Usage>) -> anyhow::Result<Finding> {
        let known = sessions.get(&self.serial().to_string()).copied().unwrap_or_default();
        let Some(looked) = self.noted.looked.filter(|_| self.is_taken) else { return Ok(Finding::Open) };
        let since = now().seconds_since(looked.at);
        match open(self.watched.receipt.body().usage, known, since, self.check.within_s) {
            Open::Early => return Ok(Finding::Open),
            Open::Known => {}
            Open::Short if self.noted.short.is_some() => {}
            Open::Short => {
                self.noted.short = Some(Short { at: now(), known });
                self.write()?;
            }
        }
        if self.promise().is_none() {
            let promise = self.check.ledger.record(&self.watched.receipt).await?;
            self.noted.promise = Some(promise);
            self.write()?;
        }
        Ok(if self.noted.short.is_some() { Finding::UnderReported } else { Finding::Open })
    }

    /// Whether the settlement counts it. The log says so, without being asked about this grant.
    async fn once_settled(&mut self, known: &Known) -> anyhow::Result<Found> {
        let seen = known.epochs.get(&self.watched.grant.body().epoch).context("its epoch is not settled")?;
        let seen = match seen {
            Ok(seen) => seen,
            Err(Unseen { why, is_hidden: true }) => {
                return Ok(Found { finding: Finding::Withheld, why: Some(why.clone()) });
            }
            Err(Unseen { why, .. }) => bail!("{why}"),
        };
        let is_counted = self.watched.is_listed(&seen.published);
        if is_counted && let Some(found) = self.is_short(known)? {
            return Ok(found);
        }
        let (is_promised, was_short) = (self.promise().is_some(), self.noted.short.is_some());
        match settled(is_counted, is_promised, was_short, self.had_time(seen)) {
            Settled::Omitted => self.left_out(seen).await,
            finding => self.keep(finding.into()),
        }
    }

    /// What the lines say, where that is less than the list of receipts does.
    fn is_short(&mut self, known: &Known) -> anyhow::Result<Option<Found>> {
        let tally = known.tallies.get(&self.watched.title()).context("its line was not looked for")?;
        match tally.as_ref().map_err(|why| anyhow!("{why}"))? {
            Tally::Counted => Ok(None),
            Tally::Short(shortfall) => {
                self.book.keep_shortfall(self.serial(), &shortfall.encode())?;
                self.keep(Finding::Omitted).map(Some)
            }
            Tally::Underpaid { paid, costs } => {
                let why =
                    format!("the lines have paid {paid} micro-units, and what was watched costs {costs}");
                Ok(Some(Found { finding: Finding::Underpaid, why: Some(why) }))
            }
        }
    }

    /// The proof that the ledger has left out what it has promised to count: with what stands there, where the ledger shows it.
    async fn left_out(&mut self, seen: &SettledEpoch) -> anyhow::Result<Found> {
        let issuer = self.check.ledger.issuer()?;
        let promise = self.promise().context("it was promised")?.clone();
        let mut omission = Omission {
            grant: self.watched.grant.clone(),
            promise,
            receipt: self.watched.receipt.clone(),
            summary: seen.published.summary().clone(),
            beside: None,
        };
        omission.verify_in(&issuer, &seen.published)?;
        let why = match self.beside().await {
            Ok(beside) => {
                omission.beside = Some(beside);
                match omission.verify(&issuer) {
                    Ok(()) => {
                        self.book.keep_omission(self.serial(), &omission.encode())?;
                        return self.keep(Finding::Omitted);
                    }
                    Err(error) => error.to_string(),
                }
            }
            Err(error) => format!("{error:#}"),
        };
        omission.beside = None;
        self.book.keep_withheld(self.serial(), &omission.encode())?;
        // It may answer later, and is asked again then.
        Ok(Found { finding: Finding::Withheld, why: Some(why) })
    }

    /// What the ledger shows where the receipt belongs.
    async fn beside(&self) -> anyhow::Result<Neighbours> {
        let (ledger, epoch) = (self.check.ledger, self.watched.grant.body().epoch);
        let answer: CountedAnswer =
            ledger.inquire(self.check.viewer, Inquired::Sessions, Some(epoch)).await?;
        let (serial, receipt) = (self.serial(), self.watched.receipt.body());
        let named = serial.to_string();
        let grant = answer.counted.grants.iter().find(|grant| grant.serial == named);
        let grant = grant.with_context(|| format!("the ledger shows nothing of session {serial}"))?;
        let bytes = BASE64.decode(grant.receipts.as_bytes())?;
        let shown: Shown = canonical::from_slice(&bytes, SHOWN_LEN_MAX)?;
        Ok(Neighbours::among(&shown, serial, receipt.stream))
    }

    /// Whether the gateway had all its time to hand in the receipt before the epoch was settled.
    fn had_time(&self, seen: &SettledEpoch) -> bool {
        let looked = self.noted.looked.filter(|_| self.is_taken);
        looked.is_some_and(|looked| looked.at.plus(self.check.within_s) <= seen.at)
    }

    /// The ledger's promise to count just this receipt.
    fn promise(&self) -> Option<&Signed<Promise>> {
        let (name, issuer) = (self.watched.receipt.name(), self.watched.grant.by());
        let promise = self.noted.promise.as_ref();
        promise.filter(|promise| promise.by() == issuer && promise.body().name == name)
    }

    /// Remembers what will not change any more.
    fn keep(&mut self, finding: Finding) -> anyhow::Result<Found> {
        self.noted.found = Some(finding);
        self.write()?;
        Ok(finding.into())
    }

    fn serial(&self) -> Serial {
        self.watched.grant.body().serial
    }

    fn write(&self) -> anyhow::Result<()> {
        self.book.write(self.serial(), &self.noted)
    }
}

impl From<Finding> for Found {
    fn from(finding: Finding) -> Self {
        Self { finding, why: None }
    }
}

impl From<anyhow::Error> for Unseen {
    fn from(error: anyhow::Error) -> Self {
        Self { why: format!("{error:#}"), is_hidden: error.is::<NotPublished>() }
    }
}
