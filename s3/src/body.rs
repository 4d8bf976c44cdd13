//! An answer's body: verified pieces of an object, as fast as the client takes them.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use client::{Object, ReadError};
use futures_util::{Stream, StreamExt as _};
use s3s::StdError;
use s3s::dto::StreamingBlob;
use s3s::stream::{ByteStream, RemainingLength};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Pieces of at most 16 KiB that wait for the client, beside what the object's own reader has ahead.
const PIECES_MAX: usize = 16;

/// A client that takes no byte for this long is cut off: an answer under way holds memory.
const WRITE_STALL: Duration = Duration::from_mins(1);

/// Pieces that another task reads.
struct Pieces {
    pieces: mpsc::Receiver<Result<Bytes, ReadError>>,
    left: usize,
}

/// The bytes of a range of an object. An error in the middle ends the connection, so that it does not look like the end.
pub(crate) fn of(object: &Object, range: std::ops::Range<u64>) -> StreamingBlob {
    let left = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
    let (send, pieces) = mpsc::channel(PIECES_MAX);
    let mut reading = object.read(range);
    tokio::spawn(async move {
        while let Some(piece) = reading.next().await {
            if let Err(error) = &piece {
                tracing::warn!(%error, "an answer breaks off");
            }
            if !matches!(timeout(WRITE_STALL, send.send(piece)).await, Ok(Ok(()))) {
                break;
            }
        }
    });
    StreamingBlob::new(Pieces { pieces, left })
}

impl Stream for Pieces {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pieces.poll_recv(context).map(|next| match next {
            Some(Ok(piece)) => {
                self.left = self.left.saturating_sub(piece.len());
                Some(Ok(piece))
            }
            Some(Err(error)) => Some(Err(error.into())),
            None if self.left > 0 => {
                self.left = 0;
                Some(Err("the object ended early".into()))
            }
            None => None,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, None)
    }
}

impl ByteStream for Pieces {
    fn remaining_length(&self) -> RemainingLength {
        RemainingLength::new_exact(self.left)
    }
}
