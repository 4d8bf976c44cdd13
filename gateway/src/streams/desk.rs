//! How often devices speak: in memory, and lost when the gateway ends.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use sharing::LinkId;

use crate::polls::Polls;

/// Batches of one stream, at once and in a minute.
const STREAM_APPENDS_PER_MINUTE: u32 = 60;

/// What a gateway keeps in memory of streams.
#[derive(Debug)]
pub(crate) struct StreamDesk {
    started: Instant,
    appends: Mutex<Polls>,
}

impl StreamDesk {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), appends: Mutex::new(Polls::new(STREAM_APPENDS_PER_MINUTE)) }
    }

    /// Whether a batch of this stream may come already.
    pub(crate) fn admits(&self, id: LinkId) -> bool {
        let mut appends = self.appends.lock().unwrap_or_else(PoisonError::into_inner);
        appends.admit(id, self.started.elapsed())
    }
}
