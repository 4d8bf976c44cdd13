//! The one who writes receipts to the disk.

use tokio::sync::{mpsc, oneshot};

use super::store::{Kept, UnheldStore};

/// Receipts that wait for the disk at a time.
pub(super) const RECEIPTS_QUEUED_MAX: usize = 4096;
/// Receipts of one write.
const RECEIPTS_OF_WRITE_MAX: usize = 1024;

/// A receipt, and who wants to know whether it is kept.
pub(super) type Write = (Kept, oneshot::Sender<bool>);

/// Writes receipts as they come, those that came together at once. The file is closed when the till is gone.
pub(super) async fn write(store: UnheldStore, mut queue: mpsc::Receiver<Write>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, RECEIPTS_OF_WRITE_MAX).await > 0 {
        let (kept, done): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
        let Some(store) = store.get() else { return };
        let written = tokio::task::spawn_blocking(move || store.keep(&kept)).await;
        let written = written.expect("the store does not panic");
        if let Err(error) = &written {
            tracing::error!(%error, "receipts cannot be kept");
        }
        for done in done {
            // Whoever asked may have gone.
            let _gone = done.send(written.is_ok());
        }
    }
}
