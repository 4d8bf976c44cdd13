//! A viewer who watches for the sake of control: what it has signed is compared with what the ledger has counted (spec §25, §26).
//!
//! Its grants and receipts are those of everybody, so that nobody can treat it in another way. It keeps what it knew, durably,
//! before it does anything that others could learn from.

mod book;
mod finding;
mod player;
mod proved;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use futures_util::future::try_join_all;
use ledger::tlog::Policy;
use ledger::{Inquired, Neighbours, Omission, Shortfall, Shown, Summary};
use protocol::{
    Amount, DeliveryReceipt, Epoch, Promise, SecretKey, SessionGrant, Signed, UnixSeconds, Usage,
};
use publishing::download::Download;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use sharing::Bundle;
use tokio::time::{Instant, sleep_until};

use self::book::{Book, Noted, Short};
pub(crate) use self::finding::Finding;
use self::finding::{Open, Settled, open, settled};
use self::player::{Step, visit};
use self::proved::{CountedAnswer, LinesAnswer};
use super::kept::Kept;
use super::{Fare, Keep, Offer, Proxy, Show, UsedGrant};
use crate::ledger_api::LedgerApi;
use crate::output::Output;

/// The grants and findings of one canary, in a folder of its own.
#[derive(Debug)]
pub(crate) struct Canary {
    keep: Keep,
    book: Book,
}

/// How a canary plays.
#[derive(Debug)]
pub(crate) struct Outing {
    pub(crate) gateway: Url,
    pub(crate) viewer: SecretKey,
    /// The most that it may cost.
    pub(crate) limit: Amount,
    /// The most segments of each track that are watched.
    pub(crate) segments: u32,
    pub(crate) output: Output,
}

/// What became of what was watched under one grant.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    pub(crate) serial: String,
    pub(crate) gateway: String,
    agreement: String,
    pub(crate) epoch: u64,
    pub(crate) finding: Finding,
    /// What the canary has signed for.
    pub(crate) signed: Usage,
    /// What the ledger knew when it should have known all, where that was less.
    pub(crate) known: Option<Usage>,
    /// Whether the ledger has promised to count all of it.
    promised: bool,
    /// The file that shows to anybody that the ledger has left it out.
    pub(crate) proof: Option<PathBuf>,
}

/// What is asked of the ledger about whose grants, and how long a gateway has for its part.
#[derive(Debug)]
pub(crate) struct Check<'a> {
    pub(crate) ledger: &'a LedgerApi,
    pub(crate) viewer: &'a SecretKey,
    /// After so many seconds the ledger should have what a gateway has taken.
    pub(crate) within_s: u64,
}

/// Every grant of open epochs, as the ledger says.
#[derive(Deserialize)]
struct SessionsAnswer {
    sessions: Vec<SessionAnswer>,
}

#[derive(Clone, Deserialize)]
struct SessionAnswer {
    serial: String,
    bytes: u64,
    ms: u64,
}

/// When an epoch was settled, as the ledger says.
#[derive(Deserialize)]
struct SettledAnswer {
    settled: u64,
}

impl Canary {
    /// The canary that lives in this folder.
    pub(crate) fn of(folder: &Path) -> Self {
        Self { keep: Keep::at(folder), book: Book::at(folder) }
    }

    /// Watches a title as everybody does. What the gateway does not take is not handed in otherwise.
    pub(crate) async fn watch(
        &self,
        bundle: Bundle,
        download: Download,
        offer: Offer,
        outing: Outing,
    ) -> anyhow::Result<Vec<UsedGrant>> {
        self.book.pin(&offer.ledger.terms().log)?;
        let Outing { gateway, viewer, limit, segments, output } = outing;
        let gateways = std::slice::from_ref(&gateway);
        let fare = Arc::new(Fare::new(offer, gateways, viewer, self.keep.clone(), limit, output));
        let visit = visit(&bundle, segments, |below| rand::random_range(0..below));
        let proxy = Proxy::new(Show::whole(bundle)?, download, Some(Arc::clone(&fare)));
        let watched = tokio::select! {
            watched = play(&proxy, visit) => watched,
            () = fare.acknowledge_always() => unreachable!("it has no end"),
        };
        let used = fare.acknowledge_last().await?;
        watched?;
        Ok(used)
    }

    /// Remembers since when the gateway has what it has taken: its time to hand it in begins here. To be called when what has
    /// watched is gone, which held the grants.
    pub(crate) fn note_taken(&self) -> anyhow::Result<()> {
        for kept in self.keep.all()? {
            let (Some(seq), serial) = (kept.taken(), kept.request.body().serial(&kept.request.by())) else {
                continue;
            };
            let mut noted = self.book.read(serial, kept.network)?;
            if noted.look(seq, now()) {
                self.book.write(serial, &noted)?;
            }
        }
        Ok(())
    }

    /// Compares everything that was watched with what the ledger has of it.
    pub(crate) async fn check(&self, check: &Check<'_>) -> anyhow::Result<Vec<Checked>> {
        self.book.compare(&check.ledger.terms().log)?;
        let sessions: SessionsAnswer = check.inquire(None).await?;
        let sessions =
            sessions.sessions.into_iter().map(|session| (session.serial.clone(), session)).collect();
        let mut all = Vec::new();
        for kept in self.keep.all()? {
            let (Some(grant), Some(receipt)) = (&kept.grant, &kept.receipt) else { continue };
            check.is_about(&kept)?;
            let (grant, receipt, is_taken) = (grant.clone(), receipt.clone(), kept.taken().is_some());
            let noted = self.book.read(grant.body().serial, kept.network)?;
            let one = One { check, book: &self.book, grant, receipt, is_taken, noted };
            let checked = one.check(&sessions).await;
            all.push(
                checked
                    .with_context(|| format!("session {}", kept.request.body().serial(&kept.request.by())))?,
            );
        }
        Ok(all)
    }
}

/// Plays as the players of this machine do, through what they play through.
async fn play(proxy: &Proxy, visit: Vec<Step>) -> anyhow::Result<()> {
    let began = Instant::now();
    for Step { at_ms, parts } in visit {
        sleep_until(began + Duration::from_millis(at_ms)).await;
        let asked = parts.iter().filter_map(|(track, number)| proxy.show().part(track.as_str(), *number));
        try_join_all(asked.map(|asked| proxy.fetch(asked))).await?;
    }
    Ok(())
}

impl Check<'_> {
    async fn inquire<T: serde::de::DeserializeOwned>(&self, epoch: Option<Epoch>) -> anyhow::Result<T> {
        self.ledger.inquire(self.viewer, Inquired::Sessions, epoch).await
    }

    /// Refuses what was watched by way of another ledger, or by somebody else.
    fn is_about(&self, kept: &Kept) -> anyhow::Result<()> {
        let issuer = self.ledger.issuer()?;
        if kept.grant.as_ref().is_some_and(|grant| grant.by() != issuer)
            || kept.network != self.ledger.signed_for()?
        {
            bail!("this was watched by way of another ledger than the one at {}", self.ledger.url());
        }
        if kept.request.by() != self.viewer.public() {
            bail!("this was watched with another account");
        }
        Ok(())
    }
}

/// One grant that is checked.
struct One<'a> {
    check: &'a Check<'a>,
    book: &'a Book,
    grant: Signed<SessionGrant>,
    receipt: Signed<DeliveryReceipt>,
    /// Whether the gateway has answered that it has the receipt: nobody is blamed for what did not arrive.
    is_taken: bool,
    noted: Noted,
}

impl One<'_> {
    async fn check(mut self, sessions: &HashMap<String, SessionAnswer>) -> anyhow::Result<Checked> {
        let seq = self.receipt.body().seq;
        if self.is_taken && self.noted.look(seq, now()) {
            self.write()?;
        }
        let epoch = self.grant.body().epoch;
        let finding = match self.noted.found {
            Some(finding) => finding,
            None if epoch.get() >= self.check.ledger.terms().open_epoch => self.while_open(sessions).await?,
            None => self.once_settled(epoch).await?,
        };
        let grant = self.grant.body();
        let proof = (finding == Finding::Omitted).then(|| self.book.proof(grant.serial));
        Ok(Checked {
            serial: grant.serial.to_string(),
            gateway: grant.gateway.to_string(),
            agreement: grant.agreement.to_string(),
            epoch: epoch.get(),
            finding,
            signed: self.receipt.body().usage,
            known: self.noted.short.map(|short| short.known),
            promised: self.is_promised(),
            proof,
        })
    }

    /// Whether the ledger knows by now what the gateway has taken. It is told what it does not know.
    async fn while_open(&mut self, sessions: &HashMap<String, SessionAnswer>) -> anyhow::Result<Finding> {
        let known = sessions.get(&self.grant.body().serial.to_string());
        let known = known.map_or_else(Usage::default, |known| Usage { bytes: known.bytes, ms: known.ms });
        let Some(looked) = self.noted.looked.filter(|_| self.is_taken) else { return Ok(Finding::Open) };
        let since = now().seconds_since(looked.at);
        match open(self.receipt.body().usage, known, since, self.check.within_s) {
            Open::Early => return Ok(Finding::Open),
            Open::Known => {}
            Open::Short if self.noted.short.is_some() => {}
            Open::Short => {
                self.noted.short = Some(Short { at: now(), known });
                self.write()?;
            }
        }
        if !self.is_promised() {
            let promise = self.check.ledger.record(&self.receipt).await?;
            self.noted.promise = Some(promise);
            self.write()?;
        }
        Ok(if self.noted.short.is_some() { Finding::UnderReported } else { Finding::Open })
    }

    /// Whether the settlement counts it.
    async fn once_settled(&mut self, epoch: Epoch) -> anyhow::Result<Finding> {
        let answer: CountedAnswer = self.check.inquire(Some(epoch)).await?;
        let policy = Policy::parse(&self.book.policy()?)?;
        let summary = proved::summary(self.check.ledger, &policy, &answer, epoch).await?;
        let (serial, stream) = (self.receipt.body().serial, self.receipt.body().stream);
        let shown: Shown = answer.shown(serial)?;
        let beside = Neighbours::among(&shown, serial, stream);
        let is_counted = shown
            .iter()
            .any(|(item, proof)| summary.receipts.has(item, proof) && item.covers(self.receipt.body()));
        let is_missing = beside.show_missing(&summary.receipts, self.receipt.body());
        if is_counted == is_missing {
            bail!("the ledger does not show what stands in its list of receipts");
        }
        if is_counted && !self.is_in_a_line(epoch, &policy).await? {
            self.show_shortfall(epoch, summary, shown).await?;
            self.noted.found = Some(Finding::Omitted);
            self.write()?;
            return Ok(Finding::Omitted);
        }
        let promise = self.noted.promise.clone().filter(|_| self.is_promised());
        let had_time = self.had_time(epoch).await?;
        let finding = settled(is_counted, promise.is_some(), self.noted.short.is_some(), had_time);
        if let (Settled::Omitted, Some(promise)) = (finding, promise) {
            let (grant, receipt) = (self.grant.clone(), self.receipt.clone());
            let omission = Omission { grant, promise, receipt, summary, beside };
            omission.verify(&self.check.ledger.issuer()?)?;
            self.book.keep_omission(serial, &omission.encode())?;
        }
        self.noted.found = Some(finding.into());
        self.write()?;
        Ok(finding.into())
    }

    /// Keeps the proof that the ledger lists the receipt and has counted less than it says in its lines.
    async fn show_shortfall(&self, epoch: Epoch, summary: Summary, shown: Shown) -> anyhow::Result<()> {
        let (ledger, serial) = (self.check.ledger, self.grant.body().serial);
        let lines = proved::lines(ledger, epoch, &summary).await?;
        let own = shown.into_iter().filter(|(item, _)| item.serial == serial).collect();
        let shortfall = Shortfall::new(vec![(self.grant.clone(), own)], &lines, summary);
        let shortfall = shortfall.context("there is no grant")?;
        shortfall
            .verify(&ledger.issuer()?)
            .context("the ledger does not name the line that has counted this")?;
        self.book.keep_shortfall(serial, &shortfall.encode())
    }

    /// Whether the gateway had all its time to hand in the receipt before the epoch was settled.
    async fn had_time(&self, epoch: Epoch) -> anyhow::Result<bool> {
        let answer: SettledAnswer = self.check.ledger.get(&format!("v1/settlements/{epoch}")).await?;
        let looked = self.noted.looked.filter(|_| self.is_taken);
        Ok(looked
            .is_some_and(|looked| looked.at.plus(self.check.within_s) <= UnixSeconds::new(answer.settled)))
    }

    /// Whether a line of the log, under the alias of this canary, has counted what was signed.
    async fn is_in_a_line(&self, epoch: Epoch, policy: &Policy) -> anyhow::Result<bool> {
        let (ledger, grant) = (self.check.ledger, self.grant.body());
        let lines: LinesAnswer = ledger.inquire(self.check.viewer, Inquired::Statement, Some(epoch)).await?;
        for index in lines.places(grant) {
            if proved::line_has(ledger, policy, index, grant, self.receipt.body().usage).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_promised(&self) -> bool {
        let name = self.receipt.name();
        let issuer = self.grant.by();
        let is_for = |promise: &Signed<Promise>| promise.by() == issuer && promise.body().name == name;
        self.noted.promise.as_ref().is_some_and(is_for)
    }

    fn write(&self) -> anyhow::Result<()> {
        self.book.write(self.grant.body().serial, &self.noted)
    }
}

fn now() -> UnixSeconds {
    SystemTime::now().into()
}
