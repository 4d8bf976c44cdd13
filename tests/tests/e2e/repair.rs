//! What is lost or damaged is found, and healed on other nodes.

use std::collections::HashSet;
use std::fs;

use bytes::Bytes;
use chunker::{Manifest, ManifestParts, ObjectHeader, RequiredTags};
use client::{Part, PartState, RepairError};
use e2e::harness::{TestNetwork, bytes, put_options, secrets};
use proofs::ShardLen;
use protocol::{Request, Response, Unverified};

use crate::get;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_m_nodes_held_is_put_on_others() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(8).await?;
    let client = network.client().await?;
    let plain = bytes(1, 5_000_000);
    let report = network.put(&client, "4+2", &plain, 1).await?;
    let before = client.audit(&report.cid, 8).await?;
    assert!(before.is_whole());
    let holder = |column: usize| before.parts[column].node.expect("every shard was proved by a node");
    let lost = [holder(0), holder(5)];
    for id in &lost {
        network.kill(network.index_of(*id));
    }

    let damaged = client.audit(&report.cid, 8).await?;
    let missing: Vec<_> = damaged.lost().filter(|part| matches!(part.part, Part::Shard { .. })).collect();
    assert_eq!(missing.len(), 2, "{missing:?}");
    assert!(missing.iter().all(|part| part.state == PartState::Unavailable));

    let repaired = client.repair(&report.cid, &network.authority(report.cid, 1)).await?;
    assert!(repaired.is_whole(), "{:?}", repaired.missing);
    assert!(repaired.repaired.iter().all(|(_, node)| !lost.contains(node)));
    assert!(client.audit(&report.cid, 8).await?.is_whole());

    // Two more may go, and a client that knows nothing of all this finds everything.
    let (second, third) = (network.index_of(holder(1)), network.index_of(holder(2)));
    network.kill(second);
    network.kill(third);
    assert!(get(&network.reader().await?, &report.link).await? == plain);
    Ok(())
}

/// With one data column all shards of a segment have the same root, so the survivor could prove every one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_copy_does_not_count_as_three() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(6).await?;
    let client = network.client().await?;
    let plain = bytes(5, 300_000);
    let report = network.put(&client, "1+2", &plain, 5).await?;
    let before = client.audit(&report.cid, 4).await?;
    assert!(before.is_whole());
    let shards = before.parts.iter().filter(|part| matches!(part.part, Part::Shard { .. }));
    let holders: Vec<_> = shards.map(|part| part.node.expect("every shard was proved by a node")).collect();
    for id in &holders[..2] {
        network.kill(network.index_of(*id));
    }

    let damaged = client.audit(&report.cid, 4).await?;
    let lost = damaged.lost().filter(|part| matches!(part.part, Part::Shard { .. })).count();
    assert_eq!(lost, 2, "{:?}", damaged.parts);
    let repaired = client.repair(&report.cid, &network.authority(report.cid, 5)).await?;
    assert!(repaired.is_whole(), "{:?}", repaired.missing);
    let audit = client.audit(&report.cid, 4).await?;
    let shards = audit.parts.iter().filter(|part| matches!(part.part, Part::Shard { .. }));
    let nodes: HashSet<_> = shards.filter_map(|part| part.node).collect();
    assert_eq!(nodes.len(), 3, "three copies on three nodes");
    assert!(get(&network.reader().await?, &report.link).await? == plain);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flipped_bits_are_never_delivered_and_are_healed() -> anyhow::Result<()> {
    let network = TestNetwork::start(7).await?;
    let client = network.client().await?;
    let plain = bytes(2, 3_000_000);
    let report = network.put(&client, "4+2", &plain, 2).await?;
    let audit = client.audit(&report.cid, 1).await?;
    for part in [&audit.parts[1], &audit.parts[4]] {
        let index = network.index_of(part.node.expect("every shard was proved by a node"));
        let path = network.shard_file(index, part.root).expect("shards of this size are files of their own");
        let mut file = fs::read(&path)?;
        for at in (1000..file.len()).step_by(5000) {
            file[at] ^= 4;
        }
        fs::write(&path, file)?;
    }
    assert!(get(&client, &report.link).await? == plain);
    let states: Vec<_> = client.audit(&report.cid, 16).await?.parts.iter().map(|part| part.state).collect();
    assert_eq!(states.iter().filter(|state| **state == PartState::Damaged).count(), 2, "{states:?}");
    let repaired = client.repair(&report.cid, &network.authority(report.cid, 2)).await?;
    assert!(repaired.is_whole(), "{:?}", repaired.missing);
    assert!(client.audit(&report.cid, 16).await?.is_whole());
    assert!(get(&client, &report.link).await? == plain);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_right_mandate_repairs() -> anyhow::Result<()> {
    let network = TestNetwork::start(5).await?;
    let client = network.client().await?;
    let report = network.put(&client, "3+2", &bytes(3, 1000), 3).await?;
    let refused = client.repair(&report.cid, &network.authority(report.cid, 4)).await;
    assert!(matches!(refused, Err(RepairError::Mandate(_))), "{refused:?}");
    let other = network.put(&client, "3+2", &bytes(5, 1000), 5).await?;
    let refused = client.repair(&report.cid, &network.authority(other.cid, 3)).await;
    assert!(matches!(refused, Err(RepairError::Mandate(_))), "{refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_was_put_wrongly_is_exposed_and_not_healed() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(7).await?;
    let client = network.client().await?;
    let (honest, other) = (bytes(6, 400_000), bytes(7, 400_000));
    let honest = network.put(&client, "3+2", &honest, 6).await?;
    let held = client.audit(&honest.cid, 1).await?;
    let taken: Vec<_> = held.parts[..4].iter().filter_map(|part| part.node).collect();
    // Placement is drawn anew for every put, until the last column lies where nothing else of the honest object does: a
    // node counts for one shard of a segment.
    let other = loop {
        let mut options = put_options("3+2", 7)?;
        options.secrets.control = secrets(6).control;
        let report = client.put(&other[..], options, |_| {}).await?;
        let node = client.audit(&report.cid, 1).await?.parts[4].node;
        if node.is_some_and(|node| !taken.contains(&node)) {
            break report;
        }
    };

    // A manifest whose last parity column is that of another object: every shard can be proved, and yet they do not fit.
    let (manifest, foreign) = (client.manifest(&honest.cid).await?, client.manifest(&other.cid).await?);
    let mut roots = manifest.roots().to_vec();
    roots[4] = foreign.roots()[4];
    let parts = ManifestParts {
        geometry: *manifest.geometry(),
        content_key: &secrets(6).content_key,
        salt: manifest.salt(),
        seed: manifest.seed(),
        control: manifest.control(),
        roots: roots.clone(),
        required: RequiredTags::default(),
        header: &ObjectHeader::new(honest.size, None, None)?,
    };
    let forged = Manifest::new(parts)?;
    put_everywhere(&network, &forged).await?;
    let audit = client.audit(&forged.cid(), 4).await?;
    assert!(
        audit.is_whole(),
        "an audit looks at one shard at a time: {:?}",
        audit.lost().collect::<Vec<_>>()
    );

    network.kill(network.index_of(audit.parts[0].node.expect("it was proved by a node")));
    let shards = network.shards();
    match client.repair(&forged.cid(), &network.authority(forged.cid(), 6)).await {
        Err(RepairError::Inconsistent(proof)) => {
            assert_eq!((proof.segment, proof.column.number(), proof.expected), (0, 4, roots[4]));
            assert_eq!(proof.computed, manifest.roots()[4]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(network.shards(), shards, "nothing was put");
    Ok(())
}

/// Puts a manifest on every node, as its uploader might.
async fn put_everywhere(network: &TestNetwork, manifest: &Manifest) -> anyhow::Result<()> {
    let pool = network.pool(Some(network.payer().clone())).await?;
    let encoded = Bytes::from(manifest.encode());
    let authority = network.authority(manifest.cid(), 6);
    for record in &network.file().nodes {
        let put = Request::Put {
            max_len: ShardLen::new(encoded.len() as u64)?,
            expires: authority.expires,
            mandate: Unverified::from(&authority.mandate),
        };
        let mut exchange = pool.connect(record).await?.request(&put).await?;
        assert_eq!(exchange.response().await?, Response::Go);
        exchange.sending.bytes(encoded.clone()).await?;
        exchange.sending.finish();
        assert!(matches!(exchange.response().await?, Response::Leased { .. }));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_are_renewed_without_storing_anything_again() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(6).await?;
    let client = network.client().await?;
    for (number, coding) in [(7, "4+2"), (8, "1+2")] {
        let report = network.put(&client, coding, &bytes(number, 700_000), number).await?;
        let (manifest, control) = (client.manifest(&report.cid).await?, secrets(number).control);
        let put = put_options(coding, number)?.expires;
        let stored: Vec<_> = (0..6).map(|index| network.stats(index)).collect();

        let kept = client.keep(&manifest, &control, put.plus(0)).await;
        let first = kept.until.expect("it is kept");
        assert!(kept.missing.is_empty() && first.get().abs_diff(put.get()) < 60, "{kept:?}");
        let until = put.plus(90 * 86_400);
        let kept = client.keep(&manifest, &control, until).await;
        assert_eq!((kept.until, kept.missing), (Some(until), Vec::new()));
        let again = client.keep(&manifest, &control, put).await;
        assert_eq!(again.until, Some(until), "a lease never becomes shorter");
        let shards = |stats: &Option<storage_node::NodeStats>| {
            stats.as_ref().map(|stats| (stats.shards, stats.received))
        };
        let now: Vec<_> = (0..6).map(|index| network.stats(index)).collect();
        assert!(stored.iter().map(shards).eq(now.iter().map(shards)), "nothing was stored");

        let stranger = client.keep(&manifest, &secrets(99).control, until).await;
        assert_eq!(stranger.until, None, "only the control key finds its leases");
    }
    let report = network.put(&client, "4+2", &bytes(9, 700_000), 9).await?;
    let (manifest, control) = (client.manifest(&report.cid).await?, secrets(9).control);
    network.kill(0);
    network.kill(1);
    let until = put_options("4+2", 9)?.expires.plus(86_400);
    let kept = client.keep(&manifest, &control, until).await;
    // Every node of six has a shard and a copy of the manifest.
    assert_eq!((kept.until, kept.missing.len()), (Some(until), 4), "{kept:?}");
    assert!(kept.missing.iter().all(|missing| missing.reason.starts_with("node ")), "{kept:?}");
    Ok(())
}
