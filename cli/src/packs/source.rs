//! The files of a folder as a stream of records, read ahead on a thread of their own.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use account::BoxError;
use futures_util::{Stream, stream};
use sharing::IndexPath;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::walk::{self, Walk};
use crate::lifetime;

/// Bytes of records that are handed over at a time, or one record that is longer.
const BATCH_LEN: usize = 1 << 20;
/// Batches that wait.
const BATCHES_MAX: usize = 2;

type Record = Result<(IndexPath, Vec<u8>), BoxError>;

/// The files below a folder, until the user wants to stop.
pub(crate) fn from_disk(root: PathBuf) -> impl Stream<Item = Record> + Send {
    let (sender, batches) = channel(BATCHES_MAX);
    tokio::task::spawn_blocking(move || read_all(&root, &sender));
    let source = Source { batches, batch: VecDeque::new(), ended: Box::pin(lifetime::ended(false)) };
    stream::unfold(source, |mut source| async { Some((source.next().await?, source)) })
}

struct Source {
    batches: Receiver<Vec<Record>>,
    batch: VecDeque<Record>,
    ended: Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>,
}

impl Source {
    async fn next(&mut self) -> Option<Record> {
        while self.batch.is_empty() {
            tokio::select! {
                batch = self.batches.recv() => self.batch = batch?.into(),
                _ = &mut self.ended => return Some(Err("interrupted; nothing was left behind".into())),
            }
        }
        self.batch.pop_front()
    }
}

fn read_all(root: &Path, batches: &Sender<Vec<Record>>) {
    let walk = match Walk::new(root) {
        Ok(walk) => walk,
        Err(error) => return drop(batches.blocking_send(vec![Err(error.into())])),
    };
    let (mut batch, mut len) = (Vec::new(), 0);
    for found in walk {
        let record = found.and_then(|found| Ok((found.name, walk::read(&found.path)?)));
        len += record.as_ref().map_or(0, |(_, bytes)| bytes.len());
        let is_last = record.is_err();
        batch.push(record.map_err(Into::into));
        if len >= BATCH_LEN || is_last {
            len = 0;
            if batches.blocking_send(std::mem::take(&mut batch)).is_err() || is_last {
                return;
            }
        }
    }
    // Whoever does not take the last one has failed.
    drop(batches.blocking_send(batch));
}
