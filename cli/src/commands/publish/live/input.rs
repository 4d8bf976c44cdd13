//! Where a live stream comes from: standard input, or a file that grows.

use std::io::{self, Read as _};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, Sleep, sleep};

use crate::lifetime;

/// Bytes read at a time.
const PIECE_LEN: usize = 64 << 10;
/// Pieces that wait to be taken.
const PIECES_MAX: usize = 16;
/// A file that has not grown for this long is complete.
const GROWS_WITHIN: Duration = Duration::from_secs(10);
/// How often a file is looked at that does not grow.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// When the user wants to stop, the source may still bring its end: an encoder in the same pipe is stopped, too.
const END_WITHIN: Duration = Duration::from_secs(2);

/// Pieces of a stream, until its end or until the user wants to stop.
pub(super) type Source = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Standard input.
pub(super) fn standard() -> Source {
    let (sender, receiver) = channel(PIECES_MAX);
    // A thread of its own: a pending read of standard input would keep the runtime from ending.
    std::thread::spawn(move || {
        let (mut input, mut piece) = (io::stdin().lock(), vec![0; PIECE_LEN]);
        loop {
            match input.read(&mut piece) {
                Ok(0) => return,
                Ok(len) if sender.blocking_send(Ok(Bytes::copy_from_slice(&piece[..len]))).is_ok() => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) => return,
                Err(error) => return drop(sender.blocking_send(Err(error))),
            }
        }
    });
    until_stopped(receiver)
}

/// A file, from its beginning until it has not grown for [`GROWS_WITHIN`].
pub(super) async fn growing(path: &str) -> anyhow::Result<Source> {
    let file = tokio::fs::File::open(path).await.with_context(|| format!("cannot read {path}"))?;
    let (sender, receiver) = channel(PIECES_MAX);
    tokio::spawn(async move {
        // A failure that cannot be told is met by nobody: whoever reads is gone.
        if let Err(error) = follow(file, &sender).await {
            drop(sender.send(Err(error)).await);
        }
    });
    Ok(until_stopped(receiver))
}

async fn follow(mut file: tokio::fs::File, sender: &Sender<io::Result<Bytes>>) -> io::Result<()> {
    let (mut piece, mut grown) = (vec![0; PIECE_LEN], Instant::now());
    while grown.elapsed() < GROWS_WITHIN {
        let len = file.read(&mut piece).await?;
        if len == 0 {
            sleep(LOOK_EVERY).await;
            continue;
        }
        grown = Instant::now();
        if sender.send(Ok(Bytes::copy_from_slice(&piece[..len]))).await.is_err() {
            break;
        }
        // Waiting for room is no standing still.
        grown = grown.max(Instant::now());
    }
    Ok(())
}

fn until_stopped(mut pieces: Receiver<io::Result<Bytes>>) -> Source {
    let mut stop = Stop { asked: Box::pin(lifetime::ended(false)), by: None };
    Box::pin(stream::poll_fn(move |context| {
        if stop.is_due(context) { Poll::Ready(None) } else { pieces.poll_recv(context) }
    }))
}

/// When to stop.
struct Stop {
    asked: Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>,
    /// None until it was asked for.
    by: Option<Pin<Box<Sleep>>>,
}

impl Stop {
    fn is_due(&mut self, context: &mut Context<'_>) -> bool {
        if self.by.is_none() && self.asked.as_mut().poll(context).is_ready() {
            self.by = Some(Box::pin(sleep(END_WITHIN)));
        }
        self.by.as_mut().is_some_and(|by| by.as_mut().poll(context).is_ready())
    }
}
