//! The one writer of a journal: takes what comes together, appends it at once, and answers when it is durable.

mod batch;
mod follow;

use std::sync::{Arc, RwLock};
use std::time::{Instant, SystemTime};

use ledger::{ApplyError, Deposited, LogEntry, SessionRequest, What};
use protocol::{Epoch, SessionGrant, Signed, UnixSeconds};
use tokio::sync::{mpsc, oneshot};

pub(crate) use self::follow::replay;
use crate::clock::Watch;
use crate::metrics::Metrics;
use crate::state::State;
use crate::store::Store;
use crate::verified::Verified;
use crate::{LedgerKeys, StoreError};

/// Requests that wait for the writer; further ones wait for a place.
const QUEUE_LEN: usize = 1024;
/// Entries that are appended together at most.
const BATCH_ENTRIES_MAX: usize = 16_384;
/// How often a batch is tried again when somebody else was faster.
const ATTEMPTS_MAX: u32 = 16;

/// What the writer is asked for.
#[derive(Debug)]
pub(crate) enum Ask {
    /// To take these, each for itself.
    Take(Vec<What>, oneshot::Sender<Result<Vec<Answer>, Unavailable>>),
    /// To grant this.
    Grant(
        Box<Signed<SessionRequest>>,
        oneshot::Sender<Result<Result<Signed<SessionGrant>, ApplyError>, Unavailable>>,
    ),
    /// To take this deposit, which somebody shows a code for, when nobody else has.
    Redeem(Box<Deposited>, oneshot::Sender<Result<Redeemed, Unavailable>>),
    /// To settle this epoch, when it is the next one and its time has come, or whatever the time.
    Settle(Epoch, When, oneshot::Sender<Result<Settling, Unavailable>>),
    /// To read the journal from this entry on.
    Read(u64, oneshot::Sender<Result<Vec<Vec<u8>>, Unavailable>>),
}

/// What became of an entry.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    /// It is in the journal since now.
    Taken(UnixSeconds),
    /// It was there already, or said nothing new.
    Known(UnixSeconds),
    /// It is not there.
    Refused(ApplyError),
}

/// What became of a deposit with a code.
#[derive(Debug, PartialEq)]
pub(crate) enum Redeemed {
    /// It was tried.
    By(Answer),
    /// Somebody else has used the code.
    Before,
}

/// When an epoch may be settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    /// When no receipt of it can be under way: its grants have ended.
    Over,
    /// At any time: what comes later is paid by nobody.
    Now,
}

/// What became of an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Settling {
    /// It is settled, now or before.
    Settled,
    /// Another one is settled next.
    NotNext,
    /// It has grants until then, or may get them.
    Early(UnixSeconds),
    /// Nothing was taken since the settlement before, and it ends then.
    Nothing(UnixSeconds),
}

/// The journal cannot be written now. What was asked for may be in it, or not: it can be asked for again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the journal cannot be written now; ask again")]
pub(crate) struct Unavailable;

/// Where what is durable is seen.
pub(crate) type Shared = Arc<RwLock<State>>;

/// Where what becomes public goes.
pub(crate) type Public = Box<dyn FnMut(Vec<LogEntry>) + Send>;

/// How the writer is asked.
#[derive(Clone, Debug)]
pub(crate) struct Writer(mpsc::Sender<Ask>);

impl Writer {
    /// Takes all of these. When this returns, what was taken is durable.
    pub(crate) async fn take(&self, entries: Vec<What>) -> Result<Vec<Answer>, Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.ask(Ask::Take(entries, answer)).await?;
        answered.await.unwrap_or(Err(Unavailable))
    }

    /// Grants this.
    pub(crate) async fn grant(
        &self,
        request: Signed<SessionRequest>,
    ) -> Result<Result<Signed<SessionGrant>, ApplyError>, Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.ask(Ask::Grant(Box::new(request), answer)).await?;
        answered.await.unwrap_or(Err(Unavailable))
    }

    /// Takes a deposit with the code of its id, when nobody else has used it.
    pub(crate) async fn redeem(&self, deposited: Box<Deposited>) -> Result<Redeemed, Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.ask(Ask::Redeem(deposited, answer)).await?;
        answered.await.unwrap_or(Err(Unavailable))
    }

    /// Settles this epoch, when it is the next one.
    pub(crate) async fn settle(&self, epoch: Epoch, when: When) -> Result<Settling, Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.ask(Ask::Settle(epoch, when, answer)).await?;
        answered.await.unwrap_or(Err(Unavailable))
    }

    /// Entries of the journal from this one on; none where it ends.
    pub(crate) async fn read(&self, from: u64) -> Result<Vec<Vec<u8>>, Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.ask(Ask::Read(from, answer)).await?;
        answered.await.unwrap_or(Err(Unavailable))
    }

    async fn ask(&self, ask: Ask) -> Result<(), Unavailable> {
        self.0.send(ask).await.map_err(|_| Unavailable)
    }
}

/// The writer itself. It runs until every [`Writer`] is gone.
pub(crate) struct Sequencer<S> {
    store: S,
    /// What follows from what is durable and what is being appended; never shown.
    ahead: State,
    shared: Shared,
    public: Public,
    keys: LedgerKeys,
    metrics: Arc<Metrics>,
    verified: Verified,
    watch: Watch,
    /// When it was looked for what others have written.
    followed: Instant,
    /// Whether it is unknown where the journal ends.
    is_lost: bool,
}

impl<S: Store> Sequencer<S> {
    /// A writer after everything that `state` has, which was read from `store`.
    pub(crate) fn new(
        store: S,
        state: State,
        public: Public,
        keys: LedgerKeys,
        metrics: Arc<Metrics>,
        verified: Verified,
    ) -> (Self, Shared) {
        let shared = Arc::new(RwLock::new(state.clone()));
        let sequencer = Self {
            store,
            ahead: state,
            shared: Arc::clone(&shared),
            public,
            keys,
            metrics,
            verified,
            watch: Watch::new(SystemTime::now().into(), Instant::now()),
            followed: Instant::now(),
            is_lost: false,
        };
        (sequencer, shared)
    }

    /// Starts it.
    pub(crate) fn start(self) -> (Writer, tokio::task::JoinHandle<()>) {
        let (sender, asks) = mpsc::channel(QUEUE_LEN);
        (Writer(sender), tokio::spawn(self.run(asks)))
    }

    async fn run(mut self, mut asks: mpsc::Receiver<Ask>) {
        loop {
            let first = tokio::select! {
                ask = asks.recv() => ask,
                () = tokio::time::sleep(follow::FOLLOW_EVERY) => {
                    self.look().await;
                    continue;
                }
            };
            let Some(first) = first else { break };
            if self.followed.elapsed() >= follow::FOLLOW_EVERY {
                self.look().await;
            }
            let batch = batch::gather(first, &mut asks);
            self.serve(batch).await;
        }
        let head = read(&self.shared).ledger().head();
        self.verified.mark(head);
    }

    /// Answers all of these, after what was taken is durable.
    async fn serve(&mut self, mut batch: Vec<Ask>) {
        for _ in 0..ATTEMPTS_MAX {
            if self.is_lost && self.find_end().await.is_err() {
                break;
            }
            match self.attempt(batch).await {
                Ok(()) => return,
                Err(unanswered) => batch = unanswered,
            }
        }
        batch::refuse(batch);
    }
}

pub(crate) fn read(shared: &Shared) -> std::sync::RwLockReadGuard<'_, State> {
    shared.read().expect("no reader or writer of the state panics")
}

/// Why a ledger does not start.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum ReplayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("entry {number} of the journal: {reason}")]
    Entry { number: u64, reason: String },
    #[error("its first {count} entries are not those that were verified before")]
    NotThoseVerified { count: u64 },
}

#[cfg(test)]
mod tests {
    use ledger::tlog::KeyName;
    use ledger::{Terms, Unit};
    use protocol::NetworkId;

    use super::*;
    use crate::{LedgerSecret, RedbStore, Schedule};

    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_is_written_under_a_clock_that_was_set_ahead() {
        let folder = tempfile::tempdir().unwrap();
        let name = KeyName::new("ledger.example").unwrap();
        let keys = LedgerKeys::new(&LedgerSecret::from_bytes([1; 32]), name);
        let issuer = keys.issuer().public();
        let network = NetworkId::from_bytes([1; 32]);
        let terms = Terms { issuer, network, treasury: issuer, unit: Unit::new("EUR").unwrap() };
        let store = RedbStore::open(&folder.path().join("journal"), &terms).unwrap();
        let schedule = Schedule { started: UnixSeconds::new(0), epoch_s: 3600 };
        let (public, metrics) = (Box::new(drop), Arc::new(Metrics::new()));
        let verified = Verified::open(folder.path(), &keys);
        let (mut sequencer, shared) =
            Sequencer::new(store, State::new(terms, schedule), public, keys, metrics, verified);
        let right = sequencer.watch;
        sequencer.watch = Watch::new(UnixSeconds::new(1_000_000), Instant::now());
        let (answer, answered) = oneshot::channel();
        sequencer.serve(vec![Ask::Settle(Epoch::new(1), When::Now, answer)]).await;
        assert_eq!((answered.await.unwrap(), read(&shared).ledger().head().count), (Err(Unavailable), 0));

        sequencer.watch = right;
        let (answer, answered) = oneshot::channel();
        sequencer.serve(vec![Ask::Settle(Epoch::new(1), When::Over, answer)]).await;
        let settled = (answered.await.unwrap(), read(&shared).ledger().head().count);
        assert_eq!(settled, (Ok(Settling::Settled), 1));
    }
}
