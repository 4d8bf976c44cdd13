//! Stewards: their plans, what they have saved, and what performs the plans.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use client::plan::upload::Spread;
use proofs::Cid;
use protocol::{PublicKey, SecretKey, UnixSeconds};
use steward::plan::{
    Action, Event, Finding, Found, MoveEnd, NodeCare, Object, Place, Plan, RepairEnd, Rules, Warned,
};

use super::checks::{self, Built};
use super::clock::Skew;
use super::moving::Relocation;
use super::network::{Copy, Network, Vote};
use super::places::{Wanted, place};
use super::report::Sabotage;
use crate::sim::Dice;

/// Something that a steward does, with what it knew when it began.
#[derive(Debug)]
pub(super) enum Job {
    AuditObject(Cid),
    AuditNode(PublicKey, Vec<Place>),
    /// Nothing more is done than telling the plan.
    Tell(Event),
    Repair(Repair),
    Move(Relocation),
    Renew {
        cid: Cid,
        below: u64,
        until: u64,
    },
}

/// A repair under way.
#[derive(Debug)]
pub(super) struct Repair {
    pub(super) unit: (Cid, u32),
    pub(super) lost: Vec<u8>,
    pub(super) avoid: HashSet<PublicKey>,
    pub(super) until: u64,
    pub(super) began: u64,
    pub(super) claimed: bool,
}

/// A steward that can be killed.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) number: usize,
    pub(super) skew: Skew,
    pub(super) sabotage: Sabotage,
    key: PublicKey,
    rules: Rules,
    plan: Option<Plan>,
    saved: (BTreeMap<Cid, Object>, BTreeMap<PublicKey, NodeCare>),
    /// Counts its lives: what an earlier one has begun is not finished.
    pub(super) life: u64,
    pub(super) warned: Vec<(Cid, Warned)>,
    pub(super) taken: u64,
    /// Units whose last vote could not be decided: those may be repaired without a claim.
    undecided: BTreeSet<(Cid, u32)>,
    /// What it should not have wanted.
    pub(super) wrong: Option<String>,
    /// When the next wake-up is planned.
    pub(super) wake: Option<u64>,
}

impl Keeper {
    pub(super) fn new(number: usize, rules: Rules, sabotage: Sabotage, dice: &mut Dice) -> Self {
        let key = SecretKey::from_bytes(&dice.array()).public();
        let saved = (BTreeMap::new(), BTreeMap::new());
        let skew = Skew::drawn(dice);
        Self {
            number,
            skew,
            sabotage,
            key,
            rules,
            plan: None,
            saved,
            life: 0,
            warned: Vec::new(),
            taken: 0,
            undecided: BTreeSet::new(),
            wrong: None,
            wake: None,
        }
    }

    pub(super) fn start(&mut self, seed: [u8; 32], now: u64) {
        let (objects, nodes) = self.saved.clone();
        self.life += 1;
        self.wake = None;
        let now = UnixSeconds::new(self.skew.shows(now));
        self.plan = Some(Plan::new(self.rules.clone(), self.key, seed, objects, nodes, now));
    }

    /// Ends it as `kill -9` does; the nodes forget its claims in time.
    pub(super) fn kill(&mut self, network: &mut Network, now: u64) {
        self.plan = None;
        self.life += 1;
        network.end_claims(self.number, None, now + u64::from(self.rules.claim));
        if self.sabotage == Sabotage::Forgets {
            self.saved = (BTreeMap::new(), BTreeMap::new());
        }
    }

    pub(super) fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// When the plan wants to be woken.
    pub(super) fn wake_at(&self) -> Option<u64> {
        Some(self.skew.when(self.plan.as_ref()?.wake_at()?.get()))
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
        plan.handle(UnixSeconds::new(self.skew.shows(now)), event);
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
            Action::Move { cid, unit, misplaced, at, until } => {
                let order = Relocation { unit: (cid, unit), misplaced, at, until: until.get() };
                let takes = dice.of(10..300);
                Some(match network.vote(self.number, order.unit, now + takes + 1, now) {
                    Vote::Ours => (takes, Job::Move(order)),
                    _ => (2, Job::Tell(order.ended(Vec::new(), MoveEnd::PutOff))),
                })
            }
            Action::Repair { cid, unit, wanted, avoid, until, claimed } => {
                let takes = dice.of(20..900);
                let unit = (cid, unit);
                if claimed && let Some(end) = self.claim(network, unit, now, takes) {
                    self.taken += u64::from(end == RepairEnd::Taken);
                    return Some((2, Job::Tell(Event::Repaired(unit.0, unit.1, end))));
                }
                if !claimed && !self.undecided.contains(&unit) {
                    self.wrong =
                        Some(format!("steward {} repairs {unit:?} without asking for a claim", self.number));
                }
                let lost = self.still_lost(network, unit, &wanted, now);
                let until = until.get();
                Some((takes, Job::Repair(Repair { unit, lost, avoid, until, began: now, claimed })))
            }
        }
    }

    /// Claims a unit for as long as the work takes; how the repair ends when it cannot.
    fn claim(&mut self, network: &mut Network, unit: (Cid, u32), now: u64, takes: u64) -> Option<RepairEnd> {
        let vote = network.vote(self.number, unit, now + takes + 1, now);
        if vote == Vote::None {
            self.undecided.insert(unit);
        } else {
            self.undecided.remove(&unit);
        }
        match vote {
            _ if self.sabotage == Sabotage::IgnoresClaims => None,
            Vote::Ours => None,
            Vote::Taken => Some(RepairEnd::Taken),
            Vote::None => Some(RepairEnd::NoVotes),
        }
    }

    /// A unit is audited anew before anything is built.
    fn still_lost(&self, network: &Network, unit: (Cid, u32), wanted: &[u8], now: u64) -> Vec<u8> {
        let found = self.look_at(network, unit, now);
        let is_wanted = |finding: &Finding| network.are_alike(unit) || wanted.contains(&finding.part);
        let lost = found.into_iter().filter(|finding| finding.found != Found::Proved);
        lost.filter(is_wanted).map(|finding| finding.part).collect()
    }

    /// What is found of all parts of a unit.
    pub(super) fn look_at(&self, network: &Network, (cid, unit): (Cid, u32), now: u64) -> Vec<Finding> {
        let Some(object) = self.plan.as_ref().and_then(|plan| plan.object(&cid)) else { return Vec::new() };
        let parts = object.units[unit as usize].parts.iter();
        let believed: Vec<_> = parts.map(|part| part.node.filter(|_| part.found == Found::Proved)).collect();
        network.look_at(self.number, (cid, unit), &believed, now)
    }

    /// Puts what is lost where the plan for it says.
    pub(super) fn build(&self, network: &mut Network, repair: &Repair, now: u64) -> (Event, Built) {
        let (cid, unit) = repair.unit;
        let before = self.look_at(network, repair.unit, now);
        if repair.claimed {
            network.end_claims(self.number, Some(repair.unit), now);
        }
        let is_proved = |finding: &&Finding| finding.found == Found::Proved;
        let object = self.plan.as_ref().and_then(|plan| plan.object(&cid));
        let needed = object.map_or(u8::MAX, |object| object.units[unit as usize].needed);
        let is_first = object.is_some_and(|object| object.copies() == unit);
        let may_fail = self.sabotage == Sabotage::NeverRepairs && is_first;
        if before.iter().filter(is_proved).count() < usize::from(needed) || may_fail {
            let end = RepairEnd::Failed("too few columns".to_owned());
            return (Event::Repaired(cid, unit, end), Built::default());
        }
        if self.sabotage == Sabotage::TakesAway {
            let is_of_unit = |place: &Place| (place.cid, place.unit) == repair.unit;
            network.nodes.iter_mut().for_each(|node| node.copies.retain(|place, _| !is_of_unit(place)));
        }
        let wanted = self.wanted(network, repair, &before);
        let found = place(network, self.number, wanted, now);
        let places: Vec<_> =
            found.places.into_iter().filter(|(part, _)| repair.lost.contains(part)).collect();
        let mut built = checks::check_repair(network, self.number, repair, (&before, &places), now);
        built.refused_by_full = found.refused_by_full;
        let made = repair.claimed.then_some((self.number, now));
        for (part, node) in &places {
            let kept = network.kept_as(&Place { cid, unit, part: *part });
            let copy = Copy { is_sound: true, expires: repair.until, made };
            network.nodes[*node].copies.insert(kept, copy);
        }
        let findings = self.look_at(network, repair.unit, now);
        let is_whole = findings.iter().all(|finding| finding.found == Found::Proved)
            || self.sabotage == Sabotage::CallsItWhole;
        let named = places.iter().map(|(part, node)| (*part, network.nodes[*node].id)).collect();
        (Event::Repaired(cid, unit, RepairEnd::Audited { findings, built: named, is_whole }), built)
    }

    /// As `client` has it: what is healthy or waited for takes its domain, and rotten copies make a node the last choice.
    fn wanted<'a>(&self, network: &Network, repair: &'a Repair, before: &[Finding]) -> Wanted<'a> {
        let is_alike = network.are_alike(repair.unit);
        let is_settled = |finding: &&Finding| match finding.found {
            Found::Proved => true,
            _ => !is_alike && !repair.lost.contains(&finding.part),
        };
        let taken = before.iter().filter(is_settled).filter_map(|finding| finding.node).collect();
        let rotten = before.iter().filter(|finding| finding.found == Found::Corrupt);
        let mut last: HashSet<_> = rotten.filter_map(|finding| finding.node).collect();
        if !is_alike {
            last.extend(&repair.avoid);
        }
        let is_spread = !is_alike && self.sabotage != Sabotage::Crowds;
        let spread = if is_spread { Spread::Domains } else { Spread::Nodes };
        Wanted { unit: repair.unit, parts: &repair.lost, taken, last, spread }
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
        let picked: Vec<_> = (0..draws).map(|_| *dice.pick(places)).collect();
        let copy = |place: &Place| network.nodes[index].copies.get(&network.kept_as(place));
        let found = picked.into_iter().map(|place| match copy(&place) {
            Some(copy) if copy.is_sound => (place, Found::Proved),
            Some(_) => (place, Found::Corrupt),
            None => (place, Found::Missing),
        });
        let is_slow = network.nodes[index].slow_until > now;
        let slowest_ms = if is_slow { dice.of(1000..4000) } else { dice.of(1..200) };
        Event::NodeAudited { node, found: found.collect(), slowest_ms }
    }

    /// Renews the leases of what it believes to be proved.
    pub(super) fn renew(&self, network: &mut Network, cid: Cid, below: u64, until: u64, now: u64) -> Event {
        let Some(object) = self.plan.as_ref().and_then(|plan| plan.object(&cid)) else {
            return Event::Renewed { cid, ends: None, failed: 0 };
        };
        if self.sabotage == Sabotage::ForgetsLeases {
            return Event::Renewed { cid, ends: Some(UnixSeconds::new(until)), failed: 0 };
        }
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
