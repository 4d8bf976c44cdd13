//! Nodes come, move, change their names and leave, and everybody finds them.

use std::fs;
use std::time::{Duration, SystemTime};

use anyhow::ensure;
use client::PutReport;
use e2e::harness::{TestNetwork, bytes};
use network::{RequestError, announce};
use protocol::{Code, PublicKey, SecretKey, Signed};

use crate::get;

const REFRESH_WITHIN: Duration = Duration::from_secs(10);

/// The nodes on which something was put.
fn holders(report: &PutReport) -> Vec<PublicKey> {
    report.leases.iter().map(Signed::by).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_nodes_join_by_ticket_and_one_comes_back_elsewhere() -> anyhow::Result<()> {
    let mut network = TestNetwork::start_joining(6).await?;
    network.until_all_know("each other", |members| members.len() == 6).await?;
    let plain = bytes(1, 700_000);
    let putting = network.client_with(&network.ticket(0)?).await?;
    ensure!(putting.members().len() == 6);
    let report = network.put(&putting, "4+2", &plain, 1).await?;
    assert!(report.is_complete(), "{:?}", report.missing);

    let moved = network.node(3).expect("it runs").record();
    network.kill(3);
    network.restart_elsewhere(3).await?;
    let now = network.node(3).expect("it runs again").record();
    assert_eq!(moved.by(), now.by());
    assert_ne!(moved.body().addrs, now.body().addrs);
    network.until_all_know("where it is now", |members| members.get(&now.by()) == Some(&now)).await?;

    let reading = network.client_with(&network.ticket(5)?).await?;
    assert!(get(&reading, &report.link).await? == plain);
    assert!(reading.audit(&report.cid, 4).await?.is_whole());
    putting.refresh_members(REFRESH_WITHIN).await?;
    assert!(putting.audit(&report.cid, 4).await?.is_whole(), "a client that goes on has learnt it too");
    let again = network.put(&putting, "4+2", &plain, 2).await?;
    assert!(again.is_complete(), "{:?}", again.missing);
    assert!(holders(&again).contains(&now.by()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_knew_others_needs_no_ticket_again() -> anyhow::Result<()> {
    let mut network = TestNetwork::start_joining(3).await?;
    network.until_all_know("each other", |members| members.len() == 3).await?;
    network.stop(2).await;
    // Those that it knew go, and a new one comes while it is away.
    network.kill(0);
    let second = network.ticket(1)?;
    network.add(|config| config.join = second.contacts().to_vec()).await?;
    network.restart_elsewhere(2).await?;
    network.until_all_know("the newcomer", |members| members.len() == 4).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_networks_stay_apart() -> anyhow::Result<()> {
    let ours = TestNetwork::start_joining(2).await?;
    let mut theirs = TestNetwork::start_joining(2).await?;
    let stranger = ours.node(0).expect("it runs").record();
    let contact = ours.ticket(0)?.contacts().to_vec();
    theirs.add(|config| config.join = contact).await?;
    assert_eq!(
        theirs.node(2).expect("it runs").joined().await,
        0,
        "a node of another network refuses the hello"
    );

    let peer = theirs.pool(None).await?.connect(&theirs.node(0).expect("it runs").record()).await?;
    let refused = announce(&peer, &stranger).await;
    assert!(
        matches!(&refused, Err(RequestError::Refused(refusal)) if refusal.code() == Code::BadSignature),
        "{refused:?}"
    );
    ours.until_all_know("each other", |members| members.len() == 2).await?;
    for index in 0..3 {
        let members = theirs.node(index).expect("it runs").members();
        assert!(members.get(&stranger.by()).is_none());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_put_on_an_identity_is_found_under_its_successor() -> anyhow::Result<()> {
    let mut network = TestNetwork::start_joining(6).await?;
    network.until_all_know("each other", |members| members.len() == 6).await?;
    let client = network.client_with(&network.ticket(0)?).await?;
    let plain = bytes(2, 700_000);
    let report = network.put(&client, "4+2", &plain, 1).await?;
    assert!(report.is_complete(), "{:?}", report.missing);

    let before = network.node(2).expect("it runs").id();
    let id = client.network();
    network.stop(2).await;
    let fresh = SecretKey::from_bytes(&rand::random());
    storage_node::rekey(&network.dir(2), &id, &fresh, SystemTime::now().into())?;
    network.restart(2).await?;
    let after = network.node(2).expect("it runs again").id();
    assert_eq!(after, fresh.public());
    network.until_all_know("the successor", |members| members.resolve(&before) == Some(after)).await?;

    client.refresh_members(REFRESH_WITHIN).await?;
    assert_eq!(client.members().len(), 6);
    let audit = client.audit(&report.cid, 4).await?;
    assert!(audit.is_whole(), "{audit:?}");
    assert!(get(&network.client_with(&network.ticket(4)?).await?, &report.link).await? == plain);
    let again = network.put(&client, "4+2", &plain, 2).await?;
    assert!(again.is_complete() && !holders(&again).contains(&before), "{:?}", again.missing);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_leaves_takes_nothing_new_and_says_when_it_is_empty() -> anyhow::Result<()> {
    let mut network = TestNetwork::start_joining(7).await?;
    network.until_all_know("each other", |members| members.len() == 7).await?;
    let client = network.client_with(&network.ticket(0)?).await?;
    let plain = bytes(3, 700_000);
    let report = network.put(&client, "4+2", &plain, 1).await?;
    let leaving = report.leases[0].by();
    let index = network.index_of(leaving);
    fs::write(network.dir(index).join("leaving"), "")?;
    let is_leaving = |members: &network::Members| members.get(&leaving).is_some_and(|it| it.body().leaving);
    network.until_all_know("that it leaves", is_leaving).await?;

    // A client that has not heard of it is refused, and goes elsewhere.
    let unaware = network.put(&client, "4+2", &plain, 2).await?;
    client.refresh_members(REFRESH_WITHIN).await?;
    let aware = network.put(&client, "4+2", &plain, 3).await?;
    for put in [&unaware, &aware] {
        assert!(put.is_complete() && !holders(put).contains(&leaving), "{:?}", put.missing);
    }
    assert!(client.audit(&report.cid, 4).await?.is_whole(), "it serves what it has");
    assert!(!network.dir(index).join("left").exists());

    let moved = client.repair(&report.cid, &network.authority(report.cid, 1)).await?;
    assert!(moved.missing.is_empty(), "{:?}", moved.missing);
    assert!(!moved.repaired.is_empty() && moved.repaired.iter().all(|(_, node)| *node != leaving));
    network.kill(index);
    assert!(client.audit(&report.cid, 4).await?.is_whole(), "nothing depends on it any more");

    network
        .add(|config| {
            fs::create_dir_all(&config.dir)
                .and_then(|()| fs::write(config.dir.join("leaving"), ""))
                .expect("a folder");
        })
        .await?;
    let left = network.dir(7).join("left");
    for _ in 0..600 {
        if left.exists() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("a node without leases never said so")
}
