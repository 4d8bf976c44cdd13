//! The one file of the client that opens streams: every request it makes of a node, and what it makes of the answer.

mod audits;
mod error;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use chunker::{CellSize, Verified};
use network::{Exchange, Members, Peer, Pool, RequestError};
use proofs::{LeafSet, Root, ShardHasher, ShardLen, SliceDecoder};
use protocol::limits::{MANIFEST_LEN_MAX, STAT_ROOTS_MAX};
use protocol::{
    BoundedList, Counted, HeldShard, Lease, LeaseEnd, Mandate, NodeStatus, Payment, Pointer, PublicKey,
    ReadPrice, Release, Renewal, Request, Response, Signed, UnixSeconds, Unverified,
};
use tokio::time::timeout;

pub(crate) use self::error::WireError;
use self::error::Wrong;
use crate::health::Health;
use crate::moment::Moment;
use crate::paying::Purse;
use crate::roster::Roster;

/// Bytes taken from a stream at a time: four cells.
const RUN_LEN: usize = 64 << 10;
/// How long a node may take to receive what is under way, make the shard durable and sign a lease.
const LEASE_WITHIN: Duration = Duration::from_mins(1);
/// How long a node that is uploaded to may take no bytes at all.
const SEND_WITHIN: Duration = Duration::from_secs(5);
/// How long a node may take for a small request that changes something.
const CHANGE_WITHIN: Duration = Duration::from_secs(10);
/// How long a silent node may take to show that it lives.
const PROBE_WITHIN: Duration = Duration::from_secs(1);

/// Connections, member list, and what is remembered of the nodes.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    pool: Pool,
    roster: Arc<Roster>,
    health: Arc<Mutex<Health>>,
    purse: Option<Arc<Purse>>,
    start: Instant,
}

/// Verified cells of one column in row order.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) first_row: u32,
    pub(crate) cells: Vec<Verified>,
    /// The slice that proved them, in pieces, where it was to be kept.
    pub(crate) slice: Vec<Bytes>,
}

/// What is kept of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The cells.
    Cells,
    /// The cells and the slice that proves them.
    Slices,
}

impl Rows {
    pub(crate) fn get(&self, row: u32) -> Option<&Verified> {
        self.cells.get(usize::try_from(row.checked_sub(self.first_row)?).ok()?)
    }
}

impl Wire {
    pub(crate) fn new(pool: Pool, members: Members) -> Self {
        let (roster, health) = (Arc::new(Roster::new(members)), Arc::default());
        Self { pool, roster, health, purse: None, start: Instant::now() }
    }

    /// The same, with something to pay from.
    pub(crate) fn with_purse(self, purse: Purse) -> Self {
        Self { purse: Some(Arc::new(purse)), ..self }
    }

    pub(crate) fn purse(&self) -> Option<&Purse> {
        self.purse.as_deref()
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) fn roster(&self) -> &Roster {
        &self.roster
    }

    pub(crate) fn now(&self) -> Moment {
        Moment::at(self.start.elapsed())
    }

    pub(crate) fn instant(&self, moment: Moment) -> tokio::time::Instant {
        (self.start + moment.elapsed()).into()
    }

    pub(crate) fn health(&self) -> MutexGuard<'_, Health> {
        // Every change to a node's memory is made in one go.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cells of a shard: the leaves must be whole cells. Fails when nothing arrives for `within`.
    pub(crate) async fn read_cells(
        &self,
        node: PublicKey,
        root: Root,
        leaves: LeafSet,
        cell_size: CellSize,
        within: Duration,
    ) -> Result<(Duration, Rows), WireError> {
        self.read_rows(node, root, leaves, cell_size, Keep::Cells, within).await
    }

    /// The same, with what is to be kept of the answer.
    pub(crate) async fn read_rows(
        &self,
        node: PublicKey,
        root: Root,
        leaves: LeafSet,
        cell_size: CellSize,
        keep: Keep,
        within: Duration,
    ) -> Result<(Duration, Rows), WireError> {
        let ask = || self.read_rows_once(node, root, leaves.clone(), cell_size, keep, within);
        self.paying(node, ask).await
    }

    async fn read_rows_once(
        &self,
        node: PublicKey,
        root: Root,
        leaves: LeafSet,
        cell_size: CellSize,
        keep: Keep,
        within: Duration,
    ) -> Result<(Duration, Rows), WireError> {
        let asked = Instant::now();
        let request = Request::Read { root, leaves: leaves.clone() };
        let (mut exchange, price) = in_time(within, self.reading(node, &request)).await??;
        expect(in_time(within, exchange.response()).await??, |r| matches!(r, Response::Slice).then_some(()))?;
        self.has_read(node, price, leaves.slice_len());
        let first_byte = asked.elapsed();
        self.heard(node);
        let mut decoder = SliceDecoder::new(root, leaves);
        let (mut rows, mut slice) = (None::<Rows>, Vec::new());
        while let Some(mut run) = in_time(within, exchange.receiving.run(RUN_LEN)).await?? {
            self.heard(node);
            if keep == Keep::Slices {
                slice.push(run.clone());
            }
            while let Some(verified) = decoder.decode(&mut run).map_err(wrong)? {
                for (row, cell) in Verified::cells_in(&verified, cell_size) {
                    let rows = rows.get_or_insert_with(|| Rows {
                        first_row: row,
                        cells: Vec::new(),
                        slice: Vec::new(),
                    });
                    rows.cells.push(cell);
                }
            }
        }
        decoder.finish().map_err(wrong)?;
        rows.map(|rows| (first_byte, Rows { slice, ..rows })).ok_or_else(|| wrong(Wrong::NoCell))
    }

    /// What a node says it has of some shards, and until when.
    pub(crate) async fn held(
        &self,
        node: PublicKey,
        roots: &[Root],
        control: PublicKey,
        within: Duration,
    ) -> Result<Vec<Option<HeldShard>>, WireError> {
        let mut held = Vec::with_capacity(roots.len());
        for roots in roots.chunks(STAT_ROOTS_MAX) {
            let list = BoundedList::new(roots.to_vec()).expect("chunks are as long as the list may be");
            let response = self.ask(node, &Request::Stat { roots: list, control }, within).await?;
            let shards =
                expect(response, |r| if let Response::Held { shards } = r { Some(shards) } else { None })?;
            held.extend(shards.into_vec());
        }
        if held.len() == roots.len() { Ok(held) } else { Err(wrong(Wrong::Answers)) }
    }

    /// A whole short shard, its hash checked.
    pub(crate) async fn fetch(
        &self,
        node: PublicKey,
        root: Root,
        within: Duration,
    ) -> Result<Bytes, WireError> {
        self.paying(node, || self.fetch_once(node, root, within)).await
    }

    async fn fetch_once(&self, node: PublicKey, root: Root, within: Duration) -> Result<Bytes, WireError> {
        let all = async {
            let (mut exchange, price) = self.reading(node, &Request::Fetch { root }).await?;
            let response = exchange.response().await?;
            let len = expect(response, |r| if let Response::Whole { len } = r { Some(len) } else { None })?;
            self.has_read(node, price, len.get());
            let max = usize::try_from(MANIFEST_LEN_MAX).expect("1 MiB fits");
            let bytes = exchange.receiving.rest(max).await?;
            if Root::of(&bytes) == root { Ok(bytes) } else { Err(wrong(Wrong::Hash)) }
        };
        in_time(within, all).await?
    }

    /// Asks a node to take a shard; once it says go, the bytes may follow.
    pub(crate) async fn offer(
        &self,
        node: PublicKey,
        max_len: ShardLen,
        expires: UnixSeconds,
        mandate: &Signed<Mandate>,
        within: Duration,
    ) -> Result<Upload, WireError> {
        let request = Request::Put { max_len, expires, mandate: Unverified::from(mandate) };
        let exchange = self.paying(node, || self.offer_once(node, &request, within)).await?;
        self.heard(node);
        Ok(Upload { exchange, node, wire: self.clone(), control: mandate.by(), expires })
    }

    async fn offer_once(
        &self,
        node: PublicKey,
        request: &Request,
        within: Duration,
    ) -> Result<Exchange, WireError> {
        let all = async {
            let mut exchange = self.request(node, request).await?;
            expect(exchange.response().await?, |r| matches!(r, Response::Go).then_some(()))?;
            Ok::<_, WireError>(exchange)
        };
        in_time(within, all).await?
    }

    /// Ends a lease; the node's signed word that it has.
    pub(crate) async fn release(
        &self,
        node: PublicKey,
        release: &Signed<Release>,
    ) -> Result<Signed<LeaseEnd>, WireError> {
        let request = Request::Release { release: Unverified::from(release) };
        let response = self.ask(node, &request, CHANGE_WITHIN).await?;
        let end = expect(response, |r| if let Response::Released { end } = r { Some(end) } else { None })?;
        let end = end.verify(&self.pool.network()).map_err(wrong)?;
        let is_right = self.roster.view().members.resolve(&node) == Some(end.by()) && end.answers(release);
        if is_right { Ok(end) } else { Err(wrong(Wrong::Lease)) }
    }

    /// Has a node keep a new version of a pointer.
    pub(crate) async fn set_pointer(
        &self,
        node: PublicKey,
        pointer: &Signed<Pointer>,
    ) -> Result<(), WireError> {
        let request = Request::SetPointer { pointer: Unverified::from(pointer) };
        let response = self.ask(node, &request, CHANGE_WITHIN).await?;
        expect(response, |r| matches!(r, Response::PointerKept).then_some(()))
    }

    /// The pointers of an account that a node keeps, each verified.
    pub(crate) async fn pointers(
        &self,
        node: PublicKey,
        owner: PublicKey,
        within: Duration,
    ) -> Result<Vec<Signed<Pointer>>, WireError> {
        let response = self.ask(node, &Request::GetPointers { owner }, within).await?;
        let records =
            expect(response, |r| if let Response::Pointers { records } = r { Some(records) } else { None })?;
        let verified = records.iter().map(|record| record.verify(&self.pool.network()).map_err(wrong));
        let pointers: Vec<_> = verified.collect::<Result<_, _>>()?;
        if pointers.iter().any(|pointer| pointer.by() != owner) {
            return Err(wrong(Wrong::Owner));
        }
        Ok(pointers)
    }

    /// Prolongs a lease, under a mandate unless its control key says so itself. The new one must be what was wished for.
    pub(crate) async fn renew(
        &self,
        node: PublicKey,
        renewal: &Signed<Renewal>,
        mandate: Option<&Signed<Mandate>>,
    ) -> Result<Signed<Lease>, WireError> {
        let mandate = mandate.map(Unverified::from);
        let request = Request::Renew { renewal: Unverified::from(renewal), mandate };
        let response = self.ask(node, &request, CHANGE_WITHIN).await?;
        self.heard(node);
        let lease =
            expect(response, |r| if let Response::Leased { lease } = r { Some(lease) } else { None })?;
        let lease = lease.verify(&self.pool.network()).map_err(wrong)?;
        let (is, wished) = (lease.body(), renewal.body());
        let is_right = self.roster.view().members.resolve(&node) == Some(lease.by())
            && (is.root(), is.control(), is.id()) == (wished.root, wished.control, wished.id)
            && is.expires() >= wished.expires;
        if is_right { Ok(lease) } else { Err(wrong(Wrong::Lease)) }
    }

    /// Claims a repair at a node.
    pub(crate) async fn claim(
        &self,
        node: PublicKey,
        subject: Root,
        seconds: u16,
        mandate: &Signed<Mandate>,
        within: Duration,
    ) -> Result<(), WireError> {
        let request = Request::Claim { subject, seconds, mandate: Unverified::from(mandate) };
        let response = self.ask(node, &request, within).await?;
        expect(response, |r| matches!(r, Response::Claimed).then_some(()))
    }

    /// Pays a node; gives what it counts then.
    pub(crate) async fn send_payment(&self, node: PublicKey, payment: Payment) -> Result<Counted, WireError> {
        let response = self.ask_once(node, &Request::Pay(payment), CHANGE_WITHIN).await?;
        self.heard(node);
        expect(response, |r| if let Response::Paid(counted) = r { Some(counted) } else { None })
    }

    /// How a node is, by its own word.
    pub(crate) async fn status(&self, node: PublicKey, within: Duration) -> Result<NodeStatus, WireError> {
        let response = self.ask(node, &Request::Status, within).await?;
        self.heard(node);
        expect(response, |r| if let Response::Status(status) = r { Some(status) } else { None })
    }

    /// Asks a silent node for a sign of life: over the connection that stands, then over a new one.
    pub(crate) async fn probe(&self, node: PublicKey) {
        if self.status(node, PROBE_WITHIN).await.is_ok() {
            return;
        }
        self.pool.disconnect(&node).await;
        if let Err(error) = self.status(node, PROBE_WITHIN).await {
            tracing::debug!(node = %node.fmt_short(), %error, "node gives no sign of life");
        }
    }

    async fn peer(&self, node: PublicKey) -> Result<Peer, WireError> {
        let members = self.roster.view().members;
        let record = members.get(&node).ok_or(WireError::Unknown(node))?;
        let peer = self.pool.connect(record).await?;
        if peer.record().body().seq > record.body().seq {
            // It was started anew since its record was heard of, and may ask another price.
            self.roster.learn(vec![peer.record().clone()], SystemTime::now().into());
            self.avoid_dear_nodes();
        }
        Ok(peer)
    }

    /// Asks something of a node, whatever it is. A node that wants to be paid first is paid, and asked once more.
    async fn paying<T, A>(&self, node: PublicKey, ask: impl Fn() -> A) -> Result<T, WireError>
    where
        A: Future<Output = Result<T, WireError>>,
    {
        match ask().await {
            Err(error) if self.paid_after(node, &error).await => ask().await,
            outcome => outcome,
        }
    }

    async fn request(&self, node: PublicKey, request: &Request) -> Result<Exchange, WireError> {
        Ok(self.peer(node).await?.request(request).await?)
    }

    /// A request to read, and what the node asks for it: what its welcome on this connection said.
    async fn reading(
        &self,
        node: PublicKey,
        request: &Request,
    ) -> Result<(Exchange, Option<ReadPrice>), WireError> {
        let peer = self.peer(node).await?;
        Ok((peer.request(request).await?, peer.record().body().reading))
    }

    async fn ask(&self, node: PublicKey, request: &Request, within: Duration) -> Result<Response, WireError> {
        self.paying(node, || self.ask_once(node, request, within)).await
    }

    async fn ask_once(
        &self,
        node: PublicKey,
        request: &Request,
        within: Duration,
    ) -> Result<Response, WireError> {
        let all = async {
            let mut exchange = self.request(node, request).await?;
            Ok::<_, WireError>(exchange.response().await?)
        };
        in_time(within, all).await?
    }

    fn heard(&self, node: PublicKey) {
        let now = self.now();
        self.health().heard(node, now);
    }
}

/// A shard on its way to a node. Dropped before its end, the node keeps nothing.
#[derive(Debug)]
pub(crate) struct Upload {
    exchange: Exchange,
    node: PublicKey,
    wire: Wire,
    control: PublicKey,
    expires: UnixSeconds,
}

impl Upload {
    pub(crate) fn node(&self) -> PublicKey {
        self.node
    }

    /// Sends the next bytes, as fast as the node takes them.
    pub(crate) async fn send(&mut self, bytes: Bytes) -> Result<(), WireError> {
        Ok(in_time(SEND_WITHIN, self.exchange.sending.bytes(bytes)).await??)
    }

    /// Ends the shard and waits for the lease, which must be for what was sent.
    pub(crate) async fn finish(mut self, root: Root, len: ShardLen) -> Result<Signed<Lease>, WireError> {
        self.exchange.sending.finish();
        // What is still under way has to arrive first, over whatever line there is.
        self.exchange.receiving.wait_up_to(LEASE_WITHIN);
        let response = in_time(LEASE_WITHIN, self.exchange.response()).await??;
        self.wire.heard(self.node);
        let lease =
            expect(response, |r| if let Response::Leased { lease } = r { Some(lease) } else { None })?;
        let lease = lease.verify(&self.wire.pool.network()).map_err(wrong)?;
        let body = lease.body();
        let is_right = lease.by() == self.node
            && body.root() == root
            && body.len() == len
            && body.control() == self.control
            && body.terms().expires >= self.expires;
        if is_right { Ok(lease) } else { Err(wrong(Wrong::Lease)) }
    }
}

/// Root and length of bytes, for a shard that is in memory.
pub(crate) fn hash(bytes: &[u8]) -> (Root, ShardLen) {
    let mut hasher = ShardHasher::new();
    hasher.push(bytes);
    let shard = hasher.finish().expect("only manifests are hashed like this: never empty, at most 1 MiB");
    (shard.root, shard.len)
}

fn expect<T>(response: Response, pick: impl FnOnce(Response) -> Option<T>) -> Result<T, WireError> {
    let name = response.name();
    pick(response).ok_or(WireError::Request(RequestError::Unexpected(name)))
}

fn wrong(reason: impl Into<Wrong>) -> WireError {
    WireError::Wrong(reason.into())
}

async fn in_time<T>(within: Duration, operation: impl Future<Output = T>) -> Result<T, WireError> {
    timeout(within, operation).await.map_err(|_| WireError::Late(within))
}
