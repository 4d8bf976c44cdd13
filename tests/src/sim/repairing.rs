//! Repairs a segment after an audit, and holds what is claimed against what nodes really have.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chunker::{Column, Segment};
use client::Moment;
use client::placement::segment_seed;
use client::plan::audit::{Finding, Verdict};
use client::plan::upload::{PartIndex, Parts, Spread};
use protocol::PublicKey;

use super::auditing::Findings;
use super::calls::{CallId, Happening, TaskId};
use super::object::Object;
use super::placing::{Placing, Step};
use super::run::Task;
use super::transfer::{Target, Transfer, Transferred};
use super::violation::Violation;
use super::world::World;

/// How often a repair begins again because a source turned out to be bad.
const ROUNDS_MAX: usize = 3;
/// How long a repair may take besides sending.
const REPAIR_WITHIN: Duration = Duration::from_mins(10);

pub(crate) struct Repairing {
    task: TaskId,
    object: Arc<Object>,
    findings: Findings,
    segment: Segment,
    healthy: Vec<(Column, PublicKey)>,
    lost: Vec<Column>,
    /// The columns of this round, by part.
    parts: Vec<Column>,
    placing: Option<Placing>,
    transfer: Option<Transfer>,
    repaired: Vec<(Column, PublicKey)>,
    rounds: usize,
    began: Moment,
    is_over: bool,
}

impl Repairing {
    pub(crate) fn new(task: TaskId, object: Arc<Object>, findings: Findings, world: &World) -> Self {
        let segment = object.geometry().segment(0).expect("every object has a segment");
        Self {
            task,
            object,
            findings,
            segment,
            healthy: Vec::new(),
            lost: Vec::new(),
            parts: Vec::new(),
            placing: None,
            transfer: None,
            repaired: Vec::new(),
            rounds: 0,
            began: world.now(),
            is_over: false,
        }
    }

    fn begin(&mut self, world: &mut World) -> Result<(), Violation> {
        let findings: Vec<Finding> = self.findings.lock().expect("nobody panics").clone();
        for finding in findings.iter().filter(|finding| finding.segment == self.segment.index()) {
            match (finding.verdict, finding.node) {
                (Verdict::Proved, Some(node)) => self.healthy.push((finding.column, node)),
                _ => self.lost.push(finding.column),
            }
        }
        self.round(world)
    }

    fn round(&mut self, world: &mut World) -> Result<(), Violation> {
        let required = usize::from(self.segment.data_columns());
        if self.lost.is_empty() || self.healthy.len() < required || self.rounds == ROUNDS_MAX {
            return self.end(world);
        }
        self.rounds += 1;
        self.parts = std::mem::take(&mut self.lost);
        let parts = Parts {
            count: self.parts.len(),
            needed: 1,
            sources: 0,
            spread: Spread::Domains,
            taken: self.healthy.iter().map(|(_, node)| *node).collect(),
        };
        let ranking = world.placement().rank(&segment_seed(self.object.manifest.seed().as_bytes(), 0));
        let lens = self.parts.iter().map(|column| self.segment.shard_len(*column).expect("it is stored"));
        let owner = self.object.owner.clone();
        let mut placing = Placing::new(self.task, parts, &ranking, lens.collect(), owner, world);
        let step = placing.begin(world);
        self.placing = Some(placing);
        self.go_on(world, step)
    }

    fn go_on(&mut self, world: &mut World, step: Option<Step>) -> Result<(), Violation> {
        match step {
            None => Ok(()),
            Some(Step::Send(calls)) => self.send(world, calls),
            Some(Step::Finish(missing)) => {
                world.note(format_args!("{:?}: a round ends, missing {missing:?}", self.task));
                self.next_round(world)
            }
            Some(Step::GiveUp { placed }) => {
                world.note(format_args!("{:?}: a round gives up with {placed} parts placed", self.task));
                self.next_round(world)
            }
        }
    }

    fn next_round(&mut self, world: &mut World) -> Result<(), Violation> {
        if let Some(mut placing) = self.placing.take() {
            placing.drop_ready(world);
        }
        self.round(world)
    }

    fn send(&mut self, world: &mut World, calls: Vec<(PartIndex, CallId)>) -> Result<(), Violation> {
        let placing = self.placing.as_ref().expect("it told us to send");
        let target = |(part, call): (PartIndex, CallId)| {
            let node = placing.node(part).expect("a part that is sent has a node");
            Target { part, column: self.parts[part.0], node, call }
        };
        let targets = calls.into_iter().map(target).collect();
        let sources = self.healthy.clone();
        let transfer = Transfer::rebuilt(self.task, &self.object, self.segment, sources, targets, world)?;
        self.transfer = Some(transfer);
        self.settle(world)
    }

    fn settle(&mut self, world: &mut World) -> Result<(), Violation> {
        let Some(transferred) = self.transfer.as_mut().and_then(Transfer::finished) else { return Ok(()) };
        self.transfer = None;
        let Transferred { results, bad, too_few } = transferred;
        let mut last = None;
        for (target, result) in results {
            let Some(placing) = &mut self.placing else { break };
            let step = match result {
                Ok(lease) => {
                    self.healthy.push((target.column, lease.by()));
                    self.repaired.push((target.column, lease.by()));
                    placing.leased(world, target.part)
                }
                Err(failure) => placing.broken(world, target.part, failure),
            };
            last = step.or(last);
        }
        if too_few.is_some() {
            return self.end(world);
        }
        self.healthy.retain(|(column, _)| !bad.contains(column));
        self.lost.extend(bad);
        self.go_on(world, last)
    }

    /// What is claimed to be repaired is really there, on nodes that hold nothing else of the segment.
    fn end(&mut self, world: &mut World) -> Result<(), Violation> {
        self.is_over = true;
        if let Some(mut placing) = self.placing.take() {
            placing.drop_ready(world);
        }
        world.note(format_args!("{:?} ends: {} columns repaired", self.task, self.repaired.len()));
        let mut nodes = BTreeSet::new();
        for (_, node) in &self.healthy {
            let number = world.number(*node);
            if !nodes.insert(number) {
                return Err(Violation::FalseClaim(format!("node {number} has two columns after a repair")));
            }
        }
        for (column, node) in &self.repaired {
            let shard = &self.object.shards[&(0, *column)];
            let (number, node) = world.node(*node);
            let keeps = node.disk.get(&shard.hashed.root).is_some_and(|kept| kept.bytes == shard.bytes);
            if node.is_honest() && !keeps {
                let claim = format!("column {column} was repaired on node {number}, which does not have it");
                return Err(Violation::FalseClaim(claim));
            }
        }
        self.check_effort(world)
    }

    /// With enough sources and places on dependable nodes, everything is repaired.
    fn check_effort(&self, world: &World) -> Result<(), Violation> {
        let all_dependable = world.nodes().iter().all(super::node::Node::is_dependable);
        let stored = usize::from(self.segment.stored());
        let is_readable =
            world.held_by_good_nodes(&self.object, &self.segment) >= usize::from(self.segment.data_columns());
        if all_dependable && is_readable && self.healthy.len() < stored && world.nodes().len() >= stored {
            let reason = format!("{} columns of {stored} are healthy", self.healthy.len());
            return Err(Violation::Failed { what: "a repair among good nodes".into(), reason });
        }
        Ok(())
    }
}

impl Task for Repairing {
    fn name(&self) -> String {
        "repair".to_owned()
    }

    fn on(&mut self, world: &mut World, happening: Happening) -> Result<(), Violation> {
        if self.is_over {
            return Ok(());
        }
        let longest = self.object.shards.values().map(|shard| shard.bytes.len()).max().unwrap_or_default();
        let sending = world.nodes().iter().map(|node| node.line.time_of(longest)).max().unwrap_or_default();
        let (took, limit) = (world.now().since(self.began), REPAIR_WITHIN + sending * 6);
        if took > limit {
            return Err(Violation::TooSlow { what: "a repair".into(), took, limit });
        }
        if happening == Happening::Begin {
            return self.begin(world);
        }
        let step = self.placing.as_mut().and_then(|placing| placing.on(world, &happening));
        if let Some(transfer) = &mut self.transfer {
            transfer.on(world, &happening)?;
        }
        self.go_on(world, step)?;
        self.settle(world)
    }

    fn is_over(&self) -> bool {
        self.is_over
    }
}
