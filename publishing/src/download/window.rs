//! What is fetched ahead of what is written: in order, and never more than fits.

use std::collections::VecDeque;

use sharing::VerifiedBytes;
use tokio_util::task::AbortOnDropHandle;

use super::DownloadError;

/// Parts that are fetched at a time.
const FETCHES_MAX: usize = 4;
/// Bytes that are fetched at a time, unless one part alone is longer.
const AHEAD_LEN_MAX: u64 = 32 << 20;

type Fetch = AbortOnDropHandle<Result<VerifiedBytes, DownloadError>>;

/// Fetches that run while what came before is written.
#[derive(Default)]
pub(super) struct Window {
    running: VecDeque<(u64, Fetch)>,
    len: u64,
}

impl Window {
    /// Whether a part of `len` bytes may be fetched now.
    pub(super) fn has_room(&self, len: u64) -> bool {
        self.running.is_empty() || self.running.len() < FETCHES_MAX && self.len + len <= AHEAD_LEN_MAX
    }

    pub(super) fn push(&mut self, len: u64, fetch: Fetch) {
        self.len += len;
        self.running.push_back((len, fetch));
    }

    /// What the oldest fetch brought; `None` when nothing is fetched.
    pub(super) async fn next(&mut self) -> Option<Result<VerifiedBytes, DownloadError>> {
        let (len, fetch) = self.running.pop_front()?;
        let fetched = fetch.await.expect("a fetch does not panic, and is not aborted while it is waited for");
        self.len -= len;
        Some(fetched)
    }
}
