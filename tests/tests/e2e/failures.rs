//! What does not work, and that it leaves nothing behind.

use std::collections::BTreeSet;
use std::time::Duration;

use chunker::{ContentKey, Link, OpenManifestError};
use client::{FetchError, OpenObjectError, Part, PutError, ReadError};
use e2e::harness::{TestNetwork, bytes, put_options};
use proofs::Cid;
use storage_node::AdmissionPolicy;
use tokio::io::AsyncReadExt as _;

use crate::read;

/// A network in which the first nodes admit nobody.
async fn refusing(nodes: usize, refusing: usize) -> anyhow::Result<TestNetwork> {
    TestNetwork::start_with(nodes, |index, config| {
        if index < refusing {
            config.admission = AdmissionPolicy::AllowList(BTreeSet::new());
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_refuse_are_replaced_while_there_are_others() -> anyhow::Result<()> {
    let network = refusing(8, 2).await?;
    let client = network.client().await?;
    let plain = bytes(1, 400_000);
    let report = network.put(&client, "4+2", &plain, 1).await?;
    assert!(report.is_complete(), "{:?}", report.missing);
    assert!(crate::get(&network.reader().await?, &report.link).await? == plain);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shortfall_is_named() -> anyhow::Result<()> {
    let network = refusing(6, 1).await?;
    let client = network.client().await?;
    let plain = bytes(2, 400_000);
    let report = network.put(&client, "4+2", &plain, 2).await?;
    let shards = report.missing.iter().filter(|missing| matches!(missing.part, Part::Shard { .. })).count();
    assert_eq!((shards, report.missing.len()), (1, 2), "a shard and a copy: {:?}", report.missing);
    assert!(crate::get(&client, &report.link).await? == plain);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_leases_leave_nothing_behind() -> anyhow::Result<()> {
    let network = refusing(6, 2).await?;
    let client = network.client().await?;
    let refused = client.put(&bytes(3, 400_000)[..], put_options("4+2", 3)?, |_| {}).await;
    assert!(matches!(refused, Err(PutError::TooFewLeases { needed: 5, .. })), "{refused:?}");
    let refused = client.put(&bytes(3, 400_000)[..], put_options("6+2", 3)?, |_| {}).await;
    assert!(matches!(refused, Err(PutError::TooFewNodes { needed: 7, domains: 6 })), "{refused:?}");
    assert_eq!(network.shards(), 0);
    let reader = network.reader().await?;
    let refused = reader.put(&bytes(3, 10)[..], put_options("1+1", 3)?, |_| {}).await;
    assert!(matches!(refused, Err(PutError::NoPayer)), "{refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_fails_leaves_nothing_behind() -> anyhow::Result<()> {
    let network = TestNetwork::start(3).await?;
    let client = network.client().await?;
    // The first segment is leased by the time the input fails in the second.
    let len = (1 << 28) + (20 << 20);
    let input = tokio::io::repeat(7).take(len).chain(Failing);
    let failed = client.put(input, put_options("2+1", 4)?, |_| {}).await;
    assert!(matches!(failed, Err(PutError::Input(_))), "{failed:?}");
    assert_eq!(network.shards(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_that_is_dropped_leaves_nothing_behind() -> anyhow::Result<()> {
    let network = TestNetwork::start(3).await?;
    let client = network.client().await?;
    let input = tokio::io::repeat(7).take((1 << 28) + (20 << 20)).chain(Pending);
    let put = client.put(input, put_options("2+1", 5)?, |_| {});
    assert!(tokio::time::timeout(Duration::from_secs(8), put).await.is_err(), "its input never ends");
    for _ in 0..100 {
        if network.shards() == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("{} shards were left", network.shards())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_and_what_cannot_be_had_are_told_apart() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(4).await?;
    let client = network.client().await?;
    let nothing = client.manifest(&Cid::of(b"nothing like this")).await;
    assert!(matches!(nothing, Err(FetchError::NotHeld { asked: 4, .. })), "{nothing:?}");
    let report = network.put(&client, "2+2", &bytes(6, 300_000), 6).await?;
    let object = client.open(&report.link).await?;
    (0..3).for_each(|index| network.kill(index));
    let begun = tokio::time::Instant::now();
    let failed = read(&object, 0..300_000).await;
    assert!(matches!(failed, Err(ReadError::Unavailable { required: 2, .. })), "{failed:?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "far more than the five seconds it should take");
    let nothing = client.manifest(&Cid::of(b"nothing like this")).await;
    assert!(matches!(nothing, Err(FetchError::Unavailable { .. })), "{nothing:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_opens_nothing() -> anyhow::Result<()> {
    let network = TestNetwork::start(2).await?;
    let client = network.client().await?;
    let report = network.put(&client, "1+1", b"secret", 7).await?;
    let wrong = Link::new(report.cid, ContentKey::from_bytes([1; 32]));
    let refused = client.open(&wrong).await;
    assert!(matches!(refused, Err(OpenObjectError::Manifest(OpenManifestError::WrongKey))), "{refused:?}");
    Ok(())
}

/// A reader that fails at once.
struct Failing;

impl tokio::io::AsyncRead for Failing {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Err(std::io::Error::other("the input broke")))
    }
}

/// A reader that never has anything.
struct Pending;

impl tokio::io::AsyncRead for Pending {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Pending
    }
}
