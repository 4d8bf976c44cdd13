//! Puts the shards of an object, and holds the result against what nodes really have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chunker::{Column, Segment};
use client::Moment;
use client::placement::segment_seed;
use client::plan::upload::{PartIndex, Parts, Spread};
use protocol::{Lease, Request, Signed, Unverified};

use super::calls::{CallId, Happening, TaskId};
use super::object::Object;
use super::placing::{Placing, Step};
use super::run::Task;
use super::storing::Owner;
use super::transfer::{Target, Transfer};
use super::violation::{Sabotage, Violation};
use super::world::World;

/// How long a put may take besides sending: offers, and two rounds of refilling, each waited for.
const PUT_WITHIN: Duration = Duration::from_mins(3);
/// How long a node may take to drop a shard.
const RELEASE_WITHIN: Duration = Duration::from_secs(10);

/// The put of one segment.
pub(crate) struct Putting {
    task: TaskId,
    object: Arc<Object>,
    segment: Segment,
    columns: Vec<Column>,
    placing: Placing,
    transfer: Option<Transfer>,
    has_sent: bool,
    leases: BTreeMap<PartIndex, Signed<Lease>>,
    releasing: BTreeSet<CallId>,
    began: Moment,
    sabotage: Sabotage,
    outcome: Option<Outcome>,
}

enum Outcome {
    Finished,
    GivenUp,
}

impl Putting {
    pub(crate) fn new(task: TaskId, object: Arc<Object>, sabotage: Sabotage, world: &World) -> Self {
        let segment = object.geometry().segment(0).expect("every object has a segment");
        let columns: Vec<_> = segment.stored_columns().collect();
        let parts = parts(&segment);
        let seed = segment_seed(object.manifest.seed().as_bytes(), 0);
        let ranking = world.placement().rank(&seed);
        let lens = columns.iter().map(|column| segment.shard_len(*column).expect("it is stored")).collect();
        let placing = Placing::new(task, parts, &ranking, lens, object.owner.clone(), world);
        Self {
            task,
            object,
            segment,
            columns,
            placing,
            transfer: None,
            has_sent: false,
            leases: BTreeMap::new(),
            releasing: BTreeSet::new(),
            began: world.now(),
            sabotage,
            outcome: None,
        }
    }

    /// A node that takes bytes slowly, but takes them, is waited for: twice, when what it broke is made again.
    fn limit(&self, world: &World) -> Duration {
        let longest = self.object.shards.values().map(|shard| shard.bytes.len()).max().unwrap_or_default();
        let sending = world.nodes().iter().map(|node| node.line.time_of(longest)).max().unwrap_or_default();
        PUT_WITHIN + sending * 3
    }

    /// Columns that lag and may be given up: as many as have another node to go to.
    fn spare(&self, world: &World) -> usize {
        let parts = parts(&self.segment);
        (parts.count - parts.needed).min(world.placement().domains().saturating_sub(parts.count))
    }

    fn go_on(&mut self, world: &mut World, step: Option<Step>) -> Result<(), Violation> {
        match step {
            None => Ok(()),
            Some(Step::Send(calls)) => self.send(world, calls),
            Some(Step::Finish(missing)) => {
                world.note(format_args!("{:?} ends, missing {missing:?}", self.task));
                self.outcome = Some(Outcome::Finished);
                self.check_claims(world, &missing)
            }
            Some(Step::GiveUp { placed }) => {
                world.note(format_args!("{:?} gives up with {placed} parts placed", self.task));
                self.give_up(world, placed)
            }
        }
    }

    fn send(&mut self, world: &mut World, calls: Vec<(PartIndex, CallId)>) -> Result<(), Violation> {
        let target = |(part, call): (PartIndex, CallId)| {
            let node = self.placing.node(part).expect("a part that is sent has a node");
            Target { part, column: self.columns[part.0], node, call }
        };
        let targets: Vec<_> = calls.into_iter().map(target).collect();
        let transfer = if self.has_sent {
            // The plaintext has passed: what broke is made again from what is safe.
            let sources = self.leases.keys().map(|part| (self.columns[part.0], self.leases[part].by()));
            let sources = sources.collect();
            Transfer::rebuilt(self.task, &self.object, self.segment, sources, targets, world)?
        } else {
            let shards =
                self.columns.iter().map(|column| (*column, self.object.shards[&(0, *column)].bytes.clone()));
            Transfer::of(self.task, &self.object, &shards.collect(), targets, self.spare(world), world)
        };
        self.has_sent = true;
        self.transfer = Some(transfer);
        self.settle(world)
    }

    fn settle(&mut self, world: &mut World) -> Result<(), Violation> {
        let Some(transferred) = self.transfer.as_mut().and_then(Transfer::finished) else { return Ok(()) };
        self.transfer = None;
        for (target, result) in transferred.results {
            let step = match result {
                Ok(lease) => {
                    self.leases.insert(target.part, lease);
                    self.placing.leased(world, target.part)
                }
                Err(_) if self.sabotage == Sabotage::CallsItLeased => self.placing.leased(world, target.part),
                Err(failure) => self.placing.broken(world, target.part, failure),
            };
            self.go_on(world, step)?;
        }
        Ok(())
    }

    fn give_up(&mut self, world: &mut World, placed: usize) -> Result<(), Violation> {
        self.placing.drop_ready(world);
        let parity = usize::from(self.segment.coding().parity());
        let bad = world.nodes().iter().filter(|node| !node.is_dependable()).count();
        let nodes = world.nodes().len();
        if bad <= parity / 2 && nodes >= self.columns.len() {
            let reason = format!("{placed} parts placed with {bad} bad nodes of {nodes}");
            return Err(Violation::Failed { what: "a put".into(), reason });
        }
        for lease in self.leases.values() {
            let release = Unverified::from(&Owner::release(&self.object.owner, lease));
            self.releasing.insert(world.call(
                self.task,
                lease.by(),
                Request::Release { release },
                RELEASE_WITHIN,
            ));
        }
        self.outcome = Some(Outcome::GivenUp);
        if self.releasing.is_empty() { self.check_nothing_is_left(world) } else { Ok(()) }
    }

    /// Every part that is not called missing has a lease of the node that the plan names; honest nodes keep what they signed.
    fn check_claims(&self, world: &mut World, missing: &[PartIndex]) -> Result<(), Violation> {
        let mut nodes = BTreeSet::new();
        for part in (0..self.columns.len()).map(PartIndex).filter(|part| !missing.contains(part)) {
            let column = self.columns[part.0];
            let false_claim =
                |what: &str| Violation::FalseClaim(format!("column {column} is called leased: {what}"));
            let lease = self.leases.get(&part).ok_or_else(|| false_claim("there is no lease"))?;
            if self.placing.node(part) != Some(lease.by()) {
                return Err(false_claim("the lease is of another node"));
            }
            if !nodes.insert(lease.by()) {
                return Err(false_claim("its node has two"));
            }
            let shard = &self.object.shards[&(0, column)];
            let node = world.node(lease.by()).1;
            let keeps = node.disk.get(&shard.hashed.root).is_some_and(|kept| kept.bytes == shard.bytes);
            if node.is_honest() && !keeps {
                return Err(false_claim("its honest node does not keep it"));
            }
        }
        let needed = parts(&self.segment).needed;
        if nodes.len() < needed {
            let claim = format!("called enough with {} leases of {needed}", nodes.len());
            return Err(Violation::FalseClaim(claim));
        }
        Ok(())
    }

    /// No node that answers keeps anything of a put that was given up.
    fn check_nothing_is_left(&self, world: &World) -> Result<(), Violation> {
        let control = self.object.owner.control.public();
        let dependable = world.nodes().iter().filter(|node| node.is_dependable());
        for node in dependable {
            if node.leases.keys().any(|(_, owner)| *owner == control) {
                let number = world.number(node.id);
                return Err(Violation::LeftBehind(format!(
                    "a lease on node {number} after a put was given up"
                )));
            }
        }
        Ok(())
    }
}

/// What is asked for a segment: at least `d + ⌈m/2⌉` of its shards.
fn parts(segment: &Segment) -> Parts {
    let sources = usize::from(segment.data_columns());
    let parity = usize::from(segment.coding().parity());
    let count = usize::from(segment.stored());
    Parts { count, needed: sources + parity.div_ceil(2), sources, spread: Spread::Domains, taken: Vec::new() }
}

impl Task for Putting {
    fn name(&self) -> String {
        format!("put of {} columns", self.columns.len())
    }

    fn on(&mut self, world: &mut World, happening: Happening) -> Result<(), Violation> {
        let (took, limit) = (world.now().since(self.began), self.limit(world));
        if took > limit {
            return Err(Violation::TooSlow { what: "a put".into(), took, limit });
        }
        if let Happening::Heard { call, .. } | Happening::Late { call } = &happening
            && self.releasing.remove(call)
        {
            return if self.releasing.is_empty() { self.check_nothing_is_left(world) } else { Ok(()) };
        }
        if self.outcome.is_some() {
            return Ok(());
        }
        let step = match happening {
            Happening::Begin => self.placing.begin(world),
            _ => self.placing.on(world, &happening),
        };
        if let Some(transfer) = &mut self.transfer {
            transfer.on(world, &happening)?;
        }
        self.go_on(world, step)?;
        self.settle(world)
    }

    fn is_over(&self) -> bool {
        self.outcome.is_some() && self.releasing.is_empty()
    }
}
