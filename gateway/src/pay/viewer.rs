//! Whoever watches one title, under whatever grants: what they owe altogether.

use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::Usage;
use tokio::sync::Notify;

/// A viewer of one title, as the ledger calls them in this epoch.
#[derive(Debug, Default)]
pub(super) struct Viewer {
    /// What was sent in all sessions and no receipt acknowledges.
    owed: Mutex<Usage>,
    /// A receipt came.
    pub(super) acknowledged: Notify,
}

impl Viewer {
    pub(super) fn owed(&self) -> MutexGuard<'_, Usage> {
        // Counters stay usable whatever panicked beside them.
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
