//! A running node: it opens the store, binds the endpoint, and drives everything else.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use network::{
    BindEndpointError, DiscoverError, Discovery, Endpoint, EndpointOptions, EndpointRole, Members,
    NetworkFile, Pool,
};
use protocol::{AddressesError, Epoch, NetworkId, NodeRecord, PublicKey, SecretKey, Signed, UnixSeconds};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::audits::Audits;
use crate::committer::Committer;
use crate::config::NodeConfig;
use crate::disk::{OpenDirError, RealDisk};
use crate::egress::{Bucket, Month};
use crate::key::{self, NodeKeyError};
use crate::membership::{self, Membership, Profile};
use crate::pay::Sale;
use crate::serve::{Egress, Service, Turns};
use crate::stats::{Counts, NodeStats, StatsReader};
use crate::store::{Capacity, PACK_LEN_MAX, Replayed, Store, StoreRules, TRAILER_LEN_MAX};
use crate::verdicts::Verdicts;
use crate::{scrub, upkeep};

/// A node that answers. Call [`Node::shutdown`] before dropping it, so that peers learn of it.
#[derive(Debug)]
pub struct Node {
    service: Arc<Service>,
    endpoint: Endpoint,
    addr: SocketAddr,
    stop_scrub: StopOnDrop,
    serving: JoinHandle<()>,
    discovering: Option<JoinHandle<()>>,
    meeting: JoinHandle<()>,
    upkeep: JoinHandle<()>,
    scrubbing: JoinHandle<()>,
    writer: JoinHandle<()>,
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnNodeError {
    /// Its folder cannot be used.
    #[error(transparent)]
    Dir(#[from] OpenDirError),
    /// It has no identity.
    #[error(transparent)]
    Key(#[from] NodeKeyError),
    /// What the folder holds cannot be opened.
    #[error("cannot open the store: {0}")]
    Store(String),
    /// The socket is not to be had.
    #[error(transparent)]
    Bind(#[from] BindEndpointError),
    /// It belongs to another network already.
    #[error("the folder is that of a node of network {0}")]
    OtherNetwork(NetworkId),
    /// The local network cannot be searched.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// Nobody could dial the addresses it would name.
    #[error("no address to name to others: {0}")]
    Address(#[from] AddressesError),
}

impl Node {
    /// Starts a node, at once ready to answer.
    pub async fn spawn(config: NodeConfig) -> Result<Self, SpawnNodeError> {
        let (store, secret) = open(&config).await?;
        let options = EndpointOptions { role: EndpointRole::Node, bind: config.bind, secret: secret.clone() };
        let endpoint = network::bind_relayed(options, &config.relays()).await?;
        let addr = endpoint.bound_sockets().first().copied().unwrap_or(config.bind);
        let membership = Arc::new(membership(&config, &secret, &endpoint, addr).await?);

        let (committer, writer) = Committer::start(store.clone());
        let service = Arc::new(service(&config, store, committer, secret, membership.clone())?);
        let visits = service.clone();
        let visit = move |visitor| visits.clone().visit(visitor);
        let serving = tokio::spawn(network::serve(endpoint.clone(), membership.own().clone(), visit));
        let discovering = if config.discover {
            Some(tokio::spawn(membership.clone().discover(Discovery::start(&endpoint).await?)))
        } else {
            None
        };
        let meeting = tokio::spawn(membership::run(membership, service.store.clone(), config.gossip_every));
        let upkeep = tokio::spawn(upkeep::run(service.clone(), config.upkeep_every));
        let stop_scrub = StopOnDrop(Arc::default());
        let scrubbing = start_scrub(&service, &config, stop_scrub.0.clone());
        Ok(Self {
            service,
            endpoint,
            addr,
            stop_scrub,
            serving,
            discovering,
            meeting,
            upkeep,
            scrubbing,
            writer,
        })
    }

    /// What the node says about itself, signed.
    pub fn record(&self) -> Signed<NodeRecord> {
        Signed::clone(&self.service.membership.own().get())
    }

    /// The nodes that it knows, itself among them.
    pub fn members(&self) -> Members {
        self.service.membership.members()
    }

    /// Waits until the nodes at which it was to join, or which it knew before, were asked. Returns how many answered.
    pub async fn joined(&self) -> usize {
        self.service.membership.joined().await
    }

    /// The node's identity.
    pub fn id(&self) -> PublicKey {
        self.record().by()
    }

    /// The UDP socket on which it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it has done so far, and what it keeps.
    pub fn stats(&self) -> NodeStats {
        self.service.stats()
    }

    /// Reads that for as long as the node runs.
    pub fn stats_reader(&self) -> StatsReader {
        StatsReader(Arc::downgrade(&self.service))
    }

    /// Says that all epochs before this one are settled: vouchers for them are taken no more.
    pub fn open_from(&self, epoch: Epoch) {
        if let Some(sale) = &self.service.sale {
            sale.open_from(epoch);
        }
    }

    /// Closes connections in order, ends what is under way, and frees the folder.
    pub async fn shutdown(self) {
        drop(self.stop_scrub);
        self.upkeep.abort();
        self.meeting.abort();
        self.discovering.iter().for_each(JoinHandle::abort);
        self.endpoint.close().await;
        let tasks = [self.serving, self.meeting, self.upkeep, self.scrubbing];
        for task in tasks.into_iter().chain(self.discovering) {
            ended(task).await;
        }
        upkeep::note_egress(&self.service, &mut Month { number: 0, sent: 0 }).await;
        upkeep::note_unpaid(&self.service).await;
        let membership = self.service.membership.clone();
        ended(spawn_blocking(move || membership.save())).await;
        drop(self.service);
        ended(self.writer).await;
    }
}

/// A thread that runs on would keep the runtime from ending, also when a node is dropped without ceremony.
#[derive(Debug)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn ended(task: JoinHandle<()>) {
    match task.await {
        Err(error) if error.is_panic() => tracing::error!(%error, "a part of the node had failed"),
        Ok(()) | Err(_) => {}
    }
}

async fn open(config: &NodeConfig) -> Result<(Arc<Store>, SecretKey), SpawnNodeError> {
    let config = config.clone();
    let opened = spawn_blocking(move || open_blocking(&config)).await;
    opened.unwrap_or_else(|_| Err(SpawnNodeError::Store("opening it panicked".to_owned())))
}

pub(crate) fn open_blocking(config: &NodeConfig) -> Result<(Arc<Store>, SecretKey), SpawnNodeError> {
    let disk = Arc::new(RealDisk::open(&config.dir)?);
    // Completes a change of identity that was cut off, so it comes before the key is read.
    let former = membership::former_identities(&config.dir);
    let former = former.map_err(|error| SpawnNodeError::Store(error.to_string()))?;
    let secret = key::load_or_create(&config.dir, &SecretKey::from_bytes(&rand::random()))?;
    let rules = StoreRules {
        network: config.network,
        node: secret.public(),
        formerly: former
            .iter()
            .filter_map(|record| Some(record.verify(&config.network).ok()?.by()))
            .collect(),
        capacity: Capacity { total: config.capacity, reserve: config.keep_free },
        quota_per_payer: config.quota_per_payer,
        pack_len_max: PACK_LEN_MAX,
        trailer_len_max: TRAILER_LEN_MAX,
    };
    let (store, replayed) = Store::open(disk, rules, config.clock.now())
        .map_err(|error| SpawnNodeError::Store(error.to_string()))?;
    let Replayed { is_rebuilt, adopted, removed, strange, entries } = replayed;
    tracing::info!(is_rebuilt, adopted, removed, strange, entries, "the store is open");
    Ok((Arc::new(store), secret))
}

/// What the node knows of others, and says about itself.
async fn membership(
    config: &NodeConfig,
    secret: &SecretKey,
    endpoint: &Endpoint,
    addr: SocketAddr,
) -> Result<Membership, SpawnNodeError> {
    let dir = config.dir.clone();
    let read = move || (membership::remembered(&dir), membership::former_identities(&dir));
    let unreadable = |error: String| SpawnNodeError::Store(error);
    let (remembered, formerly) = spawn_blocking(read).await.map_err(|error| unreadable(error.to_string()))?;
    let formerly = formerly.map_err(|error| unreadable(error.to_string()))?;
    let members = match remembered {
        Some(file) if file.network != config.network => {
            return Err(SpawnNodeError::OtherNetwork(file.network));
        }
        Some(file) => known_members(&file, secret.public(), config.clock.now()),
        None => Members::new(config.network, config.same_site),
    };
    let addrs = if config.advertise.is_empty() { vec![addr] } else { config.advertise.clone() };
    let profile = Profile::new(config, secret.clone(), addrs, formerly)?;
    let pool = Pool::new(endpoint.clone(), config.network, None);
    let (contacts, clock, dir) = (config.join.clone(), config.clock.clone(), config.dir.clone());
    Ok(Membership::open(profile, pool, contacts, members, clock, dir))
}

/// The nodes in a file; but the node's own record only where it was not written by a clock far ahead: nobody has that one.
fn known_members(file: &NetworkFile, own: PublicKey, now: UnixSeconds) -> Members {
    let mut members = Members::new(file.network, file.same_site);
    for record in file.nodes.iter().cloned() {
        let is_taken_in =
            if record.by() == own { members.learn(record, now).is_ok() } else { members.insert(record) };
        if !is_taken_in {
            tracing::warn!("a record that was known before is left out");
        }
    }
    members
}

fn service(
    config: &NodeConfig,
    store: Arc<Store>,
    committer: Committer,
    secret: SecretKey,
    membership: Arc<Membership>,
) -> Result<Service, SpawnNodeError> {
    let verdicts =
        Verdicts::open(&config.dir).map_err(|error| OpenDirError::Io(config.dir.clone(), error))?;
    let verdicts = Arc::new(verdicts);
    let sale = config.selling.map(|selling| Sale::open(&config.dir, &selling, config.clock.now()));
    let sale = sale.transpose().map_err(|error| OpenDirError::Io(config.dir.clone(), error))?;
    let (number, sent) = store.egress().map_err(|error| SpawnNodeError::Store(error.to_string()))?;
    let bucket = config.bandwidth.map(|rate| Mutex::new(Bucket::new(rate, Instant::now())));
    let egress =
        Egress { bucket, month: Mutex::new(Month { number, sent }), monthly_cap: config.monthly_cap };
    Ok(Service {
        store,
        committer,
        secret,
        membership,
        network: config.network,
        admission: config.admission.clone(),
        capacity: config.capacity,
        clock: config.clock.clone(),
        egress,
        counts: Arc::new(Counts::default()),
        turns: Turns::default(),
        audits: Audits::default(),
        verdicts,
        sale: sale.map(Arc::new),
        claims: Mutex::default(),
        put_pause: config.put_pause,
    })
}

fn start_scrub(service: &Arc<Service>, config: &NodeConfig, stop: Arc<AtomicBool>) -> JoinHandle<()> {
    let (store, counts, scrub) = (service.store.clone(), service.counts.clone(), config.scrub);
    spawn_blocking(move || scrub::run(&store, scrub, &counts, &stop))
}
