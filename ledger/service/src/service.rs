//! A ledger that runs: the writer of its journal, the publisher of its log, and the clock of its epochs.

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLockReadGuard};
use std::time::{Duration, Instant, SystemTime};

use ledger::tlog::PolicyError;
use ledger::{Head, LedgerHost, LogEntry, Terms};
use protocol::{Digest, Epoch, Promise, Signed, UnixSeconds};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock::PROMISE_S;
use crate::log::{LogError, LogFiles, LogTree, Newest, Published, Publisher, Waiting};
use crate::metrics::Metrics;
use crate::places::Places;
use crate::rates::Rates;
use crate::routes::router;
use crate::sequencer::{Sequencer, Settling, Shared, When, Writer, replay};
use crate::state::State;
use crate::store::Store;
use crate::token::OperatorToken;
use crate::verified::Verified;
use crate::witnesses::{Witnesses, policy_of};
use crate::{LedgerKeys, ReplayError, Schedule, server};

/// How often it is looked whether an epoch is due.
const CLOCK_EVERY: Duration = Duration::from_millis(250);

/// What a ledger is run with.
#[derive(Debug)]
pub struct LedgerConfig {
    /// The keys; the terms name their issuer.
    pub keys: LedgerKeys,
    /// What the journal begins with.
    pub terms: Terms,
    /// When epochs end.
    pub schedule: Schedule,
    /// The folder of the log.
    pub log: PathBuf,
    /// Where it is reached, besides loopback addresses: it answers no inquiry that was signed for another place.
    pub hosts: Vec<LedgerHost>,
    /// What operators show; without it, nobody may do what they may.
    pub operator: Option<OperatorToken>,
    /// Which witnesses are asked, in the form of C2SP tlog-policy; nobody without it.
    pub policy: Option<String>,
    /// With what they are asked.
    pub http: reqwest::Client,
}

/// A ledger that runs, as the routes see it.
#[derive(Clone, Debug)]
pub(crate) struct Service(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    keys: LedgerKeys,
    terms: Terms,
    schedule: Schedule,
    hosts: Vec<LedgerHost>,
    operator: Option<OperatorToken>,
    policy: String,
    shared: Shared,
    writer: Writer,
    files: Arc<LogFiles>,
    newest: Newest,
    metrics: Arc<Metrics>,
    rates: Rates,
    places: Places,
}

/// A ledger that is ready to serve.
#[derive(Debug)]
pub struct RunningLedger {
    service: Service,
    publisher: Publisher,
    waiting: Waiting,
    sequencing: JoinHandle<()>,
}

/// Why a ledger does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal.
    #[error("the journal: {0}")]
    Replay(#[from] ReplayError),
    /// The log.
    #[error("the log: {0}")]
    Log(#[from] LogError),
    /// The policy.
    #[error("the policy: {0}")]
    Policy(#[from] PolicyError),
    /// The terms are not those of the keys.
    #[error("the terms name another issuer than the key in use")]
    OtherIssuer,
}

impl RunningLedger {
    /// Plays the journal again, makes sure that the log on the disk follows from it, and begins to write.
    pub async fn start<S: Store>(mut store: S, config: LedgerConfig) -> Result<Self, StartError> {
        let LedgerConfig { keys, terms, schedule, log, hosts, operator, policy, http } = config;
        if terms.issuer != keys.issuer().public() {
            return Err(StartError::OtherIssuer);
        }
        let (files, metrics) = (Arc::new(LogFiles::open(&log)?), Arc::new(Metrics::new()));
        let mut verified = Verified::open(&log, &keys);
        let begin = (terms.clone(), schedule);
        let (state, tree) = match Past::replay(&mut store, &begin, &files, &keys, verified.head()).await {
            Err(StartError::Replay(error @ ReplayError::NotThoseVerified { .. })) => {
                tracing::warn!(%error, "all of the journal is verified again");
                Past::replay(&mut store, &begin, &files, &keys, None).await?
            }
            other => other?,
        };
        verified.mark(state.ledger().head());
        metrics.at(state.ledger());
        let waiting = Waiting::default();
        let public = {
            let waiting = waiting.clone();
            Box::new(move |entries: Vec<LogEntry>| waiting.push(entries))
        };
        let (sequencer, shared) =
            Sequencer::new(store, state, public, keys.clone(), Arc::clone(&metrics), verified);
        let policy = policy_of(&keys.log(), policy.as_deref());
        let witnesses = Witnesses::new(&policy, http)?;
        let (publisher, newest) =
            Publisher::new(Arc::clone(&files), tree, keys.clone(), witnesses, Arc::clone(&metrics))?;
        let (writer, sequencing) = sequencer.start();
        let (rates, places) = (Rates::default(), Places::default());
        let inner = Inner {
            keys,
            terms,
            schedule,
            hosts,
            operator,
            policy,
            shared,
            writer,
            files,
            newest,
            metrics,
            rates,
            places,
        };
        Ok(Self { service: Service(Arc::new(inner)), publisher, waiting, sequencing })
    }

    /// As the routes see it, without an address.
    #[cfg(test)]
    pub(crate) fn service(&self) -> &Service {
        &self.service
    }

    /// Serves on `listener` until `shutdown` completes; then all that was taken is published.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), LogError> {
        let Self { service, mut publisher, waiting, sequencing } = self;
        {
            let serving = server::serve(listener, router(service.clone()), shutdown);
            tokio::select! {
                () = serving => {}
                () = publisher.run(&waiting) => unreachable!("it has no end"),
                () = keep_time(service.clone()) => unreachable!("it has no end"),
            }
        }
        drop(service);
        // Requests that were cut off have let go of the writer by now, or it ends with the program.
        drop(tokio::time::timeout(Duration::from_secs(5), sequencing).await);
        publisher.finish(&waiting).await
    }
}

/// The log that a journal leads to, checked against the one on the disk.
struct Past {
    tree: LogTree,
    published: Option<ledger::tlog::Checkpoint>,
    is_forked: bool,
}

impl Past {
    /// Plays the journal again: the state that it leads to, and the log. Below the head that was `verified` no signature is.
    async fn replay<S: Store>(
        store: &mut S,
        begin: &(Terms, Schedule),
        files: &LogFiles,
        keys: &LedgerKeys,
        verified: Option<Head>,
    ) -> Result<(State, LogTree), StartError> {
        let mut past = Self::new(files, keys)?;
        let state = replay(store, begin.clone(), verified, |entry| past.take(&entry)).await?;
        Ok((state, past.end()?))
    }

    fn new(files: &LogFiles, keys: &LedgerKeys) -> Result<Self, LogError> {
        let published = files.checkpoint(&keys.log())?.map(|(_, checkpoint)| checkpoint);
        let mut past = Self { tree: LogTree::default(), published, is_forked: false };
        past.compare();
        Ok(past)
    }

    fn take(&mut self, entry: &LogEntry) {
        self.tree.push(entry.encode());
        self.compare();
    }

    /// Up to the published size nothing has to be written again.
    fn compare(&mut self) {
        let Some(published) = &self.published else { return };
        let size = self.tree.size();
        if size == published.size {
            self.is_forked = self.tree.root() != published.root;
        }
        if size == published.size || (size < published.size && size.is_multiple_of(ledger::tlog::TILE_WIDTH))
        {
            self.tree.publish(size);
        }
    }

    fn end(self) -> Result<LogTree, LogError> {
        let size = self.tree.size();
        match self.published.map(|checkpoint| checkpoint.size) {
            Some(published) if published > size => Err(LogError::Ahead { published, size }),
            Some(published) if self.is_forked => Err(LogError::Forked { size: published }),
            _ => Ok(self.tree),
        }
    }
}

/// Settles every epoch when it is due, for ever. What gateways have kept while no ledger was there has its time, too, so
/// nothing is settled sooner after the start than after the end of an epoch.
async fn keep_time(service: Service) {
    let started = Instant::now();
    let late = Duration::from_secs(service.schedule().late_s());
    let is_late_enough = |end: UnixSeconds, began: UnixSeconds| end > began || started.elapsed() >= late;
    let began = now();
    loop {
        tokio::time::sleep(CLOCK_EVERY).await;
        let (next, calendar) = {
            let state = service.state();
            (state.ledger().next_epoch(), *state.calendar())
        };
        if !calendar.due(next).has_passed(now()) || !is_late_enough(calendar.end(next), began) {
            continue;
        }
        match service.writer().settle(next, When::Now).await {
            Ok(Settling::Settled) => tracing::info!(epoch = next.get(), "settled"),
            Ok(_) => tracing::info!(epoch = next.get(), "not settled here"),
            Err(error) => tracing::error!(%error, epoch = next.get(), "cannot settle"),
        }
    }
}

pub(crate) fn now() -> UnixSeconds {
    SystemTime::now().into()
}

impl Service {
    pub(crate) fn keys(&self) -> &LedgerKeys {
        &self.0.keys
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.0.terms
    }

    /// Whether inquiries that were signed for this place are for this ledger.
    pub(crate) fn is_reached_as(&self, host: &LedgerHost) -> bool {
        host.is_loopback() || self.0.hosts.contains(host)
    }

    pub(crate) fn schedule(&self) -> &Schedule {
        &self.0.schedule
    }

    pub(crate) fn operator(&self) -> Option<&OperatorToken> {
        self.0.operator.as_ref()
    }

    /// Which witnesses are asked, in the form of C2SP tlog-policy.
    pub(crate) fn policy(&self) -> &str {
        &self.0.policy
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.0.writer
    }

    pub(crate) fn files(&self) -> &Arc<LogFiles> {
        &self.0.files
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn rates(&self) -> &Rates {
        &self.0.rates
    }

    pub(crate) fn places(&self) -> &Places {
        &self.0.places
    }

    /// What is durable. It is held for no longer than an answer takes.
    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        crate::sequencer::read(&self.0.shared)
    }

    /// The newest checkpoint.
    pub(crate) fn newest(&self) -> Option<Published> {
        self.0.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The promise that what is called `name`, taken at `taken`, leads to what is public once this epoch is settled; at once
    /// where it belongs to none.
    pub(crate) fn promise(&self, name: Digest, taken: UnixSeconds, epoch: Option<Epoch>) -> Signed<Promise> {
        let due = epoch.map_or(taken, |epoch| self.state().calendar().due(epoch));
        let body = Promise { name, taken, until: taken.max(due).plus(PROMISE_S) };
        Signed::sign(self.0.keys.issuer(), &self.0.terms.signed_for(), body)
    }
}
