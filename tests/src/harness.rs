//! A network of real storage nodes on the loopback interface, each on a runtime of its own so that it can be killed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io};

use anyhow::{Context as _, ensure};
use chunker::{AccountSecret, Coding, Padding, RequiredTags, Salt};
use client::{Client, ClientOptions, ObjectSecrets, PutOptions, PutReport, RepairAuthority};
use network::{EndpointOptions, EndpointRole, Members, NetworkFile, Pool, bind};
use proofs::{Cid, Root};
use protocol::{
    ByteHours, Contact, Mandate, NetworkId, NodeRecord, PublicKey, SecretKey, Signed, Ticket, UnixSeconds,
};
use storage_node::{AdmissionPolicy, Node, NodeConfig, NodeStats};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How long what the tests put is to be kept, in seconds.
const KEPT_FOR_S: u64 = 30 * 86_400;
/// How long a killed node's tasks may take to end. Its scrubber ends later, when it looks whether it should.
const KILL_WITHIN: Duration = Duration::from_millis(50);
/// How often nodes that join exchange who is there.
const GOSSIP_EVERY: Duration = Duration::from_millis(100);
/// How long news may take to reach all nodes; only a test that fails waits so long.
const SPREAD_WITHIN: Duration = Duration::from_mins(1);
/// How long a node's folder may stay locked after it was killed.
const UNLOCK_WITHIN: Duration = Duration::from_secs(5);

/// A network whose nodes can be stopped, killed and started again over the same folders.
#[derive(Debug)]
pub struct TestNetwork {
    folder: TempDir,
    network: NetworkId,
    payer: SecretKey,
    nodes: Vec<TestNode>,
}

#[derive(Debug)]
struct TestNode {
    config: NodeConfig,
    record: Signed<NodeRecord>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    node: Node,
    runtime: Runtime,
}

impl TestNetwork {
    /// Starts so many nodes that admit everybody.
    pub async fn start(nodes: usize) -> anyhow::Result<Self> {
        Self::start_with(nodes, |_, _| {}).await
    }

    /// Starts so many nodes; `change` may change the settings of each.
    pub async fn start_with(nodes: usize, change: impl Fn(usize, &mut NodeConfig)) -> anyhow::Result<Self> {
        let network = NetworkId::from_bytes(rand::random());
        let payer = SecretKey::from_bytes(&rand::random());
        let mut started = Self { folder: tempfile::tempdir()?, network, payer, nodes: Vec::new() };
        for index in 0..nodes {
            let mut config = NodeConfig::new(started.dir(index), network);
            config.bind = "127.0.0.1:0".parse()?;
            config.admission = AdmissionPolicy::Open;
            change(index, &mut config);
            let running = Running::start(config.clone()).await?;
            config.bind = running.node.addr();
            let record = running.node.record();
            started.nodes.push(TestNode { config, record, running: Some(running) });
        }
        Ok(started)
    }

    /// Starts so many nodes of which each but the first knows nothing but how to dial the first.
    pub async fn start_joining(nodes: usize) -> anyhow::Result<Self> {
        let mut started = Self::start(0).await?;
        for _ in 0..nodes {
            started.add(|_| {}).await?;
        }
        Ok(started)
    }

    /// Starts one more node, which joins at the first. `change` may change its settings.
    pub async fn add(&mut self, change: impl FnOnce(&mut NodeConfig)) -> anyhow::Result<()> {
        let mut config = NodeConfig::new(self.dir(self.nodes.len()), self.network);
        config.bind = "127.0.0.1:0".parse()?;
        config.admission = AdmissionPolicy::Open;
        config.same_site = true;
        config.gossip_every = GOSSIP_EVERY;
        config.join = self.nodes.first().iter().map(|first| Contact::from(&first.record)).collect();
        change(&mut config);
        let running = Running::start(config.clone()).await?;
        let record = running.node.record();
        self.nodes.push(TestNode { config, record, running: Some(running) });
        Ok(())
    }

    /// A ticket that names one node alone.
    pub fn ticket(&self, index: usize) -> anyhow::Result<Ticket> {
        Ok(Ticket::new(self.network, true, vec![Contact::from(&self.nodes[index].record)])?)
    }

    /// A client that has nothing but a ticket.
    pub async fn client_with(&self, ticket: &Ticket) -> anyhow::Result<Client> {
        let pool = self.pool(Some(self.payer.clone())).await?;
        let members = Members::new(ticket.network(), ticket.same_site());
        let client = Client::new(pool, members, ClientOptions::default());
        client.join(ticket.contacts(), Duration::from_secs(10)).await?;
        Ok(client)
    }

    /// A running node.
    pub fn node(&self, index: usize) -> Option<&Node> {
        self.nodes[index].running.as_ref().map(|running| &running.node)
    }

    /// Waits until all running nodes know what they should.
    pub async fn until_all_know(&self, what: &str, is_so: impl Fn(&Members) -> bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let mut nodes = (0..self.nodes.len()).filter_map(|index| self.node(index));
            if nodes.all(|node| is_so(&node.members())) {
                return Ok(());
            }
            ensure!(begun.elapsed() < SPREAD_WITHIN, "never did all nodes know {what}");
            tokio::time::sleep(GOSSIP_EVERY).await;
        }
    }

    /// Starts a node again at another port.
    pub async fn restart_elsewhere(&mut self, index: usize) -> anyhow::Result<()> {
        self.nodes[index].config.bind.set_port(0);
        self.restart(index).await
    }

    /// A client with an endpoint and a memory of its own, which pays with the network's one payer.
    pub async fn client(&self) -> anyhow::Result<Client> {
        let pool = self.pool(Some(self.payer.clone())).await?;
        Ok(Client::new(pool, Members::from(&self.file()), ClientOptions::default()))
    }

    /// A client that cannot put.
    pub async fn reader(&self) -> anyhow::Result<Client> {
        Ok(Client::new(self.pool(None).await?, Members::from(&self.file()), ClientOptions::default()))
    }

    /// Connections of a new endpoint.
    pub async fn pool(&self, payer: Option<SecretKey>) -> anyhow::Result<Pool> {
        let (role, secret) = (EndpointRole::Client, SecretKey::from_bytes(&rand::random()));
        let endpoint = bind(EndpointOptions { role, bind: "127.0.0.1:0".parse()?, secret }).await?;
        Ok(Pool::new(endpoint, self.network, payer))
    }

    /// The network file.
    pub fn file(&self) -> NetworkFile {
        let nodes = self.nodes.iter().map(|node| node.record.clone()).collect();
        NetworkFile { network: self.network, same_site: true, gateway: None, nodes }
    }

    /// The payer that all clients of [`Self::client`] share.
    pub fn payer(&self) -> &SecretKey {
        &self.payer
    }

    /// The number of a node.
    pub fn index_of(&self, id: PublicKey) -> usize {
        let found = self.nodes.iter().position(|node| node.record.by() == id);
        found.expect("reports name nodes of the network")
    }

    /// A node's folder.
    pub fn dir(&self, index: usize) -> PathBuf {
        let usual = || self.folder.path().join(format!("node-{index}"));
        self.nodes.get(index).map_or_else(usual, |node| node.config.dir.clone())
    }

    /// Stops a node, copies its folder to another place and deletes the old one. It is not started again.
    pub async fn carry_disk(&mut self, index: usize) -> anyhow::Result<()> {
        self.stop(index).await;
        let (from, to) = (self.dir(index), self.folder.path().join(format!("carried-{index}")));
        copy_folder(&from, &to)?;
        fs::remove_dir_all(&from)?;
        self.nodes[index].config.dir = to;
        Ok(())
    }

    /// The file in which a node keeps a shard of more than 64 KiB, if it does.
    pub fn shard_file(&self, index: usize, root: Root) -> Option<PathBuf> {
        let name = root.to_string();
        let path = self.dir(index).join("shards").join(&name[..1]).join(&name);
        path.exists().then_some(path)
    }

    /// What a running node has done, and keeps.
    pub fn stats(&self, index: usize) -> Option<NodeStats> {
        self.nodes[index].running.as_ref().map(|running| running.node.stats())
    }

    /// What all running nodes but one have sent and received of shards, in bytes.
    pub fn moved(&self, except: usize) -> u64 {
        let others = (0..self.nodes.len()).filter(|index| *index != except);
        others.filter_map(|index| self.stats(index)).map(|stats| stats.sent + stats.received).sum()
    }

    /// Shards that all running nodes keep together.
    pub fn shards(&self) -> u64 {
        (0..self.nodes.len()).filter_map(|index| self.stats(index)).map(|stats| stats.shards).sum()
    }

    /// Ends a node as `kill -9` does: from now on its socket is silent.
    pub fn kill(&mut self, index: usize) {
        if let Some(Running { node, runtime }) = self.nodes[index].running.take() {
            // Its tasks must be gone before its handles are, or these would say goodbye to clients. A runtime may not
            // be waited for inside another one.
            let ending = std::thread::spawn(move || runtime.shutdown_timeout(KILL_WITHIN));
            ending.join().expect("ending a runtime does not panic");
            drop(node);
        }
    }

    /// Ends a node in order.
    pub async fn stop(&mut self, index: usize) {
        if let Some(Running { node, runtime }) = self.nodes[index].running.take() {
            drop(runtime.spawn(node.shutdown()).await);
            runtime.shutdown_background();
        }
    }

    /// Starts a node again at its old address.
    pub async fn restart(&mut self, index: usize) -> anyhow::Result<()> {
        ensure!(self.nodes[index].running.is_none(), "node {index} is running");
        let begun = Instant::now();
        let running = loop {
            match Running::start(self.nodes[index].config.clone()).await {
                Err(_) if begun.elapsed() < UNLOCK_WITHIN => tokio::time::sleep(KILL_WITHIN).await,
                outcome => break outcome?,
            }
        };
        self.nodes[index].record = running.node.record();
        self.nodes[index].running = Some(running);
        Ok(())
    }

    /// Puts bytes with keys made from `number`.
    pub async fn put(
        &self,
        client: &Client,
        coding: &str,
        bytes: &[u8],
        number: u64,
    ) -> anyhow::Result<PutReport> {
        let options = put_options(coding, number)?;
        client.put(bytes, options, |_| {}).await.context("putting")
    }

    /// The authority to repair what [`Self::put`] put under this number.
    pub fn authority(&self, cid: Cid, number: u64) -> RepairAuthority {
        let holder = self.payer.public();
        let mandate =
            Mandate { byte_hours: ByteHours::new(u64::MAX), expires: expires(), holder, object: Some(cid) };
        let control = secrets(number).control;
        RepairAuthority { mandate: Signed::sign(&control, &self.network, mandate), expires: expires() }
    }
}

impl Drop for TestNetwork {
    fn drop(&mut self) {
        for Running { node, runtime } in self.nodes.iter_mut().filter_map(|node| node.running.take()) {
            runtime.shutdown_background();
            drop(node);
        }
    }
}

impl Running {
    async fn start(config: NodeConfig) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        match runtime.spawn(Node::spawn(config)).await.context("a node's task ended")? {
            Ok(node) => Ok(Self { node, runtime }),
            Err(error) => {
                runtime.shutdown_background();
                Err(error.into())
            }
        }
    }
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Settings of a put with keys made from `number`.
pub fn put_options(coding: &str, number: u64) -> anyhow::Result<PutOptions> {
    Ok(PutOptions {
        coding: coding.parse::<Coding>()?,
        padding: Padding::None,
        name: None,
        media_type: None,
        expires: expires(),
        required: RequiredTags::default(),
        secrets: secrets(number),
    })
}

/// The secrets of the object with this number.
pub fn secrets(number: u64) -> ObjectSecrets {
    let account = AccountSecret::from_bytes([7; 32]);
    let salt = Salt::from_bytes(*Root::of(&number.to_le_bytes()).as_bytes());
    ObjectSecrets::new(&account, salt)
}

/// Bytes that do not repeat, the same for the same `seed`.
pub fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&next());
    }
    bytes.truncate(len);
    bytes
}

fn expires() -> UnixSeconds {
    UnixSeconds::from(SystemTime::now()).plus(KEPT_FOR_S)
}
