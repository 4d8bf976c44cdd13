//! Stewards: their plans, what they have saved, and what performs the plans.

use std::collections::{BTreeMap, HashSet};

use proofs::Cid;
use protocol::{PublicKey, SecretKey, UnixSeconds};
use steward::plan::{Action, Event, Finding, Found, NodeCare, Object, Place, Plan, RepairEnd, Rules, Warned};

use super::network::{Copy, Network, Vote};
use crate::sim::Dice;

/// Something that a steward does, with what it knew when it began.
#[derive(Debug)]
pub(super) enum Job {
    AuditObject(Cid),
    AuditNode(PublicKey, Vec<Place>),
    /// Nothing more is done than telling the plan.
    Tell(Event),
    Repair {
        cid: Cid,
        unit: u32,
        lost: Vec<u8>,
        avoid: HashSet<PublicKey>,
        until: u64,
        began: u64,
        claimed: bool,
    },
    Renew {
        cid: Cid,
        below: u64,
        until: u64,
    },
}

/// A steward that can be killed.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) number: usize,
    key: PublicKey,
    rules: Rules,
    plan: Option<Plan>,
    saved: (BTreeMap<Cid, Object>, BTreeMap<PublicKey, NodeCare>),
    /// Counts its lives: what an earlier one has begun is not finished.
    pub(super) life: u64,
    pub(super) warned: Vec<(Cid, Warned)>,
    pub(super) taken: u64,
    /// When the next wake-up is planned.
    pub(super) wake: Option<u64>,
}

/// What a repair did.
#[derive(Debug, Default)]
pub(super) struct Built {
    pub(super) parts: u64,
    /// Parts that were there already for it to see, made by another steward since it began.
    pub(super) twice: Vec<Place>,
}

impl Keeper {
    pub(super) fn new(number: usize, rules: Rules, dice: &mut Dice) -> Self {
        let key = SecretKey::from_bytes(&dice.array()).public();
        let saved = (BTreeMap::new(), BTreeMap::new());
        let (plan, life, warned, taken, wake) = (None, 0, Vec::new(), 0, None);
        Self { number, key, rules, plan, saved, life, warned, taken, wake }
    }

    pub(super) fn start(&mut self, seed: [u8; 32], now: u64) {
        let (objects, nodes) = self.saved.clone();
        self.life += 1;
        self.wake = None;
        self.plan =
            Some(Plan::new(self.rules.clone(), self.key, seed, objects, nodes, UnixSeconds::new(now)));
    }

    /// Ends it as `kill -9` does; the nodes forget its claims in time.
    pub(super) fn kill(&mut self, network: &mut Network, now: u64) {
        self.plan = None;
        self.life += 1;
        network.end_claims(self.number, None, now + u64::from(self.rules.claim));
    }

    pub(super) fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// Tells the plan what happened, saves, and returns what it wants done, each with the time that it takes.
    pub(super) fn tell(
        &mut self,
        network: &mut Network,
        dice: &mut Dice,
        now: u64,
        event: Event,
    ) -> Vec<(u64, Job)> {
        let Some(plan) = &mut self.plan else { return Vec::new() };
        plan.handle(UnixSeconds::new(now), event);
        for cid in plan.take_changed_objects() {
            match plan.object(&cid) {
                Some(object) => drop(self.saved.0.insert(cid, object.clone())),
                None => drop(self.saved.0.remove(&cid)),
            }
        }
        for node in plan.take_changed_nodes() {
            self.saved.1.insert(node, plan.nodes()[&node].clone());
        }
        let actions: Vec<_> = std::iter::from_fn(|| plan.next_action()).collect();
        actions.into_iter().filter_map(|action| self.begin(network, dice, now, action)).collect()
    }

    fn begin(
        &mut self,
        network: &mut Network,
        dice: &mut Dice,
        now: u64,
        action: Action,
    ) -> Option<(u64, Job)> {
        match action {
            Action::AuditObject(cid) => Some((dice.of(2..60), Job::AuditObject(cid))),
            Action::AuditNode(node, places) => Some((dice.of(1..8), Job::AuditNode(node, places))),
            Action::Renew { cid, below, until } => {
                Some((dice.of(1..30), Job::Renew { cid, below: below.get(), until: until.get() }))
            }
            Action::Warn { cid, warned, .. } => {
                self.warned.push((cid, warned));
                None
            }
            Action::NoteFault(..) | Action::NoteReturn(_) => None,
            Action::Move { .. } => {
                unreachable!("plans here are not told of any nodes, so nothing should move")
            }
            Action::Repair { cid, unit, wanted, avoid, until, claimed } => {
                let takes = dice.of(20..900);
                if claimed {
                    let end = match network.vote(self.number, (cid, unit), now + takes + 1, now) {
                        Vote::Ours => None,
                        Vote::Taken => Some(RepairEnd::Taken),
                        Vote::None => Some(RepairEnd::NoVotes),
                    };
                    if let Some(end) = end {
                        self.taken += u64::from(end == RepairEnd::Taken);
                        return Some((2, Job::Tell(Event::Repaired(cid, unit, end))));
                    }
                }
                // It is audited anew before anything is built.
                let is_lost = |part: &u8| {
                    network.look(self.number, &Place { cid, unit, part: *part }, now).1 != Found::Proved
                };
                let all = 0..u8::try_from(self.saved.0[&cid].units[unit as usize].parts.len())
                    .expect("at most 255");
                let wanted = if network.are_alike(cid, unit) { all.collect() } else { wanted };
                let lost: Vec<_> = wanted.into_iter().filter(is_lost).collect();
                let until = until.get();
                Some((takes, Job::Repair { cid, unit, lost, avoid, until, began: now, claimed }))
            }
        }
    }

    /// What is found of all parts of a unit.
    pub(super) fn look_at(&self, network: &Network, cid: Cid, unit: u32, now: u64) -> Vec<Finding> {
        let Some(object) = self.plan.as_ref().and_then(|plan| plan.object(&cid)) else { return Vec::new() };
        let parts = u8::try_from(object.units[unit as usize].parts.len()).expect("at most 255");
        let finding = |part| {
            let (node, found) = network.look(self.number, &Place { cid, unit, part }, now);
            Finding { unit, part, node, found }
        };
        (0..parts).map(finding).collect()
    }

    /// Puts what is lost on the first nodes that have nothing else of the unit.
    pub(super) fn build(&self, network: &mut Network, job: &Job, now: u64) -> (Event, Built) {
        let Job::Repair { cid, unit, lost, avoid, until, began, claimed } = job else {
            unreachable!("only repairs build")
        };
        let (cid, unit) = (*cid, *unit);
        let mut built = Built::default();
        let before = self.look_at(network, cid, unit, now);
        let proved = before.iter().filter(|finding| finding.found == Found::Proved).count();
        let object = self.plan.as_ref().and_then(|plan| plan.object(&cid));
        let needed = object.map_or(u8::MAX, |object| object.units[unit as usize].needed);
        if *claimed {
            network.end_claims(self.number, Some((cid, unit)), now);
        }
        if proved < usize::from(needed) {
            let end = RepairEnd::Failed("too few columns".to_owned());
            return (Event::Repaired(cid, unit, end), built);
        }
        let mut made = Vec::new();
        let mut taken: HashSet<_> = before
            .iter()
            .filter(|finding| finding.found == Found::Proved)
            .filter_map(|finding| finding.node)
            .collect();
        for part in lost {
            let place = Place { cid, unit, part: *part };
            self.note_twice(network, &place, *began, now, *claimed, &mut built);
            if let Some(node) = self.free_node(network, (cid, unit), avoid, &taken, now) {
                let copy =
                    Copy { is_sound: true, expires: *until, made: claimed.then_some((self.number, now)) };
                let kept = network.kept_as(&place);
                network.nodes[node].copies.insert(kept, copy);
                built.parts += 1;
                made.push((*part, network.nodes[node].id));
                taken.insert(network.nodes[node].id);
            }
        }
        let findings = self.look_at(network, cid, unit, now);
        let is_whole = findings.iter().all(|finding| finding.found == Found::Proved);
        (Event::Repaired(cid, unit, RepairEnd::Audited { findings, built: made, is_whole }), built)
    }

    fn note_twice(
        &self,
        network: &Network,
        place: &Place,
        began: u64,
        now: u64,
        claimed: bool,
        built: &mut Built,
    ) {
        let is_seen = network.nodes.iter().enumerate().any(|(index, node)| {
            let copy = node.copies.get(place).filter(|copy| copy.is_sound);
            let is_others =
                copy.and_then(|copy| copy.made).is_some_and(|(by, at)| by != self.number && at >= began);
            is_others && network.reaches(self.number, index, now)
        });
        if is_seen && claimed && !network.are_alike(place.cid, place.unit) {
            built.twice.push(*place);
        }
    }

    fn free_node(
        &self,
        network: &Network,
        (cid, unit): (Cid, u32),
        avoid: &HashSet<PublicKey>,
        taken: &HashSet<PublicKey>,
        now: u64,
    ) -> Option<usize> {
        let mut ranking = network.ranking(&cid, unit).to_vec();
        ranking.sort_by_key(|node| avoid.contains(&network.nodes[*node].id));
        let is_free = |node: &usize| !taken.contains(&network.nodes[*node].id);
        ranking.into_iter().find(|node| is_free(node) && network.reaches(self.number, *node, now))
    }

    /// Has a node prove some of its parts.
    pub(super) fn audit_node(
        &self,
        network: &Network,
        dice: &mut Dice,
        node: PublicKey,
        places: &[Place],
        now: u64,
    ) -> Event {
        let index = network.index(&node);
        if !network.reaches(self.number, index, now) {
            return Event::NodeAudited { node, found: vec![(places[0], Found::Offline)], slowest_ms: 0 };
        }
        let draws = usize::from(self.rules.node_draws);
        let picked = (0..draws).map(|_| *dice.pick(places));
        let copy = |place: &Place| network.nodes[index].copies.get(&network.kept_as(place));
        let found = picked.map(|place| match copy(&place) {
            Some(copy) if copy.is_sound => (place, Found::Proved),
            Some(_) => (place, Found::Corrupt),
            None => (place, Found::Missing),
        });
        Event::NodeAudited { node, found: found.collect(), slowest_ms: dice.of(1..200) }
    }

    /// Renews the leases of what it believes to be proved.
    pub(super) fn renew(&self, network: &mut Network, cid: Cid, below: u64, until: u64, now: u64) -> Event {
        let Some(object) = self.plan.as_ref().and_then(|plan| plan.object(&cid)) else {
            return Event::Renewed { cid, ends: None, failed: 0 };
        };
        let (mut ends, mut failed) = (None::<u64>, 0);
        for (unit, care) in (0..).zip(&object.units) {
            for (part, care) in (0..).zip(&care.parts) {
                let (Found::Proved, Some(node)) = (care.found, care.node) else { continue };
                let index = network.index(&node);
                let is_reached = network.reaches(self.number, index, now);
                let kept = network.kept_as(&Place { cid, unit, part });
                match network.nodes[index].copies.get_mut(&kept) {
                    Some(copy) if is_reached => {
                        if copy.expires < below && copy.expires < until {
                            copy.expires = until;
                        }
                        ends = Some(ends.map_or(copy.expires, |first| first.min(copy.expires)));
                    }
                    _ => failed += 1,
                }
            }
        }
        Event::Renewed { cid, ends: ends.map(UnixSeconds::new), failed }
    }
}
