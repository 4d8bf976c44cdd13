//! Columns on their way to the nodes that accepted them: rebuilt first, when they are not at hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chunker::{Column, Segment};
use client::plan::Failure;
use client::plan::upload::PartIndex;
use proofs::{Root, ShardLen};
use protocol::{Lease, PublicKey, Signed};

use super::calls::{CallId, Happening, TaskId};
use super::object::{Object, hash};
use super::placing::{LEASE_WITHIN, lease_of};
use super::rebuilding::{Outcome, Rebuilding};
use super::violation::Violation;
use super::world::World;

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
    done: Transferred,
}

impl Transfer {
    /// Sends columns that are at hand.
    pub(crate) fn of(
        object: &Object,
        columns: &BTreeMap<Column, Bytes>,
        targets: Vec<Target>,
        world: &mut World,
    ) -> Self {
        let mut transfer = Self::new(object, targets);
        transfer.send(world, columns);
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
            Happening::Begin | Happening::Alarm(_) => return Ok(()),
        };
        if let Some((target, ..)) = self.sent.remove(&call) {
            world.cancel(call);
            self.done.results.push((target, lease));
        }
        Ok(())
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
