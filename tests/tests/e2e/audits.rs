//! Audits that are committed to, against real nodes and liars: what comes of them, and that others can check it.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use client::{AuditLog, AuditLogReader, Client, ClientOptions, PutReport};
use e2e::harness::{TestNetwork, bytes};
use e2e::liar::{Liar, Lie};
use network::Members;
use proofs::{AuditedSet, AuditedShard, Root};
use protocol::{
    AuditSecret, AuditWish, Beacon, Code, DrandRound, DrandSignature, DrawnAudit, Draws, Ending, Outcome,
    PlannedAudit, PublicKey, SecretKey, Transcript, Unanswered,
};

const WITHIN: Duration = Duration::from_secs(4);

/// An auditor, and what it knows of every node.
struct Auditor {
    secret: SecretKey,
    client: Client,
    shards: BTreeMap<PublicKey, Vec<AuditedShard>>,
}

impl Auditor {
    fn new(client: Client, put: &PutReport) -> Self {
        let mut shards: BTreeMap<PublicKey, Vec<AuditedShard>> = BTreeMap::new();
        for lease in &put.leases {
            let shard = AuditedShard { root: lease.body().root(), len: lease.body().len() };
            shards.entry(lease.by()).or_default().push(shard);
        }
        for shards in shards.values_mut() {
            shards.sort_by_key(|shard| shard.root);
        }
        Self { secret: SecretKey::from_bytes(&rand::random()), client, shards }
    }

    fn plan(&self, node: PublicKey, beacon: Beacon) -> PlannedAudit {
        let wish = AuditWish {
            node,
            set: Arc::new(AuditedSet::new(self.shards[&node].clone()).expect("leases name each shard once")),
            beacon,
            draws: Draws::new(16).expect("16 draws"),
            secret: AuditSecret::from_bytes(rand::random()),
            issued: SystemTime::now().into(),
        };
        PlannedAudit::new(&self.secret, &self.client.network(), wish)
    }

    /// A whole audit of one node.
    async fn audit(&self, node: PublicKey) -> anyhow::Result<Transcript> {
        let transcripts =
            self.client.audit_nodes(&self.secret, vec![self.plan(node, Beacon::Auditor)], WITHIN).await?;
        let transcript = transcripts.into_iter().next().expect("one audit has one transcript");
        assert_eq!(Transcript::decode(&transcript.encode())?, transcript, "anybody can check it");
        Ok(transcript)
    }

    /// An audit up to the draw.
    async fn draw(&self, node: PublicKey) -> anyhow::Result<DrawnAudit> {
        let committed = self.client.commit_audit(self.plan(node, Beacon::Auditor), WITHIN).await;
        let committed = committed.map_err(|ended| anyhow::anyhow!("no receipt: {ended:?}"))?;
        Ok(committed.draw(None)?)
    }

    /// The longest shard of a node, and how many it has.
    fn longest(&self, node: PublicKey) -> Root {
        self.shards[&node].iter().max_by_key(|shard| shard.len).expect("every node has a shard").root
    }
}

fn outcomes(transcript: &Transcript, root: Root) -> Vec<Outcome> {
    let of_root = transcript.picks().iter().filter(|pick| pick.shard().root == root);
    of_root.map(protocol::Pick::outcome).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_prove_what_they_keep_and_are_told_what_they_lost() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(6).await?;
    let put = network.put(&network.client().await?, "4+2", &bytes(31, 2_000_000), 31).await?;
    let auditor = Auditor::new(network.client().await?, &put);
    let nodes: Vec<_> = auditor.shards.keys().copied().collect();
    let planned = nodes.iter().map(|node| auditor.plan(*node, Beacon::Auditor)).collect();
    let transcripts = auditor.client.audit_nodes(&auditor.secret, planned, WITHIN).await?;
    assert_eq!(transcripts.len(), 6);
    assert!(transcripts.iter().all(Transcript::is_proved), "{transcripts:?}");

    let folder = tempfile::tempdir()?;
    let path = folder.path().join("audits.log");
    let mut log = AuditLog::open(&path)?;
    for transcript in &transcripts {
        log.append(transcript)?;
    }
    let mut reader = AuditLogReader::open(&path)?;
    let mut read = Vec::new();
    while let Some(transcript) = reader.next_transcript()? {
        read.push(transcript);
    }
    assert_eq!((read, reader.head()), (transcripts, log.head()));

    // One byte of every group is flipped; the node finds out when it is asked, and says so itself.
    let (rotten, lost) = (nodes[0], nodes[1]);
    let file = |network: &TestNetwork, node: PublicKey| {
        let path = network.shard_file(network.index_of(node), auditor.longest(node));
        path.expect("shards of this size are files of their own")
    };
    let path = file(&network, rotten);
    let mut on_disk = fs::read(&path)?;
    on_disk.iter_mut().skip(200).step_by(1000).for_each(|byte| *byte ^= 1);
    fs::write(&path, on_disk)?;
    let transcript = auditor.audit(rotten).await?;
    assert_eq!(outcomes(&transcript, auditor.longest(rotten)), [Outcome::Corrupt]);
    assert_eq!(transcript.ending(), Ending::Answered);

    // The other one loses a file, and its index.
    let index = network.index_of(lost);
    let path = file(&network, lost);
    network.stop(index).await;
    fs::remove_file(path)?;
    fs::remove_file(network.dir(index).join("index.redb"))?;
    network.restart(index).await?;
    let auditor = Auditor { client: network.client().await?, ..auditor };
    let transcript = auditor.audit(lost).await?;
    assert_eq!(outcomes(&transcript, auditor.longest(lost)), [Outcome::Missing]);

    let verdict = transcript.verdict(&auditor.secret, SystemTime::now().into()).expect("not all was proved");
    auditor.client.send_verdict(&verdict).await.map_err(anyhow::Error::msg)?;
    network.stop(index).await;
    network.restart(index).await?;
    let status = network.client().await?.node_status(lost).await.map_err(anyhow::Error::msg)?;
    let kept = status.verdicts.iter().map(|kept| kept.verify(&auditor.client.network()));
    assert_eq!(kept.collect::<Result<Vec<_>, _>>()?, std::slice::from_ref(&verdict));
    assert_eq!(storage_node::kept_verdicts(&network.dir(index))?, [verdict]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_gone_is_offline_and_hears_of_it_later() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(2).await?;
    let put = network.put(&network.client().await?, "1+1", &bytes(32, 300_000), 32).await?;
    let auditor = Auditor::new(network.client().await?, &put);
    let node = *auditor.shards.keys().next().expect("two nodes have shards");
    let index = network.index_of(node);
    network.kill(index);
    let transcript = auditor.audit(node).await?;
    assert_eq!(transcript.ending(), Ending::Unanswered(Unanswered::Offline));
    assert!(transcript.picks().is_empty(), "nothing is drawn without a receipt");

    network.restart(index).await?;
    let verdict = transcript.verdict(&auditor.secret, SystemTime::now().into()).expect("nothing was proved");
    let stranger = network.reader().await?;
    assert!(stranger.send_verdict(&verdict).await.is_err(), "no such audit was acknowledged");
    network.client().await?.send_verdict(&verdict).await.map_err(anyhow::Error::msg)?;
    let status = stranger.node_status(node).await.map_err(anyhow::Error::msg)?;
    assert_eq!(status.verdicts.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anybody_may_audit_once_for_each_commitment() -> anyhow::Result<()> {
    let network = TestNetwork::start(2).await?;
    let put = network.put(&network.client().await?, "1+1", &bytes(33, 300_000), 33).await?;
    let auditor = Auditor::new(network.reader().await?, &put);
    let node = *auditor.shards.keys().next().expect("two nodes have shards");
    assert!(auditor.audit(node).await?.is_proved());

    // A node that has seen no commitment answers no audit, and none that was committed to elsewhere.
    let elsewhere = TestNetwork::start(1).await?;
    let other = Auditor { client: elsewhere.reader().await?, shards: auditor.shards.clone(), ..auditor };
    let ended = other.client.commit_audit(other.plan(node, Beacon::Auditor), WITHIN).await;
    let transcript = ended.expect_err("a node of another network").sign(&other.secret);
    assert_eq!(transcript.ending(), Ending::Unanswered(Unanswered::Offline), "it is in no member list");

    // The beacon has to lie ahead, and its value stands in the transcript.
    let auditor = Auditor::new(network.reader().await?, &put);
    let past = Beacon::Drand { round: DrandRound::new(1)? };
    let ended = auditor.client.commit_audit(auditor.plan(node, past), WITHIN).await;
    let transcript = ended.expect_err("the round is long known").sign(&auditor.secret);
    assert_eq!(transcript.ending(), Ending::Unanswered(Unanswered::Refused(Code::Expired)));
    let ahead = Beacon::Drand { round: DrandRound::first_after(SystemTime::now().into()) };
    let Ok(committed) = auditor.client.commit_audit(auditor.plan(node, ahead), WITHIN).await else {
        anyhow::bail!("no receipt");
    };
    let drawn = committed.draw(Some(DrandSignature::from_bytes([7; 48])))?;
    let transcript = auditor.client.run_audit(drawn, WITHIN).await.sign(&auditor.secret);
    assert!(Transcript::decode(&transcript.encode())?.is_proved());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_liar_does_is_proved_to_nobody() -> anyhow::Result<()> {
    let honest = TestNetwork::start(0).await?;
    let mut file = honest.file();
    let mut liars = Vec::new();
    for _ in 0..2 {
        let liar = Liar::start(file.network).await?;
        file.nodes.push(liar.record().clone());
        liars.push(liar);
    }
    let pool = honest.pool(Some(honest.payer().clone())).await?;
    let client = Client::new(pool, Members::from(&file), ClientOptions::default());
    let put = honest.put(&client, "1+1", &bytes(34, 500_000), 34).await?;
    let auditor = Auditor::new(client, &put);
    let liar = &liars[0];
    assert!(auditor.audit(liar.id()).await?.is_proved());
    for lie in Lie::READING {
        liar.tell(Lie::None);
        let drawn = auditor.draw(liar.id()).await?;
        liar.tell(lie);
        let within = Duration::from_secs(1);
        let transcript = auditor.client.run_audit(drawn, within).await.sign(&auditor.secret);
        assert_eq!(Transcript::decode(&transcript.encode())?, transcript, "{lie:?}");
        assert!(!transcript.is_proved(), "{lie:?}");
        let ending = match lie {
            Lie::Garbage | Lie::OtherShard | Lie::OtherLeaves | Lie::ClaimsAll => Ending::Answered,
            Lie::Stalls | Lie::StallsMidway => Ending::Unanswered(Unanswered::Late),
            Lie::Refuses(code) => Ending::Unanswered(Unanswered::Refused(code)),
            _ => Ending::Unanswered(Unanswered::Invalid),
        };
        // Slices of other leaves can have another length than was asked for.
        let is_other_length = lie == Lie::OtherLeaves || lie == Lie::OtherShard;
        let invalid = Ending::Unanswered(Unanswered::Invalid);
        let found = transcript.ending();
        assert!(found == ending || (is_other_length && found == invalid), "{lie:?}: {found:?}");
        let expected = if lie == Lie::ClaimsAll { Outcome::Missing } else { Outcome::Corrupt };
        if found == Ending::Answered {
            assert!(transcript.picks().iter().all(|pick| pick.outcome() == expected), "{lie:?}");
        }
        assert!(transcript.verdict(&auditor.secret, SystemTime::now().into()).is_some(), "{lie:?}");
    }
    Ok(())
}
