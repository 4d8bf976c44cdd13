//! Performs an upload plan: offers go out and come back as calls that wait for a body.

use std::collections::BTreeMap;
use std::time::Duration;

use client::placement::Ranked;
use client::plan::Failure;
use client::plan::upload::{Action, Event, PartIndex, Parts, Upload};
use proofs::{Root, ShardLen};
use protocol::{Lease, PublicKey, Request, Response, Signed, Unverified};

use super::calls::{CallId, Happening, Heard, TaskId};
use super::fetch::failure_of;
use super::storing::{EXPIRES, NETWORK, Owner};
use super::world::World;

/// How long a node that is uploaded to may take nothing, and then make its mind up about the lease.
pub(crate) const LEASE_WITHIN: Duration = Duration::from_secs(5);

/// What to do once all offers are answered.
#[derive(Debug)]
pub(crate) enum Step {
    /// Send these parts over these calls.
    Send(Vec<(PartIndex, CallId)>),
    Finish(Vec<PartIndex>),
    GiveUp {
        placed: usize,
    },
}

pub(crate) struct Placing {
    task: TaskId,
    plan: Upload,
    lens: Vec<ShardLen>,
    owner: Owner,
    offers: BTreeMap<CallId, PartIndex>,
    ready: BTreeMap<PartIndex, CallId>,
}

impl Placing {
    pub(crate) fn new(
        task: TaskId,
        parts: Parts,
        ranking: &[Ranked],
        lens: Vec<ShardLen>,
        owner: Owner,
        world: &World,
    ) -> Self {
        let plan = Upload::new(parts, ranking, world.now(), &world.health);
        Self { task, plan, lens, owner, offers: BTreeMap::new(), ready: BTreeMap::new() }
    }

    pub(crate) fn begin(&mut self, world: &mut World) -> Option<Step> {
        self.tell(world, Event::Begin)
    }

    pub(crate) fn on(&mut self, world: &mut World, happening: &Happening) -> Option<Step> {
        let (call, failure) = match happening {
            Happening::Heard { call, heard: Heard::Header(Response::Go) } => (*call, None),
            Happening::Heard { call, heard } => (*call, Some(failure(heard))),
            Happening::Late { call } => (*call, Some(Failure::Late)),
            Happening::Begin | Happening::Alarm(_) => return None,
        };
        if let Some(part) = self.offers.remove(&call) {
            let Some(failure) = failure else {
                world.hold(call);
                self.ready.insert(part, call);
                return self.tell(world, Event::Accepted(part));
            };
            world.cancel(call);
            world.note(format_args!("{:?}: {part:?} is not taken: {failure:?}", self.task));
            return self.tell(world, Event::Refused(part, failure));
        }
        None
    }

    pub(crate) fn leased(&mut self, world: &mut World, part: PartIndex) -> Option<Step> {
        self.tell(world, Event::Leased(part))
    }

    pub(crate) fn broken(&mut self, world: &mut World, part: PartIndex, failure: Failure) -> Option<Step> {
        world.note(format_args!("{:?}: {part:?} broke: {failure:?}", self.task));
        self.tell(world, Event::Broken(part, failure))
    }

    pub(crate) fn node(&self, part: PartIndex) -> Option<PublicKey> {
        self.plan.node(part)
    }

    fn tell(&mut self, world: &mut World, event: Event) -> Option<Step> {
        self.plan.handle(world.now(), event, &mut world.health);
        while let Some(action) = self.plan.next_action() {
            match action {
                Action::Offer { part, node, within } => {
                    let mandate = Unverified::from(&self.owner.mandate);
                    let request = Request::Put { max_len: self.lens[part.0], expires: EXPIRES, mandate };
                    let call = world.call(self.task, node, request, within);
                    self.offers.insert(call, part);
                }
                Action::Send(parts) => {
                    let calls = parts.into_iter().filter_map(|part| Some((part, self.ready.remove(&part)?)));
                    return Some(Step::Send(calls.collect()));
                }
                Action::Finish { missing } => return Some(Step::Finish(missing)),
                Action::GiveUp { placed } => return Some(Step::GiveUp { placed }),
            }
        }
        None
    }

    /// Gives up all that was accepted and never sent.
    pub(crate) fn drop_ready(&mut self, world: &mut World) {
        for (_, call) in std::mem::take(&mut self.ready) {
            world.cancel(call);
        }
    }
}

/// The lease in an answer, if it is for what was sent.
pub(crate) fn lease_of(
    heard: &Heard,
    node: PublicKey,
    (root, len): (Root, ShardLen),
    control: PublicKey,
) -> Result<Signed<Lease>, Failure> {
    let Heard::Header(Response::Leased { lease }) = heard else { return Err(failure(heard)) };
    let lease = lease.verify(&NETWORK).map_err(|_| Failure::Wrong)?;
    let body = lease.body();
    let is_right =
        lease.by() == node && body.root() == root && body.len() == len && body.control() == control;
    if is_right { Ok(lease) } else { Err(Failure::Wrong) }
}

/// What an answer that was not hoped for amounts to.
pub(crate) fn failure(heard: &Heard) -> Failure {
    match heard {
        Heard::Header(Response::Refused(refusal)) => failure_of(refusal.code()),
        Heard::Reset(code) => failure_of(*code),
        Heard::Broken => Failure::Unreachable,
        Heard::Header(_) | Heard::Bytes(_) | Heard::End => Failure::Wrong,
    }
}
