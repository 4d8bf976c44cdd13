//! Telling gateways of a live stream, each at its own pace: one that is not reached falls behind and catches up, and the
//! stream does not wait for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sharing::LiveId;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};

use super::Begun;
use crate::live_api::{LiveGateway, OfferError};
use crate::output::Output;

/// How long to wait before a gateway is told again; each time twice as long, up to the longest.
const RETRY_AFTER: Duration = Duration::from_millis(500);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(10);
/// How long a gateway may take to catch up when the stream is over.
const CATCH_UP_WITHIN: Duration = Duration::from_mins(1);
/// How often a gateway may lose what it was told, between two records that are new to it.
const LOSSES_MAX: u32 = 3;

/// All records of a stream in their order. There are at most as many as a stream has segments, and two.
#[derive(Debug, Default)]
pub(super) struct Log {
    written: Mutex<Written>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Written {
    records: Vec<Arc<[u8]>>,
    /// The stream, and how many records let it be watched.
    begun: Option<(LiveId, usize)>,
    closed: Option<Instant>,
}

/// Tells one gateway.
pub(super) struct Teller {
    gateway: LiveGateway,
    log: Arc<Log>,
    output: Output,
    told: usize,
    losses: u32,
    is_away: bool,
    has_begun: bool,
}

/// What a teller does next.
enum Next {
    Tell(Arc<[u8]>),
    Wait,
    Done,
}

impl Log {
    /// Writes the next record.
    pub(super) fn push(&self, record: Vec<u8>) {
        self.written().records.push(record.into());
        self.changed.notify_waiters();
    }

    /// With what has been written, the stream can be watched.
    pub(super) fn begin(&self, id: LiveId) {
        let mut written = self.written();
        written.begun = Some((id, written.records.len()));
        drop(written);
        self.changed.notify_waiters();
    }

    /// Nothing more will be written.
    pub(super) fn close(&self) {
        self.written().closed = Some(Instant::now());
        self.changed.notify_waiters();
    }

    fn closed(&self) -> Option<Instant> {
        self.written().closed
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Teller {
    pub(super) fn new(gateway: LiveGateway, log: Arc<Log>, output: Output) -> Self {
        Self { gateway, log, output, told: 0, losses: 0, is_away: false, has_begun: false }
    }

    /// Tells all that is written, until the log is closed; true when the gateway has taken all of it.
    pub(super) async fn run(mut self) -> bool {
        let mut wait = RETRY_AFTER;
        let log = Arc::clone(&self.log);
        loop {
            let changed = log.changed.notified();
            match self.next() {
                Next::Done => return true,
                Next::Wait => changed.await,
                Next::Tell(record) => match self.gateway.offer(record.to_vec()).await {
                    Ok(()) => {
                        wait = RETRY_AFTER;
                        self.took();
                    }
                    Err(OfferError::Behind(_)) if self.losses < LOSSES_MAX && self.told > 0 => {
                        (self.told, self.losses) = (0, self.losses + 1);
                    }
                    Err(OfferError::Later(reason)) => {
                        if !self.rest(wait, &reason).await {
                            return false;
                        }
                        wait = (wait * 2).min(RETRY_AFTER_MAX);
                    }
                    Err(error) => {
                        let url = &self.gateway.url;
                        self.output.note(format_args!("{url} does not show the stream any further: {error}"));
                        return false;
                    }
                },
            }
        }
    }

    fn next(&self) -> Next {
        let written = self.log.written();
        match written.records.get(self.told) {
            Some(record) => Next::Tell(Arc::clone(record)),
            None if written.closed.is_some() => Next::Done,
            None => Next::Wait,
        }
    }

    fn took(&mut self) {
        self.told += 1;
        if std::mem::take(&mut self.is_away) {
            self.output.note(format_args!("{} is reached again", self.gateway.url));
        }
        let begun = self.log.written().begun;
        let Some((id, count)) = begun.filter(|(_, count)| self.told >= *count) else { return };
        if self.told > count {
            self.losses = 0;
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            let told = self
                .gateway
                .page(id)
                .and_then(|live| self.output.answer(&Begun { live, id: id.to_string() }));
            if let Err(error) = told {
                self.output.note(format_args!("cannot say where it plays: {error:#}"));
            }
        }
    }

    /// Waits before the gateway is told again; false when the stream is over and it has had its time.
    async fn rest(&mut self, wait: Duration, reason: &str) -> bool {
        if !std::mem::replace(&mut self.is_away, true) {
            let url = &self.gateway.url;
            self.output.note(format_args!("{url} is not reached, the stream goes on without it: {reason}"));
        }
        match self.log.closed() {
            None => {
                // The end of the stream does not cut it short: there is nobody to be quick for.
                sleep(wait).await;
                true
            }
            Some(closed) => {
                let by = closed + CATCH_UP_WITHIN;
                timeout_at(by, sleep(wait)).await.is_ok()
            }
        }
    }
}
