//! Moving parts to where they should be, a few at a time, as nodes join, change and leave.

use std::collections::HashSet;

use client::placement::segment_seed;
use proofs::Cid;
use protocol::{PublicKey, UnixSeconds};

use super::{Action, Found, Misplaced, MoveEnd, Nodes, Object, Place, Plan, Settled, misplaced};

/// Objects whose places are looked at in one go; the others follow a moment later.
const OBJECTS_AT_ONCE: usize = 64;

impl Plan {
    /// These nodes are known now. What was at an earlier identity of a node is at the node.
    pub(super) fn learn_nodes(&mut self, nodes: Nodes, now: UnixSeconds) {
        let former: Vec<_> = nodes.former.iter().map(|(former, node)| (*former, *node)).collect();
        for (former, node) in former {
            self.rename(former, node, now);
        }
        let leaving: Vec<_> = nodes.leaving.iter().copied().collect();
        self.network = Some(nodes);
        let objects: Vec<_> = self.objects.keys().copied().collect();
        for cid in objects {
            let at = now.plus(self.dice.below(self.rules.places_within.max(1)));
            self.look_at_places(cid, at);
        }
        for node in leaving {
            let objects = self.holdings.get(&node).map(super::holdings::Holdings::objects);
            for cid in objects.unwrap_or_default() {
                self.look_at_places(cid, now);
            }
        }
    }

    /// Has the places of an object looked at then, or sooner.
    pub(super) fn look_at_places(&mut self, cid: Cid, at: UnixSeconds) {
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
        if self.next_move().is_none_or(|at| !at.has_passed(now)) {
            return;
        }
        let avoided = self.avoided(now);
        for _ in 0..OBJECTS_AT_ONCE {
            if self.next_move().is_none_or(|at| !at.has_passed(now)) {
                return;
            }
            let Some(cid) = self.places.take_due(now) else { return };
            if let Some((unit, at, misplaced)) = self.misplaced_unit(&cid, &avoided, now) {
                let Some(until) = self.objects[&cid].lease_goal(&self.rules, now) else { continue };
                self.moving.insert((cid, unit));
                self.next_move = Some(now.plus(self.rules.move_every));
                self.actions.push_back(Action::Move { cid, unit, misplaced, at, until });
            }
        }
    }

    /// The first unit of an object of which a part should move, and can.
    fn misplaced_unit(
        &self,
        cid: &Cid,
        avoided: &HashSet<PublicKey>,
        now: UnixSeconds,
    ) -> Option<(u32, Vec<PublicKey>, Misplaced)> {
        let (object, nodes) = (self.objects.get(cid)?, self.network.as_ref()?);
        if object.inconsistent.is_some() {
            return None;
        }
        let is_shunned =
            |node: &PublicKey| self.shunned.get(node).is_some_and(|until| !until.has_passed(now));
        let units = 0..u32::try_from(object.units.len()).expect("an object has at most 32 736 segments");
        units.into_iter().find_map(|unit| {
            let is_busy = self.repairing.contains(&(*cid, unit)) || self.moving.contains(&(*cid, unit));
            let at = self.settled_at(object, unit).filter(|_| !is_busy)?;
            let are_shards = unit != object.copies();
            let seed = if are_shards { segment_seed(&object.seed, unit) } else { *cid.root().as_bytes() };
            let settled = Settled { at: &at, seed: &seed, required: &object.required, are_shards };
            let found = misplaced(&settled, nodes, |node| avoided.contains(node) || is_shunned(node))?;
            Some((unit, at, found))
        })
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
        let again = match end {
            MoveEnd::Audited(findings) => {
                self.take_findings(cid, &findings, now);
                0
            }
            MoveEnd::Surprised(findings) => {
                self.take_findings(cid, &findings, now);
                self.dice.around(self.rules.retry_min)
            }
            MoveEnd::PutOff => self.dice.around(self.rules.turn_within),
            MoveEnd::Failed => self.dice.around(self.rules.retry_max),
        };
        self.look_at_places(cid, now.plus(again));
        self.reconsider(cid, now);
    }

    /// What is believed to be at one identity is at another one from now on, faults and all.
    fn rename(&mut self, former: PublicKey, node: PublicKey, now: UnixSeconds) {
        let objects = self.holdings.remove(&former).map(|held| held.objects()).unwrap_or_default();
        for cid in objects {
            let Some(object) = self.objects.get_mut(&cid) else { continue };
            let mut places = Vec::new();
            for (unit, care) in (0..).zip(&mut object.units) {
                for (part, care) in (0..).zip(&mut care.parts).filter(|(_, care)| care.node == Some(former)) {
                    care.node = Some(node);
                    places.push(Place { cid, unit, part });
                }
            }
            for place in places {
                self.hold(node, place, now);
            }
            self.object_changed(cid);
        }
        self.node_audits.set(former, None);
        if let Some(known) = self.nodes.get(&former).cloned()
            && !self.nodes.contains_key(&node)
        {
            *self.node_changed(node) = known;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use chunker::{CellSize, Geometry};
    use client::placement::{Placement, Site};
    use protocol::{SecretKey, Tags};

    use super::*;
    use crate::plan::{Event, Finding, Reason, Rules};

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
    fn who_refuses_is_not_asked_again_for_a_while() {
        let at: Vec<_> = (0..6).map(node).collect();
        let mut plan = settled(&at);
        plan.handle(START, nodes(&[2], None));
        let (unit, Misplaced { to, .. }) = moves(&mut plan).remove(0);
        let end = MoveEnd::Failed;
        plan.handle(START, Event::Moved { cid: cid(), unit, refused: vec![to[0]], end });
        let wait = Rules::default().retry_max;
        plan.handle(START.plus(wait / 2), Event::Wake);
        assert_eq!(moves(&mut plan), [], "it has failed a moment ago");
        plan.handle(START.plus(wait - 1), nodes(&[2], None));
        let again = moves(&mut plan).remove(0).1;
        assert_eq!(again.to, [to[1]]);
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
