//! A steward's plan over many objects, an hour of it without faults, and a node that joins.
#![expect(clippy::cast_precision_loss, reason = "a measurement for people")]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use proofs::{AuditedSet, AuditedShard, Cid, Root, ShardLen};
use protocol::{PublicKey, Tags, UnixSeconds};
use steward::plan::{Action, Event, Finding, Found, Nodes, PartCare, Plan, RepairEnd, Rules};

use super::placing::placement;
use super::stored::stored;
use super::{CODING, HOUR, START, key, processor_time};
use crate::sim::Dice;

/// How long a repair is assumed to take, in seconds.
pub(super) const REPAIR_TAKES: u64 = 30;
/// Repairs at the same time.
pub(super) const REPAIRS_ABREAST: usize = 8;
/// Hours that are played without faults.
const CALM_HOURS: u64 = 6;
/// Bytes of an audit of a node by 8 leaves, both ways, and of a leaf of an object's audit: counted, see `docs/performance.md`.
const NODE_AUDIT_BYTES: u64 = 8 * 2213;
const LEAF_BYTES: u64 = 2048 + 42;
/// Leaves that each part proves when its object is audited.
const OBJECT_LEAVES: u64 = 2;

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4096
}

pub(super) struct World {
    plan: Plan,
    keys: Vec<PublicKey>,
    numbers: BTreeMap<PublicKey, usize>,
    dice: Dice,
    now: u64,
    /// From here on nodes are gone.
    lost: usize,
    due: BinaryHeap<Reverse<(u64, u64)>>,
    running: BTreeMap<u64, (Cid, u32)>,
    counts: Counts,
}

#[derive(Default, Debug, Clone, Copy)]
pub(super) struct Counts {
    pub(super) node_audits: u64,
    places: u64,
    object_audits: u64,
    object_parts: u64,
    pub(super) repairs: u64,
    /// Parts that repairs read.
    pub(super) read: u64,
    /// Parts that they put.
    pub(super) rebuilt: u64,
    pub(super) longest_queue: usize,
    pub(super) last_repair: u64,
}

impl World {
    pub(super) fn new(objects: usize, nodes: usize) -> Self {
        let keys: Vec<_> = (0..nodes).map(key).collect();
        let mut dice = Dice::new(1);
        let began = processor_time();
        let before = resident();
        let stored = stored(objects, &keys, &mut dice);
        let (made, with_objects) = (processor_time() - began, resident());
        // Nothing should move: where parts lie was drawn at random.
        let rules = Rules { repairs_abreast: REPAIRS_ABREAST, moves_abreast: 0, ..Rules::default() };
        let began = processor_time();
        let now = UnixSeconds::new(START);
        let plan = Plan::new(rules, key(usize::MAX), dice.array(), stored, BTreeMap::new(), now);
        let (loaded, with_plan) = (processor_time() - began, resident());
        let per = |bytes: u64| bytes / objects as u64;
        println!(
            "steward: {objects} objects of {CODING} on {nodes} nodes, {} parts a node",
            objects * 28 / nodes
        );
        println!("  drawn in {made:.1} s; the plan begins in {loaded:.1} s");
        println!(
            "  memory per object: {} bytes, of which what is saved of it {}; {} MB in all",
            per(with_plan.saturating_sub(before)),
            per(with_objects.saturating_sub(before)),
            with_plan / 1_000_000
        );
        let numbers = keys.iter().enumerate().map(|(number, key)| (*key, number)).collect();
        Self {
            plan,
            keys,
            numbers,
            dice,
            now: START,
            lost: nodes,
            due: BinaryHeap::new(),
            running: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

    fn is_lost(&self, node: &PublicKey) -> bool {
        self.numbers[node] >= self.lost
    }

    pub(super) fn nodes(&self) -> usize {
        self.keys.len()
    }

    /// From now on the last of the nodes are gone. Returns the time.
    pub(super) fn lose_last(&mut self, count: usize) -> u64 {
        self.lost = self.keys.len() - count;
        self.counts = Counts::default();
        self.now
    }

    /// Units in the queue.
    pub(super) fn waiting(&self) -> usize {
        self.plan.queue().len()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Parts that are believed to be at nodes that are gone.
    pub(super) fn lost_parts(&self) -> usize {
        self.keys[self.lost..].iter().map(|node| self.plan.held_by(node)).sum()
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Plays until a time.
    pub(super) fn play(&mut self, until: u64) {
        while self.now < until {
            let wake = self.plan.wake_at().map_or(u64::MAX, |at| at.get().max(self.now + 1));
            let due = self.due.peek().map_or(u64::MAX, |Reverse((at, _))| *at);
            self.now = wake.min(due).min(until);
            if due <= self.now {
                let Some(Reverse((_, number))) = self.due.pop() else { continue };
                let (cid, unit) = self.running.remove(&number).expect("it was begun");
                self.counts.last_repair = self.now;
                let event = self.repaired(cid, unit);
                self.tell(event);
            } else {
                self.tell(Event::Wake);
            }
            self.counts.longest_queue = self.counts.longest_queue.max(self.plan.queue().len());
        }
    }

    fn tell(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            self.plan.handle(UnixSeconds::new(self.now), event);
            let actions: Vec<_> = std::iter::from_fn(|| self.plan.next_action()).collect();
            self.plan.take_changed_objects();
            self.plan.take_changed_nodes();
            events.extend(actions.into_iter().filter_map(|action| self.perform(action)));
        }
    }

    fn perform(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::AuditNode(node, places) => {
                self.counts.node_audits += 1;
                self.counts.places += places.len() as u64;
                let found = if self.is_lost(&node) { Found::Offline } else { Found::Proved };
                let draws = if self.is_lost(&node) { 1 } else { 8 };
                let found = (0..draws).map(|_| (*self.dice.pick(&places), found)).collect();
                Some(Event::NodeAudited { node, found, slowest_ms: 20 })
            }
            Action::AuditObject(cid) => {
                self.counts.object_audits += 1;
                let units = self.plan.object(&cid)?.units.len();
                let units = 0..u32::try_from(units).expect("few");
                let findings: Vec<_> = units.flat_map(|unit| self.findings(cid, unit)).collect();
                self.counts.object_parts += findings.len() as u64;
                Some(Event::ObjectAudited(cid, findings))
            }
            Action::Renew { cid, until, .. } => Some(Event::Renewed { cid, ends: Some(until), failed: 0 }),
            Action::Repair { cid, unit, .. } => {
                self.counts.repairs += 1;
                self.running.insert(self.counts.repairs, (cid, unit));
                self.due.push(Reverse((self.now + REPAIR_TAKES, self.counts.repairs)));
                None
            }
            Action::Warn { .. } | Action::NoteFault(..) | Action::NoteReturn(_) => None,
            Action::Move { .. } => unreachable!("no moves are allowed"),
        }
    }

    fn findings(&self, cid: Cid, unit: u32) -> Vec<Finding> {
        let Some(object) = self.plan.object(&cid) else { return Vec::new() };
        let parts = (0..).zip(&object.units[unit as usize].parts);
        let finding = |(part, care): (u8, &PartCare)| {
            let is_lost = care.node.is_some_and(|node| self.is_lost(&node));
            let found = if is_lost { Found::Offline } else { Found::Proved };
            Finding { unit, part, node: care.node, found }
        };
        parts.map(finding).collect()
    }

    fn repaired(&mut self, cid: Cid, unit: u32) -> Event {
        let mut findings = self.findings(cid, unit);
        let mut built = Vec::new();
        for finding in findings.iter_mut().filter(|finding| finding.found != Found::Proved) {
            let node = self.keys[self.dice.index(self.lost)];
            *finding = Finding { node: Some(node), found: Found::Proved, ..*finding };
            built.push((finding.part, node));
        }
        let needed = self.plan.object(&cid).map_or(0, |object| object.units[unit as usize].needed);
        self.counts.read += u64::from(needed);
        self.counts.rebuilt += built.len() as u64;
        Event::Repaired(cid, unit, RepairEnd::Audited { findings, built, is_whole: true })
    }

    pub(super) fn calm(&mut self) {
        self.play(START + HOUR);
        self.counts = Counts::default();
        let began = processor_time();
        self.play(self.now + CALM_HOURS * HOUR);
        let Counts { node_audits, places, object_audits, object_parts, .. } = self.counts;
        let hours = CALM_HOURS as f64;
        println!("an hour without faults:");
        println!(
            "  {:.0} audits of nodes over {:.0} parts each, {:.0} audits of objects",
            node_audits as f64 / hours,
            places as f64 / node_audits as f64,
            object_audits as f64 / hours
        );
        let (of_nodes, of_objects) =
            (node_audits * NODE_AUDIT_BYTES, object_parts * OBJECT_LEAVES * LEAF_BYTES);
        println!(
            "  {:.1} kB a node, {:.1} MB for all nodes, {:.1} MB for the objects",
            of_nodes as f64 / hours / 1000.0 / self.nodes() as f64,
            of_nodes as f64 / hours / 1e6,
            of_objects as f64 / hours / 1e6
        );
        println!("  {:.2} s of work for the plan", (processor_time() - began) / hours);
    }

    /// What it costs to find the objects that a new node concerns.
    pub(super) fn newcomer(&mut self) {
        self.tell(Event::Nodes(Box::new(nodes(&self.keys))));
        self.play(self.now + HOUR);
        let joined: Vec<_> = self.keys.iter().copied().chain([key(usize::MAX - 1)]).collect();
        let news = nodes(&joined);
        let (began, at) = (processor_time(), self.now);
        self.tell(Event::Nodes(Box::new(news)));
        let mut longest = processor_time() - began;
        let mut work = longest;
        while self.plan.is_surveying() {
            let began = processor_time();
            self.now += 1;
            self.tell(Event::Wake);
            let took = processor_time() - began;
            (longest, work) = (longest.max(took), work + took);
        }
        println!(
            "a node joins: {work:.1} s of work for the plan in {} steps, the longest {:.0} ms",
            self.now - at + 1,
            longest * 1000.0
        );
    }
}

fn nodes(keys: &[PublicKey]) -> Nodes {
    Nodes {
        placement: Arc::new(placement(keys)),
        leaving: BTreeSet::new(),
        former: BTreeMap::new(),
        tags: keys.iter().map(|key| (*key, Tags::default())).collect(),
    }
}

/// What it costs to commit to a set, and what travels: the same for a node with few parts and with many.
pub(super) fn sets() {
    let mut dice = Dice::new(2);
    println!("an audit of a node: parts, µs to commit to them and to draw 8 leaves");
    for parts in [100_usize, 1000, 10_000, 100_000] {
        let mut roots: Vec<_> = (0..parts).map(|_| Root::from_bytes(dice.array())).collect();
        roots.sort_unstable();
        let len = ShardLen::new(1 << 20).expect("a length");
        let shards: Vec<_> = roots.into_iter().map(|root| AuditedShard { root, len }).collect();
        let times = 300_000 / parts;
        let began = processor_time();
        for _ in 0..times {
            let set = AuditedSet::new(shards.clone()).expect("ascending by root");
            let seed = dice.array();
            let drawn = set.commitment().positions(&seed, 8).filter_map(|at| set.select(at)).count();
            assert_eq!(drawn, 8, "every position lies in a shard");
        }
        let micros = (processor_time() - began) * 1e6 / times as f64;
        println!("  {parts:>6}  {micros:>7.0}");
    }
}
