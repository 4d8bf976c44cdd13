//! The body of a `Put`: received in large pieces, hashed and written beside the network.

use std::sync::Arc;

use bytes::BytesMut;
use network::{Receiving as Stream, StreamError};
use proofs::ShardLen;
use protocol::Refusal;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::stats::Counts;
use crate::store::{Receiving, StoreError};

/// How much is hashed and written at once, in bytes. Each upload has two buffers of this size.
const PIECE_LEN: usize = 256 * 1024;

/// Why a body did not become a shard.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl UploadError {
    pub(crate) fn refusal(&self) -> Refusal {
        match self {
            Self::Stream(error) => Refusal::new(error.code(), error.to_string()),
            Self::Store(error) => error.refusal(),
        }
    }
}

type Writing = JoinHandle<Result<(Receiving, BytesMut), StoreError>>;

/// Receives up to the end of the stream. On an error nothing is left behind.
pub(crate) async fn receive(
    stream: &mut Stream,
    receiving: Receiving,
    max_len: ShardLen,
    counts: &Arc<Counts>,
) -> Result<Receiving, UploadError> {
    let mut piece = BytesMut::new();
    let mut writing = write(receiving, BytesMut::new());
    let mut len = 0;
    loop {
        let is_end = fill(stream, &mut piece).await?;
        len += piece.len() as u64;
        counts.received.add(piece.len() as u64);
        if len > max_len.get() {
            return Err(StoreError::LongerThanAnnounced { max: max_len.get() }.into());
        }
        let (receiving, empty) = written(writing).await?;
        writing = write(receiving, std::mem::replace(&mut piece, empty));
        if is_end {
            return Ok(written(writing).await?.0);
        }
    }
}

/// Fills the piece; true at the end of the stream.
async fn fill(stream: &mut Stream, piece: &mut BytesMut) -> Result<bool, StreamError> {
    while piece.len() < PIECE_LEN {
        match stream.chunk(PIECE_LEN - piece.len()).await? {
            Some(chunk) => piece.extend_from_slice(&chunk),
            None => return Ok(true),
        }
    }
    Ok(false)
}

fn write(mut receiving: Receiving, mut piece: BytesMut) -> Writing {
    spawn_blocking(move || {
        receiving.push(&piece)?;
        piece.clear();
        Ok((receiving, piece))
    })
}

async fn written(writing: Writing) -> Result<(Receiving, BytesMut), StoreError> {
    writing.await.expect("hashing and writing do not panic")
}
