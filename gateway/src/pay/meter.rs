//! Counts the bytes of an answer in its session, and holds a long one back while receipts are missing.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, Stream};
use tokio::time::timeout;

use super::session::Stop;
use super::sessions::OpenSession;
use crate::gateway::now;

/// How long a long answer waits for a receipt in its middle.
const RECEIPT_WITHIN: Duration = Duration::from_secs(30);

/// Counts one answer.
pub(super) struct Meter {
    session: Arc<OpenSession>,
    /// Bytes that are counted and not yet sent.
    ahead: u64,
    waits: bool,
}

impl Meter {
    /// For a segment: all of it counts at once, so that nobody gets many at a time on one credit, and what was not
    /// sent in the end counts no more.
    pub(super) fn piece(session: Arc<OpenSession>, len: u64) -> Self {
        session.state().count(len);
        Self { session, ahead: len, waits: false }
    }

    /// For a file: its bytes count as they go, as far as there is credit.
    pub(super) fn flow(session: Arc<OpenSession>) -> Self {
        Self { session, ahead: 0, waits: true }
    }

    /// The body, counted.
    pub(super) fn around(
        self,
        body: impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static,
    ) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static {
        stream::unfold(Some((self, Box::pin(body))), |state| async {
            let (mut meter, mut body) = state?;
            match body.next().await? {
                Err(error) => Some((Err(error), None)),
                Ok(bytes) => match meter.count(bytes.len() as u64).await {
                    Ok(()) => Some((Ok(bytes), Some((meter, body)))),
                    Err(stop) => Some((Err(axum::Error::new(stop)), None)),
                },
            }
        })
    }

    async fn count(&mut self, len: u64) -> Result<(), Stop> {
        if !self.waits {
            self.ahead = self.ahead.saturating_sub(len);
            return Ok(());
        }
        self.credit().await?;
        self.session.state().count(len);
        Ok(())
    }

    /// Waits until more may be sent.
    async fn credit(&self) -> Result<(), Stop> {
        loop {
            let mut receipt = pin!(self.session.acknowledged.notified());
            // It has to be listening before the state is looked at, or a receipt between the two is missed.
            receipt.as_mut().enable();
            let may_send = self.session.state().may_send(now());
            match may_send {
                Err(Stop::ReceiptsWanted { .. }) if timeout(RECEIPT_WITHIN, receipt).await.is_ok() => {}
                decided => return decided,
            }
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.session.state().give_back(self.ahead);
    }
}
