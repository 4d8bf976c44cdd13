//! A simulated node: what it keeps, and what it says when it is asked.

use std::collections::BTreeMap;

use bytes::Bytes;
use client::Moment;
use proofs::{LeafSet, Outboard, Root, ShardInMemory, ShardLen, SliceEncoder};
use protocol::{
    BoundedList, Code, HeldShard, LeaseId, NodeStatus, PublicKey, Refusal, Request, Response, SecretKey,
    Sequence, UnixSeconds, VersionText,
};

use super::calls::{CallId, Heard, Script};
use super::dice::Dice;
use super::faults::{Line, Manner, Outage};
use super::storing::{EXPIRES, Incoming, Leases};

/// Bytes of a slice that are sent at a time.
const PART_LEN: usize = 48 * 1024;

/// A shard on a node's disk.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) bytes: Bytes,
    pub(crate) outboard: Outboard,
    pub(crate) len: ShardLen,
    pub(crate) expires: UnixSeconds,
}

pub(crate) struct Node {
    pub(crate) secret: SecretKey,
    pub(crate) id: PublicKey,
    pub(crate) manner: Manner,
    pub(crate) line: Line,
    pub(crate) outages: Vec<Outage>,
    /// It lost its disk once.
    pub(crate) was_wiped: bool,
    pub(crate) disk: BTreeMap<Root, Kept>,
    pub(crate) leases: Leases,
    /// Shards that are being received: gone when the node is.
    pub(crate) incoming: BTreeMap<CallId, Incoming>,
    /// The shards of which the node has heard, for claims without foundation.
    pub(crate) rumours: BTreeMap<Root, ShardLen>,
    /// The line is taken until then by what was sent before.
    pub(crate) busy_until: Moment,
    pub(crate) broke_last: Option<Moment>,
    pub(crate) is_connected: bool,
    pub(crate) dice: Dice,
}

impl Node {
    pub(crate) fn new(line: Line, mut dice: Dice) -> Self {
        let secret = SecretKey::from_bytes(&dice.array());
        Self {
            id: secret.public(),
            secret,
            manner: Manner::Honest,
            line,
            outages: Vec::new(),
            was_wiped: false,
            disk: BTreeMap::new(),
            leases: Leases::new(),
            incoming: BTreeMap::new(),
            rumours: BTreeMap::new(),
            busy_until: Moment::default(),
            broke_last: None,
            is_connected: false,
            dice,
        }
    }

    /// The outage that the node is in, if any. Outages that end with a wipe take their effect here.
    pub(crate) fn outage(&mut self, now: Moment) -> Option<Outage> {
        if self.outages.iter().any(|outage| outage.is_wiped && outage.until <= now) {
            self.was_wiped = true;
            self.disk.clear();
            self.leases.clear();
            self.outages.retain(|outage| outage.until > now);
        }
        let outage = self.outages.iter().copied().find(|outage| outage.from <= now && now < outage.until);
        if outage.is_some() {
            self.incoming.clear();
        }
        outage
    }

    /// Whether the node does as it should at all times, be it slowly.
    pub(crate) fn is_honest(&self) -> bool {
        self.manner == Manner::Honest && self.outages.is_empty() && !self.was_wiped
    }

    /// Whether it is honest and can be reached in reasonable time.
    pub(crate) fn is_good(&self) -> bool {
        self.is_honest() && !self.line.is_poor
    }

    /// Whether it is good, and its line never breaks.
    pub(crate) fn is_dependable(&self) -> bool {
        self.is_good() && self.line.breaks == 0
    }

    /// Flips a bit of a shard on the disk.
    pub(crate) fn rot(&mut self, root: Root) {
        if let Some(kept) = self.disk.get_mut(&root) {
            let mut bytes = kept.bytes.to_vec();
            let at = self.dice.index(bytes.len());
            bytes[at] ^= 1 << self.dice.of(0..8);
            kept.bytes = bytes.into();
        }
    }

    /// What the node is going to say.
    pub(crate) fn answer(&mut self, call: CallId, request: &Request) -> Script {
        match (self.manner, request) {
            (Manner::Stalls, _) | (Manner::Trickles, Request::Put { .. }) => Script::default(),
            (Manner::Refuses(code), _) => refusal(code),
            (_, Request::Read { root, leaves }) => self.slice(Response::Slice, *root, leaves),
            (_, Request::Prove { challenge }) => {
                self.slice(Response::Proof, challenge.root(), challenge.leaf_set())
            }
            (_, Request::Stat { roots, .. }) => self.held(roots),
            (_, Request::Put { max_len, mandate, .. }) => self.offered(call, max_len.get(), mandate),
            (_, Request::Release { release }) => self.released(release),
            (_, Request::Status) => self.status(),
            _ => refusal(Code::BadRequest),
        }
    }

    fn status(&self) -> Script {
        let version = VersionText::new("simulated").expect("a short text");
        let stored = self.disk.values().map(|kept| kept.len.get()).sum();
        let verdicts = BoundedList::default();
        let status =
            NodeStatus { shards: self.disk.len() as u64, stored, capacity: 1 << 40, version, verdicts };
        Script::header(Response::Status(status))
    }

    fn held(&self, roots: &[Root]) -> Script {
        let expires = EXPIRES;
        let id = LeaseId::from_bytes([0; 16]); // nobody here renews
        let claim = |root: &Root| match self.manner {
            Manner::ClaimsAll => {
                self.rumours.get(root).map(|&len| HeldShard { len, expires, id, seq: Sequence::FIRST })
            }
            Manner::DeniesAll => None,
            _ => self.disk.get(root).map(|kept| HeldShard {
                len: kept.len,
                expires: kept.expires,
                id,
                seq: Sequence::FIRST,
            }),
        };
        let shards = BoundedList::new(roots.iter().map(claim).collect());
        Script::header(Response::Held { shards: shards.expect("as many answers as questions") })
    }

    fn slice(&mut self, header: Response, root: Root, leaves: &LeafSet) -> Script {
        let is_held = self.disk.get(&root).is_some_and(|kept| kept.len == leaves.len());
        if !is_held || matches!(self.manner, Manner::ClaimsAll | Manner::DeniesAll) {
            return refusal(Code::NotHeld);
        }
        let (mut parts, ending) = self.parts_as_told(root, leaves);
        let mut script = Script::default();
        match self.manner {
            Manner::Trickles => {
                let bytes = parts.iter().flatten().copied().take(4000);
                parts = bytes.map(|byte| Bytes::copy_from_slice(&[byte])).collect();
                script.gap = std::time::Duration::from_millis(10);
            }
            Manner::StallsMidway => parts.truncate(parts.len() / 2),
            _ => {}
        }
        script.parts.push_back(Heard::Header(header));
        script.parts.extend(parts.into_iter().map(Heard::Bytes));
        match self.manner {
            Manner::StallsMidway => {}
            Manner::Endless => script.refrain = Some(Bytes::from(vec![0xee; PART_LEN])),
            _ => script.parts.push_back(ending),
        }
        script
    }

    /// The bytes of an answer, false in the way of this node.
    fn parts_as_told(&mut self, root: Root, leaves: &LeafSet) -> (Vec<Bytes>, Heard) {
        let slice_len = usize::try_from(leaves.slice_len()).expect("below 2^29");
        match self.manner {
            Manner::Garbage => (in_parts(self.dice.bytes(slice_len)), Heard::End),
            Manner::OtherShard => {
                let other =
                    self.disk.iter().find(|(other, kept)| **other != root && kept.len == leaves.len());
                let other = other.map(|(other, _)| *other);
                other.map_or_else(
                    || (in_parts(vec![0; slice_len]), Heard::End),
                    |root| self.parts(root, leaves),
                )
            }
            Manner::OtherRows => {
                let others = other_leaves(leaves);
                self.parts(root, &others.unwrap_or_else(|| LeafSet::whole(leaves.len())))
            }
            Manner::FlipsBit => {
                let mut bytes = self.parts(root, leaves).0.concat();
                if bytes.is_empty() {
                    return (Vec::new(), Heard::Reset(Code::Corrupt));
                }
                let at = self.dice.index(bytes.len());
                bytes[at] ^= 1 << self.dice.of(0..8);
                (in_parts(bytes), Heard::End)
            }
            Manner::Truncates => {
                let mut bytes = self.parts(root, leaves).0.concat();
                bytes.truncate(self.dice.index(bytes.len().max(1)));
                (in_parts(bytes), Heard::End)
            }
            _ => self.parts(root, leaves),
        }
    }

    /// The true slice as far as the disk has it, and how it ends.
    fn parts(&self, root: Root, leaves: &LeafSet) -> (Vec<Bytes>, Heard) {
        let kept = &self.disk[&root];
        let shard = ShardInMemory { bytes: &kept.bytes, outboard: &kept.outboard };
        let mut encoder = SliceEncoder::new(root, leaves.clone(), &shard);
        let mut parts = Vec::new();
        loop {
            match encoder.next_part(PART_LEN) {
                Ok(Some(part)) => parts.push(part),
                Ok(None) => return (parts, Heard::End),
                Err(_) => return (parts, Heard::Reset(Code::Corrupt)),
            }
        }
    }
}

pub(crate) fn refusal(code: Code) -> Script {
    Script::header(Response::Refused(Refusal::new(code, "simulated")))
}

fn in_parts(bytes: Vec<u8>) -> Vec<Bytes> {
    let mut bytes = Bytes::from(bytes);
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        parts.push(bytes.split_to(bytes.len().min(PART_LEN)));
    }
    parts
}

/// The same number of leaves elsewhere in the shard, if there is room.
fn other_leaves(leaves: &LeafSet) -> Option<LeafSet> {
    let (first, last) = (leaves.ranges().first()?, leaves.ranges().last()?);
    let count = last.end - first.start;
    let all = leaves.len().leaves();
    let start = if last.end + count <= all { last.end } else { first.start.checked_sub(count)? };
    let other = start..start + count;
    LeafSet::new(leaves.len(), &[other]).ok()
}
