//! How many entries of its log a ledger appends per second: into the journal, durable batch by batch, and from there into tiles
//! and bundles under a signed checkpoint.
//!
//! `cargo run --release -p ledger-service --example log_appends -- [entries] [entries of a batch] [postgresql]`
//!
//! Every entry is public at once: a page that is released. They are signed before, and verified before the log is written, so
//! that what is measured is what any log does. With `postgresql` the journal is in a server that is started for it.

#![expect(clippy::unwrap_used, reason = "a measurement ends where something unexpected happens")]

#[path = "../tests/postgres/mod.rs"]
mod postgres;
#[path = "../tests/running/mod.rs"]
mod running;

use std::path::Path;
use std::time::{Duration, Instant};

use ledger::{Entry, Head, PageRelease, Remark, What};
use ledger_service::{PostgresStore, RedbStore, RunningLedger, Store};
use protocol::{Digest, Signed};
use running::{AT_LEDGER, Running, config, keys, now, schedule, terms};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, otherwise| arguments.get(at).map_or(otherwise, |text| text.parse().unwrap());
    let (count, batch) = (number(0, 200_000), number(1, 4096));
    let folder = tempfile::tempdir().unwrap();
    if arguments.get(2).is_some_and(|store| store == "postgresql") {
        let server = postgres::Server::start();
        let url = server.url("journal");
        measure(folder.path(), count, batch, async || PostgresStore::open(&url, &terms()).await.unwrap())
            .await;
    } else {
        let path = folder.path().join("journal.redb");
        measure(folder.path(), count, batch, async || RedbStore::open(&path, &terms()).unwrap()).await;
    }
}

async fn measure<S: Store>(folder: &Path, count: usize, batch: usize, open: impl AsyncFn() -> S) {
    let entries: Vec<Vec<u8>> = (0..count).map(entry).collect();
    let (mut store, mut head) = (open().await, Head::of(&terms()));
    let start = Instant::now();
    for some in entries.chunks(batch) {
        store.append_if(head, some).await.unwrap();
        head = some.iter().fold(head, |head, entry| head.after(entry));
    }
    let appended = start.elapsed();
    say(&format!("appended to the journal, {batch} at a time"), count, appended);
    drop(store);

    // The ledger verifies what it has not verified before; then the log is lost, and written again.
    published(folder, open().await, count).await;
    std::fs::remove_dir_all(folder.join("log").join("public")).unwrap();
    let start = Instant::now();
    published(folder, open().await, count).await;
    let integrated = start.elapsed();
    say("read again, and published in tiles under a signed checkpoint", count, integrated);
    say("both together", count, appended + integrated);
}

/// Runs a ledger until its checkpoint has so many entries.
async fn published<S: Store>(folder: &Path, store: S, count: usize) {
    let ledger = RunningLedger::start(store, config(folder, schedule(), None)).await.unwrap();
    let running = Running::serve(ledger).await;
    while running.json("/v1/terms").await["checkpoint"]["size"].as_u64() != Some(count as u64) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.stop().await;
}

fn entry(number: usize) -> Vec<u8> {
    let name = Remark::new("a page").unwrap();
    let page = PageRelease { hash: Digest::of(&number.to_le_bytes()), issued: now(), name };
    let what = What::Page(Signed::sign(keys().issuer(), &AT_LEDGER, page));
    Entry { at: now(), what }.encode()
}

fn say(what: &str, count: usize, took: Duration) {
    let seconds = took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "it is said in whole numbers")]
    let rate = count as f64 / seconds;
    println!("{count} entries {what} in {seconds:.2} s: {rate:.0}/s");
}
