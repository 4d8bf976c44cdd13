//! Reading an object as a file.

use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::stream::{BoxStream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};

use crate::error::ReadError;
use crate::object::Object;

/// An object as a file: reads ahead as far as it is read, and no further than the client's options allow.
pub struct ObjectReader {
    object: Object,
    position: u64,
    stream: Option<BoxStream<'static, Result<Bytes, ReadError>>>,
    piece: Bytes,
}

impl ObjectReader {
    pub(crate) fn new(object: Object) -> Self {
        Self { object, position: 0, stream: None, piece: Bytes::new() }
    }

    /// The object that is read.
    pub fn object(&self) -> &Object {
        &self.object
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.piece.is_empty() && self.position < self.object.len() {
            let (object, position) = (&self.object, self.position);
            let stream = self.stream.get_or_insert_with(|| object.read(position..object.len()).boxed());
            match ready!(stream.as_mut().poll_next(context)) {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => return Poll::Ready(Err(into_io(error))),
                None => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for ObjectReader {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let reader = self.get_mut();
        ready!(reader.poll_piece(context))?;
        let len = reader.piece.len().min(out.remaining());
        out.put_slice(&reader.piece[..len]);
        reader.piece.advance(len);
        reader.position += len as u64;
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for ObjectReader {
    fn start_seek(self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        let reader = self.get_mut();
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(offset) => reader.object.len().checked_add_signed(offset),
            SeekFrom::Current(offset) => reader.position.checked_add_signed(offset),
        };
        let target =
            target.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek before the start"))?;
        let ahead = target.checked_sub(reader.position).and_then(|ahead| usize::try_from(ahead).ok());
        if let Some(ahead) = ahead.filter(|ahead| *ahead < reader.piece.len()) {
            reader.piece.advance(ahead);
        } else {
            reader.piece.clear();
            reader.stream = None;
        }
        reader.position = target;
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.position))
    }
}

impl std::fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectReader").field("position", &self.position).finish_non_exhaustive()
    }
}

fn into_io(error: ReadError) -> io::Error {
    let kind = match error {
        ReadError::NotHeld { .. } => io::ErrorKind::NotFound,
        ReadError::Unavailable { .. } => io::ErrorKind::TimedOut,
        ReadError::Broken(_) => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, error)
}
