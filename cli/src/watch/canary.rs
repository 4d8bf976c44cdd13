//! A viewer who watches for the sake of control: what it has signed is compared with what the ledger has counted (spec §25, §26).
//!
//! Its grants and receipts are those of everybody, so that nobody can treat it in another way. It keeps what it knew, durably,
//! before it does anything that others could learn from.

mod book;
mod finding;
mod grant;
mod log;
mod player;
mod tally;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow, bail};
use futures_util::future::try_join_all;
use ledger::tlog::Policy;
use ledger::{Inquired, Published};
use protocol::{Amount, SecretKey, UnixSeconds, Usage};
use publishing::download::Download;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use sharing::Bundle;
use tokio::time::{Instant, sleep_until};

use self::book::Book;
pub(crate) use self::finding::Finding;
use self::grant::{Known, One, Unseen};
use self::log::{Forked, PublicLog};
use self::player::{Step, visit};
use self::tally::{Tally, Title, Watched};
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
    /// More about it, where there is something to say.
    pub(crate) why: Option<String>,
    /// What the canary has signed for.
    pub(crate) signed: Usage,
    /// What the ledger knew when it should have known all, where that was less.
    pub(crate) known: Option<Usage>,
    /// Whether the ledger has promised to count all of it.
    promised: bool,
    /// The file that shows to anybody that the ledger has left it out.
    pub(crate) proof: Option<PathBuf>,
}

/// What a comparison comes to.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) checked: Vec<Checked>,
    /// How many witnesses whom the user trusts have cosigned the log; nothing where the log was not seen.
    pub(crate) witnesses: Option<usize>,
}

/// What is asked of the ledger about whose grants, and how long a gateway has for its part.
#[derive(Debug)]
pub(crate) struct Check<'a> {
    pub(crate) ledger: &'a LedgerApi,
    pub(crate) viewer: &'a SecretKey,
    /// Whom the user trusts to have seen the log; without it its own key alone counts.
    pub(crate) trusted: Option<Policy>,
    /// After so many seconds the ledger should have what a gateway has taken.
    pub(crate) within_s: u64,
}

/// Every grant of open epochs, as the ledger says.
#[derive(Deserialize)]
struct SessionsAnswer {
    sessions: Vec<SessionAnswer>,
}

#[derive(Deserialize)]
struct SessionAnswer {
    serial: String,
    bytes: u64,
    ms: u64,
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
    pub(crate) async fn check(&self, check: &Check<'_>) -> anyhow::Result<Comparison> {
        self.book.compare(&check.ledger.terms().log)?;
        let all = self.all(check)?;
        let mut log = match PublicLog::see(check.ledger, &self.book, check.trusted.as_ref()).await {
            Err(error) if error.is::<Forked>() => return Ok(Comparison::forked(&all, &error)),
            log => log.map_err(|error| format!("{error:#}")),
        };
        let known = match Known::of(check, &all, &mut log).await {
            Err(forked) => return Ok(Comparison::forked(&all, &forked.into())),
            Ok(known) => known,
        };
        let mut checked = Vec::new();
        for one in all {
            checked.push(one.checked(&known).await);
        }
        Ok(Comparison { checked, witnesses: log.ok().map(|log| log.witnessed_by()) })
    }

    /// Everything that was watched and acknowledged.
    fn all<'a>(&'a self, check: &'a Check<'a>) -> anyhow::Result<Vec<One<'a>>> {
        let mut all = Vec::new();
        for kept in self.keep.all()? {
            let is_taken = kept.taken().is_some();
            let (Some(grant), Some(receipt)) = (kept.grant, kept.receipt) else { continue };
            let noted = self.book.read(grant.body().serial, kept.network)?;
            let watched = Watched { request: kept.request, grant, receipt };
            all.push(One { check, book: &self.book, watched, is_taken, noted });
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

impl Comparison {
    /// The worst of all; nothing where nothing was watched.
    pub(crate) fn finding(&self) -> Option<Finding> {
        self.checked.iter().map(|one| one.finding).max()
    }

    /// Nothing that this ledger says counts any more.
    fn forked(all: &[One<'_>], error: &anyhow::Error) -> Self {
        let said = |one: &One<'_>| one.said(Finding::Forked, Some(format!("{error:#}")));
        Self { checked: all.iter().map(said).collect(), witnesses: None }
    }
}

impl Check<'_> {
    /// What the ledger has of every grant of open epochs.
    async fn sessions(&self) -> anyhow::Result<HashMap<String, Usage>> {
        let answer: SessionsAnswer = self.ledger.inquire(self.viewer, Inquired::Sessions, None).await?;
        let usage = |one: SessionAnswer| (one.serial, Usage { bytes: one.bytes, ms: one.ms });
        Ok(answer.sessions.into_iter().map(usage).collect())
    }

    /// Refuses what was watched by way of another ledger, or by somebody else.
    fn is_about(&self, watched: &Watched) -> anyhow::Result<()> {
        let grant = &watched.grant;
        if grant.by() != self.ledger.issuer()? || grant.network() != self.ledger.signed_for()? {
            bail!("this was watched by way of another ledger than the one at {}", self.ledger.url());
        }
        if watched.request.by() != self.viewer.public() {
            bail!("this was watched with another account");
        }
        Ok(())
    }
}

impl Known {
    /// Asks what all grants need, each once. Epochs of which everything was found out are not looked at again.
    async fn of(
        check: &Check<'_>,
        all: &[One<'_>],
        log: &mut Result<PublicLog<'_>, String>,
    ) -> Result<Self, Forked> {
        let sessions = check.sessions().await.map_err(|error| format!("{error:#}"));
        let (mut epochs, mut titles) = (HashMap::new(), HashMap::<Title, Vec<&Watched>>::new());
        let settled =
            || all.iter().filter(|one| one.is_settled()).map(|one| (one, one.watched.grant.body().epoch));
        let unknown: HashSet<_> =
            settled().filter(|(one, _)| one.noted.found.is_none()).map(|(_, epoch)| epoch).collect();
        for (one, epoch) in settled().filter(|(_, epoch)| unknown.contains(epoch)) {
            titles.entry(one.watched.title()).or_default().push(&one.watched);
            if let Entry::Vacant(place) = epochs.entry(epoch) {
                let seen = match log {
                    Ok(log) => log.epoch(epoch).await,
                    Err(why) => Err(anyhow!("{why}")),
                };
                let seen = match seen.map_err(anyhow::Error::downcast::<Forked>) {
                    Err(Ok(forked)) => return Err(forked),
                    Err(Err(why)) => Err(Unseen::from(why)),
                    Ok(seen) => Ok(seen),
                };
                place.insert(seen);
            }
        }
        let mut tallies = HashMap::new();
        for (title, watched) in titles {
            if let Some(Ok(seen)) = epochs.get(&title.0) {
                let tally = tally(check.ledger, &watched, &seen.published).await;
                tallies.insert(title, tally.map_err(|error| format!("{error:#}")));
            }
        }
        Ok(Self { sessions, epochs, tallies })
    }
}

async fn tally(ledger: &LedgerApi, watched: &[&Watched], published: &Published) -> anyhow::Result<Tally> {
    let agreement = watched.first().context("a title has grants")?.grant.body().agreement;
    let agreed = ledger.agreed(agreement).await?;
    Ok(Tally::of(watched, &agreed.agreement.parts().price, &ledger.issuer()?, published))
}

fn now() -> UnixSeconds {
    SystemTime::now().into()
}
