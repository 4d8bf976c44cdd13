//! Reading the source: bytes in, inits and segments out, no faster than they are stored.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use packager::{LiveOutput, LiveReader};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::LiveProblem;
use super::limits::{WAITING_KIB_MAX, WAITING_MAX};

/// What has become of the source.
#[derive(Debug)]
pub(super) enum Arrival {
    Output(LiveOutput, Waiting),
    /// There is no room: nothing is read until there is.
    Behind,
}

/// Room that a segment takes until it is stored, and since when.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) since: Instant,
    _room: OwnedSemaphorePermit,
}

/// How the source ended.
#[derive(Debug, Default)]
pub(super) struct SourceEnd {
    pub(super) problem: Option<LiveProblem>,
    pub(super) incomplete_bytes: usize,
}

/// The way into storage.
#[derive(Debug)]
pub(super) struct Queue {
    sender: Sender<Arrival>,
    room: Arc<Semaphore>,
}

/// Whoever stores is gone.
struct Closed;

pub(super) fn queue() -> (Queue, Receiver<Arrival>) {
    let (sender, receiver) = channel(WAITING_MAX);
    (Queue { sender, room: Arc::new(Semaphore::new(WAITING_KIB_MAX as usize)) }, receiver)
}

/// Reads to the end.
pub(super) async fn read(
    mut source: impl Stream<Item = io::Result<Bytes>> + Unpin,
    mut reader: LiveReader,
    queue: Queue,
) -> SourceEnd {
    while let Some(piece) = source.next().await {
        let outputs = piece.map_err(LiveProblem::from).and_then(|piece| Ok(reader.push(&piece)?));
        match outputs {
            Ok(outputs) => {
                if queue.send_all(outputs).await.is_err() {
                    return SourceEnd::default();
                }
            }
            Err(problem @ LiveProblem::Stream(_)) => {
                return SourceEnd { problem: Some(problem), incomplete_bytes: 0 };
            }
            // What has arrived of the open segments is complete.
            Err(problem) => return finish(reader, &queue, Some(problem)).await,
        }
    }
    finish(reader, &queue, None).await
}

async fn finish(reader: LiveReader, queue: &Queue, problem: Option<LiveProblem>) -> SourceEnd {
    match reader.finish() {
        Ok(end) => {
            let incomplete_bytes = end.incomplete_bytes;
            // Closed means that storing has failed, which says why by itself.
            drop(queue.send_all(end.outputs).await);
            SourceEnd { problem, incomplete_bytes }
        }
        Err(error) => SourceEnd { problem: problem.or(Some(error.into())), incomplete_bytes: 0 },
    }
}

impl Queue {
    async fn send_all(&self, outputs: Vec<LiveOutput>) -> Result<(), Closed> {
        for output in outputs {
            let since = Instant::now();
            let room = self.room_for(&output).await?;
            let arrival = Arrival::Output(output, Waiting { since, _room: room });
            self.sender.send(arrival).await.map_err(|_| Closed)?;
        }
        Ok(())
    }

    async fn room_for(&self, output: &LiveOutput) -> Result<OwnedSemaphorePermit, Closed> {
        let (LiveOutput::Init(packager::LiveInit { bytes, .. })
        | LiveOutput::Segment(packager::LiveSegment { bytes, .. })) = output;
        let kib = u32::try_from(bytes.len().div_ceil(1024)).unwrap_or(u32::MAX).clamp(1, WAITING_KIB_MAX);
        if let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(kib) {
            return Ok(room);
        }
        self.sender.send(Arrival::Behind).await.map_err(|_| Closed)?;
        Ok(Arc::clone(&self.room).acquire_many_owned(kib).await.expect("it is never closed"))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use packager::LiveSeconds;

    use super::*;

    #[tokio::test]
    async fn a_source_that_is_no_film_says_so() {
        for (pieces, expected) in [
            (vec![Ok(Bytes::from_static(b"\0\0\0\x08mdat"))], "moov"),
            (vec![Err(io::Error::other("gone"))], "cannot read the source: gone"),
            (Vec::new(), "moov"),
        ] {
            let (queue, mut receiver) = queue();
            let reader = LiveReader::new(LiveSeconds::new(2, 12).unwrap());
            let end = read(stream::iter(pieces), reader, queue).await;
            let problem = end.problem.unwrap().to_string();
            assert!(problem.contains(expected), "{problem}");
            assert!(receiver.recv().await.is_none(), "nothing arrives");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_source_waits_until_there_is_room() {
        let (queue, mut receiver) = queue();
        let all = Arc::clone(&queue.room).try_acquire_many_owned(WAITING_KIB_MAX).unwrap();
        let segment = packager::LiveSegment {
            track: 0,
            number: 0,
            duration: 1,
            samples_per_1000_seconds: 1,
            bytes: Bytes::from_static(b"moof"),
            digest: blake3::hash(b"moof"),
        };
        let sending =
            tokio::spawn(async move { queue.send_all(vec![LiveOutput::Segment(segment)]).await.is_ok() });
        assert!(matches!(receiver.recv().await, Some(Arrival::Behind)));
        assert!(!sending.is_finished());
        drop(all);
        assert!(matches!(receiver.recv().await, Some(Arrival::Output(..))));
        assert!(sending.await.unwrap());
    }
}
