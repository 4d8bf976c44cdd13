//! Where what is made again is put: the real plan of `client` chooses, and nodes that are full or away say no.

use std::collections::{HashSet, VecDeque};

use client::Moment;
use client::health::Health;
use client::plan::Failure;
use client::plan::upload::{Action, Event, Parts, Spread, Upload};
use protocol::PublicKey;

use super::network::{Network, UnitId};

/// What is to be placed.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) unit: UnitId,
    pub(super) parts: &'a [u8],
    /// Nodes whose failure domains are taken.
    pub(super) taken: Vec<PublicKey>,
    /// Nodes that are asked last.
    pub(super) last: HashSet<PublicKey>,
    pub(super) spread: Spread,
}

/// What found a place, and how often a full node said no.
#[derive(Debug, Default)]
pub(super) struct Placed {
    pub(super) places: Vec<(u8, usize)>,
    pub(super) refused_by_full: u64,
}

/// Performs the plan; all happens at one time.
pub(super) fn place(network: &Network, steward: usize, wanted: Wanted<'_>, now: u64) -> Placed {
    let mut placed = Placed::default();
    if wanted.parts.is_empty() {
        return placed;
    }
    let mut ranking = network.ranking_for_more(wanted.unit, &wanted.taken);
    ranking.sort_by_key(|node| wanted.last.contains(&node.id));
    let parts = Parts {
        count: wanted.parts.len(),
        needed: 1,
        sources: 0,
        spread: wanted.spread,
        taken: wanted.taken,
    };
    let (mut health, at) = (Health::new(), Moment::default());
    let mut plan = Upload::new(parts, &ranking, at, &health);
    let mut events = VecDeque::from([Event::Begin]);
    while let Some(event) = events.pop_front() {
        plan.handle(at, event, &mut health);
        while let Some(action) = plan.next_action() {
            match action {
                Action::Offer { part, node, .. } => {
                    let node = network.index(&node);
                    let is_full = network.nodes[node].full_until > now;
                    placed.refused_by_full += u64::from(is_full);
                    events.push_back(if !network.reaches(steward, node, now) {
                        Event::Refused(part, Failure::Unreachable)
                    } else if is_full {
                        Event::Refused(part, Failure::Refused)
                    } else {
                        Event::Accepted(part)
                    });
                }
                Action::Send(sent) => {
                    for part in sent {
                        let node = plan.node(part).expect("what is sent has a node");
                        placed.places.push((wanted.parts[part.0], network.index(&node)));
                        events.push_back(Event::Leased(part));
                    }
                }
                Action::Finish { .. } | Action::GiveUp { .. } => return placed,
            }
        }
    }
    placed
}
