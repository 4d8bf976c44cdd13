//! How long a long-running command runs: until a signal, or until whoever started it is gone.

use std::io::Read;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Completes at SIGINT or SIGTERM; and with `managed` also when standard input ends, which it does
/// even if the parent that holds the other end is killed.
pub(crate) async fn ended(managed: bool) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let orphaned = async {
        if managed {
            stdin_ended().await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = orphaned => {}
    }
    Ok(())
}

async fn stdin_ended() {
    let (tell, told) = oneshot::channel::<()>();
    // A thread of its own: a pending read of standard input would keep the runtime from ending.
    std::thread::spawn(move || {
        let mut ignored = [0; 256];
        while matches!(std::io::stdin().read(&mut ignored), Ok(1..)) {}
        drop(tell);
    });
    // The channel closes without a message; closing is the message.
    let _closed = told.await;
}
