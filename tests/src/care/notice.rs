//! How long it takes until silent corruption is noticed: real shards, real challenges, the real plan.
//!
//! One node has real bytes, and an honest program that does not know that some of them are no longer what they were. The
//! steward's plan says when what is audited; the auditor's side and the node's side of an audit are those of `protocol`
//! and `proofs`, commitment, receipt, draw, slices and verdict included. All other nodes prove everything.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chunker::{CellSize, Geometry};
use proofs::{AuditedSet, AuditedShard, Challenge, Cid, HashedShard, Root, ShardHasher, ShardInMemory};
use protocol::{
    AuditAnswer, AuditReceipt, AuditRequest, AuditSecret, AuditWish, Beacon, Code, Draws, FailedPick,
    FailedPicks, NetworkId, Outcome, PlannedAudit, PublicKey, SecretKey, Signed, Timing, Transcript,
    UnixSeconds, Unverified, digest_of_slices,
};
use steward::plan::{Action, Event, Fault, Finding, Found, Object, Place, Plan, Rules};

use super::clock::{DAY, HOUR, START};
use crate::sim::Dice;

const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);
/// Objects of which the node has a shard and a copy of the manifest.
const OBJECTS: usize = 60;
/// Groups of the longest shard.
const GROUPS_MAX: u64 = 24;
const GROUP: usize = 16 * 1024;
/// Nothing takes longer than this to be noticed, or it is not noticed at all.
const GIVE_UP: u64 = 60 * DAY;

/// What is wrong at the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corruption {
    /// Whole groups of 16 KiB, a thousandth of all bytes so many times: the fewest places that so many bytes can be in.
    Groups {
        /// Thousandths of all bytes.
        permille: u32,
    },
    /// A bit here and there: in so many thousandths of all leaves.
    Bits {
        /// Thousandths of all leaves.
        permille: u32,
    },
    /// Nothing.
    None,
}

/// Hours from the moment at which a node's bytes turn bad until the steward blames the node for it; `None` when it never
/// does. The plan goes by its usual rules.
pub fn hours_until_noticed(seed: u64, corruption: Corruption) -> Option<f64> {
    let mut dice = Dice::new(seed);
    let disk = Disk::drawn(&mut dice);
    let mut scene = Scene::new(disk, dice);
    scene.play(corruption)
}

struct Kept {
    bytes: Vec<u8>,
    hashed: HashedShard,
}

/// A node's secret, and the real bytes that it keeps.
struct Disk {
    secret: SecretKey,
    shards: BTreeMap<Root, Kept>,
    /// What each place is kept as.
    roots: BTreeMap<Place, Root>,
    objects: Vec<Cid>,
}

impl Disk {
    fn drawn(dice: &mut Dice) -> Self {
        let secret = SecretKey::from_bytes(&dice.array());
        let mut disk = Self { secret, shards: BTreeMap::new(), roots: BTreeMap::new(), objects: Vec::new() };
        for _ in 0..OBJECTS {
            let cid = Cid::of(&dice.bytes(16));
            disk.objects.push(cid);
            let groups = usize::try_from(1 + dice.of(0..GROUPS_MAX)).expect("few");
            let (shard, manifest) = (dice.bytes(groups * GROUP), dice.bytes(700));
            disk.keep(Place { cid, unit: 0, part: 0 }, shard);
            disk.keep(Place { cid, unit: 1, part: 0 }, manifest);
        }
        disk
    }

    fn keep(&mut self, place: Place, bytes: Vec<u8>) {
        let mut hasher = ShardHasher::new();
        hasher.push(&bytes);
        let shard = hasher.finish().expect("a short shard");
        self.roots.insert(place, shard.root);
        self.shards.insert(shard.root, Kept { bytes, hashed: shard });
    }

    fn spoil(&mut self, corruption: Corruption, dice: &mut Dice) {
        let (unit, permille) = match corruption {
            Corruption::Groups { permille } => (GROUP, permille),
            Corruption::Bits { permille } => (1024, permille),
            Corruption::None => return,
        };
        let spots = self.shards.values().filter(|kept| kept.bytes.len() >= GROUP);
        let spots =
            spots.flat_map(|kept| (0..kept.bytes.len() / unit).map(|at| (kept.hashed.root, at * unit)));
        let mut spots: Vec<_> = spots.collect();
        dice.shuffle(&mut spots);
        spots.truncate((spots.len() * permille as usize).div_ceil(1000));
        for (root, at) in spots {
            let kept = self.shards.get_mut(&root).expect("it was just looked at");
            let wrong = if unit == GROUP { GROUP } else { 1 };
            kept.bytes[at..at + wrong].iter_mut().for_each(|byte| *byte ^= 0x40);
        }
    }

    /// What the node's program does with a pick: it reads, and checks what it reads.
    fn prove(&self, challenge: &Challenge) -> Result<Bytes, Code> {
        let kept = self.shards.get(&challenge.root()).ok_or(Code::NotHeld)?;
        let shard = ShardInMemory { bytes: &kept.bytes, outboard: &kept.hashed.outboard };
        challenge.prove(&shard).map_err(|_| Code::Corrupt)
    }

    fn answer(&self, request: &AuditRequest, time: UnixSeconds) -> (Signed<AuditAnswer>, Vec<u8>) {
        let (mut failed, mut slices) = (Vec::new(), Vec::new());
        for (at, pick) in (0..).zip(request.picks.challenges()) {
            match self.prove(pick) {
                Ok(slice) => slices.push(slice),
                Err(code) => failed.push(FailedPick { at, code }),
            }
        }
        let answer = AuditAnswer {
            asked: request.picks.digest(),
            audit: request.audit,
            failed: FailedPicks::new(failed).expect("numbered in order"),
            slices: digest_of_slices(slices.iter().map(AsRef::as_ref)),
            time,
        };
        (Signed::sign(&self.secret, &NETWORK, answer), slices.concat())
    }
}

struct Scene {
    disk: Disk,
    dice: Dice,
    auditor: SecretKey,
    other: PublicKey,
    plan: Plan,
    rules: Rules,
    now: u64,
}

impl Scene {
    fn new(disk: Disk, mut dice: Dice) -> Self {
        let auditor = SecretKey::from_bytes(&dice.array());
        let other = SecretKey::from_bytes(&dice.array()).public();
        let rules = Rules::default();
        let (objects, nodes, now) = (BTreeMap::new(), BTreeMap::new(), UnixSeconds::new(START));
        let plan = Plan::new(rules.clone(), auditor.public(), dice.array(), objects, nodes, now);
        Self { disk, dice, auditor, other, plan, rules, now: START }
    }

    /// Some weeks in which all is well, the corruption, and the time until it is noticed.
    fn play(&mut self, corruption: Corruption) -> Option<f64> {
        let geometry =
            Geometry::new("1+1".parse().expect("a coding"), CellSize::LARGEST, 9).expect("it is small");
        let ends = UnixSeconds::new(START + 1000 * DAY);
        for cid in self.disk.objects.clone() {
            let object = Object::new(&geometry, ends, ends, Vec::new(), UnixSeconds::new(START));
            self.tell(Event::Added(cid, Box::new(object)), false);
        }
        let spoilt_at = START + DAY + self.dice.of(0..30 * DAY);
        while let Some(at) =
            self.plan.wake_at().map(|at| at.get().max(self.now + 1)).filter(|at| *at < spoilt_at)
        {
            self.now = at;
            self.tell(Event::Wake, false);
        }
        self.disk.spoil(corruption, &mut self.dice);
        self.now = spoilt_at;
        while self.now < spoilt_at + GIVE_UP {
            self.now = self.plan.wake_at()?.get().max(self.now + 1);
            if self.tell(Event::Wake, true) {
                #[expect(clippy::cast_precision_loss, reason = "weeks in seconds are exact")]
                return Some((self.now - spoilt_at) as f64 / HOUR as f64);
            }
        }
        None
    }

    /// Performs what follows from an event, at once. True when the node was blamed for spoilt bytes.
    fn tell(&mut self, event: Event, is_spoilt: bool) -> bool {
        let mut events = VecDeque::from([event]);
        let mut is_noticed = false;
        while let Some(event) = events.pop_front() {
            self.plan.handle(UnixSeconds::new(self.now), event);
            while let Some(action) = self.plan.next_action() {
                is_noticed |= action == Action::NoteFault(self.disk.secret.public(), Fault::Corrupt);
                events.extend(self.perform(action, is_spoilt));
            }
        }
        is_noticed
    }

    fn perform(&mut self, action: Action, is_spoilt: bool) -> Option<Event> {
        match action {
            Action::AuditNode(node, places) if node == self.other || !is_spoilt => {
                Some(Event::NodeAudited { node, found: vec![(places[0], Found::Proved)], slowest_ms: 1 })
            }
            Action::AuditNode(_, places) => Some(self.audit_node(&places)),
            Action::AuditObject(cid) => Some(self.audit_object(cid)),
            Action::Renew { cid, until, .. } => Some(Event::Renewed { cid, ends: Some(until), failed: 0 }),
            // Whoever repairs has noticed before.
            Action::Repair { .. } | Action::Warn { .. } | Action::NoteFault(..) | Action::NoteReturn(_) => {
                None
            }
            Action::Move { .. } => unreachable!("the plan is not told of any nodes"),
        }
    }

    /// As the steward does it: what the node is believed to have is committed to, and then drawn from.
    fn audit_node(&mut self, places: &[Place]) -> Event {
        let node = self.disk.secret.public();
        let transcript = self.transcript(places);
        let by_root: BTreeMap<_, _> = places.iter().map(|place| (self.disk.roots[place], *place)).collect();
        let found = transcript.picks().iter().map(|pick| {
            let found = match pick.outcome() {
                Outcome::Proved => Found::Proved,
                Outcome::Corrupt => Found::Corrupt,
                Outcome::Missing => Found::Missing,
                _ => Found::Offline,
            };
            (by_root[&pick.shard().root], found)
        });
        Event::NodeAudited { node, found: found.collect(), slowest_ms: 1 }
    }

    fn transcript(&mut self, places: &[Place]) -> Transcript {
        let lens: BTreeMap<_, _> = places
            .iter()
            .map(|place| {
                let kept = &self.disk.shards[&self.disk.roots[place]];
                (kept.hashed.root, kept.hashed.len)
            })
            .collect();
        let shards = lens.into_iter().map(|(root, len)| AuditedShard { root, len }).collect();
        let time = UnixSeconds::new(self.now);
        let wish = AuditWish {
            node: self.disk.secret.public(),
            set: Arc::new(AuditedSet::new(shards).expect("ascending by root")),
            beacon: Beacon::Auditor,
            draws: Draws::new(self.rules.node_draws).expect("1 to 64"),
            secret: AuditSecret::from_bytes(self.dice.array()),
            issued: time,
        };
        let planned = PlannedAudit::new(&self.auditor, &NETWORK, wish);
        let audit = planned.commitment().digest();
        let receipt = AuditReceipt { audit, nonce: self.dice.array(), time };
        let receipt = Signed::sign(&self.disk.secret, &NETWORK, receipt);
        let acknowledged =
            planned.acknowledged(&Unverified::from(&receipt)).expect("it is the node's receipt");
        let drawn = acknowledged.draw(None).expect("without a beacon every secret opens");
        let (answer, slices) = self.disk.answer(&drawn.request(), time);
        let timing = Timing::new(time, Duration::from_secs(4), Duration::from_millis(1));
        drawn.answered(&Unverified::from(&answer), slices, timing).sign(&self.auditor)
    }

    /// A leaf of every part, and its last one.
    fn audit_object(&mut self, cid: Cid) -> Event {
        let mut findings = Vec::new();
        for unit in 0..2 {
            let root = self.disk.roots[&Place { cid, unit, part: 0 }];
            let len = self.disk.shards[&root].hashed.len;
            let drawn = Challenge::draw(root, len, self.dice.array(), 1).expect("one leaf");
            let mut leaves: Vec<_> = drawn.leaves().chain([len.leaves() - 1]).collect();
            leaves.dedup();
            let challenge = Challenge::new(root, len, &leaves).expect("ascending");
            let proof = self.disk.prove(&challenge);
            let is_proved = proof.is_ok_and(|proof| challenge.verify(&proof).is_ok());
            let found = if is_proved { Found::Proved } else { Found::Corrupt };
            findings.push(Finding { unit, part: 0, node: Some(self.disk.secret.public()), found });
            findings.push(Finding { unit, part: 1, node: Some(self.other), found: Found::Proved });
        }
        Event::ObjectAudited(cid, findings)
    }
}
