//! A steward while the network changes around it: nodes join, move and leave.

use std::time::Duration;

use e2e::harness::{TestNetwork, bytes};
use steward::Step;
use tempfile::TempDir;

use crate::get;
use crate::stewardship::{Running, first_look, holders, looks_after, whole_again};

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
