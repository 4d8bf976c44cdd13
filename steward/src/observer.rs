//! What others in the same process may see of a steward that runs.

use std::sync::{Arc, Mutex, PoisonError};

use protocol::UnixSeconds;
use tokio::sync::watch;

use crate::history::{AuditedNodes, History};
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

    /// What the audits of nodes found in the last hours, of at most [`crate::HOURS_KEPT`]; of more than `most` nodes those
    /// with most audits not passed.
    pub fn audits(&self, hours: usize, most: usize, now: UnixSeconds) -> AuditedNodes {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).last(hours, most, now)
    }

    /// What it counts, for a scraper.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
