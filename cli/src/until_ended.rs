//! A source of bytes that fails when the user wants to stop, so that whoever reads from it can tidy up in order.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use crate::lifetime;

/// Reads from `source` until SIGINT or SIGTERM; from then on every read fails.
pub(crate) struct UntilEnded<R> {
    source: R,
    /// None once it has completed.
    ended: Option<Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>>,
}

impl<R> UntilEnded<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, ended: Some(Box::pin(lifetime::ended(false))) }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for UntilEnded<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ended.as_mut().is_none_or(|ended| ended.as_mut().poll(context).is_ready()) {
            self.ended = None;
            return Poll::Ready(Err(io::Error::other("interrupted; nothing was left behind")));
        }
        Pin::new(&mut self.source).poll_read(context, buffer)
    }
}
