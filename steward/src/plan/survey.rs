//! Whom a change of the network concerns: nodes come, go and change, and only objects that it touches are looked at.
//!
//! An object is concerned when a node of which there is news has a part of it, or ranks before a node that has one. A node
//! that changes its mind again and again is given nothing back before it has been steady for a while, so that nobody can
//! make parts travel without end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use proofs::Cid;
use protocol::{PublicKey, Tags, UnixSeconds};

use super::agenda::Agenda;
use super::{Nodes, Object, Place, Plan, Rules};

/// Objects that are gone through in one go; the others follow a moment later.
const OBJECTS_AT_ONCE: usize = 2048;
/// Of more nodes than this that have news at the same time, every object is taken to be concerned.
const NEWS_MAX: usize = 64;

/// Nodes of which there is news, and how far objects were gone through because of it.
#[derive(Debug)]
pub(super) struct Survey {
    /// Nodes that have joined or changed since the last survey began.
    news: BTreeSet<PublicKey>,
    under_way: Option<Pass>,
    /// No survey begins before.
    not_before: Option<UnixSeconds>,
    /// Nodes that have changed their mind, until they are steady.
    restless: HashMap<PublicKey, Restless>,
    /// When they count as steady.
    settling: Agenda<PublicKey>,
}

/// One way through all objects.
#[derive(Debug)]
struct Pass {
    /// Nodes that may be given something now.
    open: BTreeSet<PublicKey>,
    began: UnixSeconds,
    /// The object that was gone through last.
    after: Option<Cid>,
}

/// How often a node has changed, and when it did last.
#[derive(Debug, Clone, Copy)]
struct Restless {
    changes: u32,
    last: UnixSeconds,
}

impl Restless {
    fn settles_at(&self, rules: &Rules) -> UnixSeconds {
        let doublings = self.changes.saturating_sub(1).min(32);
        self.last.plus(rules.settle.saturating_mul(1 << doublings).min(rules.settle_max))
    }

    fn is_forgotten(&self, rules: &Rules, now: UnixSeconds) -> bool {
        self.settles_at(rules).max(self.last.plus(rules.settle_max)).has_passed(now)
    }
}

impl Survey {
    pub(super) fn new() -> Self {
        Self {
            news: BTreeSet::new(),
            under_way: None,
            not_before: None,
            restless: HashMap::new(),
            settling: Agenda::new(),
        }
    }

    /// When there is something to survey.
    pub(super) fn next(&self) -> Option<UnixSeconds> {
        let under_way = self.under_way.as_ref().map(|pass| pass.began);
        let waiting = self.not_before.filter(|_| !self.news.is_empty());
        let settled = self.settling.first().map(|at| self.not_before.map_or(at, |pause| pause.max(at)));
        under_way.or_else(|| [waiting, settled].into_iter().flatten().min())
    }

    /// Whether a node has not changed its mind lately.
    pub(super) fn is_settled(&self, node: &PublicKey, rules: &Rules, now: UnixSeconds) -> bool {
        self.restless.get(node).is_none_or(|restless| restless.settles_at(rules).has_passed(now))
    }

    fn changed_its_mind(&mut self, node: PublicKey, rules: &Rules, now: UnixSeconds) {
        let restless = self.restless.entry(node).or_insert(Restless { changes: 0, last: now });
        *restless = Restless { changes: restless.changes.saturating_add(1), last: now };
        self.settling.set(node, Some(restless.settles_at(rules)));
    }
}

/// All that decides about what a node may keep.
#[derive(PartialEq, Eq)]
struct Stand<'a> {
    domain: PublicKey,
    class: u8,
    is_leaving: bool,
    tags: Option<&'a Tags>,
}

fn stands(nodes: &Nodes) -> BTreeMap<PublicKey, Stand<'_>> {
    let of = |(id, domain, class)| {
        let (is_leaving, tags) = (nodes.leaving.contains(&id), nodes.tags.get(&id));
        (id, Stand { domain, class, is_leaving, tags })
    };
    nodes.placement.stands().map(of).collect()
}

impl Plan {
    /// These nodes are known now. What was at an earlier identity of a node is at the node.
    pub(super) fn learn_nodes(&mut self, nodes: Nodes, now: UnixSeconds) {
        let former: Vec<_> = nodes.former.iter().map(|(former, node)| (*former, *node)).collect();
        for (former, node) in former {
            self.rename(former, node, now);
        }
        let rules = &self.rules;
        self.survey.restless.retain(|_, restless| !restless.is_forgotten(rules, now));
        match self.network.replace(nodes) {
            Some(before) => self.note_news(&before, now),
            None => self.look_at_all_places(now),
        }
    }

    /// Whoever begins does not know what has changed before.
    fn look_at_all_places(&mut self, now: UnixSeconds) {
        let objects: Vec<_> = self.objects.keys().copied().collect();
        for cid in objects {
            let at = now.plus(self.dice.below(self.rules.places_within.max(1)));
            self.look_at_places(cid, at);
        }
        self.survey.news = self.network.as_ref().map(|nodes| nodes.leaving.clone()).unwrap_or_default();
    }

    fn note_news(&mut self, before: &Nodes, now: UnixSeconds) {
        let Some(nodes) = &self.network else { return };
        let (was, is) = (stands(before), stands(nodes));
        self.survey
            .news
            .extend(is.iter().filter(|(id, stand)| was.get(*id) != Some(*stand)).map(|(id, _)| *id));
        // Whoever goes and comes back has changed as well.
        for id in was.iter().filter(|(id, stand)| is.get(*id) != Some(*stand)).map(|(id, _)| *id) {
            self.survey.changed_its_mind(id, &self.rules, now);
        }
        // Whoever leaves for the first time is not kept waiting.
        let is_first =
            |node: &PublicKey| self.survey.restless.get(node).is_none_or(|known| known.changes <= 1);
        let leave: Vec<_> =
            nodes.leaving.difference(&before.leaving).filter(|node| is_first(node)).copied().collect();
        for node in leave {
            self.survey.news.remove(&node);
            self.look_at_places_at(&node, now);
        }
    }

    /// True while objects are gone through because nodes have joined or changed.
    pub fn is_surveying(&self) -> bool {
        self.survey.under_way.is_some()
    }

    /// Goes through some of the objects, if there is news.
    pub(super) fn go_on_surveying(&mut self, now: UnixSeconds) {
        self.begin_survey(now);
        let Some(mut pass) = self.survey.under_way.take() else { return };
        let from = pass.after.map_or(Bound::Unbounded, Bound::Excluded);
        let objects = self.objects.range((from, Bound::Unbounded)).take(OBJECTS_AT_ONCE);
        let mut concerned = Vec::new();
        let mut count = 0;
        for (cid, object) in objects {
            count += 1;
            pass.after = Some(*cid);
            if self.is_concerned(cid, object, &pass.open) {
                concerned.push(*cid);
            }
        }
        for cid in concerned {
            let at = now.plus(self.dice.below(self.rules.places_within.max(1)));
            self.look_at_places(cid, at);
        }
        self.survey.under_way = (count == OBJECTS_AT_ONCE).then_some(pass);
    }

    fn begin_survey(&mut self, now: UnixSeconds) {
        let may = self.survey.not_before.is_none_or(|at| at.has_passed(now));
        if self.survey.under_way.is_some() || !may {
            return;
        }
        while let Some(node) = self.survey.settling.take_due(now) {
            self.survey.news.insert(node);
        }
        let news = std::mem::take(&mut self.survey.news);
        if news.is_empty() {
            return;
        }
        self.survey.not_before = Some(now.plus(self.rules.survey_every));
        for node in &news {
            self.look_at_places_at(node, now);
        }
        let Some(nodes) = &self.network else { return };
        let is_open = |node: &PublicKey| {
            !nodes.placement.is_closed(node) && self.survey.is_settled(node, &self.rules, now)
        };
        let open: BTreeSet<_> = news.into_iter().filter(is_open).collect();
        self.survey.under_way = (!open.is_empty()).then_some(Pass { open, began: now, after: None });
    }

    /// Has the places of everything at a node looked at, at once when it leaves.
    fn look_at_places_at(&mut self, node: &PublicKey, now: UnixSeconds) {
        let leaves = self.network.as_ref().is_some_and(|nodes| nodes.leaving.contains(node));
        let within = if leaves { 1 } else { self.rules.places_within.max(1) };
        for cid in self.holdings.objects(node) {
            let at = now.plus(self.dice.below(within));
            self.look_at_places(cid, at);
        }
    }

    /// Whether one of these nodes ranks before one that has a part.
    fn is_concerned(&self, cid: &Cid, object: &Object, open: &BTreeSet<PublicKey>) -> bool {
        let Some(nodes) = &self.network else { return false };
        // Nodes that lack what an object requires rank last whatever their scores.
        if open.len() > NEWS_MAX || !object.required.is_empty() {
            return true;
        }
        (0..).zip(&object.units).any(|(number, unit)| {
            let seed = object.seed_of_places(cid, number);
            let holders = unit.parts.iter().filter_map(|part| nodes.placement.score_of(&part.node?, &seed));
            let last = holders.max();
            open.iter().any(|node| nodes.placement.score_of(node, &seed) < last)
        })
    }

    /// What is believed to be at one identity is at another one from now on, faults and all.
    fn rename(&mut self, former: PublicKey, node: PublicKey, now: UnixSeconds) {
        let objects = self.holdings.take_node(&former);
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
