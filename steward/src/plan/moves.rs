//! Moving parts to where they should be, a few at a time, as nodes join, change and leave.

use std::cell::Cell;

use proofs::Cid;
use protocol::{PublicKey, UnixSeconds};

use super::{Action, Found, Misplaced, MoveEnd, Nodes, Object, Plan, Settled, Standing, Welcome, misplaced};

/// Scores that are worked out in one go, one for each node and unit; the other units follow a moment later.
const SCORES_AT_ONCE: usize = 200_000;

/// A unit of which no part could be moved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pause {
    /// Failures in a row.
    failures: u32,
    until: UnixSeconds,
}

/// What there is to move of a unit now.
enum Wish {
    Nothing,
    /// A part should move, and cannot before this.
    Later(UnixSeconds),
    /// The nodes of all parts, and the part.
    Now(Vec<PublicKey>, Misplaced),
}

impl Plan {
    /// Has the places of an object looked at then, or sooner, all of them.
    pub(super) fn look_at_places(&mut self, cid: Cid, at: UnixSeconds) {
        self.looked_up_to.remove(&cid);
        self.go_on_looking_at_places(cid, at);
    }

    fn go_on_looking_at_places(&mut self, cid: Cid, at: UnixSeconds) {
        if self.network.is_some() && self.places.at(&cid).is_none_or(|planned| planned > at) {
            self.places.set(cid, Some(at));
        }
    }

    /// When the next move may begin, if any is to be thought of.
    pub(super) fn next_move(&self) -> Option<UnixSeconds> {
        let first = self.places.first().filter(|_| self.moving.len() < self.rules.moves_abreast)?;
        Some(self.next_move.map_or(first, |pause| pause.max(first)))
    }

    pub(super) fn start_moves(&mut self, now: UnixSeconds) {
        let nodes = self.network.as_ref().map_or(0, |nodes| nodes.placement.len());
        let mut units_left = (SCORES_AT_ONCE / nodes.max(1)).max(1);
        while units_left > 0 && self.next_move().is_some_and(|at| at.has_passed(now)) {
            let Some(cid) = self.places.take_due(now) else { return };
            let Some(object) = self.objects.get(&cid) else { continue };
            let first = self.looked_up_to.remove(&cid).unwrap_or_default();
            let all = object.units.len();
            let end = all.min(first + units_left);
            units_left -= (end - first).clamp(1, units_left);
            if let Some(unit) = (first..end).find(|unit| self.start_move(cid, *unit, now)) {
                self.looked_up_to.insert(cid, unit);
            } else if end < all {
                self.looked_up_to.insert(cid, end);
                self.places.set(cid, Some(now));
            } else {
                let paused = self.paused.range((cid, 0)..=(cid, u32::MAX)).map(|(_, pause)| pause.until);
                self.places.set(cid, paused.min());
            }
        }
    }

    /// Begins to move a part of a unit, if one should move, and can.
    fn start_move(&mut self, cid: Cid, unit: usize, now: UnixSeconds) -> bool {
        let unit = u32::try_from(unit).expect("an object has at most 32 736 segments");
        if self.paused.get(&(cid, unit)).is_some_and(|pause| !pause.until.has_passed(now)) {
            return false;
        }
        let (at, misplaced) = match self.misplaced_part(&cid, unit, now) {
            Wish::Now(at, misplaced) => (at, misplaced),
            Wish::Later(until) => {
                self.paused.entry((cid, unit)).or_insert(Pause { failures: 0, until }).until = until;
                return false;
            }
            Wish::Nothing => {
                self.paused.remove(&(cid, unit));
                return false;
            }
        };
        let Some(until) = self.objects[&cid].lease_goal(&self.rules, now) else { return false };
        self.moving.insert((cid, unit));
        self.next_move = Some(now.plus(self.rules.move_every));
        self.actions.push_back(Action::Move { cid, unit, misplaced, at, until });
        true
    }

    fn misplaced_part(&self, cid: &Cid, unit: u32, now: UnixSeconds) -> Wish {
        let (Some(object), Some(nodes)) = (self.objects.get(cid), self.network.as_ref()) else {
            return Wish::Nothing;
        };
        if object.inconsistent.is_some() {
            return Wish::Nothing;
        }
        // Whatever hinders it, a node that leaves does not wait for the next audit.
        let must_move = leaves(object, unit, nodes).then(|| now.plus(self.rules.retry_max));
        let otherwise = |again: Option<UnixSeconds>| again.map_or(Wish::Nothing, Wish::Later);
        let is_busy = self.repairing.contains(&(*cid, unit)) || self.moving.contains(&(*cid, unit));
        let Some(at) = self.settled_at(object, unit).filter(|_| !is_busy) else {
            return otherwise(must_move);
        };
        let (seed, are_shards) = (object.seed_of_places(cid, unit), unit != object.copies());
        let settled = Settled { at: &at, seed: &seed, required: &object.required, are_shards };
        // Only nodes are asked about to which something should move.
        let again = Cell::new(must_move);
        let welcome = |node: &PublicKey| match self.shunned.get(node) {
            Some(until) if !until.has_passed(now) => {
                again.set(Some(again.get().map_or(*until, |first| first.min(*until))));
                Welcome::No
            }
            _ => self.welcome(node, now),
        };
        match misplaced(&settled, nodes, welcome) {
            Some(found) => Wish::Now(at, found),
            None => otherwise(again.get()),
        }
    }

    /// Whether a node that has refused nothing lately is given what moves.
    fn welcome(&self, node: &PublicKey, now: UnixSeconds) -> Welcome {
        let care = self.nodes.get(node);
        if care.is_some_and(|care| care.offline_since.is_some()) {
            return Welcome::No;
        }
        let is_avoided = care.is_some_and(|care| care.score.standing(now) == Standing::Avoided);
        let is_settled = self.survey.is_settled(node, &self.rules, now);
        if is_avoided || !is_settled { Welcome::IfNoOther } else { Welcome::Yes }
    }

    /// The nodes of all parts of a unit of which nothing is missing; what is lost is repaired first.
    fn settled_at(&self, object: &Object, unit: u32) -> Option<Vec<PublicKey>> {
        let parts = object.units[unit as usize].parts.iter();
        let node = |part: &super::PartCare| {
            part.node.filter(|node| part.found == Found::Proved && self.offline_since(node).is_none())
        };
        parts.map(node).collect()
    }

    pub(super) fn moved(
        &mut self,
        cid: Cid,
        unit: u32,
        refused: &[PublicKey],
        end: MoveEnd,
        now: UnixSeconds,
    ) {
        self.moving.remove(&(cid, unit));
        self.shunned.retain(|_, until| !until.has_passed(now));
        let shun = now.plus(self.rules.retry_max);
        self.shunned.extend(refused.iter().map(|node| (*node, shun)));
        let wait = match end {
            MoveEnd::Audited(findings) => {
                self.take_findings(cid, &findings, now);
                None
            }
            MoveEnd::Surprised(findings) => {
                self.take_findings(cid, &findings, now);
                let failures = self.paused.get(&(cid, unit)).map_or(0, |pause| pause.failures);
                Some(self.rules.backoff(failures.saturating_add(1)))
            }
            MoveEnd::PutOff => Some(self.rules.turn_within),
            MoveEnd::Failed => Some(self.rules.retry_max),
        };
        match wait {
            Some(wait) => self.pause(cid, unit, wait, now),
            None => {
                self.paused.remove(&(cid, unit));
            }
        }
        // The other units wait for nothing.
        self.go_on_looking_at_places(cid, now);
        self.reconsider(cid, now);
    }

    fn pause(&mut self, cid: Cid, unit: u32, wait: u64, now: UnixSeconds) {
        let until = now.plus(self.dice.around(wait).max(1));
        let pause = self.paused.entry((cid, unit)).or_insert(Pause { failures: 0, until });
        *pause = Pause { failures: pause.failures.saturating_add(1), until };
    }
}

/// Whether a part of a unit is believed to be at a node that leaves.
fn leaves(object: &Object, unit: u32, nodes: &Nodes) -> bool {
    let parts = &object.units[unit as usize].parts;
    !nodes.leaving.is_empty()
        && parts.iter().filter_map(|part| part.node).any(|node| nodes.leaving.contains(&node))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use chunker::{CellSize, Geometry};
    use client::placement::{Placement, Site};
    use protocol::{SecretKey, Tags};

    use super::*;
    use crate::plan::{Event, Finding, Place, Reason, Rules};

    const START: UnixSeconds = UnixSeconds::new(1_000_000_000);

    fn node(number: u8) -> PublicKey {
        SecretKey::from_bytes(&[number + 1; 32]).public()
    }

    fn cid() -> Cid {
        Cid::of(b"object")
    }

    /// Nodes 0 to 7, of which these leave and the last one was another one before.
    fn nodes(leaving: &[u8], former: Option<PublicKey>) -> Event {
        let site = |number| Site {
            id: node(number),
            class: 0,
            addr: "127.0.0.1:1".parse().unwrap(),
            declared: None,
        };
        let sites: Vec<_> = (0..8).map(site).collect();
        let leaving: BTreeSet<_> = leaving.iter().map(|number| node(*number)).collect();
        let placement = Placement::new(&sites, true).with_closed(leaving.iter().copied().collect());
        let former: BTreeMap<_, _> = former.into_iter().map(|former| (former, node(7))).collect();
        let tags = sites.iter().map(|site| (site.id, Tags::default())).collect();
        Event::Nodes(Box::new(Nodes { placement: Arc::new(placement), leaving, former, tags }))
    }

    /// A 4+2 object with its parts, and the copies of its manifest, on these nodes.
    fn findings(at: &[PublicKey]) -> Vec<Finding> {
        let parts = (0..2).flat_map(|unit| (0_u8..6).map(move |part| (unit, part)));
        let finding = |(unit, part): (u32, u8)| Finding {
            unit,
            part,
            node: Some(at[usize::from(part)]),
            found: Found::Proved,
        };
        parts.map(finding).collect()
    }

    /// A plan that knows of an object on some of the nodes.
    fn settled(at: &[PublicKey]) -> Plan {
        let geometry = Geometry::new("4+2".parse().unwrap(), CellSize::LARGEST, 100).unwrap();
        let ends = START.plus(1000 * 86_400);
        let object = Object::new(&geometry, ends, ends, Vec::new(), START);
        let seed = [1; 32];
        let mut plan = Plan::new(Rules::default(), node(100), seed, BTreeMap::new(), BTreeMap::new(), START);
        plan.handle(START, Event::Added(cid(), Box::new(object)));
        plan.handle(START, Event::ObjectAudited(cid(), findings(at)));
        moves(&mut plan);
        plan
    }

    fn moves(plan: &mut Plan) -> Vec<(u32, Misplaced)> {
        let actions = std::iter::from_fn(|| plan.next_action());
        let moves = actions.filter_map(|action| match action {
            Action::Move { unit, misplaced, .. } => Some((unit, misplaced)),
            _ => None,
        });
        moves.collect()
    }

    #[test]
    fn what_a_node_that_leaves_has_moves_one_part_after_the_other() {
        let at: Vec<_> = (0..6).map(node).collect();
        let mut plan = settled(&at);
        plan.handle(START, nodes(&[2], None));
        let first = moves(&mut plan);
        let [(unit, Misplaced { part: 2, reason: Reason::Leaving, to })] = &first[..] else {
            panic!("{first:?}")
        };
        assert!(to.iter().all(|to| [node(6), node(7)].contains(to)) && to.len() == 2);
        plan.handle(START.plus(100), Event::Wake);
        assert_eq!(moves(&mut plan), [], "one at a time");

        let mut found = findings(&at);
        let moved = found.iter_mut().find(|finding| (finding.unit, finding.part) == (*unit, 2)).unwrap();
        moved.node = Some(to[0]);
        let end = MoveEnd::Audited(found.into_iter().filter(|finding| finding.unit == *unit).collect());
        plan.handle(START.plus(1), Event::Moved { cid: cid(), unit: *unit, refused: vec![], end });
        assert_eq!(plan.object(&cid()).unwrap().units[*unit as usize].parts[2].node, Some(to[0]));
        assert_eq!(moves(&mut plan), [], "not so soon");
        let pause = Rules::default().move_every;
        assert!(plan.wake_at().unwrap() <= START.plus(pause));
        plan.handle(START.plus(pause), Event::Wake);
        let second = moves(&mut plan);
        assert!(matches!(&second[..], [(other, Misplaced { part: 2, .. })] if other != unit), "{second:?}");
    }

    #[test]
    fn who_refuses_is_not_asked_again_for_a_while_and_what_failed_holds_up_nothing_else() {
        let at: Vec<_> = (0..6).map(node).collect();
        let mut plan = settled(&at);
        plan.handle(START, nodes(&[2], None));
        let (unit, Misplaced { to, .. }) = moves(&mut plan).remove(0);
        let failed = |unit, refused| Event::Moved { cid: cid(), unit, refused, end: MoveEnd::Failed };
        plan.handle(START, failed(unit, vec![to[0]]));
        let pause = Rules::default().move_every;
        plan.handle(START.plus(pause), Event::Wake);
        let (other, misplaced) = moves(&mut plan).remove(0);
        assert!(other != unit && !misplaced.to.contains(&to[0]), "the other unit does not wait");
        plan.handle(START.plus(pause), failed(other, vec![]));
        let wait = Rules::default().retry_max;
        plan.handle(START.plus(wait / 2), Event::Wake);
        assert_eq!(moves(&mut plan), [], "both have failed a moment ago");
        let mut again = BTreeSet::new();
        for minute in wait / 120..wait / 30 {
            plan.handle(START.plus(minute * 60), Event::Wake);
            for (unit, _) in moves(&mut plan) {
                again.insert(unit);
                plan.handle(START.plus(minute * 60), failed(unit, vec![]));
            }
        }
        assert_eq!(again, [0, 1].into());
    }

    #[test]
    fn when_all_have_refused_they_are_asked_again() {
        let at: Vec<_> = (0..6).map(node).collect();
        let mut plan = settled(&at);
        plan.handle(START, nodes(&[2], None));
        let wait = Rules::default().retry_max;
        let mut asked = START;
        for minute in 0..40 * wait / 60 {
            let now = START.plus(minute * 60);
            plan.handle(now, Event::Wake);
            for (unit, Misplaced { to, .. }) in moves(&mut plan) {
                asked = now;
                let refused = Event::Moved { cid: cid(), unit, refused: to, end: MoveEnd::Failed };
                plan.handle(now, refused);
            }
            assert!(asked.plus(wait + wait / 5) >= now, "nobody is asked at {now:?}");
        }
    }

    #[test]
    fn who_leaves_while_another_one_is_away_for_an_hour_does_not_wait_for_the_next_audit() {
        let at: Vec<_> = (0..6).map(node).collect();
        let mut plan = settled(&at);
        let answer = |found| {
            let place = Place { cid: cid(), unit: 0, part: 3 };
            Event::NodeAudited { node: node(3), found: vec![(place, found)], slowest_ms: 1 }
        };
        plan.handle(START, answer(Found::Offline));
        plan.handle(START, nodes(&[2], None));
        plan.handle(START.plus(3600), Event::Wake);
        assert_eq!(moves(&mut plan), [], "what is away is waited for");
        plan.handle(START.plus(3600), answer(Found::Proved));
        let mut minutes = 60..8 * 60;
        let moves = minutes.find_map(|minute| {
            plan.handle(START.plus(minute * 60), Event::Wake);
            Some(moves(&mut plan)).filter(|moves| !moves.is_empty())
        });
        assert!(matches!(&moves.unwrap()[..], [(_, Misplaced { part: 2, .. })]));
    }

    /// A node leaves and stays again and again, twice a day for four months.
    #[test]
    fn a_node_that_changes_its_mind_makes_nobody_move_parts_for_ever() {
        let mut at: Vec<_> = (0..6).map(node).collect();
        let mut plan = settled(&at);
        plan.handle(START, nodes(&[], None));
        let mut moved_on = Vec::new();
        for hour in 0..24 * 120 {
            let now = START.plus(hour * 3600);
            let leaving: &[u8] = if hour / 12 % 2 == 0 { &[] } else { &[2] };
            plan.handle(now, nodes(leaving, None));
            for minute in (0..60).step_by(10) {
                let now = now.plus(minute * 60);
                plan.handle(now, Event::Wake);
                for (unit, Misplaced { part, to, .. }) in moves(&mut plan) {
                    // Both units lie on the same nodes here.
                    at[usize::from(part)] = to[0];
                    let found = findings(&at).into_iter().filter(|finding| finding.unit == unit).collect();
                    let end = MoveEnd::Audited(found);
                    plan.handle(now, Event::Moved { cid: cid(), unit, refused: vec![], end });
                    moved_on.push(hour / 24);
                }
            }
        }
        assert!((2..=6).contains(&moved_on.len()), "moves on days {moved_on:?}");
        assert!(!at.contains(&node(2)), "it is given nothing back while it wavers");
    }

    #[test]
    fn what_was_at_an_earlier_identity_is_at_the_node() {
        let at: Vec<_> = [0, 1, 2, 3, 4, 200].map(node).into();
        let mut plan = settled(&at);
        assert_eq!(plan.held_by(&node(200)), 2);
        plan.handle(START, nodes(&[], Some(node(200))));
        assert_eq!((plan.held_by(&node(200)), plan.held_by(&node(7))), (0, 2));
        assert!(plan.take_changed_objects().contains(&cid()), "it is saved");
    }
}
