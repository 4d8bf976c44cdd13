//! Counts the bytes of an answer in its session, and holds a long one back while receipts are missing.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, Stream};
use tokio::time::timeout;

use super::piece::{Pace, Piece};
use super::session::Stop;
use super::sessions::OpenSession;
use crate::gateway::now;

/// How long a long answer waits for a receipt in its middle.
const RECEIPT_WITHIN: Duration = Duration::from_secs(30);

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    /// A segment: all of it counts before it is looked for, so that nobody gets many at a time on one credit, and what
    /// was not sent in the end counts no more.
    Segment(Piece),
    /// A file, with the time that lies in its bytes: they count as they go, as far as there is credit.
    File(Option<Pace>),
}

/// Counts one answer.
#[derive(Debug)]
pub(crate) struct Meter {
    session: Arc<OpenSession>,
    /// What is reserved, as long as the answer has not begun.
    reserved: Option<Piece>,
    /// Bytes that are counted and not yet sent.
    ahead: u64,
    asked: Asked,
}

impl Meter {
    /// Reserves what is asked for, when it may be sent.
    pub(super) fn reserve(session: Arc<OpenSession>, asked: Asked) -> Result<Self, Stop> {
        let piece = match asked {
            Asked::Segment(piece) => piece,
            Asked::File(_) => Piece::default(),
        };
        session.change(|state, elsewhere| state.reserve(&piece, elsewhere, now()))?;
        Ok(Self { session, reserved: Some(piece), ahead: 0, asked })
    }

    /// The body of `len` bytes, counted.
    pub(super) fn around(
        mut self,
        len: u64,
        body: impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static,
    ) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static {
        self.begin(len);
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

    fn begin(&mut self, len: u64) {
        let Some(piece) = self.reserved.take() else { return };
        self.ahead = len.min(piece.len);
        self.session.change(|state, _| {
            state.begin(&piece);
            state.give_back(piece.len - self.ahead);
        });
    }

    async fn count(&mut self, len: u64) -> Result<(), Stop> {
        let Asked::File(pace) = self.asked else {
            self.ahead = self.ahead.saturating_sub(len);
            return Ok(());
        };
        let piece = pace.map_or(Piece { len, time: None }, |pace| pace.piece(len));
        self.when_it_may_go(&piece).await
    }

    /// Waits until a piece may be sent, and counts it.
    async fn when_it_may_go(&self, piece: &Piece) -> Result<(), Stop> {
        loop {
            let mut receipt = pin!(self.session.viewer.acknowledged.notified());
            // It has to be listening before the state is looked at, or a receipt between the two is missed.
            receipt.as_mut().enable();
            let reserved = self.session.change(|state, elsewhere| state.reserve(piece, elsewhere, now()));
            match reserved {
                Err(Stop::ReceiptsWanted { .. }) if timeout(RECEIPT_WITHIN, receipt).await.is_ok() => {}
                decided => return decided,
            }
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let (reserved, ahead) = (self.reserved.take(), self.ahead);
        self.session.change(|state, _| {
            if let Some(piece) = reserved {
                state.cancel(&piece);
            }
            state.give_back(ahead);
        });
    }
}
