//! What the index on this machine said last, for whoever reads; read anew when another program has written it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use account::{IndexFingerprint, LocalError, LocalIndex};
use sharing::AccountIndex;

use crate::view::View;

/// How often to look whether another program has written the index.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The newest view of the index.
#[derive(Debug)]
pub(crate) struct Shelf {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    view: Arc<View>,
    fingerprint: Option<IndexFingerprint>,
    looked: Instant,
}

impl Shelf {
    /// What the index in this folder says.
    pub(crate) fn open(folder: PathBuf) -> Result<Self, LocalError> {
        let local = LocalIndex::open(&folder)?;
        let view = Arc::new(View::new(local.index().clone()));
        let fingerprint = LocalIndex::fingerprint(&folder).ok();
        Ok(Self { folder, state: Mutex::new(State { view, fingerprint, looked: Instant::now() }) })
    }

    /// The view as it is now, for as long as it is held.
    pub(crate) fn view(&self) -> Arc<View> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).view.clone()
    }

    /// The view, after a look whether another program has written the index.
    pub(crate) fn fresh_view(self: &Arc<Self>) -> Arc<View> {
        if self.is_due() {
            let looking = Arc::clone(self);
            // Whoever is writing the index has it for as long as that takes: what was known before it will do until then.
            drop(tokio::task::spawn_blocking(move || looking.look()));
        }
        self.view()
    }

    /// Takes what the writer has just written.
    pub(crate) fn replace(&self, index: AccountIndex, folder: &Path) {
        let view = Arc::new(View::new(index));
        let fingerprint = LocalIndex::fingerprint(folder).ok();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State { view, fingerprint, looked: Instant::now() };
    }

    fn is_due(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = state.looked.elapsed() > LOOK_EVERY;
        if is_due {
            state.looked = Instant::now();
        }
        is_due
    }

    fn look(&self) {
        let known = self.state.lock().unwrap_or_else(PoisonError::into_inner).fingerprint;
        if LocalIndex::fingerprint(&self.folder).ok() == known {
            return;
        }
        match LocalIndex::open(&self.folder) {
            Ok(local) => self.replace(local.index().clone(), &self.folder),
            Err(error) => tracing::warn!(%error, "the index cannot be read anew"),
        }
    }
}
