//! The same for every store of batches: what is asked of one. `PostgreSQL` is a real one, started here.

use sharing::{AppendSignature, BatchNumber, KeptBatch, LinkId, STREAM_BATCHES_MAX, STREAM_NUMBER_AHEAD_MAX};

use super::*;
use crate::links::Links;
use crate::links::postgres_for_tests as postgres;

fn id(number: u8) -> LinkId {
    LinkId::from_bytes([number; 32])
}

fn number(number: u64) -> BatchNumber {
    BatchNumber::try_from(number).unwrap()
}

fn batch(of: u64, says: &str) -> KeptBatch {
    KeptBatch { number: number(of), signature: AppendSignature::from_bytes([7; 64]), batch: says.into() }
}

async fn numbers(store: &dyn BatchStore, stream: LinkId, after: u64) -> Vec<u64> {
    let after = BatchNumber::try_from(after).ok();
    let waiting = store.waiting(stream, after, u64::MAX >> 1).await.unwrap();
    waiting.iter().map(|batch| batch.number.get()).collect()
}

async fn keeps_batches(store: &dyn BatchStore) {
    assert_eq!(numbers(store, id(1), 0).await, [0_u64; 0]);
    for (said, became) in [
        (batch(3, "three"), Appended::New),
        (batch(3, "three"), Appended::Known),
        (batch(3, "another"), Appended::Settled { last: number(3) }),
        (batch(2, "two"), Appended::Settled { last: number(3) }),
        (batch(7, "seven"), Appended::New),
        (batch(3, "three"), Appended::Known),
        (batch(8, "eight"), Appended::New),
    ] {
        assert_eq!(store.append(id(1), said.clone()).await.unwrap(), became, "{said:?}");
    }
    store.append(id(2), batch(1, "of another stream")).await.unwrap();
    assert_eq!(numbers(store, id(1), 0).await, [3, 7, 8]);
    assert_eq!(numbers(store, id(1), 3).await, [7, 8]);
    assert_eq!(store.waiting(id(1), None, 10).await.unwrap(), [batch(3, "three"), batch(7, "seven")]);
    assert_eq!(store.waiting(id(1), None, 1).await.unwrap(), [batch(3, "three")], "one at least");
    // What its owner keeps is forgotten, and can be sent again no more, but for the last one, whose answer may have been lost.
    store.forget(id(1), number(8)).await.unwrap();
    assert_eq!(numbers(store, id(1), 0).await, [0_u64; 0]);
    assert_eq!(numbers(store, id(2), 0).await, [1]);
    let settled = Appended::Settled { last: number(8) };
    assert_eq!(store.append(id(1), batch(7, "seven")).await.unwrap(), settled);
    assert_eq!(store.append(id(1), batch(8, "eight")).await.unwrap(), Appended::Known);
    assert_eq!(store.append(id(1), batch(8, "other")).await.unwrap(), settled);
    store.append(id(1), batch(9, "nine")).await.unwrap();
}

/// Whoever has the token and key of a device takes no number that leaves none behind it.
async fn counts_in_small_steps(store: &dyn BatchStore) {
    let last = BatchNumber::try_from((1 << 53) - 1).unwrap().get();
    for (said, became) in [
        (last, Appended::Ahead { next: number(1) }),
        (STREAM_NUMBER_AHEAD_MAX + 1, Appended::Ahead { next: number(1) }),
        (STREAM_NUMBER_AHEAD_MAX, Appended::New),
        (last, Appended::Ahead { next: number(STREAM_NUMBER_AHEAD_MAX + 1) }),
        (2 * STREAM_NUMBER_AHEAD_MAX, Appended::New),
        (2 * STREAM_NUMBER_AHEAD_MAX + 1, Appended::New),
    ] {
        assert_eq!(store.append(id(4), batch(said, "x")).await.unwrap(), became, "{said}");
    }
}

/// However many wait: so many batches and bytes of a stream are kept, and there is room again when its owner has them.
async fn keeps_so_many(store: &dyn BatchStore) {
    for n in 1..=STREAM_BATCHES_MAX as u64 {
        assert_eq!(store.append(id(3), batch(n, "x")).await.unwrap(), Appended::New);
    }
    let next = STREAM_BATCHES_MAX as u64 + 1;
    assert_eq!(store.append(id(3), batch(next, "x")).await.unwrap(), Appended::StreamFull);
    assert_eq!(store.append(id(3), batch(next - 1, "x")).await.unwrap(), Appended::Known);
    store.forget(id(3), number(1)).await.unwrap();
    assert_eq!(store.append(id(3), batch(next, "x")).await.unwrap(), Appended::New);
    store.forget(id(3), number(next)).await.unwrap();
    let long = "x".repeat(1 << 20);
    for n in 1..=32 {
        assert_eq!(store.append(id(3), batch(next + n, &long)).await.unwrap(), Appended::New);
    }
    assert_eq!(store.append(id(3), batch(next + 33, "x")).await.unwrap(), Appended::StreamFull);
    assert_eq!(store.waiting(id(3), None, 8 << 20).await.unwrap().len(), 8);
}

/// What was acknowledged is there for whoever opens the store next.
async fn is_as_it_was_left(store: &dyn BatchStore) {
    assert_eq!(store.waiting(id(1), None, 1000).await.unwrap(), [batch(9, "nine")]);
    assert_eq!(numbers(store, id(3), 0).await.len(), 32);
    let settled = Appended::Settled { last: number(9) };
    assert_eq!(store.append(id(1), batch(9, "other")).await.unwrap(), settled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_keeps_batches() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("links.redb");
    let links = Links::in_file(&path).unwrap();
    keeps_batches(links.batches()).await;
    keeps_so_many(links.batches()).await;
    counts_in_small_steps(links.batches()).await;
    // The file as a power cut would leave it, while the store is open.
    let cut = folder.path().join("cut.redb");
    std::fs::copy(&path, &cut).unwrap();
    is_as_it_was_left(Links::in_file(&cut).unwrap().batches()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_keeps_batches_for_several_gateways() {
    let server = postgres::Server::start();
    let url = server.url("streams");
    let (links, other) = tokio::join!(Links::in_database(&url), Links::in_database(&url));
    let (links, other) = (links.unwrap(), other.unwrap());
    keeps_batches(links.batches()).await;
    keeps_so_many(links.batches()).await;
    counts_in_small_steps(links.batches()).await;
    // One batch at many gateways at once is one batch; of two under one number one is kept.
    let at_once = (0..40).map(|n| {
        let gateway = if n % 2 == 0 { &links } else { &other };
        gateway.batches().append(id(5), batch(1, if n % 4 < 2 { "one" } else { "other" }))
    });
    let became = futures_util::future::join_all(at_once).await;
    let count = |what: Appended| became.iter().filter(|result| *result.as_ref().unwrap() == what).count();
    assert_eq!(count(Appended::New), 1);
    assert_eq!((count(Appended::Known), count(Appended::Settled { last: number(1) })), (19, 20));
    assert_eq!(numbers(other.batches(), id(5), 0).await, [1]);
    is_as_it_was_left(other.batches()).await;
}
