//! A node in a temporary folder, with a clock that can be moved, and what a client needs to talk to it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use network::{EndpointOptions, EndpointRole, Peer, Pool, RequestError};
use proofs::{LeafSet, Root, ShardLen, SliceDecoder};
use protocol::{
    ByteHours, Code, Lease, Mandate, NetworkId, Record, Refusal, Release, Renewal, Request, Response,
    SecretKey, Signed, UnixSeconds, Unverified,
};
use storage_node::{AdmissionPolicy, Clock, Node, NodeConfig};
use tempfile::TempDir;

pub(crate) const DAY: u64 = 86_400;
pub(crate) const NETWORK: NetworkId = NetworkId::from_bytes([9; 32]);

pub(crate) fn secret(number: u8) -> SecretKey {
    SecretKey::from_bytes(&[number; 32])
}

pub(crate) fn payer() -> SecretKey {
    secret(100)
}

pub(crate) fn bytes(len: usize, seed: u8) -> Bytes {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    bytes.into()
}

pub(crate) struct House {
    pub(crate) dir: TempDir,
    pub(crate) config: NodeConfig,
    pub(crate) node: Node,
    offset: Arc<AtomicU64>,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut NodeConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let offset = Arc::new(AtomicU64::new(0));
        let mut config = NodeConfig::new(dir.path(), NETWORK);
        config.capacity = 1 << 30;
        config.keep_free = 0;
        config.admission = AdmissionPolicy::AllowList([payer().public()].into());
        config.upkeep_every = Duration::from_millis(20);
        config.scrub.every = Duration::from_millis(20);
        config.scrub.rate = 1 << 40;
        let passed = offset.clone();
        config.clock = Clock::new(move || now().plus(passed.load(Ordering::Relaxed)));
        change(&mut config);
        let node = Node::spawn(config.clone()).await.unwrap();
        Self { dir, config, node, offset }
    }

    /// A node that was started by hand.
    pub(crate) fn around(dir: TempDir, config: NodeConfig, node: Node) -> Self {
        Self { dir, config, node, offset: Arc::default() }
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.offset.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) async fn restart(self) -> Self {
        let Self { dir, config, node, offset } = self;
        node.shutdown().await;
        let node = Node::spawn(config.clone()).await.unwrap();
        Self { dir, config, node, offset }
    }

    pub(crate) async fn client(&self) -> Client {
        self.client_of(Some(payer())).await
    }

    pub(crate) async fn client_of(&self, payer: Option<SecretKey>) -> Client {
        let options = EndpointOptions {
            role: EndpointRole::Client,
            bind: "127.0.0.1:0".parse().unwrap(),
            secret: SecretKey::generate(),
        };
        let endpoint = network::bind(options).await.unwrap();
        let pool = Pool::new(endpoint.clone(), NETWORK, payer);
        let peer = pool.connect(&self.node.record()).await.unwrap();
        Client { pool, peer, endpoint }
    }

    /// Waits until the node's numbers are as they should become.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&storage_node::NodeStats) -> bool) {
        for _ in 0..1000 {
            if is_so(&self.node.stats()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never {what}: {:?}", self.node.stats());
    }

    pub(crate) fn files(&self, folder: &str) -> Vec<std::path::PathBuf> {
        files(&self.dir.path().join(folder))
    }
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for item in std::fs::read_dir(dir).unwrap() {
        let item = item.unwrap();
        if item.file_type().unwrap().is_dir() {
            found.extend(files(&item.path()));
        } else {
            found.push(item.path());
        }
    }
    found
}

pub(crate) fn now() -> UnixSeconds {
    SystemTime::now().into()
}

pub(crate) struct Client {
    pub(crate) pool: Pool,
    pub(crate) peer: Peer,
    pub(crate) endpoint: network::Endpoint,
}

pub(crate) fn mandate(control: &SecretKey, holder: &SecretKey, byte_hours: u64) -> Unverified<Mandate> {
    let body = Mandate {
        byte_hours: ByteHours::new(byte_hours),
        expires: now().plus(1000 * DAY),
        holder: holder.public(),
        object: None,
    };
    (&Signed::sign(control, &NETWORK, body)).into()
}

pub(crate) fn refusal<T>(result: Result<T, RequestError>) -> Code {
    match result {
        Err(RequestError::Refused(refusal)) => Refusal::code(&refusal),
        Err(other) => panic!("no refusal: {other}"),
        Ok(_) => panic!("granted"),
    }
}

impl Client {
    pub(crate) async fn put(&self, body: &Bytes, control: u8, days: u64) -> Result<Lease, RequestError> {
        let max_len = ShardLen::new(body.len() as u64).unwrap();
        let mandate = mandate(&secret(control), &payer(), u64::MAX);
        self.put_as(body, max_len, now().plus(days * DAY), mandate).await
    }

    pub(crate) async fn put_as(
        &self,
        body: &Bytes,
        max_len: ShardLen,
        expires: UnixSeconds,
        mandate: Unverified<Mandate>,
    ) -> Result<Lease, RequestError> {
        let mut exchange = self.peer.request(&Request::Put { max_len, expires, mandate }).await?;
        assert_eq!(exchange.response().await?, Response::Go);
        // A node that has heard enough stops the stream: its answer says why.
        if exchange.sending.bytes(body.clone()).await.is_ok() {
            exchange.sending.finish();
        }
        lease(exchange.response().await?)
    }

    pub(crate) async fn read(&self, root: Root, leaves: LeafSet) -> Result<Bytes, RequestError> {
        let request = Request::Read { root, leaves: leaves.clone() };
        let mut exchange = self.peer.request(&request).await?;
        assert_eq!(exchange.response().await?, Response::Slice);
        let mut decoder = SliceDecoder::new(root, leaves);
        let mut read = Vec::new();
        while let Some(mut chunk) = exchange.receiving.run(1 << 18).await? {
            while let Some(run) = decoder.decode(&mut chunk).expect("only verified bytes are sent") {
                read.extend_from_slice(run.bytes());
            }
        }
        decoder.finish().expect("the whole slice was sent");
        Ok(read.into())
    }

    pub(crate) async fn read_all(&self, body: &Bytes) -> Result<Bytes, RequestError> {
        let len = ShardLen::new(body.len() as u64).unwrap();
        self.read(Root::of(body), LeafSet::whole(len)).await
    }

    pub(crate) async fn renew(
        &self,
        lease: &Lease,
        by: u8,
        node: &Node,
        days: u64,
    ) -> Result<Lease, RequestError> {
        let body = Renewal {
            control: lease.control(),
            expires: lease.expires().plus(days * DAY),
            id: lease.id(),
            node: node.id(),
            root: lease.root(),
            seq: lease.seq().next(),
        };
        let renewal = sign(by, body);
        self::lease(self.peer.ask(&Request::Renew { renewal, mandate: None }).await?)
    }

    pub(crate) async fn release(&self, lease: &Lease, by: u8, node: &Node) -> Result<Response, RequestError> {
        let body = Release { id: lease.id(), node: node.id(), root: lease.root(), seq: lease.seq().next() };
        self.peer.ask(&Request::Release { release: sign(by, body) }).await
    }
}

pub(crate) fn sign<T: Record>(by: u8, body: T) -> Unverified<T> {
    (&Signed::sign(&secret(by), &NETWORK, body)).into()
}

fn lease(response: Response) -> Result<Lease, RequestError> {
    match response {
        Response::Leased { lease } => Ok(lease.verify(&NETWORK).unwrap().into_body()),
        other => Err(RequestError::Unexpected(other.name())),
    }
}
