//! Publishing: tiles and bundles first, then the witnesses, and the checkpoint last.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ledger::LogEntry;
use ledger::tlog::{
    Checkpoint, LogProof, NotAccepted, SignedNote, TreeHash, consistency_proof, inclusion_proof,
};
use tokio::time::{Instant, sleep};

use super::{LogError, LogFiles, LogTree};
use crate::LedgerKeys;
use crate::metrics::Metrics;
use crate::witnesses::Witnesses;

/// What becomes public within this time is published together.
const BATCH_EVERY: Duration = Duration::from_millis(300);
/// A checkpoint that too few witnesses have cosigned is shown to them again after this time.
const WITNESS_EVERY: Duration = Duration::from_secs(20);

/// What is public and not published yet, shared with the writer of the journal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting(Arc<Mutex<Vec<LogEntry>>>);

/// The newest checkpoint.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) note: SignedNote,
    pub(crate) checkpoint: Checkpoint,
    /// How many witnesses that are not the log itself have cosigned it; with 0 it is unwitnessed.
    pub(crate) witnessed_by: usize,
    /// Whether these are enough for the policy.
    pub(crate) has_quorum: bool,
}

/// Where the newest checkpoint is seen; none before the first.
pub(crate) type Newest = Arc<Mutex<Option<Published>>>;

/// The one that writes the files of the log.
#[derive(Debug)]
pub(crate) struct Publisher {
    files: Arc<LogFiles>,
    tree: LogTree,
    keys: LedgerKeys,
    witnesses: Witnesses,
    newest: Newest,
    metrics: Arc<Metrics>,
    asked: Option<Instant>,
}

impl Waiting {
    pub(crate) fn push(&self, entries: Vec<LogEntry>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(entries);
    }

    fn take(&self) -> Vec<LogEntry> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Publisher {
    /// The publisher of a log that the journal has led to, as `tree`.
    pub(crate) fn new(
        files: Arc<LogFiles>,
        tree: LogTree,
        keys: LedgerKeys,
        witnesses: Witnesses,
        metrics: Arc<Metrics>,
    ) -> Result<(Self, Newest), LogError> {
        let found = files.checkpoint(&keys.log())?;
        let newest = found.map(|(note, checkpoint)| witnesses.judge(note, checkpoint));
        let newest = Arc::new(Mutex::new(newest));
        let publisher =
            Self { files, tree, keys, witnesses, newest: Arc::clone(&newest), metrics, asked: None };
        Ok((publisher, newest))
    }

    /// Publishes what comes, for ever.
    pub(crate) async fn run(&mut self, waiting: &Waiting) {
        loop {
            self.take(waiting);
            if let Err(error) = self.publish().await {
                tracing::error!(%error, "cannot publish the log");
            }
            sleep(BATCH_EVERY).await;
        }
    }

    /// Publishes what waits, and comes back.
    pub(crate) async fn finish(&mut self, waiting: &Waiting) -> Result<(), LogError> {
        self.take(waiting);
        self.publish().await
    }

    fn take(&mut self, waiting: &Waiting) {
        for entry in waiting.take() {
            self.tree.push(entry.encode());
        }
    }

    async fn publish(&mut self) -> Result<(), LogError> {
        let before = self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let has_grown = before.as_ref().is_none_or(|before| before.checkpoint.size < self.tree.size());
        let is_due = self.asked.is_none_or(|asked| asked.elapsed() >= WITNESS_EVERY);
        let lacks = before.as_ref().is_some_and(|before| !before.has_quorum) && is_due;
        let is_wanted = has_grown || (lacks && self.witnesses.are_any());
        if !is_wanted {
            return Ok(());
        }
        tokio::task::block_in_place(|| self.files.write(&self.tree.files()))?;
        let next = self.cosigned(before.as_ref()).await;
        tokio::task::block_in_place(|| self.files.swap(before.as_ref().map(|one| &one.note), &next.note))?;
        self.metrics.published(next.checkpoint.size, next.witnessed_by, next.has_quorum);
        if !next.has_quorum {
            tracing::warn!(
                size = next.checkpoint.size,
                witnesses = next.witnessed_by,
                "published unwitnessed"
            );
        }
        self.tree.publish(next.checkpoint.size);
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
        Ok(())
    }

    /// The checkpoint of all that there is, with what witnesses say to it.
    async fn cosigned(&mut self, before: Option<&Published>) -> Published {
        let (size, root) = (self.tree.size(), self.tree.root());
        let mut note = match before {
            Some(before) if before.checkpoint.size == size => before.note.clone(),
            _ => self.signed(size, root),
        };
        self.asked = Some(Instant::now());
        let files = Arc::clone(&self.files);
        let proof_from =
            move |old: u64| consistency_proof(old, size, |subtree| files.hash_of(subtree, size)).ok();
        self.witnesses.ask(&mut note, size, proof_from).await;
        let origin = self.keys.origin().clone();
        self.witnesses.judge(note, Checkpoint { origin, size, root })
    }

    fn signed(&self, size: u64, root: TreeHash) -> SignedNote {
        let checkpoint = Checkpoint { origin: self.keys.origin().clone(), size, root };
        let mut note = SignedNote::new(checkpoint.to_text()).expect("the text of a checkpoint is a note");
        note.sign(self.keys.origin(), self.keys.log_secret());
        note
    }
}

impl Published {
    /// The proof that an entry is in this log; `None` when it is beyond it.
    pub(crate) fn proof(&self, index: u64, files: &LogFiles) -> Option<LogProof> {
        let size = self.checkpoint.size;
        let path = inclusion_proof(index, size, |subtree| files.hash_of(subtree, size)).ok()?;
        Some(LogProof { index, path, checkpoint: self.note.clone(), extra: None })
    }
}

/// What a policy says to a checkpoint.
pub(crate) fn judged(
    note: SignedNote,
    checkpoint: Checkpoint,
    said: &Result<usize, NotAccepted>,
) -> Published {
    let (witnessed_by, has_quorum) = match said {
        Ok(witnesses) => (*witnesses, true),
        Err(NotAccepted::NoQuorum { cosigned }) => (*cosigned, false),
        Err(_) => (0, false),
    };
    Published { note, checkpoint, witnessed_by, has_quorum }
}
