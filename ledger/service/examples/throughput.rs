//! How many receipts a ledger verifies and records per second, and how many entries its log takes.
//!
//! `cargo run --release -p ledger-service --example throughput -- [grants] [receipts of each]`

#![expect(clippy::unwrap_used, reason = "a measurement ends where something unexpected happens")]

#[path = "../tests/running/mod.rs"]
mod running;

use std::time::Instant;

use futures_util::future::join_all;
use protocol::{SecretKey, SessionGrant, Signed};
use reqwest::StatusCode;
use running::{AT_LEDGER, Running, agreed, deposit, json, list, receipt, request};

/// Grants of one viewer.
const GRANTS_OF_A_VIEWER: usize = 400;
/// Requests under way at a time.
const AT_ONCE: usize = 64;
/// Receipts of one batch.
const BATCH: usize = 4096;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().expect("a number"));
    let (grants, each) = (arguments.next().unwrap_or(20_000), arguments.next().unwrap_or(10));
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Running::start(folder.path()).await;
    let id = ledger.register(&agreed(1, 1)).await;
    let viewers: Vec<SecretKey> =
        (0..grants.div_ceil(GRANTS_OF_A_VIEWER)).map(|number| key(1, number)).collect();
    let deposits: Vec<Vec<u8>> = viewers
        .iter()
        .map(|viewer| Signed::sign(viewer, &AT_LEDGER, deposit(2, 1 << 40, 1).into_body()).encode())
        .collect();
    json(ledger.operate("/v1/deposits", list(&deposits)).await, StatusCode::OK).await;

    let asked: Vec<_> = (0..grants)
        .map(|number| {
            let mut body = request(2, id, 1_000_000, 1).into_body();
            body.session = session(number).public();
            Signed::sign(&viewers[number / GRANTS_OF_A_VIEWER], &AT_LEDGER, body)
        })
        .collect();
    let start = Instant::now();
    let mut granted: Vec<SessionGrant> = Vec::new();
    for some in asked.chunks(AT_ONCE) {
        granted.extend(
            join_all(some.iter().map(|request| ledger.grant(request))).await.iter().map(|g| *g.body()),
        );
    }
    say("grants asked for one by one, 64 at a time", grants, start);

    let receipts: Vec<Vec<u8>> = granted
        .iter()
        .enumerate()
        .flat_map(|(number, grant)| {
            let session = session(number);
            (1..=each as u64).map(move |seq| receipt(grant, &session, seq, seq * 1000).encode())
        })
        .collect();
    let batches: Vec<Vec<u8>> = receipts.chunks(BATCH).map(list).collect();
    let start = Instant::now();
    for two in batches.chunks(2) {
        join_all(two.iter().map(|batch| ledger.post("/v1/batches", batch.clone()))).await;
    }
    say("receipts verified and durable, in batches of 4096", receipts.len(), start);

    let start = Instant::now();
    let settled = ledger.settle(1).await;
    println!("settled in {:.2} s", start.elapsed().as_secs_f64());
    let lines = settled["lines"].as_u64().expect("a number");
    ledger.published(lines).await;
    say("log entries settled and published", usize::try_from(lines).expect("a number"), start);

    ledger.stop().await;
    let start = Instant::now();
    let again = Running::start(folder.path()).await;
    say("entries of the journal played again", 1 + viewers.len() + grants + receipts.len(), start);
    again.stop().await;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("memory unknown"));
}

fn say(what: &str, count: usize, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "it is said in whole numbers")]
    let rate = count as f64 / seconds;
    println!("{count} {what} in {seconds:.2} s: {rate:.0}/s");
}

fn key(kind: u8, number: usize) -> SecretKey {
    let mut seed = [kind; 32];
    seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
    SecretKey::from_bytes(&seed)
}

fn session(number: usize) -> SecretKey {
    key(7, number)
}
