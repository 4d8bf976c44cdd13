//! The side of a simulated node that takes shards: offers, bodies, leases, releases.

use std::collections::BTreeMap;

use bytes::Bytes;
use proofs::Root;
use protocol::{
    Code, Lease, LeaseEnd, LeaseId, LeaseTerms, Mandate, NetworkId, PublicKey, Release, Response, SecretKey,
    Sequence, Signed, UnixSeconds, Unverified,
};

use super::calls::{CallId, Heard, Script};
use super::dice::Dice;
use super::faults::Manner;
use super::node::{Kept, Node, refusal};
use super::object::hash;

/// The network of all simulations.
pub(crate) const NETWORK: NetworkId = NetworkId::from_bytes([9; 32]);
/// The time of day at which every simulation takes place: leases last for days, simulations for minutes.
pub(crate) const TODAY: UnixSeconds = UnixSeconds::new(2_000_000_000);
/// How long everything is kept.
pub(crate) const EXPIRES: UnixSeconds = TODAY.plus(30 * 86_400);

/// A shard that is being received.
#[derive(Debug)]
pub(crate) struct Incoming {
    control: PublicKey,
    payer: PublicKey,
    max_len: u64,
    bytes: Vec<u8>,
}

/// Leases by shard and control key.
pub(crate) type Leases = BTreeMap<(Root, PublicKey), Lease>;

impl Node {
    pub(crate) fn offered(&mut self, call: CallId, max_len: u64, mandate: &Unverified<Mandate>) -> Script {
        let Ok(mandate) = mandate.verify(&NETWORK) else { return refusal(Code::BadSignature) };
        let (control, payer) = (mandate.by(), mandate.body().holder);
        self.incoming.insert(call, Incoming { control, payer, max_len, bytes: Vec::new() });
        Script { parts: [Heard::Header(Response::Go)].into(), ..Script::default() }
    }

    /// Takes a piece of a body, or its end (`None`). Returns what the node says to that.
    pub(crate) fn received(&mut self, call: CallId, piece: Option<&Bytes>) -> Option<Script> {
        let incoming = self.incoming.get_mut(&call)?;
        if let Some(piece) = piece {
            incoming.bytes.extend_from_slice(piece);
            let is_too_long = incoming.bytes.len() as u64 > incoming.max_len;
            if is_too_long || self.manner == Manner::Truncates {
                self.incoming.remove(&call);
                return Some(Script { parts: [Heard::Reset(Code::Internal)].into(), ..Script::default() });
            }
            return None;
        }
        let incoming = self.incoming.remove(&call)?;
        match self.manner {
            Manner::StallsMidway => None,
            Manner::Endless => Some(Script::header(Response::PointerKept)),
            _ => Some(self.lease(incoming)),
        }
    }

    /// Keeps a shard and signs its lease, each as it is the node's manner.
    fn lease(&mut self, incoming: Incoming) -> Script {
        let Incoming { control, payer, bytes, .. } = incoming;
        let Ok(hashed) = hash(&bytes) else { return refusal(Code::BadRequest) };
        let (root, len) = (hashed.root, hashed.len);
        let id = LeaseId::from_bytes(self.dice.array());
        let mut terms = LeaseTerms {
            control,
            expires: EXPIRES,
            id,
            len,
            payer,
            root,
            seq: Sequence::new(0),
            start: TODAY,
        };
        if self.manner != Manner::ClaimsAll {
            let kept = Kept { bytes: bytes.into(), outboard: hashed.outboard, len, expires: EXPIRES };
            self.disk.insert(root, kept);
            self.leases.insert((root, control), Lease::new(terms).expect("thirty days from today"));
        }
        match self.manner {
            Manner::Garbage => terms.root = Root::of(&self.dice.array::<8>()),
            Manner::OtherRows => terms.control = self.id,
            Manner::FlipsBit => self.rot(root),
            _ => {}
        }
        let foreign = SecretKey::from_bytes(&self.dice.array());
        let signer = if self.manner == Manner::OtherShard { &foreign } else { &self.secret };
        let lease = Signed::sign(signer, &NETWORK, Lease::new(terms).expect("thirty days from today"));
        Script::header(Response::Leased { lease: Unverified::from(&lease) })
    }

    pub(crate) fn released(&mut self, release: &Unverified<Release>) -> Script {
        let Ok(release) = release.verify(&NETWORK) else { return refusal(Code::BadSignature) };
        let key = (release.body().root, release.by());
        let Some(lease) = self.leases.get(&key) else { return refusal(Code::UnknownLease) };
        if let Err(error) = release.releases(&self.id, lease) {
            return refusal(error.code());
        }
        self.leases.remove(&key);
        if !self.leases.keys().any(|(root, _)| *root == key.0) {
            self.disk.remove(&key.0);
        }
        let end = Signed::sign(&self.secret, &NETWORK, LeaseEnd::of(&release, EXPIRES));
        Script::header(Response::Released { end: Unverified::from(&end) })
    }
}

/// Whose shards they are, in the eyes of nodes.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) control: SecretKey,
    pub(crate) mandate: Signed<Mandate>,
}

impl Owner {
    pub(crate) fn drawn(dice: &mut Dice) -> Self {
        let control = SecretKey::from_bytes(&dice.array());
        let holder = SecretKey::from_bytes(&dice.array()).public();
        let byte_hours = protocol::ByteHours::new(u64::MAX);
        let mandate = Mandate { byte_hours, expires: EXPIRES, holder, object: None };
        Self { mandate: Signed::sign(&control, &NETWORK, mandate), control }
    }

    /// What ends a lease.
    pub(crate) fn release(&self, lease: &Signed<Lease>) -> Signed<Release> {
        let body = lease.body();
        let release = Release { id: body.id(), node: lease.by(), root: body.root(), seq: body.seq().next() };
        Signed::sign(&self.control, &NETWORK, release)
    }
}
