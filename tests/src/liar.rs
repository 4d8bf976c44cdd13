//! A node that speaks the real protocol on a real endpoint and lies as it is told.
//!
//! It keeps what it is given, in memory, so that it could always answer rightly: what it sends instead is up to the test.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use network::{Endpoint, EndpointOptions, EndpointRole, Inbound, StreamError, Visitor, bind, serve};
use proofs::{HashedShard, LeafSet, Root, ShardHasher, ShardInMemory, ShardLen, encode_slice};
use protocol::{
    Addresses, AuditAnswer, AuditCommitment, AuditReceipt, AuditRequest, BoundedList, CapacityClass, Code,
    Digest, FailedPick, FailedPicks, HeldShard, Lease, LeaseEnd, LeaseId, LeaseTerms, Mandate, NetworkId,
    NodeRecord, NodeStatus, PublicKey, Refusal, Request, Response, SecretKey, Sequence, Signed, UnixSeconds,
    Unverified, VersionText, WholeLen, digest_of_slices,
};
use tokio::task::{JoinHandle, JoinSet};

/// Bytes of an endless answer that are sent at a time.
const ENDLESS_PIECE: Bytes = Bytes::from_static(&[0xee; 64 * 1024]);
/// How long a liar that says nothing keeps quiet: longer than any test.
const SILENCE: Duration = Duration::from_hours(1);

/// What a liar does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Nothing: it answers as it should.
    None,
    /// Garbage, as many bytes as were asked for.
    Garbage,
    /// A valid slice of another shard.
    OtherShard,
    /// A valid slice of other leaves.
    OtherLeaves,
    /// The right bytes, but not all of them.
    Truncated,
    /// The right bytes, and then more without an end.
    Endless,
    /// A header that claims to be 4 GiB long.
    OversizeHeader,
    /// A header that is no header.
    NoHeader,
    /// The header of another answer.
    OtherHeader,
    /// Nothing at all.
    Stalls,
    /// The beginning, then nothing.
    StallsMidway,
    /// A refusal of everything.
    Refuses(Code),
    /// "I hold all of that", without holding it.
    ClaimsAll,
    /// A lease for another root.
    LeaseOfOtherRoot,
    /// A lease that somebody else has signed.
    ForeignLease,
    /// A lease for another owner.
    LeaseForOther,
    /// A lease for another network.
    LeaseOfOtherNetwork,
}

impl Lie {
    /// All lies about what is read or proved.
    pub const READING: [Self; 12] = [
        Self::Garbage,
        Self::OtherShard,
        Self::OtherLeaves,
        Self::Truncated,
        Self::Endless,
        Self::OversizeHeader,
        Self::NoHeader,
        Self::OtherHeader,
        Self::Stalls,
        Self::StallsMidway,
        Self::Refuses(Code::Internal),
        Self::ClaimsAll,
    ];

    /// All lies about leases.
    pub const LEASING: [Self; 4] =
        [Self::LeaseOfOtherRoot, Self::ForeignLease, Self::LeaseForOther, Self::LeaseOfOtherNetwork];
}

/// A lying node. Dropped, it is gone.
#[derive(Debug)]
pub struct Liar {
    record: Signed<NodeRecord>,
    inside: Arc<Inside>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Inside {
    secret: SecretKey,
    network: NetworkId,
    lie: Mutex<Lie>,
    shards: Mutex<HashMap<Root, (Bytes, HashedShard)>>,
    sent_without_end: AtomicU64,
}

impl Liar {
    /// Starts a node that is honest until it is told to lie.
    pub async fn start(network: NetworkId) -> anyhow::Result<Self> {
        let secret = SecretKey::from_bytes(&rand::random());
        let options = EndpointOptions {
            role: EndpointRole::Node,
            bind: "127.0.0.1:0".parse()?,
            secret: secret.clone(),
        };
        let endpoint: Endpoint = bind(options).await?;
        let now = UnixSeconds::from(SystemTime::now());
        let (addrs, class) =
            (Addresses::new(endpoint.bound_sockets())?, CapacityClass::of_capacity(64 << 30));
        let body = NodeRecord::new(addrs, class, now, Sequence::new(now.get()));
        let record = Signed::sign(&secret, &network, body);
        let inside = Arc::new(Inside {
            secret,
            network,
            lie: Mutex::new(Lie::None),
            shards: Mutex::default(),
            sent_without_end: AtomicU64::new(0),
        });
        let host = Arc::clone(&inside);
        let visit = move |visitor| Arc::clone(&host).visit(visitor);
        let serving = tokio::spawn(serve(endpoint, record.clone(), visit));
        Ok(Self { record, inside, serving })
    }

    /// What it says about itself.
    pub fn record(&self) -> &Signed<NodeRecord> {
        &self.record
    }

    /// Its identity.
    pub fn id(&self) -> PublicKey {
        self.record.by()
    }

    /// From now on it does this.
    pub fn tell(&self, lie: Lie) {
        *locked(&self.inside.lie) = lie;
    }

    /// Bytes of endless answers that clients took.
    pub fn sent_without_end(&self) -> u64 {
        self.inside.sent_without_end.load(Ordering::Relaxed)
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Inside {
    async fn visit(self: Arc<Self>, visitor: Visitor) {
        let mut requests = JoinSet::new();
        while let Some(inbound) = visitor.next().await {
            let (host, payer) = (Arc::clone(&self), visitor.payer());
            requests.spawn(async move {
                // A client that does not listen to lies to their end is what is hoped for.
                drop(host.answer(inbound, payer).await);
            });
        }
    }

    async fn answer(&self, mut inbound: Inbound, payer: Option<PublicKey>) -> Result<(), StreamError> {
        let request = inbound.request().await?;
        let lie = *locked(&self.lie);
        match (lie, request) {
            (Lie::Stalls, _) => tokio::time::sleep(SILENCE).await,
            (Lie::Refuses(code), _) => inbound.refuse(Refusal::new(code, "a lie")).await?,
            (Lie::OversizeHeader, _) => {
                inbound.sending.bytes(Bytes::from_static(&[0xff; 4])).await?;
                self.send_without_end(&mut inbound).await?;
            }
            (Lie::NoHeader, _) => {
                inbound.sending.bytes(Bytes::from_static(&[3, 0, 0, 0, 0xff, 0xff, 0xff])).await?;
                inbound.sending.finish();
            }
            (Lie::OtherHeader, _) => inbound.answer(&Response::PointerKept).await?,
            (_, Request::Release { release }) => {
                let Ok(release) = release.verify(&self.network) else { return Ok(()) };
                let end = Signed::sign(
                    &self.secret,
                    &self.network,
                    LeaseEnd::of(&release, SystemTime::now().into()),
                );
                inbound.answer(&Response::Released { end: Unverified::from(&end) }).await?;
            }
            (_, Request::Put { mandate, expires, .. }) => {
                self.receive(inbound, payer, &mandate, expires, lie).await?;
            }
            (_, Request::Read { root, leaves }) => {
                self.send_slice(inbound, &Response::Slice, root, &leaves, lie).await?;
            }
            (_, Request::Prove { challenge }) => {
                self.send_slice(inbound, &Response::Proof, challenge.root(), challenge.leaf_set(), lie)
                    .await?;
            }
            (_, Request::Fetch { root }) => self.send_whole(inbound, root, lie).await?,
            (_, Request::Stat { roots, .. }) => inbound.answer(&self.held(&roots, lie)).await?,
            (_, Request::Status) => inbound.answer(&self.status()).await?,
            (_, Request::CommitAudit { commitment }) => inbound.answer(&self.receipt(&commitment)).await?,
            (_, Request::Audit(request)) => self.send_answer(inbound, &request, lie).await?,
            _ => inbound.refuse(Refusal::new(Code::BadRequest, "unknown to a liar")).await?,
        }
        Ok(())
    }

    async fn send_slice(
        &self,
        mut inbound: Inbound,
        header: &Response,
        root: Root,
        leaves: &LeafSet,
        lie: Lie,
    ) -> Result<(), StreamError> {
        let slice = if lie == Lie::ClaimsAll { None } else { self.slice(root, leaves, lie) };
        let Some(slice) = slice else {
            return inbound.refuse(Refusal::new(Code::NotHeld, "not held")).await;
        };
        inbound.sending.header(header).await?;
        self.send_body(inbound, slice, lie).await
    }

    async fn send_whole(&self, mut inbound: Inbound, root: Root, lie: Lie) -> Result<(), StreamError> {
        let bytes = locked(&self.shards).get(&root).map(|(bytes, _)| bytes.clone());
        let whole = bytes.filter(|_| lie != Lie::ClaimsAll);
        let Some(bytes) = whole else {
            return inbound.refuse(Refusal::new(Code::NotHeld, "not held")).await;
        };
        let len = WholeLen::new(bytes.len() as u64).expect("manifests of tests are short");
        inbound.sending.header(&Response::Whole { len }).await?;
        let bytes = match lie {
            Lie::Garbage | Lie::OtherShard | Lie::OtherLeaves => Bytes::from(vec![0xa5; bytes.len()]),
            _ => bytes,
        };
        self.send_body(inbound, bytes, lie).await
    }

    async fn send_body(&self, mut inbound: Inbound, bytes: Bytes, lie: Lie) -> Result<(), StreamError> {
        match lie {
            Lie::Truncated => inbound.sending.bytes(bytes.slice(..bytes.len() * 2 / 3)).await?,
            Lie::StallsMidway => {
                inbound.sending.bytes(bytes.slice(..bytes.len() / 2)).await?;
                tokio::time::sleep(SILENCE).await;
            }
            Lie::Endless => {
                inbound.sending.bytes(bytes).await?;
                self.send_without_end(&mut inbound).await?;
            }
            _ => inbound.sending.bytes(bytes).await?,
        }
        inbound.sending.finish();
        Ok(())
    }

    async fn send_without_end(&self, inbound: &mut Inbound) -> Result<(), StreamError> {
        loop {
            inbound.sending.bytes(ENDLESS_PIECE).await?;
            self.sent_without_end.fetch_add(ENDLESS_PIECE.len() as u64, Ordering::Relaxed);
        }
    }

    /// An honest receipt: who lies about an audit does so when it is asked.
    fn receipt(&self, commitment: &Unverified<AuditCommitment>) -> Response {
        let audit = Digest::of(commitment.as_bytes());
        let body = AuditReceipt { audit, nonce: rand::random(), time: SystemTime::now().into() };
        Response::AuditCommitted {
            receipt: Unverified::from(&Signed::sign(&self.secret, &self.network, body)),
        }
    }

    async fn send_answer(
        &self,
        mut inbound: Inbound,
        request: &AuditRequest,
        lie: Lie,
    ) -> Result<(), StreamError> {
        let (mut failed, mut slices) = (Vec::new(), Vec::new());
        for (at, pick) in (0..).zip(request.picks.challenges()) {
            match self.slice(pick.root(), pick.leaf_set(), lie) {
                Some(slice) if lie != Lie::ClaimsAll => slices.push(slice),
                _ => failed.push(FailedPick { at, code: Code::NotHeld }),
            }
        }
        let body = AuditAnswer {
            asked: request.picks.digest(),
            audit: request.audit,
            failed: FailedPicks::new(failed).expect("numbered in order"),
            slices: digest_of_slices(slices.iter().map(AsRef::as_ref)),
            time: SystemTime::now().into(),
        };
        let answer = Unverified::from(&Signed::sign(&self.secret, &self.network, body));
        inbound.sending.header(&Response::Audited { answer }).await?;
        self.send_body(inbound, slices.concat().into(), lie).await
    }

    fn slice(&self, root: Root, leaves: &LeafSet, lie: Lie) -> Option<Bytes> {
        let shards = locked(&self.shards);
        let (bytes, hashed) = shards.get(&root).filter(|(_, hashed)| hashed.len == leaves.len())?;
        let cut = |root, leaves: &LeafSet, bytes, hashed: &HashedShard| {
            encode_slice(root, leaves, &ShardInMemory { bytes, outboard: &hashed.outboard }).ok()
        };
        let garbage = || Some(Bytes::from(vec![0xa5; usize::try_from(leaves.slice_len()).ok()?]));
        match lie {
            Lie::Garbage => garbage(),
            Lie::OtherShard => {
                let mut others =
                    shards.iter().filter(|(other, (_, its))| **other != root && its.len == hashed.len);
                others.next().map_or_else(garbage, |(other, (bytes, its))| cut(*other, leaves, bytes, its))
            }
            Lie::OtherLeaves => cut(root, &other_leaves(leaves), bytes, hashed),
            _ => cut(root, leaves, bytes, hashed),
        }
    }

    async fn receive(
        &self,
        mut inbound: Inbound,
        payer: Option<PublicKey>,
        mandate: &Unverified<Mandate>,
        expires: UnixSeconds,
        lie: Lie,
    ) -> Result<(), StreamError> {
        let (Ok(mandate), Some(payer)) = (mandate.verify(&self.network), payer) else {
            return inbound.refuse(Refusal::new(Code::BadSignature, "no mandate")).await;
        };
        inbound.sending.header(&Response::Go).await?;
        let (mut bytes, mut hashing) = (Vec::new(), ShardHasher::new());
        while let Some(run) = inbound.receiving.run(64 * 1024).await? {
            hashing.push(&run);
            bytes.extend_from_slice(&run);
        }
        let Ok(hashed) = hashing.finish() else {
            return inbound.refuse(Refusal::new(Code::BadRequest, "nothing came")).await;
        };
        let (root, len) = (hashed.root, hashed.len);
        locked(&self.shards).insert(root, (bytes.into(), hashed));
        let lease = self.lease((root, len), mandate.by(), payer, expires, lie);
        inbound.answer(&Response::Leased { lease: Unverified::from(&lease) }).await
    }

    fn lease(
        &self,
        (root, len): (Root, ShardLen),
        control: PublicKey,
        payer: PublicKey,
        expires: UnixSeconds,
        lie: Lie,
    ) -> Signed<Lease> {
        let stranger = SecretKey::from_bytes(&rand::random());
        let root = if lie == Lie::LeaseOfOtherRoot { Root::of(b"another shard") } else { root };
        let control = if lie == Lie::LeaseForOther { stranger.public() } else { control };
        let start = UnixSeconds::from(SystemTime::now());
        let (id, seq) = (LeaseId::from_bytes(rand::random()), Sequence::FIRST);
        let terms = LeaseTerms { control, expires, id, len, payer, root, seq, start };
        let lease = Lease::new(terms).expect("tests ask for thirty days");
        let network = if lie == Lie::LeaseOfOtherNetwork {
            NetworkId::from_bytes(rand::random())
        } else {
            self.network
        };
        Signed::sign(if lie == Lie::ForeignLease { &stranger } else { &self.secret }, &network, lease)
    }

    fn held(&self, roots: &[Root], lie: Lie) -> Response {
        let shards = locked(&self.shards);
        let expires = UnixSeconds::from(SystemTime::now()).plus(86_400);
        let any = ShardLen::new(1).expect("one byte");
        let id = LeaseId::from_bytes([0; 16]);
        let claim = |root: &Root| match lie {
            Lie::ClaimsAll => Some(HeldShard { len: any, expires, id, seq: Sequence::FIRST }),
            _ => shards.get(root).map(|(_, hashed)| HeldShard {
                len: hashed.len,
                expires,
                id,
                seq: Sequence::FIRST,
            }),
        };
        let shards = BoundedList::new(roots.iter().map(claim).collect());
        Response::Held { shards: shards.expect("as many answers as questions") }
    }

    fn status(&self) -> Response {
        let shards = locked(&self.shards).len() as u64;
        let version = VersionText::new("liar").expect("a short text");
        Response::Status(NodeStatus {
            shards,
            stored: 0,
            capacity: 64 << 30,
            version,
            verdicts: BoundedList::default(),
        })
    }
}

/// As many leaves as these, elsewhere in the shard if there is room, and otherwise all of them.
fn other_leaves(leaves: &LeafSet) -> LeafSet {
    let all = leaves.len().leaves();
    let (start, end) = (leaves.ranges()[0].start, leaves.ranges()[leaves.ranges().len() - 1].end);
    let other = if end < all { end..(end + (end - start)).min(all) } else { 0..start };
    let other = LeafSet::new(leaves.len(), std::slice::from_ref(&other));
    other.unwrap_or_else(|_| LeafSet::whole(leaves.len()))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
