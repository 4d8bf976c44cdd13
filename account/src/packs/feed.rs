//! A pack in the making as something that a put can read.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::stream::poll_fn;
use tokio::io::AsyncRead;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::io::StreamReader;

/// Bytes that are handed on at a time.
const PIECE_LEN: usize = 256 << 10;
/// Pieces that wait for the put.
const PIECES_MAX: usize = 3;

/// The writing end. Whoever drops it without an error ends the pack.
pub(super) struct Feed {
    pieces: Sender<io::Result<Bytes>>,
    buffer: BytesMut,
}

/// Nobody reads the pack any more.
pub(super) struct Unread;

impl Feed {
    /// The two ends.
    pub(super) fn new() -> (Self, impl AsyncRead + Send + Unpin) {
        let (pieces, receiver) = channel(PIECES_MAX);
        (Self { pieces, buffer: BytesMut::new() }, reader(receiver))
    }

    /// Hands bytes on, at the latest with those that follow.
    pub(super) async fn push(&mut self, bytes: &[u8]) -> Result<(), Unread> {
        self.buffer.extend_from_slice(bytes);
        while self.buffer.len() >= PIECE_LEN {
            let piece = self.buffer.split_to(PIECE_LEN).freeze();
            self.pieces.send(Ok(piece)).await.map_err(|_| Unread)?;
        }
        Ok(())
    }

    /// Hands on what is left.
    pub(super) async fn finish(self) -> Result<(), Unread> {
        self.pieces.send(Ok(self.buffer.freeze())).await.map_err(|_| Unread)
    }

    /// Has the put fail, so that it tidies up.
    pub(super) async fn fail(self, error: io::Error) {
        // Whoever has stopped reading has failed already.
        let _told_or_not = self.pieces.send(Err(error)).await;
    }
}

fn reader(mut pieces: Receiver<io::Result<Bytes>>) -> impl AsyncRead + Send + Unpin {
    StreamReader::new(poll_fn(move |context| pieces.poll_recv(context)))
}
