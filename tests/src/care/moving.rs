//! Moves of parts as `steward` performs them: claimed, looked at anew, copied to the first node that takes it, and proved
//! there. What was copied stays where it was until its lease ends.

use protocol::PublicKey;
use steward::plan::{Event, Finding, Found, Misplaced, MoveEnd, Place, Reason};

use super::checks::beside;
use super::clock::DAY;
use super::keepers::Keeper;
use super::network::{Copy, Network, UnitId};
use super::report::Sabotage;

/// A copy that is there already must be leased for so long, or it is put again.
const LEASE_LEFT_MIN: u64 = 30 * DAY;

/// A move under way.
#[derive(Debug)]
pub(super) struct Relocation {
    pub(super) unit: UnitId,
    pub(super) misplaced: Misplaced,
    /// The nodes of all parts.
    pub(super) at: Vec<PublicKey>,
    pub(super) until: u64,
}

/// What a move did.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) event: Event,
    /// True when a part is elsewhere now.
    pub(super) is_done: bool,
    /// What must not be.
    pub(super) wrong: Option<String>,
}

impl Relocation {
    pub(super) fn ended(&self, refused: Vec<PublicKey>, end: MoveEnd) -> Event {
        Event::Moved { cid: self.unit.0, unit: self.unit.1, refused, end }
    }

    fn place(&self, network: &Network) -> Place {
        network.kept_as(&Place { cid: self.unit.0, unit: self.unit.1, part: self.misplaced.part })
    }
}

impl Keeper {
    /// Performs a move that was claimed.
    pub(super) fn relocate(&self, network: &mut Network, order: &Relocation, now: u64) -> Moved {
        network.end_claims(self.number, Some(order.unit), now);
        let mut believed: Vec<_> = order.at.iter().copied().map(Some).collect();
        let before = network.look_at(self.number, order.unit, &believed, now);
        let is_as_believed = |(finding, node): (&Finding, &Option<PublicKey>)| {
            finding.found == Found::Proved && finding.node == *node
        };
        let ended = |refused, end| Moved { event: order.ended(refused, end), is_done: false, wrong: None };
        if !before.iter().zip(&believed).all(is_as_believed) {
            return ended(Vec::new(), MoveEnd::Surprised(before));
        }
        if self.sabotage == Sabotage::NeverMoves {
            return ended(Vec::new(), MoveEnd::Failed);
        }
        let mut refused = Vec::new();
        for to in self.targets(network, order) {
            if !self.copy(network, order, to, now) {
                refused.push(to);
                continue;
            }
            believed[usize::from(order.misplaced.part)] = Some(to);
            let after = network.look_at(self.number, order.unit, &believed, now);
            let wrong = beside(network, order.unit, &before, order.misplaced.part, to);
            return Moved { event: order.ended(refused, MoveEnd::Audited(after)), is_done: true, wrong };
        }
        ended(refused, MoveEnd::Failed)
    }

    /// Copies the part, unless it is there under a lease that lasts. False when the node does not take it or does not
    /// give it back.
    fn copy(&self, network: &mut Network, order: &Relocation, to: PublicKey, now: u64) -> bool {
        let (kept, node) = (order.place(network), network.index(&to));
        if !network.reaches(self.number, node, now) {
            return false;
        }
        let is_full = network.nodes[node].full_until > now;
        let put = Copy { is_sound: true, expires: order.until, made: None };
        let copies = &mut network.nodes[node].copies;
        match copies.get_mut(&kept) {
            Some(copy) if copy.expires >= order.until.min(now + LEASE_LEFT_MIN) => {}
            _ if is_full => return false,
            Some(copy) => copy.expires = copy.expires.max(order.until),
            None => drop(copies.insert(kept, put)),
        }
        // Reading back shows the node too what is rotten: it says no more that it has it, and the next put is stored.
        let is_sound = copies[&kept].is_sound;
        if !is_sound {
            copies.remove(&kept);
        }
        is_sound
    }

    /// Nodes with an old copy of another part of the segment are the last choice, and none for what could as well stay.
    fn targets(&self, network: &Network, order: &Relocation) -> Vec<PublicKey> {
        if self.sabotage == Sabotage::MovesBeside {
            let own = order.at[usize::from(order.misplaced.part)];
            return order.at.iter().copied().filter(|node| *node != own).collect();
        }
        let own = order.place(network);
        let is_other = |place: &Place| (place.cid, place.unit) == order.unit && *place != own;
        let has_another = |to: &PublicKey| network.nodes[network.index(to)].copies.keys().any(is_other);
        let (littered, mut clean): (Vec<_>, Vec<_>) =
            order.misplaced.to.iter().copied().partition(|to| has_another(to));
        if order.misplaced.reason <= Reason::Shared {
            clean.extend(littered);
        }
        clean
    }
}
