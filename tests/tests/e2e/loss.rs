//! Nodes that are lost before and during a read.

use bytes::Bytes;
use e2e::harness::{TestNetwork, bytes};
use futures_util::TryStreamExt as _;

use crate::get;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_m_nodes_may_be_killed() -> anyhow::Result<()> {
    let plain = bytes(1, 700_000);
    for first in 0..5 {
        for second in 0..first {
            let mut network = TestNetwork::start(5).await?;
            let client = network.client().await?;
            let report = network.put(&client, "3+2", &plain, 1).await?;
            assert!(report.is_complete());
            network.kill(first);
            network.kill(second);
            // One that knows the nodes, and one that has never heard of them.
            assert!(get(&client, &report.link).await? == plain, "without {first} and {second}");
            let stranger = network.reader().await?;
            assert!(
                get(&stranger, &report.link).await? == plain,
                "without {first} and {second}, by a stranger"
            );
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_killed_in_the_middle_of_a_read_are_not_noticed() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(6).await?;
    let client = network.client().await?;
    let plain = bytes(2, 48 << 20);
    let report = network.put(&client, "4+2", &plain, 2).await?;
    let holders: Vec<_> = client.stat(&report.cid).await?.parts.iter().filter_map(|part| part.node).collect();
    let object = client.open(&report.link).await?;
    let (mut pieces, mut at) = (object.read(0..object.len()), 0);
    let mut victims = vec![network.index_of(holders[3]), network.index_of(holders[0])];
    while let Some(piece) = pieces.try_next().await? {
        let piece: Bytes = piece;
        assert!(piece == plain[at..at + piece.len()], "at byte {at}");
        at += piece.len();
        if at > plain.len() / 4 {
            victims.drain(..).for_each(|index| network.kill(index));
        }
    }
    assert_eq!(at, plain.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_comes_back_serves_again() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(3).await?;
    let client = network.client().await?;
    let plain = bytes(3, 3 << 20);
    let report = network.put(&client, "2+1", &plain, 3).await?;
    for index in 0..3 {
        network.kill(index);
        assert!(get(&client, &report.link).await? == plain);
        network.restart(index).await?;
        // Until it is asked for a sign of life it is avoided; then it must serve, for the next one to be killed.
        while get(&client, &report.link).await? == plain && !client.stat(&report.cid).await?.is_whole() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
    Ok(())
}
