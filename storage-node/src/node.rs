//! A running node: it opens the store, binds the endpoint, and drives everything else.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use network::{BindEndpointError, Endpoint, EndpointOptions, EndpointRole};
use protocol::{
    Addresses, AddressesError, CapacityClass, NodeRecord, PublicKey, SecretKey, Sequence, Signed,
};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::audits::Audits;
use crate::committer::Committer;
use crate::config::NodeConfig;
use crate::disk::{OpenDirError, RealDisk};
use crate::egress::{Bucket, Month};
use crate::key::{self, NodeKeyError};
use crate::serve::{Egress, Service, Turns};
use crate::stats::{Counts, NodeStats};
use crate::store::{Capacity, PACK_LEN_MAX, Replayed, Store, StoreRules, TRAILER_LEN_MAX};
use crate::verdicts::Verdicts;
use crate::{scrub, upkeep};

/// A node that answers. Call [`Node::shutdown`] before dropping it, so that peers learn of it.
#[derive(Debug)]
pub struct Node {
    service: Arc<Service>,
    endpoint: Endpoint,
    record: Signed<NodeRecord>,
    addr: SocketAddr,
    stop_scrub: StopOnDrop,
    serving: JoinHandle<()>,
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
    /// Nobody could dial the addresses it would name.
    #[error("no address to name to others: {0}")]
    Address(#[from] AddressesError),
}

impl Node {
    /// Starts a node, at once ready to answer.
    pub async fn spawn(config: NodeConfig) -> Result<Self, SpawnNodeError> {
        let (store, secret) = open(&config).await?;
        let options = EndpointOptions { role: EndpointRole::Node, bind: config.bind, secret: secret.clone() };
        let endpoint = network::bind(options).await?;
        let addr = endpoint.bound_sockets().first().copied().unwrap_or(config.bind);
        let record = record(&config, &secret, addr)?;

        let (committer, writer) = Committer::start(store.clone());
        let service = Arc::new(service(&config, store, committer, secret)?);
        let visits = service.clone();
        let visit = move |visitor| visits.clone().visit(visitor);
        let serving = tokio::spawn(network::serve(endpoint.clone(), record.clone(), visit));
        let upkeep = tokio::spawn(upkeep::run(service.clone(), config.upkeep_every));
        let stop_scrub = StopOnDrop(Arc::default());
        let scrubbing = start_scrub(&service, &config, stop_scrub.0.clone());
        Ok(Self { service, endpoint, record, addr, stop_scrub, serving, upkeep, scrubbing, writer })
    }

    /// What the node says about itself, signed.
    pub fn record(&self) -> &Signed<NodeRecord> {
        &self.record
    }

    /// The node's identity.
    pub fn id(&self) -> PublicKey {
        self.record.by()
    }

    /// The UDP socket on which it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it has done so far, and what it keeps.
    pub fn stats(&self) -> NodeStats {
        let Service { counts, store, capacity, turns, .. } = &*self.service;
        NodeStats {
            connections: counts.connections.get(),
            requests: counts.requests.get(),
            requests_in_flight: turns.requests_in_flight() as u64,
            refused: counts.refused.get(),
            received: counts.received.get(),
            sent: counts.sent.get(),
            leases_signed: counts.leases_signed.get(),
            proofs: counts.proofs.get(),
            scrubbed: counts.scrubbed.get(),
            scrub_rounds: counts.scrub_rounds.get(),
            collected: counts.collected.get(),
            shards: store.shard_count().unwrap_or_default(),
            corrupt: store.corrupt_count().unwrap_or_default(),
            stored: store.stored(),
            capacity: *capacity,
        }
    }

    /// Closes connections in order, ends what is under way, and frees the folder.
    pub async fn shutdown(self) {
        drop(self.stop_scrub);
        self.upkeep.abort();
        self.endpoint.close().await;
        for task in [self.serving, self.upkeep, self.scrubbing] {
            ended(task).await;
        }
        upkeep::note_egress(&self.service, &mut Month { number: 0, sent: 0 }).await;
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

fn open_blocking(config: &NodeConfig) -> Result<(Arc<Store>, SecretKey), SpawnNodeError> {
    let disk = Arc::new(RealDisk::open(&config.dir)?);
    let secret = key::load_or_create(&config.dir, &SecretKey::from_bytes(&rand::random()))?;
    let rules = StoreRules {
        network: config.network,
        node: secret.public(),
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

fn record(
    config: &NodeConfig,
    secret: &SecretKey,
    addr: SocketAddr,
) -> Result<Signed<NodeRecord>, SpawnNodeError> {
    let addrs = if config.advertise.is_empty() { vec![addr] } else { config.advertise.clone() };
    let issued = config.clock.now();
    let body = NodeRecord {
        addrs: Addresses::new(addrs)?,
        class: CapacityClass::of_capacity(config.capacity),
        domain: config.domain.clone(),
        issued,
        // The newest record counts, so the time is a sequence that survives restarts.
        seq: Sequence::new(issued.get()),
    };
    Ok(Signed::sign(secret, &config.network, body))
}

fn service(
    config: &NodeConfig,
    store: Arc<Store>,
    committer: Committer,
    secret: SecretKey,
) -> Result<Service, SpawnNodeError> {
    let verdicts =
        Verdicts::open(&config.dir).map_err(|error| OpenDirError::Io(config.dir.clone(), error))?;
    let verdicts = Arc::new(verdicts);
    let (number, sent) = store.egress().map_err(|error| SpawnNodeError::Store(error.to_string()))?;
    let bucket = config.max_upload.map(|rate| Mutex::new(Bucket::new(rate, Instant::now())));
    let egress =
        Egress { bucket, month: Mutex::new(Month { number, sent }), monthly_cap: config.monthly_cap };
    Ok(Service {
        store,
        committer,
        secret,
        network: config.network,
        admission: config.admission.clone(),
        capacity: config.capacity,
        clock: config.clock.clone(),
        egress,
        counts: Arc::new(Counts::default()),
        turns: Turns::default(),
        audits: Audits::default(),
        verdicts,
        claims: Mutex::default(),
        put_pause: config.put_pause,
    })
}

fn start_scrub(service: &Arc<Service>, config: &NodeConfig, stop: Arc<AtomicBool>) -> JoinHandle<()> {
    let (store, counts, scrub) = (service.store.clone(), service.counts.clone(), config.scrub);
    spawn_blocking(move || scrub::run(&store, scrub, &counts, &stop))
}
