//! The body of a sealed answer: frames, batch by batch, for as long as the share is open.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::{ReadError, SealedBytes, SealedCells, SealedStream};
use futures_util::stream::{self, Stream, StreamExt as _};
use sharing::{FrameKind, frame_head};
use tokio::time::timeout;

use super::Served;
use crate::fetches::{Busy, Parked, Place};
use crate::gateway::Gateway;
use crate::problem::Problem;

/// An object that brings no batch for this long has failed.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The rest of an answer.
pub(crate) struct SealedAnswer {
    gateway: Gateway,
    served: Arc<Served>,
    /// Cells that are still to be fetched.
    cells: Range<u64>,
    ahead: Option<SealedCells>,
    parked: Arc<Parked<SealedFetch>>,
}

/// Batches under way, up to the end of an answer.
pub(crate) struct SealedFetch {
    batches: SealedStream,
    _place: Place,
}

/// Why an answer ends before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    /// The object cannot be read on.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Too many others are reading.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// No batch came for too long.
    #[error("nothing arrived for {} s", STALL_TIMEOUT.as_secs())]
    Stalled,
    /// The share opens no more.
    #[error("the share opens no more: {}", .0.detail())]
    Closed(Problem),
}

impl SealedAnswer {
    /// Reads as far as the first batch, so that a failure so far is known before an answer is begun.
    pub(crate) async fn begin(
        gateway: Gateway,
        served: Arc<Served>,
        cells: Range<u64>,
    ) -> Result<Self, AnswerError> {
        let mut answer = Self { gateway, served, cells, ahead: None, parked: Arc::default() };
        answer.ahead = answer.next_batch().await.transpose()?;
        Ok(answer)
    }

    /// The pieces. Nothing follows an error.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<Bytes, AnswerError>> {
        let batches = stream::unfold(Some(self), |answer| async {
            let mut answer = answer?;
            let batch = match answer.ahead.take() {
                Some(batch) => Ok(batch),
                None => answer.next_batch().await?,
            };
            let rest = batch.is_ok().then_some(answer);
            Some((batch, rest))
        });
        batches.flat_map(|batch| {
            let pieces = match batch {
                Ok(batch) => frames(batch).into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            stream::iter(pieces)
        })
    }

    /// The next batch, when the share is still open by then.
    async fn next_batch(&mut self) -> Option<Result<SealedCells, AnswerError>> {
        if self.cells.is_empty() {
            return None;
        }
        let batch = self.fetch().await;
        match self.gateway.share_goes_on(self.served.share).await {
            Ok(()) => Some(batch),
            Err(closed) => Some(Err(AnswerError::Closed(closed))),
        }
    }

    /// Goes on with the fetch, or begins it anew where another reader has got its place because this one did not read.
    async fn fetch(&mut self) -> Result<SealedCells, AnswerError> {
        let mut fetch = match self.parked.take() {
            Some(fetch) => fetch,
            None => SealedFetch {
                _place: self.gateway.serving().places().place(&self.parked).await?,
                batches: self.served.object.sealed_cells(self.cells.clone()),
            },
        };
        let batch = timeout(STALL_TIMEOUT, fetch.batches.next()).await.map_err(|_| AnswerError::Stalled)?;
        let batch = batch.expect("a fetch brings every cell of its range, or an error")?;
        self.cells.start = batch.batch.cells().end;
        if !self.cells.is_empty() {
            self.parked.leave(fetch);
        }
        Ok(batch)
    }
}

/// The frames of a batch, in pieces.
fn frames(batch: SealedCells) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    for column in batch.columns {
        let (kind, payload) = match column.bytes {
            SealedBytes::Slice(pieces) => (FrameKind::Slice, pieces),
            SealedBytes::Rebuilt(cells) => (FrameKind::Rebuilt, cells),
        };
        let len: usize = payload.iter().map(Bytes::len).sum();
        let len = u32::try_from(len).expect("32 rows and their path are far below 2^32 bytes");
        pieces.push(Bytes::copy_from_slice(&frame_head(kind, &column.run, len)));
        pieces.extend(payload);
    }
    pieces
}
