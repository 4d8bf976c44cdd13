//! Performing an upload plan: offers go out, and come back as uploads that are ready for their bytes.

use std::collections::HashMap;

use proofs::ShardLen;
use protocol::{Mandate, PublicKey, Signed, UnixSeconds};
use tokio::task::JoinSet;

use crate::placement::Ranked;
use crate::plan::Failure;
use crate::plan::upload::{Action, Event, PartIndex, Parts, Upload as Plan};
use crate::wire::{Upload, Wire, WireError};

/// Under whose leave, and for how long, parts are put.
#[derive(Debug, Clone)]
pub(crate) struct Leave {
    pub(crate) mandate: Signed<Mandate>,
    pub(crate) expires: UnixSeconds,
}

/// An upload plan with the nodes' answers so far.
#[derive(Debug)]
pub(crate) struct Placing {
    wire: Wire,
    plan: Plan,
    /// The most bytes of each part.
    lens: Vec<ShardLen>,
    leave: Leave,
    offers: JoinSet<(PartIndex, Result<Upload, WireError>)>,
    ready: HashMap<PartIndex, Upload>,
    reasons: HashMap<PartIndex, String>,
    has_begun: bool,
}

/// What to do once all offers are answered.
#[derive(Debug)]
pub(crate) enum Step {
    /// Send these parts; report each as leased or broken, then ask for the next step.
    Send(Vec<(PartIndex, Upload)>),
    /// Done; these have no place.
    Finish(Vec<PartIndex>),
    /// Too few have a place.
    GiveUp { placed: usize },
}

impl Placing {
    pub(crate) fn new(
        wire: Wire,
        parts: Parts,
        ranking: &[Ranked],
        lens: Vec<ShardLen>,
        leave: Leave,
    ) -> Self {
        let plan = Plan::new(parts, ranking, wire.now(), &wire.health());
        Self {
            wire,
            plan,
            lens,
            leave,
            offers: JoinSet::new(),
            ready: HashMap::new(),
            reasons: HashMap::new(),
            has_begun: false,
        }
    }

    /// Offers parts to nodes until it is clear what to send where.
    pub(crate) async fn next(&mut self) -> Step {
        if !std::mem::replace(&mut self.has_begun, true) {
            self.feed(Event::Begin);
        }
        loop {
            if let Some(step) = self.perform() {
                return step;
            }
            let answer = self.offers.join_next().await.expect("the plan waits for the answer to an offer");
            match answer.expect("an offer does not panic and is not cancelled") {
                (part, Ok(upload)) => {
                    self.ready.insert(part, upload);
                    self.feed(Event::Accepted(part));
                }
                (part, Err(error)) => {
                    self.note(part, &error);
                    self.feed(Event::Refused(part, error.failure()));
                }
            }
        }
    }

    /// A part that was sent is safe.
    pub(crate) fn leased(&mut self, part: PartIndex) {
        self.feed(Event::Leased(part));
    }

    /// A part that was sent did not arrive.
    pub(crate) fn broken(&mut self, part: PartIndex, failure: Failure, reason: String) {
        self.reasons.insert(part, reason);
        self.feed(Event::Broken(part, failure));
    }

    /// The node of a part.
    pub(crate) fn node(&self, part: PartIndex) -> Option<PublicKey> {
        self.plan.node(part)
    }

    /// Why a part has no place, in words.
    pub(crate) fn reason(&self, part: PartIndex) -> String {
        self.reasons.get(&part).cloned().unwrap_or_else(nobody)
    }

    /// The reason of any part.
    pub(crate) fn any_reason(&self) -> String {
        let last = self.reasons.iter().max_by_key(|(part, _)| **part);
        last.map_or_else(nobody, |(_, reason)| reason.clone())
    }

    fn feed(&mut self, event: Event) {
        self.plan.handle(self.wire.now(), event, &mut self.wire.health());
    }

    fn perform(&mut self) -> Option<Step> {
        while let Some(action) = self.plan.next_action() {
            match action {
                Action::Offer { part, node, within } => {
                    let (wire, leave, len) = (self.wire.clone(), self.leave.clone(), self.lens[part.0]);
                    self.offers.spawn(async move {
                        (part, wire.offer(node, len, leave.expires, &leave.mandate, within).await)
                    });
                }
                Action::Send(parts) => {
                    let uploads = parts.into_iter().map(|part| {
                        (part, self.ready.remove(&part).expect("the plan sends what was accepted"))
                    });
                    return Some(Step::Send(uploads.collect()));
                }
                Action::Finish { missing } => return Some(Step::Finish(missing)),
                Action::GiveUp { placed } => return Some(Step::GiveUp { placed }),
            }
        }
        None
    }

    fn note(&mut self, part: PartIndex, error: &WireError) {
        tracing::debug!(part = part.0, %error, "offer refused");
        self.reasons.insert(part, error.to_string());
    }
}

/// Why a part has no place that no node refused.
fn nobody() -> String {
    "there is no other node that could take it".to_owned()
}
