//! A steward while the network changes around it: nodes join, move and leave.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::time::Duration;

use client::placement::{homes, segment_seed};
use e2e::harness::{TestNetwork, bytes};
use steward::Step;
use steward::plan::Rules;
use tempfile::TempDir;

use crate::get;
use crate::stewardship::{Running, first_look, holders, looks_after, quick, whole_again};

/// How long nodes may take to say who else is there.
const REFRESH_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_joins_later_is_used_and_one_that_moves_is_found() -> anyhow::Result<()> {
    let mut network = TestNetwork::start_joining(6).await?;
    network.until_all_know("each other", |members| members.len() == 6).await?;
    let (client, folder) = (network.client().await?, TempDir::new()?);
    let plain = bytes(1, 700_000);
    let report = network.put(&client, "4+2", &plain, 1).await?;
    let payer = network.payer().clone();
    looks_after(&network, folder.path(), report.cid, 1, &payer)?;
    let running = Running::start(&network, folder.path(), &payer, None).await?;
    first_look(&running).await?;
    let at = holders(&network, &client, &report).await?;

    network.add(|_| {}).await?;
    running
        .until("a newcomer", |steps| {
            steps.iter().any(|step| matches!(step, Step::Members { nodes: 7, joined: 1, .. }))
        })
        .await?;
    // The reader may ask any of them, and asks once.
    network.until_all_know("the newcomer", |members| members.len() == 7).await?;
    client.refresh_members(REFRESH_WITHIN).await?;
    network.kill(at[0]);
    whole_again(&client, &running, &report.cid).await?;
    assert_eq!(holders(&network, &client, &report).await?[0], 6, "there is no other place");

    network.kill(at[1]);
    network.restart_elsewhere(at[1]).await?;
    let moved = network.node(at[1]).expect("it runs again").id().to_string();
    running
        .until("where it is now", |steps| {
            let elsewhere = steps.iter().position(|step| matches!(step, Step::Members { moved: 1, .. }));
            let since = elsewhere.map_or(&[][..], |at| &steps[at..]);
            since.iter().any(|step| {
                matches!(step, Step::NodeAudited { node, proved, .. } if *node == moved && *proved > 0)
            })
        })
        .await?;
    assert!(get(&network.client_with(&network.ticket(6)?).await?, &report.link).await? == plain);
    running.kill().await;
    Ok(())
}

/// A steward that moves what should be elsewhere, at once.
fn restless() -> Rules {
    Rules {
        moves_abreast: 1,
        move_every: 0,
        places_within: 1,
        survey_every: 0,
        settle: 0,
        settle_max: 0,
        retry_max: 2,
        ..quick()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_move_off_a_node_that_leaves_before_anything_is_lost() -> anyhow::Result<()> {
    let mut network = TestNetwork::start_joining(7).await?;
    network.until_all_know("each other", |members| members.len() == 7).await?;
    let (client, folder) = (network.client().await?, TempDir::new()?);
    let plain = bytes(2, 700_000);
    let report = network.put(&client, "4+2", &plain, 2).await?;
    let payer = network.payer().clone();
    looks_after(&network, folder.path(), report.cid, 2, &payer)?;
    let running = Running::start_with(&network, folder.path(), &payer, None, restless()).await?;
    first_look(&running).await?;
    let at = holders(&network, &client, &report).await?;
    let leaving = network.node(at[3]).expect("it runs").id();
    let held = report.leases.iter().filter(|lease| lease.by() == leaving).count();
    let kept = network.stats(at[3]).expect("it runs").shards;

    fs::write(network.dir(at[3]).join("leaving"), "")?;
    running
        .until("everything off the node that leaves", |steps| {
            let from = leaving.to_string();
            let moved: BTreeSet<_> = steps
                .iter()
                .filter_map(|step| match step {
                    Step::Moved { unit, part, from: node, .. } if *node == from => Some((unit, part)),
                    _ => None,
                })
                .collect();
            moved.len() == held
        })
        .await?;
    assert_eq!(network.stats(at[3]).expect("it runs").shards, kept, "care never releases");
    client.refresh_members(REFRESH_WITHIN).await?;
    network.kill(at[3]);
    let audit = client.audit(&report.cid, 8).await?;
    assert!(audit.is_whole(), "{:?}", audit.lost().collect::<Vec<_>>());
    let shards: Vec<_> = holders(&network, &client, &report).await?;
    assert_eq!(shards.iter().collect::<HashSet<_>>().len(), 6, "each on a node of its own");
    assert!(running.steps().iter().all(|step| !matches!(step, Step::Rebuilt { .. })), "nothing was lost");
    assert!(get(&network.reader().await?, &report.link).await? == plain);
    running.kill().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_move_to_nodes_that_join_and_rank_higher() -> anyhow::Result<()> {
    let mut network = TestNetwork::start_joining(4).await?;
    network.until_all_know("each other", |members| members.len() == 4).await?;
    let (client, folder) = (network.client().await?, TempDir::new()?);
    let plain = bytes(3, 400_000);
    let report = network.put(&client, "2+2", &plain, 3).await?;
    let payer = network.payer().clone();
    looks_after(&network, folder.path(), report.cid, 3, &payer)?;
    let running = Running::start_with(&network, folder.path(), &payer, None, restless()).await?;
    first_look(&running).await?;
    for _ in 0..5 {
        network.add(|_| {}).await?;
    }
    network.until_all_know("the newcomers", |members| members.len() == 9).await?;
    client.refresh_members(REFRESH_WITHIN).await?;
    let manifest = client.manifest(&report.cid).await?;
    let segment = client.placement().rank(&segment_seed(manifest.seed().as_bytes(), 0));
    let copies = client.placement().rank(report.cid.root().as_bytes());
    let best: [Vec<_>; 2] = [homes(&segment, 4), copies.iter().take(4).map(|node| node.id).collect()];
    let ids: Vec<_> = (0..4).map(|index| network.node(index).expect("it runs").id()).collect();
    let to_move: usize = best.iter().flatten().filter(|home| !ids.contains(home)).count();

    let moved = |steps: &[Step]| -> BTreeMap<_, _> {
        let moves = steps.iter().filter_map(|step| match step {
            Step::Moved { unit, part, to, .. } => Some(((unit.clone(), *part), to.clone())),
            _ => None,
        });
        moves.collect()
    };
    let is_home = |((unit, _), to): (&(String, u8), &String)| {
        let homes = &best[usize::from(unit != "segment 0")];
        homes.iter().any(|home: &protocol::PublicKey| home.to_string() == *to)
    };
    running
        .until("all that should move", |steps| {
            // Whoever hears of the newcomers one by one may move a part twice.
            let moved = moved(steps);
            moved.len() == to_move && moved.iter().all(is_home)
        })
        .await?;
    // What has moved stays there, although the old copies are still under their leases.
    let before = running.steps().len();
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(running.steps()[before..].iter().all(|step| !matches!(step, Step::Moved { .. })));
    assert!(get(&network.client().await?, &report.link).await? == plain);
    running.kill().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_is_carried_to_another_machine() -> anyhow::Result<()> {
    let mut network = TestNetwork::start_joining(6).await?;
    network.until_all_know("each other", |members| members.len() == 6).await?;
    let client = network.client().await?;
    let plain = bytes(4, 900_000);
    let report = network.put(&client, "4+2", &plain, 4).await?;
    let (index, network_id) = (2, client.network());
    let (before, kept) = (network.node(index).expect("it runs").record(), network.stats(index));
    let held = report.leases.iter().filter(|lease| lease.by() == before.by()).count();
    assert!(storage_node::check_folder(&network.dir(index), network_id).is_err(), "it runs");

    network.carry_disk(index).await?;
    let checked = storage_node::check_folder(&network.dir(index), network_id)?;
    assert_eq!((checked.node, checked.damaged.len()), (before.by(), 0));
    assert_eq!(Some(checked.shards), kept.map(|stats| stats.shards));
    assert!(checked.shards >= held as u64 && held > 0);
    network.restart_elsewhere(index).await?;
    let now = network.node(index).expect("it runs again").record();
    assert!(now.by() == before.by() && now.body().addrs != before.body().addrs);
    network.until_all_know("where it is now", |members| members.get(&now.by()) == Some(&now)).await?;
    client.refresh_members(REFRESH_WITHIN).await?;
    let audit = client.audit(&report.cid, 63).await?;
    assert!(audit.is_whole(), "{:?}", audit.lost().collect::<Vec<_>>());
    assert_eq!(audit.parts.iter().filter(|part| part.node == Some(now.by())).count(), held);
    assert!(get(&client, &report.link).await? == plain);

    // What a journey spoils is found.
    let root = audit.parts.iter().find(|part| part.node == Some(now.by())).expect("it has some").root;
    network.stop(index).await;
    let path = network.shard_file(index, root).expect("shards of this size are files of their own");
    let mut file = fs::read(&path)?;
    file[5000] ^= 1;
    fs::write(&path, file)?;
    let checked = storage_node::check_folder(&network.dir(index), network_id)?;
    assert_eq!(checked.damaged, [root]);
    Ok(())
}
