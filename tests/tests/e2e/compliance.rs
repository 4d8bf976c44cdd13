//! Objects that only some nodes may keep.

use std::time::Duration;

use chunker::RequiredTags;
use client::PutError;
use e2e::harness::{TestNetwork, bytes, put_options};
use protocol::{Tag, Tags};
use steward::Step;
use storage_node::NodeConfig;
use tempfile::TempDir;

use crate::get;
use crate::stewardship::{Running, first_look, looks_after, quick, whole_again};

/// How long nodes may take to say who else is there.
const REFRESH_WITHIN: Duration = Duration::from_secs(10);

fn tagged(tags: &[&str]) -> impl FnOnce(&mut NodeConfig) {
    let tags = tags.iter().map(|tag| Tag::new(*tag).expect("a tag")).collect();
    move |config| config.tags = Tags::new(tags).expect("few tags")
}

fn german() -> RequiredTags {
    RequiredTags::new(vec!["country=DE".to_owned()]).expect("a tag")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_go_to_nodes_with_the_tags_or_nowhere() -> anyhow::Result<()> {
    let mut network = TestNetwork::start_joining(0).await?;
    for _ in 0..4 {
        network.add(tagged(&["country=DE"])).await?;
        network.add(tagged(&["country=CH"])).await?;
    }
    network.until_all_know("each other", |members| members.len() == 8).await?;
    let client = network.client().await?;
    let plain = bytes(1, 600_000);
    let put = async |coding: &str, number: u64, tags: &[&str]| {
        let mut options = put_options(coding, number).expect("a coding");
        options.required =
            RequiredTags::new(tags.iter().map(|tag| (*tag).to_owned()).collect()).expect("few tags");
        client.put(&plain[..], options, |_| {}).await
    };

    let refused = put("4+2", 1, &["country=DE"]).await.expect_err("4 nodes are too few for 4+2");
    assert!(matches!(refused, PutError::TooFewComply { needed: 5, domains: 4, .. }), "{refused:?}");
    assert!(refused.to_string().contains("country=DE, which 4 of 8 nodes say"), "{refused}");
    let refused = put("2+1", 2, &["country=DE", "class=ssd"]).await.expect_err("none has both");
    assert!(refused.to_string().contains("class=ssd, which 0 of 8 nodes say"), "{refused}");
    assert_eq!(network.shards(), 0, "nothing of it stays behind");

    let report = put("3+1", 3, &["country=DE"]).await?;
    assert!(report.is_complete(), "{:?}", report.missing);
    assert!(report.leases.iter().all(|lease| client.complies(lease.by(), &german())));
    let audit = client.audit(&report.cid, 4).await?;
    assert_eq!(audit.required, german());
    assert!(
        audit.is_whole()
            && audit.parts.iter().all(|part| client.complies(part.node.expect("there"), &german()))
    );
    assert!(get(&network.client_with(&network.ticket(1)?).await?, &report.link).await? == plain);

    // One that may have it is lost: four others could take its parts, and may not.
    let (folder, payer) = (TempDir::new()?, network.payer().clone());
    looks_after(&network, folder.path(), report.cid, 3, &payer)?;
    let running = Running::start_with(&network, folder.path(), &payer, None, quick()).await?;
    first_look(&running).await?;
    network.kill(4);
    let repair = client.repair(&report.cid, &network.authority(report.cid, 3)).await?;
    assert!(repair.repaired.is_empty() && repair.missing.len() == 2, "{repair:?}");
    assert!(
        repair.missing.iter().all(|missing| missing.reason.contains("country=DE, which 4 of 8 nodes say")),
        "{:?}",
        repair.missing
    );
    running
        .until("the steward says why", |steps| {
            let says_why = |reason: &String| reason.contains("country=DE, which 4 of 8 nodes say");
            steps.iter().any(|step| matches!(step, Step::StillLost { reason, .. } if says_why(reason)))
        })
        .await?;
    assert!(running.rebuilt().is_empty());

    network.add(tagged(&["country=DE", "class=ssd"])).await?;
    network.until_all_know("a newcomer that may", |members| members.len() == 9).await?;
    client.refresh_members(REFRESH_WITHIN).await?;
    whole_again(&client, &running, &report.cid).await?;
    let audit = client.audit(&report.cid, 4).await?;
    assert!(audit.parts.iter().all(|part| client.complies(part.node.expect("there"), &german())));
    running.kill().await;
    Ok(())
}
