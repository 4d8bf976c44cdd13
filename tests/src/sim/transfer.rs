//! Columns on their way to the nodes that accepted them: rebuilt first, when they are not at hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chunker::{Column, Segment};
use client::Moment;
use client::plan::Failure;
use client::plan::pace::Pace;
use client::plan::upload::PartIndex;
use proofs::{Root, ShardLen};
use protocol::{Lease, PublicKey, Signed};

use super::calls::{Alarm, CallId, Happening, TaskId};
use super::object::{Object, hash};
use super::placing::{LEASE_WITHIN, lease_of};
use super::rebuilding::{Outcome, Rebuilding};
use super::violation::Violation;
use super::world::World;

/// How often columns that are waited for are held against the others.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A column that a node has accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) part: PartIndex,
    pub(crate) column: Column,
    pub(crate) node: PublicKey,
    pub(crate) call: CallId,
}

/// What became of it.
pub(crate) struct Transferred {
    pub(crate) results: Vec<(Target, Result<Signed<Lease>, Failure>)>,
    /// Sources that turned out to be bad.
    pub(crate) bad: Vec<Column>,
    /// Columns that could be read, when there were too few of them.
    pub(crate) too_few: Option<usize>,
}

pub(crate) struct Transfer {
    control: PublicKey,
    rebuilding: Option<Rebuilding>,
    waiting: Vec<Target>,
    sent: BTreeMap<CallId, (Target, Root, ShardLen)>,
    lag: Option<Lag>,
    done: Transferred,
}

/// Looks whether a column lags behind the others.
struct Lag {
    task: TaskId,
    pace: Pace,
    began: Moment,
}

impl Transfer {
    /// Sends columns that are at hand. Of those that lag, `spare` are given up.
    pub(crate) fn of(
        task: TaskId,
        object: &Object,
        columns: &BTreeMap<Column, Bytes>,
        targets: Vec<Target>,
        spare: usize,
        world: &mut World,
    ) -> Self {
        let mut pace = Pace::new(columns.len(), spare);
        let is_sent = |part: &PartIndex| targets.iter().any(|target| target.part == *part);
        for part in (0..columns.len()).map(PartIndex).filter(|part| !is_sent(part)) {
            pace.broke(part);
        }
        let mut transfer = Self::new(object, targets);
        transfer.lag = Some(Lag { task, pace, began: world.now() });
        transfer.send(world, columns);
        world.ring_at(task, Alarm::Plan, world.now().plus(LOOK_EVERY));
        transfer
    }

    /// Rebuilds columns from others, then sends them.
    pub(crate) fn rebuilt(
        task: TaskId,
        object: &Arc<Object>,
        segment: Segment,
        sources: Vec<(Column, PublicKey)>,
        targets: Vec<Target>,
        world: &mut World,
    ) -> Result<Self, Violation> {
        let mut transfer = Self::new(object, targets);
        let mut rebuilding = Rebuilding::new(task, Arc::clone(object), segment, sources);
        let outcome = rebuilding.begin(world)?;
        transfer.rebuilding = Some(rebuilding);
        transfer.take(world, outcome);
        Ok(transfer)
    }

    fn new(object: &Object, targets: Vec<Target>) -> Self {
        Self {
            control: object.owner.control.public(),
            rebuilding: None,
            waiting: targets,
            sent: BTreeMap::new(),
            lag: None,
            done: Transferred { results: Vec::new(), bad: Vec::new(), too_few: None },
        }
    }

    pub(crate) fn on(&mut self, world: &mut World, happening: &Happening) -> Result<(), Violation> {
        if let Some(rebuilding) = &mut self.rebuilding {
            let outcome = rebuilding.on(world, happening)?;
            self.take(world, outcome);
        }
        let (call, lease) = match happening {
            Happening::Heard { call, heard } => {
                let Some((target, root, len)) = self.sent.get(call) else { return Ok(()) };
                (*call, lease_of(heard, target.node, (*root, *len), self.control))
            }
            Happening::Late { call } => (*call, Err(Failure::Late)),
            Happening::Alarm(Alarm::Plan) => {
                self.give_up_laggards(world);
                return Ok(());
            }
            Happening::Begin | Happening::Alarm(_) => return Ok(()),
        };
        self.ended(world, call, lease);
        Ok(())
    }

    fn ended(&mut self, world: &mut World, call: CallId, lease: Result<Signed<Lease>, Failure>) {
        let Some((target, ..)) = self.sent.remove(&call) else { return };
        world.cancel(call);
        match (&mut self.lag, &lease) {
            (Some(lag), Ok(_)) => lag.pace.ended(target.part, world.now().since(lag.began)),
            (Some(lag), Err(_)) => lag.pace.broke(target.part),
            (None, _) => {}
        }
        self.done.results.push((target, lease));
    }

    fn give_up_laggards(&mut self, world: &mut World) {
        let Some(lag) = self.lag.as_mut().filter(|_| !self.sent.is_empty()) else { return };
        world.ring_at(lag.task, Alarm::Plan, world.now().plus(LOOK_EVERY));
        let waited = world.now().since(lag.began);
        let lagging = self.sent.iter().filter(|(_, (target, ..))| lag.pace.lags_at_end(target.part, waited));
        for call in lagging.map(|(call, _)| *call).collect::<Vec<_>>() {
            world.note(format_args!("{call:?} lags behind the others"));
            self.ended(world, call, Err(Failure::Slow));
        }
    }

    /// What became of it, once that is known of every target.
    pub(crate) fn finished(&mut self) -> Option<Transferred> {
        let is_over = self.rebuilding.is_none() && self.waiting.is_empty() && self.sent.is_empty();
        let nothing = Transferred { results: Vec::new(), bad: Vec::new(), too_few: None };
        is_over.then(|| std::mem::replace(&mut self.done, nothing))
    }

    fn take(&mut self, world: &mut World, outcome: Option<Outcome>) {
        match outcome {
            None => return,
            Some(Outcome::Columns { columns, bad }) => {
                self.done.bad = bad;
                self.send(world, &columns);
            }
            Some(Outcome::TooFew { available }) => {
                self.done.too_few = Some(available);
                for target in std::mem::take(&mut self.waiting) {
                    world.cancel(target.call);
                    self.done.results.push((target, Err(Failure::NotHeld)));
                }
            }
        }
        self.rebuilding = None;
    }

    fn send(&mut self, world: &mut World, columns: &BTreeMap<Column, Bytes>) {
        for target in std::mem::take(&mut self.waiting) {
            let bytes = &columns[&target.column];
            let hashed = hash(bytes).expect("stored columns are not empty");
            if world.send(target.call, bytes, LEASE_WITHIN) {
                self.sent.insert(target.call, (target, hashed.root, hashed.len));
            } else {
                self.done.results.push((target, Err(Failure::Unreachable)));
            }
        }
    }
}
