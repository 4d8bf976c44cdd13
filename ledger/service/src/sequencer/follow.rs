//! Reading a journal: all of it at the start, and what others have written since.

use std::time::{Duration, Instant};

use ledger::{Entry, LogEntry, Terms};

use super::{ReplayError, Sequencer};
use crate::spread::spread;
use crate::state::{State, Taken};
use crate::store::Store;

/// A service looks this often for what others have written, and before it refuses something.
pub(super) const FOLLOW_EVERY: Duration = Duration::from_millis(250);

/// The state that the whole journal leads to. Every signature is verified again; what became public is handed to `public`, in
/// its order.
pub(crate) async fn replay<S: Store>(
    store: &mut S,
    terms: Terms,
    mut public: impl FnMut(LogEntry),
) -> Result<State, ReplayError> {
    let mut state = State::new(terms);
    loop {
        let entries = store.read(state.ledger().head().count).await?;
        if entries.is_empty() {
            return Ok(state);
        }
        let applied = tokio::task::block_in_place(|| apply(&mut state, &entries))?;
        applied.into_iter().flat_map(|(_, entries)| entries).for_each(&mut public);
    }
}

/// Applies entries of the journal, all of which must be new.
fn apply(state: &mut State, entries: &[Vec<u8>]) -> Result<Vec<(Entry, Vec<LogEntry>)>, ReplayError> {
    let network = state.ledger().terms().network;
    let mut applied = Vec::with_capacity(entries.len());
    for entry in spread(entries, |bytes| Entry::decode(bytes, &network)) {
        let number = state.ledger().head().count;
        let broken = |reason: String| ReplayError::Entry { number, reason };
        let entry = entry.map_err(|error| broken(error.to_string()))?;
        match state.apply(&entry) {
            Ok(Taken::New(public)) => applied.push((entry, public)),
            Ok(Taken::Known) => return Err(broken("it says nothing new".to_owned())),
            Err(error) => return Err(broken(error.to_string())),
        }
    }
    Ok(applied)
}

impl<S: Store> Sequencer<S> {
    /// Goes back to what is durable, and reads what others, or a write of unknown end, have added to it.
    pub(super) async fn find_end(&mut self) -> Result<(), ReplayError> {
        self.ahead = super::read(&self.shared).clone();
        self.catch_up().await.inspect_err(|error| tracing::error!(%error, "cannot read the journal"))?;
        self.is_lost = false;
        Ok(())
    }

    /// Looks for what others have written.
    pub(super) async fn look(&mut self) {
        self.followed = Instant::now();
        if self.is_lost {
            // It is said where it fails, and tried again.
            drop(self.find_end().await);
        } else if let Err(error) = self.catch_up().await {
            tracing::error!(%error, "cannot read the journal");
            self.is_lost = true;
        }
    }

    /// Reads to the end of the journal; true when there was something.
    pub(super) async fn catch_up(&mut self) -> Result<bool, ReplayError> {
        let mut is_new = false;
        loop {
            let entries = self.store.read(self.ahead.ledger().head().count).await?;
            if entries.is_empty() {
                return Ok(is_new);
            }
            is_new = true;
            tokio::task::block_in_place(|| {
                let applied = apply(&mut self.ahead, &entries)?;
                self.show(&applied.into_iter().map(|(entry, _)| entry).collect::<Vec<_>>());
                Ok::<_, ReplayError>(())
            })?;
        }
    }
}
