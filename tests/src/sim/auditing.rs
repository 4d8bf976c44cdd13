//! Audits an object, and holds the findings against what nodes really have.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use client::Moment;
use client::plan::audit::{Action, Audit, Event, Finding, Verdict};
use client::plan::{Failure, RequestId};
use proofs::Challenge;
use protocol::{BoundedList, PublicKey, Request, Response};

use super::calls::{CallId, Happening, Heard, TaskId};
use super::object::Object;
use super::placing::failure;
use super::run::Task;
use super::violation::{Sabotage, Violation};
use super::world::World;

/// Leaves of every challenge, besides the last one of its shard.
const LEAVES: u32 = 8;
/// How long an audit of one segment may take: a challenge to every node that claims a shard, one after the other.
const AUDIT_WITHIN: Duration = Duration::from_secs(90);

/// What an audit found, for a repair.
pub(crate) type Findings = Arc<Mutex<Vec<Finding>>>;

enum Purpose {
    Proof { request: RequestId, challenge: Challenge, header: bool, proof: Vec<u8> },
    Question { node: PublicKey, segment: u32 },
}

pub(crate) struct Auditing {
    task: TaskId,
    object: Arc<Object>,
    seed: [u8; 32],
    plan: Audit,
    purposes: BTreeMap<CallId, Purpose>,
    findings: Findings,
    began: Moment,
    sabotage: Sabotage,
    is_over: bool,
}

impl Auditing {
    pub(crate) fn new(
        task: TaskId,
        object: Arc<Object>,
        seed: [u8; 32],
        findings: Findings,
        sabotage: Sabotage,
        world: &World,
    ) -> Self {
        let plan = Audit::new(*object.geometry(), object.manifest.seed().as_bytes(), &world.placement());
        let (purposes, began) = (BTreeMap::new(), world.now());
        Self { task, object, seed, plan, purposes, findings, began, sabotage, is_over: false }
    }

    fn tell(&mut self, world: &mut World, event: Event) -> Result<(), Violation> {
        self.plan.handle(world.now(), event, &mut world.health);
        while let Some(action) = self.plan.next_action() {
            match action {
                Action::Prove { request, node, segment, column, within } => {
                    let challenge = self.challenge(segment, column);
                    let message = Request::Prove { challenge: challenge.clone() };
                    let call = world.call(self.task, node, message, within);
                    let purpose = Purpose::Proof { request, challenge, header: false, proof: Vec::new() };
                    self.purposes.insert(call, purpose);
                }
                Action::Ask { node, segment, within } => {
                    let request = Request::Stat {
                        roots: BoundedList::new(self.object.roots(segment)).expect("at most 255 columns"),
                        control: self.object.owner.control.public(),
                    };
                    let call = world.call(self.task, node, request, within);
                    self.purposes.insert(call, Purpose::Question { node, segment });
                }
                Action::Finish(findings) => {
                    self.is_over = true;
                    for finding in &findings {
                        world.note(format_args!("{finding:?}"));
                        self.check(world, finding, &findings)?;
                    }
                    *self.findings.lock().expect("nobody panics") = findings;
                }
            }
        }
        Ok(())
    }

    fn challenge(&self, segment: u32, column: chunker::Column) -> Challenge {
        let hashed = &self.object.shards[&(segment, column)].hashed;
        let drawn = Challenge::draw(hashed.root, hashed.len, self.seed, LEAVES).expect("a few leaves");
        let mut leaves: Vec<_> = drawn.leaves().collect();
        if leaves.last() != Some(&(hashed.len.leaves() - 1)) {
            leaves.push(hashed.len.leaves() - 1);
        }
        Challenge::new(hashed.root, hashed.len, &leaves).expect("ascending leaves")
    }

    /// Nothing is called proved that the node does not have, and no good node is accused.
    fn check(&self, world: &World, finding: &Finding, all: &[Finding]) -> Result<(), Violation> {
        let shard = &self.object.shards[&(finding.segment, finding.column)];
        let challenge = self.challenge(finding.segment, finding.column);
        let false_claim = |what: &str| Err(Violation::FalseClaim(format!("{what}: {finding:?}")));
        if finding.verdict == Verdict::Proved {
            let Some(node) = finding.node else { return false_claim("proved by nobody") };
            let node = &world.nodes()[world.number(node)];
            let kept = node.disk.get(&shard.hashed.root);
            let has_leaf = |leaf: u32| {
                let leaf = usize::try_from(leaf).expect("below 2^18") * 1024;
                let range = leaf..(leaf + 1024).min(shard.bytes.len());
                kept.is_some_and(|kept| kept.bytes.get(range.clone()) == shard.bytes.get(range))
            };
            let was_wiped = node.was_wiped || node.outages.iter().any(|outage| outage.is_wiped);
            if !was_wiped && !challenge.leaves().all(has_leaf) {
                return false_claim("called proved without the leaves");
            }
            return Ok(());
        }
        // With one data column all shards have the same root: who proved one of them does not have another.
        let proved_another = |id: PublicKey| {
            all.iter().any(|other| other.verdict == Verdict::Proved && other.node == Some(id))
        };
        let keeps = |node: &&super::node::Node| {
            !proved_another(node.id)
                && node.disk.get(&shard.hashed.root).is_some_and(|kept| kept.bytes == shard.bytes)
        };
        let accused = finding.node.map(|node| world.number(node));
        let is_accused = |node: &&super::node::Node| Some(world.number(node.id)) == accused;
        let dependable = || world.nodes().iter().filter(|node| node.is_dependable()).filter(keeps);
        if finding.verdict == Verdict::Damaged && dependable().any(|node| is_accused(&node)) {
            return false_claim("a good node is accused");
        }
        if finding.verdict == Verdict::Gone && dependable().next().is_some() {
            return false_claim("called gone although a good node has it");
        }
        if dependable().next().is_some() {
            return false_claim("not proved although a good node has it");
        }
        Ok(())
    }

    fn heard(&mut self, world: &mut World, call: CallId, heard: &Heard) -> Result<(), Violation> {
        match self.purposes.get_mut(&call) {
            None => Ok(()),
            Some(&mut Purpose::Question { node, segment }) => {
                let Heard::Header(Response::Held { shards }) = heard else {
                    return self.ended(world, call, Event::Told { node, segment, held: None });
                };
                let held = self.object.claimed(segment, shards);
                self.ended(world, call, Event::Told { node, segment, held })
            }
            Some(Purpose::Proof { request, challenge, header, proof }) => {
                let request = *request;
                let event = match heard {
                    Heard::Header(Response::Proof) if !*header => {
                        *header = true;
                        return Ok(());
                    }
                    Heard::Bytes(bytes) => {
                        proof.extend_from_slice(bytes);
                        if proof.len() as u64 <= challenge.leaf_set().slice_len() {
                            return Ok(());
                        }
                        Event::Failed(request, Failure::Wrong)
                    }
                    Heard::End if *header && challenge.verify(proof).is_ok() => Event::Proved(request),
                    other => Event::Failed(request, failure(other)),
                };
                self.ended(world, call, event)
            }
        }
    }

    fn ended(&mut self, world: &mut World, call: CallId, event: Event) -> Result<(), Violation> {
        self.purposes.remove(&call);
        world.cancel(call);
        let event = match event {
            Event::Failed(request, failure)
                if failure != Failure::Late && self.sabotage == Sabotage::BelievesProofs =>
            {
                Event::Proved(request)
            }
            event => event,
        };
        world.note(format_args!("{:?}: {event:?}", self.task));
        self.tell(world, event)
    }
}

impl Task for Auditing {
    fn name(&self) -> String {
        "audit".to_owned()
    }

    fn on(&mut self, world: &mut World, happening: Happening) -> Result<(), Violation> {
        if self.is_over {
            return Ok(());
        }
        let took = world.now().since(self.began);
        if took > AUDIT_WITHIN {
            return Err(Violation::TooSlow { what: "an audit".into(), took, limit: AUDIT_WITHIN });
        }
        match happening {
            Happening::Begin => self.tell(world, Event::Begin),
            Happening::Alarm(_) => Ok(()),
            Happening::Heard { call, heard } => self.heard(world, call, &heard),
            Happening::Late { call } => match self.purposes.remove(&call) {
                None => Ok(()),
                Some(Purpose::Proof { request, .. }) => {
                    self.ended(world, call, Event::Failed(request, Failure::Late))
                }
                Some(Purpose::Question { node, segment }) => {
                    self.ended(world, call, Event::Told { node, segment, held: None })
                }
            },
        }
    }

    fn is_over(&self) -> bool {
        self.is_over
    }
}
