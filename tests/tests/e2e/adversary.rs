//! Nodes that lie over real connections, and disks that were tampered with: never a wrong byte, and an end in good time.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::time::Duration;

use chunker::Link;
use client::{
    Client, ClientOptions, FetchError, Object, OpenObjectError, Part, PartState, PutReport, ReadError,
};
use e2e::harness::{TestNetwork, bytes, put_options};
use e2e::liar::{Liar, Lie};
use network::{Members, NetworkFile};
use protocol::{Code, PublicKey};
use storage_node::Scrub;
use tokio::time::timeout;

use crate::{get, read};

/// Nothing here may take longer, whatever the liars do.
const IN_GOOD_TIME: Duration = Duration::from_secs(30);
/// What a liar may be read from an endless answer: the windows of a stream, several times over.
const ENDLESS_TAKEN_MAX: u64 = 64 << 20;

/// Honest nodes and liars in one network.
struct Mixed {
    honest: TestNetwork,
    liars: Vec<Liar>,
    file: NetworkFile,
}

impl Mixed {
    async fn start(honest: usize, liars: usize) -> anyhow::Result<Self> {
        let honest = TestNetwork::start(honest).await?;
        let mut file = honest.file();
        let mut started = Vec::new();
        for _ in 0..liars {
            let liar = Liar::start(file.network).await?;
            file.nodes.push(liar.record().clone());
            started.push(liar);
        }
        Ok(Self { honest, liars: started, file })
    }

    /// A client that remembers nothing of what others saw.
    async fn client(&self) -> anyhow::Result<Client> {
        let pool = self.honest.pool(Some(self.honest.payer().clone())).await?;
        Ok(Client::new(pool, Members::from(&self.file), ClientOptions::default()))
    }

    /// Puts the bytes so that a liar has the first column: whoever reads from the start asks it.
    async fn put_with_a_liar_first(&self, coding: &str, plain: &[u8]) -> anyhow::Result<PutReport> {
        let client = self.client().await?;
        for number in 100.. {
            let report = self.honest.put(&client, coding, plain, number).await?;
            let holder = client.audit(&report.cid, 1).await?.parts[0].node;
            if report.is_complete() && holder.is_some_and(|node| self.is_liar(node)) {
                return Ok(report);
            }
        }
        unreachable!("placement is random: sooner or later a liar comes first")
    }

    fn tell(&self, lie: Lie) {
        self.liars.iter().for_each(|liar| liar.tell(lie));
    }

    fn is_liar(&self, node: PublicKey) -> bool {
        self.liars.iter().any(|liar| liar.id() == node)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m_liars_cannot_keep_a_reader_from_what_was_put() -> anyhow::Result<()> {
    let network = Mixed::start(4, 2).await?;
    let plain = bytes(21, 3_000_000);
    let report = network.put_with_a_liar_first("4+2", &plain).await?;
    for lie in Lie::READING {
        network.tell(lie);
        let client = network.client().await?;
        let got = timeout(IN_GOOD_TIME, get(&client, &report.link)).await;
        let got = got.map_err(|_| anyhow::anyhow!("{lie:?}: no end in good time"))?;
        assert!(got? == plain, "{lie:?}: wrong bytes");
    }
    let sent: u64 = network.liars.iter().map(Liar::sent_without_end).sum();
    assert!(sent > 0 && sent < ENDLESS_TAKEN_MAX, "{sent} bytes of endless answers were taken");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_finds_liars_and_accuses_nobody_else() -> anyhow::Result<()> {
    let network = Mixed::start(4, 2).await?;
    let report = network.honest.put(&network.client().await?, "4+2", &bytes(22, 2_000_000), 22).await?;
    for lie in Lie::READING {
        network.tell(Lie::None);
        let client = network.client().await?;
        let before = client.audit(&report.cid, 8).await?;
        assert!(before.is_whole(), "{lie:?}: {:?}", before.parts);
        network.tell(lie);
        let audit = timeout(IN_GOOD_TIME, client.audit(&report.cid, 8)).await?;
        let audit = audit.map_err(|error| anyhow::anyhow!("{lie:?}: {error}"))?;
        for (part, before) in audit.parts.iter().zip(&before.parts) {
            let Part::Shard { .. } = part.part else { continue };
            let is_liars = before.node.is_some_and(|node| network.is_liar(node));
            assert_eq!(part.state != PartState::Proved, is_liars, "{lie:?}: {part:?}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_counts_no_false_lease_and_goes_elsewhere() -> anyhow::Result<()> {
    let refusing =
        [Lie::OversizeHeader, Lie::NoHeader, Lie::OtherHeader, Lie::Refuses(Code::Full), Lie::Stalls];
    for (number, lie) in (30..).zip(Lie::LEASING.into_iter().chain(refusing)) {
        let network = Mixed::start(6, 2).await?;
        network.tell(lie);
        let plain = bytes(number, 500_000);
        let put =
            timeout(IN_GOOD_TIME, network.honest.put(&network.client().await?, "4+2", &plain, number)).await;
        let report = put.map_err(|_| anyhow::anyhow!("{lie:?}: no end in good time"))??;
        assert!(report.is_complete(), "{lie:?}: six honest nodes have room: {:?}", report.missing);
        assert!(report.leases.iter().all(|lease| !network.is_liar(lease.by())), "{lie:?}");
        let homes: BTreeSet<_> =
            report.leases.iter().map(|lease| (lease.body().root(), lease.by())).collect();
        assert_eq!(homes.len(), report.leases.len(), "{lie:?}: one lease per shard and node");
        assert!(get(&network.client().await?, &report.link).await? == plain, "{lie:?}: wrong bytes");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_manifests_open_nothing() -> anyhow::Result<()> {
    let network = Mixed::start(1, 2).await?;
    let report = network.honest.put(&network.client().await?, "1+2", b"what was put", 40).await?;
    let mut honest = network.honest;
    honest.kill(0);
    let mut file = honest.file();
    file.nodes = network.file.nodes;
    let fetching =
        [Lie::Garbage, Lie::Truncated, Lie::Endless, Lie::OversizeHeader, Lie::NoHeader, Lie::Stalls];
    for lie in fetching {
        network.liars.iter().for_each(|liar| liar.tell(lie));
        let client = Client::new(honest.pool(None).await?, Members::from(&file), ClientOptions::default());
        let opened = timeout(IN_GOOD_TIME, client.open(&report.link)).await;
        let opened = opened.map_err(|_| anyhow::anyhow!("{lie:?}: no end in good time"))?;
        assert!(
            matches!(opened, Err(OpenObjectError::Fetch(FetchError::Unavailable { .. }))),
            "{lie:?}: {opened:?}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_readers_of_two_clients_beside_liars() -> anyhow::Result<()> {
    let network = Mixed::start(4, 2).await?;
    let plain = bytes(23, 4_000_000);
    let report = network.put_with_a_liar_first("4+2", &plain).await?;
    network.liars[0].tell(Lie::Garbage);
    network.liars[1].tell(Lie::StallsMidway);
    let mut readers = tokio::task::JoinSet::new();
    for client in [network.client().await?, network.client().await?] {
        for number in 0..8_u64 {
            let (client, link) = (client.clone(), report.link.clone());
            readers.spawn(async move {
                let object = client.open(&link).await?;
                let range = number * 450_000..(number * 450_000 + 800_000).min(object.len());
                anyhow::Ok((range.clone(), read_in_the_end(&object, range).await?))
            });
        }
    }
    let all = async {
        while let Some(done) = readers.join_next().await {
            let (range, got) = done??;
            let expected = &plain[usize::try_from(range.start)?..usize::try_from(range.end)?];
            assert!(got == expected, "wrong bytes in {range:?}");
        }
        anyhow::Ok(())
    };
    timeout(IN_GOOD_TIME * 2, all).await?
}

/// As [`read`], and again when nodes could not be had in time, which is only for now: all nodes share this machine with others.
async fn read_in_the_end(object: &Object, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
    loop {
        match read(object, range.clone()).await {
            Err(ReadError::Unavailable { .. }) => {}
            done => return done,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shards_that_were_cut_off_or_swapped_on_disk_are_found_and_healed() -> anyhow::Result<()> {
    let network = TestNetwork::start_with(7, |_, config| {
        config.scrub = Scrub { rate: 1 << 30, every: Duration::from_millis(200) };
    })
    .await?;
    let client = network.client().await?;
    let plain = bytes(24, 3_000_000);
    let report = network.put(&client, "4+3", &plain, 24).await?;
    let parts = client.audit(&report.cid, 4).await?.parts;
    let path = |column: usize| {
        let holder = network.index_of(parts[column].node.expect("every shard was proved by a node"));
        network.shard_file(holder, parts[column].root).expect("shards of this size are files of their own")
    };
    let (first, second) = (fs::read(path(0))?, fs::read(path(5))?);
    fs::write(path(0), &second)?;
    fs::write(path(5), &first)?;
    let cut_off = fs::read(path(2))?;
    fs::write(path(2), &cut_off[..cut_off.len() / 2])?;

    assert!(get(&network.client().await?, &report.link).await? == plain);
    let audit = client.audit(&report.cid, 16).await?;
    let lost: Vec<_> = audit.lost().map(|part| part.part).collect();
    let expected = [0, 2, 5].map(|column: usize| parts[column].part);
    assert!(expected.iter().all(|part| lost.contains(part)), "{lost:?}");
    timeout(IN_GOOD_TIME, async {
        let corrupt =
            || (0..7).filter_map(|node| network.stats(node)).map(|stats| stats.corrupt).sum::<u64>();
        while corrupt() < 3 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await?;

    let repaired = client.repair(&report.cid, &network.authority(report.cid, 24)).await?;
    assert!(repaired.is_whole(), "{:?}", repaired.missing);
    assert!(client.audit(&report.cid, 16).await?.is_whole());
    assert!(get(&network.client().await?, &report.link).await? == plain);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_that_are_cut_off_or_changed_open_nothing() -> anyhow::Result<()> {
    let network = TestNetwork::start(2).await?;
    let client = network.client().await?;
    let report = client.put(&b"behind a link"[..], put_options("1+1", 25)?, |_| {}).await?;
    let link = report.link.to_string();
    for len in 0..link.len() {
        assert!(link[..len].parse::<Link>().is_err(), "the first {len} characters");
    }
    let other = Link::new(proofs::Cid::of(b"something else"), report.link.key().clone());
    let nothing = client.open(&other).await;
    assert!(
        matches!(nothing, Err(OpenObjectError::Fetch(FetchError::NotHeld { .. }))),
        "a link to nothing: {nothing:?}"
    );
    Ok(())
}
