//! What others in the same process may see of a steward that runs.

use std::sync::{Arc, Mutex, PoisonError};

use protocol::{PublicKey, UnixSeconds};
use tokio::sync::watch;

use crate::history::{History, HourLine};
use crate::metrics::Metrics;
use crate::status::Status;

/// Looks at a steward without asking it: what it last published. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Observer {
    status: watch::Receiver<Arc<Status>>,
    history: Arc<Mutex<History>>,
    metrics: Arc<Metrics>,
}

impl Observer {
    pub(crate) const fn new(
        status: watch::Receiver<Arc<Status>>,
        history: Arc<Mutex<History>>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { status, history, metrics }
    }

    /// How everything stood at most a minute ago; older when the steward does not run any more.
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status.borrow())
    }

    /// What the audits of every node found in the last hours, oldest first; of at most [`crate::HOURS_KEPT`].
    pub fn audits(&self, hours: usize, now: UnixSeconds) -> Vec<(PublicKey, Vec<HourLine>)> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).last(hours, now)
    }

    /// What it counts, for a scraper.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
