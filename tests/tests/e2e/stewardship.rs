//! A steward over real nodes: what is lost comes back, once, and the log says how.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, ensure};
use client::{Client, ClientOptions, Part, PartState, PutReport};
use e2e::harness::{TestNetwork, bytes, put_options, secrets};
use network::Members;
use proofs::Cid;
use protocol::{ByteHours, Mandate, SecretKey, Signed, UnixSeconds};
use steward::plan::Rules;
use steward::{Step, Steward, StewardConfig, Ward, write_ward};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::get;

/// How long a steward may take to do its work on a busy machine.
const WORKS_WITHIN: Duration = Duration::from_mins(2);

/// What a slow steward may read and send, in bytes per second.
const SLOW_RATE: u64 = 200_000;

/// A steward that lives at a faster pace, and leaves everything where it is.
pub(crate) fn quick() -> Rules {
    Rules {
        node_audit_every: 1,
        offline_look_every: 1,
        object_audit_every: 5,
        look_around_within: 1,
        grace: 3,
        retry_min: 1,
        retry_max: 3,
        claim: 20,
        turn_within: 3,
        moves_abreast: 0,
        ..Rules::default()
    }
}

/// A running steward, its folder, and what it wrote down.
pub(crate) struct Running {
    task: JoinHandle<()>,
    steps: Arc<Mutex<Vec<Step>>>,
}

impl Running {
    pub(crate) async fn start(
        network: &TestNetwork,
        folder: &Path,
        holder: &SecretKey,
        care_rate: Option<u64>,
    ) -> anyhow::Result<Self> {
        Self::start_with(network, folder, holder, care_rate, quick()).await
    }

    pub(crate) async fn start_with(
        network: &TestNetwork,
        folder: &Path,
        holder: &SecretKey,
        care_rate: Option<u64>,
        rules: Rules,
    ) -> anyhow::Result<Self> {
        let pool = network.pool(Some(holder.clone())).await?;
        let options = ClientOptions { care_rate, ..ClientOptions::default() };
        let client = Client::new(pool, Members::from(&network.file()), options);
        let mut config = StewardConfig::new(folder.to_owned());
        config.rules = rules;
        config.scan_every = Duration::from_millis(200);
        config.members_every = Duration::from_millis(300);
        let steps = Arc::new(Mutex::new(Vec::new()));
        let begun = Instant::now();
        let steward = loop {
            let told = Arc::clone(&steps);
            let tell = move |entry: &steward::Entry| {
                told.lock().expect("nobody panics").push(entry.step.clone());
            };
            // The one before may still be letting its state go.
            match Steward::open(config.clone(), client.clone(), holder.clone(), tell) {
                Err(_) if begun.elapsed() < Duration::from_secs(10) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                outcome => break outcome?,
            }
        };
        let task = tokio::spawn(async move {
            steward.run(std::future::pending()).await.expect("its state can be saved");
        });
        Ok(Self { task, steps })
    }

    pub(crate) fn steps(&self) -> Vec<Step> {
        self.steps.lock().expect("nobody panics").clone()
    }

    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&[Step]) -> bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !is_so(&self.steps()) {
            ensure!(begun.elapsed() < WORKS_WITHIN, "{what}: {:#?}", self.steps());
            ensure!(!self.task.is_finished(), "the steward ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// What was made again, and how often.
    pub(crate) fn rebuilt(&self) -> BTreeMap<(String, u8), usize> {
        let mut rebuilt = BTreeMap::new();
        for step in self.steps() {
            if let Step::Rebuilt { unit, part, .. } = step {
                *rebuilt.entry((unit, part)).or_default() += 1;
            }
        }
        rebuilt
    }

    pub(crate) async fn kill(self) {
        self.task.abort();
        drop(self.task.await);
    }
}

pub(crate) fn looks_after(
    network: &TestNetwork,
    folder: &Path,
    cid: Cid,
    number: u64,
    holder: &SecretKey,
) -> anyhow::Result<()> {
    let expires = UnixSeconds::from(SystemTime::now()).plus(300 * 86_400);
    let body =
        Mandate { byte_hours: ByteHours::new(u64::MAX), expires, holder: holder.public(), object: Some(cid) };
    let mandate = Signed::sign(&secrets(number).control, &network.file().network, body);
    let mandates = folder.join("mandates");
    fs::create_dir_all(&mandates)?;
    Ok(write_ward(&mandates, &Ward { cid, mandate, keep_until: expires, tags: vec![] })?)
}

/// Where each shard is, as their nodes prove it.
pub(crate) async fn holders(
    network: &TestNetwork,
    client: &Client,
    report: &PutReport,
) -> anyhow::Result<Vec<usize>> {
    let audit = client.audit(&report.cid, 8).await?;
    let shards = audit.parts.iter().filter(|part| matches!(part.part, Part::Shard { .. }));
    shards.map(|part| Ok(network.index_of(part.node.context("every shard is somewhere")?))).collect()
}

async fn is_whole(client: &Client, cid: &Cid) -> bool {
    let Ok(audit) = client.audit(cid, 63).await else { return false };
    let shards = audit.parts.iter().filter(|part| matches!(part.part, Part::Shard { .. }));
    let nodes: HashSet<_> = shards.clone().filter_map(|part| part.node).collect();
    audit.is_whole() && nodes.len() == shards.count()
}

pub(crate) async fn whole_again(client: &Client, running: &Running, cid: &Cid) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !is_whole(client, cid).await {
        ensure!(begun.elapsed() < WORKS_WITHIN, "not whole: {:#?}", running.steps());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

pub(crate) async fn first_look(running: &Running) -> anyhow::Result<()> {
    running.until("a first look", |steps| steps.iter().any(|step| matches!(step, Step::Renewed { .. }))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_killed_spoilt_and_wiped_comes_back() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(9).await?;
    let (client, folder) = (network.client().await?, TempDir::new()?);
    let plain = bytes(1, 3_000_000);
    let report = network.put(&client, "4+2", &plain, 1).await?;
    let payer = network.payer().clone();
    looks_after(&network, folder.path(), report.cid, 1, &payer)?;
    let running = Running::start(&network, folder.path(), &payer, None).await?;
    first_look(&running).await?;
    let at = holders(&network, &client, &report).await?;

    network.kill(at[0]);
    network.kill(at[5]);
    running
        .until("two losses noticed", |steps| {
            steps.iter().filter(|step| matches!(step, Step::NodeFault { fault: "offline", .. })).count() >= 2
        })
        .await?;
    whole_again(&client, &running, &report.cid).await?;

    let at = holders(&network, &client, &report).await?;
    let root = client.audit(&report.cid, 1).await?.parts[2].root;
    let path = network.shard_file(at[2], root).context("shards of this size are files of their own")?;
    let mut file = fs::read(&path)?;
    for byte in file.iter_mut().skip(100).step_by(900) {
        *byte ^= 4;
    }
    fs::write(&path, file)?;
    running
        .until("rot noticed", |steps| {
            steps.iter().any(|step| matches!(step, Step::NodeFault { fault: "corrupt", .. }))
        })
        .await?;
    whole_again(&client, &running, &report.cid).await?;

    let wiped = holders(&network, &client, &report).await?[3];
    network.stop(wiped).await;
    for entry in fs::read_dir(network.dir(wiped))? {
        let path = entry?.path();
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else if path.file_name().is_some_and(|name| name != "node.key") {
            fs::remove_file(path)?;
        }
    }
    network.restart(wiped).await?;
    running
        .until("a wiped node noticed", |steps| {
            steps.iter().any(|step| matches!(step, Step::NodeFault { fault: "missing", .. }))
        })
        .await?;
    whole_again(&client, &running, &report.cid).await?;
    running
        .until("it says so", |steps| {
            matches!(
                steps
                    .iter()
                    .rev()
                    .find(|step| { matches!(step, Step::ProvedWhole { .. } | Step::StillLost { .. }) }),
                Some(Step::ProvedWhole { .. })
            )
        })
        .await?;
    assert!(get(&network.reader().await?, &report.link).await? == plain);
    running.kill().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stewards_never_rebuild_the_same_shard() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(9).await?;
    let client = network.client().await?;
    let folders = [TempDir::new()?, TempDir::new()?];
    let keys = [network.payer().clone(), SecretKey::from_bytes(&[77; 32])];
    let mut reports = Vec::new();
    for number in 1..4 {
        let report = network.put(&client, "4+2", &bytes(number, 1_500_000), number).await?;
        for (folder, key) in folders.iter().zip(&keys) {
            looks_after(&network, folder.path(), report.cid, number, key)?;
        }
        reports.push(report);
    }
    let mut stewards = Vec::new();
    for (folder, key) in folders.iter().zip(&keys) {
        stewards.push(Running::start(&network, folder.path(), key, None).await?);
    }
    for running in &stewards {
        running
            .until("a first look at all", |steps| {
                steps.iter().filter(|step| matches!(step, Step::Renewed { .. })).count() >= 3
            })
            .await?;
    }
    let at = holders(&network, &client, &reports[0]).await?;
    network.kill(at[1]);
    network.kill(at[4]);
    for report in &reports {
        whole_again(&client, &stewards[0], &report.cid).await?;
    }
    // What one has done the other notices by itself.
    tokio::time::sleep(Duration::from_secs(8)).await;
    let mut built = BTreeMap::new();
    for running in &stewards {
        for step in running.steps() {
            if let Step::Rebuilt { cid, unit, part, node } = step
                && unit != "copies of the manifest"
            {
                built.entry((cid, unit, part)).or_insert_with(Vec::new).push(node);
            }
        }
    }
    assert!(!built.is_empty());
    let twice: Vec<_> = built.iter().filter(|(_, nodes)| nodes.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:#?}");
    for running in stewards {
        running.kill().await;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred thousand bytes")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_steward_that_dies_in_the_middle_of_a_repair_goes_on_after_it() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(8).await?;
    let (client, folder) = (network.client().await?, TempDir::new()?);
    let plain = bytes(9, 4_000_000);
    let report = network.put(&client, "4+2", &plain, 9).await?;
    let payer = network.payer().clone();
    looks_after(&network, folder.path(), report.cid, 9, &payer)?;
    // Four columns of a MiB each take half a minute at this rate.
    let slow = Running::start(&network, folder.path(), &payer, Some(SLOW_RATE)).await?;
    first_look(&slow).await?;
    let victim = holders(&network, &client, &report).await?[2];
    let (before, since) = (network.moved(victim), Instant::now());
    network.kill(victim);
    slow.until("a repair begins", |steps| {
        steps.iter().any(|step| matches!(step, Step::RepairBegun { unit, .. } if unit == "segment 0"))
    })
    .await?;
    let bytes = loop {
        let bytes = network.moved(victim) - before;
        if bytes > SLOW_RATE {
            break bytes;
        }
        ensure!(since.elapsed() < WORKS_WITHIN, "{bytes} bytes were read and sent");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    // Audits and repairs together. The burst is a quarter of a second's worth, and inner hashes are not counted.
    let allowed = (since.elapsed() + Duration::from_millis(250)).as_secs_f64() * 1.05 * SLOW_RATE as f64;
    ensure!(bytes as f64 <= allowed, "{bytes} bytes, where {allowed} were allowed");
    assert_eq!(slow.rebuilt().get(&("segment 0".to_owned(), 2)), None, "it is in the middle of it");
    slow.kill().await;
    assert!(!is_whole(&client, &report.cid).await);

    let again = Running::start(&network, folder.path(), &payer, None).await?;
    whole_again(&client, &again, &report.cid).await?;
    again.until("it is written down", |_| again.rebuilt().contains_key(&("segment 0".to_owned(), 2))).await?;
    assert!(get(&network.reader().await?, &report.link).await? == plain);
    again.kill().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_about_to_end_are_renewed() -> anyhow::Result<()> {
    let network = TestNetwork::start(6).await?;
    let (client, folder) = (network.client().await?, TempDir::new()?);
    let now = UnixSeconds::from(SystemTime::now());
    let mut options = put_options("3+2", 4)?;
    options.expires = now.plus(2 * 86_400);
    let report = client.put(&bytes(4, 500_000)[..], options, |_| {}).await?;
    // The mandate is for another payer than the one that put it.
    let holder = SecretKey::from_bytes(&[55; 32]);
    looks_after(&network, folder.path(), report.cid, 4, &holder)?;
    let running = Running::start(&network, folder.path(), &holder, None).await?;
    running
        .until("renewals", |steps| {
            steps.iter().any(|step| matches!(step, Step::Renewed { renewed: 10, failed: 0, .. }))
        })
        .await?;
    let control = secrets(4).control.public();
    for part in client.audit(&report.cid, 1).await?.parts {
        assert_eq!(part.state, PartState::Proved);
        let node = part.node.context("it was proved by a node")?;
        let held = client.held(node, &[part.root], control).await.map_err(anyhow::Error::msg)?;
        let lease = held[0].context("the node has a lease")?;
        assert!(lease.expires > now.plus(170 * 86_400), "{}", lease.expires);
        assert_eq!(lease.seq.get(), 1);
    }
    running.kill().await;
    Ok(())
}
