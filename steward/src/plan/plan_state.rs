//! The plan: what is known, what is due, and what is under way.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use proofs::Cid;
use protocol::{PublicKey, UnixSeconds};

use super::agenda::Agenda;
use super::dice::Dice;
use super::holdings::Holdings;
use super::moves::Pause;
use super::survey::Survey;
use super::{Action, Ending, Event, Judgement, NodeCare, Nodes, Object, Place, Rules, Standing, judge};

/// The place of a unit in the queue: fewest proved parts above those needed first, then the oldest loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    /// Proved parts above those needed, plus 256 so that it may fall below zero.
    above: u16,
    since: UnixSeconds,
    cid: Cid,
    unit: u32,
}

/// Everything a steward knows and intends.
#[derive(Debug)]
pub struct Plan {
    pub(super) rules: Rules,
    pub(super) holder: PublicKey,
    pub(super) dice: Dice,
    pub(super) objects: BTreeMap<Cid, Object>,
    pub(super) nodes: BTreeMap<PublicKey, NodeCare>,
    pub(super) holdings: Holdings,
    pub(super) audits: Agenda<Cid>,
    pub(super) node_audits: Agenda<PublicKey>,
    pub(super) renewals: Agenda<Cid>,
    /// When time alone changes something about an object: grace, backoff, warnings.
    pub(super) looks: Agenda<Cid>,
    /// When the places of an object are looked at next.
    pub(super) places: Agenda<Cid>,
    /// The units of an object up to this one are where they should be.
    pub(super) looked_up_to: HashMap<Cid, usize>,
    /// Units of which no part could be moved.
    pub(super) paused: BTreeMap<(Cid, u32), Pause>,
    pub(super) network: Option<Nodes>,
    pub(super) survey: Survey,
    pub(super) moving: HashSet<(Cid, u32)>,
    /// No move begins before.
    pub(super) next_move: Option<UnixSeconds>,
    /// Nodes that did not take a part, and until when none is offered them.
    pub(super) shunned: HashMap<PublicKey, UnixSeconds>,
    queue: BTreeSet<Ticket>,
    tickets: HashMap<(Cid, u32), Ticket>,
    pub(super) auditing: HashSet<Cid>,
    pub(super) auditing_nodes: HashSet<PublicKey>,
    pub(super) renewing: HashSet<Cid>,
    /// Of these a part turned up elsewhere while their leases were looked at.
    pub(super) unseen_leases: HashSet<Cid>,
    pub(super) repairing: HashSet<(Cid, u32)>,
    pub(super) actions: VecDeque<Action>,
    changed_objects: BTreeSet<Cid>,
    changed_nodes: BTreeSet<PublicKey>,
}

impl Plan {
    /// A plan of the steward with this key that goes on from what was saved. `seed` is 32 random bytes.
    pub fn new(
        rules: Rules,
        holder: PublicKey,
        seed: [u8; 32],
        objects: BTreeMap<Cid, Object>,
        nodes: BTreeMap<PublicKey, NodeCare>,
        now: UnixSeconds,
    ) -> Self {
        let mut plan = Self {
            rules,
            holder,
            dice: Dice::new(seed),
            objects: BTreeMap::new(),
            nodes,
            holdings: Holdings::default(),
            audits: Agenda::new(),
            node_audits: Agenda::new(),
            renewals: Agenda::new(),
            looks: Agenda::new(),
            places: Agenda::new(),
            looked_up_to: HashMap::new(),
            paused: BTreeMap::new(),
            network: None,
            survey: Survey::new(),
            moving: HashSet::new(),
            next_move: None,
            shunned: HashMap::new(),
            queue: BTreeSet::new(),
            tickets: HashMap::new(),
            auditing: HashSet::new(),
            auditing_nodes: HashSet::new(),
            renewing: HashSet::new(),
            unseen_leases: HashSet::new(),
            repairing: HashSet::new(),
            actions: VecDeque::new(),
            changed_objects: BTreeSet::new(),
            changed_nodes: BTreeSet::new(),
        };
        for (cid, object) in objects {
            plan.take_in(cid, object, now);
        }
        plan.changed_objects.clear();
        plan.changed_nodes.clear();
        plan
    }

    /// Takes in what happened, and decides what to do now.
    pub fn handle(&mut self, now: UnixSeconds, event: Event) {
        self.digest(now, event);
        while let Some(cid) = self.looks.take_due(now) {
            self.reconsider(cid, now);
        }
        self.start_node_audits(now);
        self.start_object_audits(now);
        self.start_renewals(now);
        self.start_repairs(now);
        self.go_on_surveying(now);
        self.start_moves(now);
    }

    /// The next thing to do; `None` until the next event.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to hand in an event at the latest.
    pub fn wake_at(&self) -> Option<UnixSeconds> {
        let has_room = |running: usize, most: usize| running < most;
        let audits =
            self.audits.first().filter(|_| has_room(self.auditing.len(), self.rules.object_audits_abreast));
        let renewals =
            self.renewals.first().filter(|_| has_room(self.renewing.len(), self.rules.renewals_abreast));
        let nodes = self
            .node_audits
            .first()
            .filter(|_| has_room(self.auditing_nodes.len(), self.rules.node_audits_abreast));
        [audits, renewals, nodes, self.looks.first(), self.survey.next(), self.next_move()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Objects that changed since this was asked last: to be saved before anything is done.
    pub fn take_changed_objects(&mut self) -> BTreeSet<Cid> {
        std::mem::take(&mut self.changed_objects)
    }

    /// Nodes that changed since this was asked last.
    pub fn take_changed_nodes(&mut self) -> BTreeSet<PublicKey> {
        std::mem::take(&mut self.changed_nodes)
    }

    /// What is known of an object.
    pub fn object(&self, cid: &Cid) -> Option<&Object> {
        self.objects.get(cid)
    }

    /// All objects.
    pub fn objects(&self) -> &BTreeMap<Cid, Object> {
        &self.objects
    }

    /// All nodes that were ever audited.
    pub fn nodes(&self) -> &BTreeMap<PublicKey, NodeCare> {
        &self.nodes
    }

    /// Parts that a node is believed to have.
    pub fn held_by(&self, node: &PublicKey) -> usize {
        self.holdings.len(node)
    }

    /// Units that are to be repaired, most endangered first. Those that wait after a failure are not among them.
    pub fn queue(&self) -> impl ExactSizeIterator<Item = (Cid, u32)> {
        self.queue.iter().map(|ticket| (ticket.cid, ticket.unit))
    }

    /// True while a unit is being repaired.
    pub fn is_repairing(&self, cid: Cid, unit: u32) -> bool {
        self.repairing.contains(&(cid, unit))
    }

    /// How a unit stands.
    pub fn judge(&self, cid: &Cid, unit: u32, now: UnixSeconds) -> Option<Judgement> {
        let unit = self.objects.get(cid)?.units.get(unit as usize)?;
        judge(unit, |node| self.offline_since(node), &self.rules, now)
    }

    pub(super) fn offline_since(&self, node: &PublicKey) -> Option<UnixSeconds> {
        self.nodes.get(node)?.offline_since
    }

    pub(super) fn node_changed(&mut self, node: PublicKey) -> &mut NodeCare {
        self.changed_nodes.insert(node);
        self.nodes.entry(node).or_default()
    }

    pub(super) fn object_changed(&mut self, cid: Cid) {
        self.changed_objects.insert(cid);
    }

    /// Begins to look after an object, or goes on.
    pub(super) fn take_in(&mut self, cid: Cid, object: Object, now: UnixSeconds) {
        for (unit, parts) in (0..).zip(&object.units) {
            for (part, care) in (0..).zip(&parts.parts) {
                if let Some(node) = care.node {
                    self.hold(node, Place { cid, unit, part }, now);
                }
            }
        }
        self.audits.set(cid, Some(object.next_audit));
        self.renewals.set(cid, object.leases.next);
        self.objects.insert(cid, object);
        self.reconsider(cid, now);
    }

    /// Forgets an object.
    pub(super) fn let_go(&mut self, cid: Cid) {
        let Some(object) = self.objects.remove(&cid) else { return };
        for (unit, parts) in (0..).zip(&object.units) {
            self.drop_ticket(cid, unit);
            for (part, care) in (0..).zip(&parts.parts) {
                if let Some(node) = care.node {
                    self.unhold(node, &Place { cid, unit, part });
                }
            }
        }
        self.holdings.forget(&cid);
        self.audits.set(cid, None);
        self.renewals.set(cid, None);
        self.unseen_leases.remove(&cid);
        self.looks.set(cid, None);
        self.places.set(cid, None);
        self.looked_up_to.remove(&cid);
        self.paused.retain(|(other, _), _| *other != cid);
        self.changed_objects.insert(cid);
    }

    /// A part is believed to be at a node.
    pub(super) fn hold(&mut self, node: PublicKey, place: Place, now: UnixSeconds) {
        self.holdings.add(node, &place);
        if self.node_audits.at(&node).is_none() && !self.auditing_nodes.contains(&node) {
            let soon = now.plus(self.dice.below(self.rules.node_audit_every.max(1)));
            let planned = self.nodes.get(&node).and_then(|care| care.next_audit);
            self.node_audits.set(node, Some(planned.unwrap_or(soon)));
        }
    }

    pub(super) fn unhold(&mut self, node: PublicKey, place: &Place) {
        self.holdings.remove(&node, place);
    }

    /// Judges an object anew: which of its units are to be repaired, who is to be warned, and when to look again.
    pub(super) fn reconsider(&mut self, cid: Cid, now: UnixSeconds) {
        let Some(mut object) = self.objects.remove(&cid) else { return };
        let mut next = None;
        while let Some(warned) = object.warning_due(now) {
            object.note_warning(warned);
            let ending = if warned.ends == object.care_ends() { Ending::Care } else { Ending::Leases };
            self.actions.push_back(Action::Warn { cid, warned, ending });
        }
        next = first_of(next, object.next_warning(now));
        for (number, unit) in (0..).zip(&object.units) {
            self.drop_ticket(cid, number);
            let Some(judgement) = judge(unit, |node| self.offline_since(node), &self.rules, now) else {
                continue;
            };
            next = first_of(next, judgement.changes_at);
            let may = object.inconsistent.is_none() && object.lease_goal(&self.rules, now).is_some();
            let is_busy = self.repairing.contains(&(cid, number)) || self.moving.contains(&(cid, number));
            if judgement.wanted.is_empty() || !may || is_busy {
                continue;
            }
            match unit.repair.not_before.filter(|at| !at.has_passed(now)) {
                Some(at) => next = first_of(next, Some(at)),
                None => self.enqueue(cid, number, unit.needed, &judgement, now),
            }
        }
        self.objects.insert(cid, object);
        self.changed_objects.insert(cid);
        self.looks.set(cid, next);
    }

    fn enqueue(&mut self, cid: Cid, unit: u32, needed: u8, judgement: &Judgement, now: UnixSeconds) {
        let above = 256 + u16::from(judgement.proved) - u16::from(needed);
        let ticket = Ticket { above, since: judgement.since.unwrap_or(now), cid, unit };
        self.queue.insert(ticket);
        self.tickets.insert((cid, unit), ticket);
    }

    fn drop_ticket(&mut self, cid: Cid, unit: u32) {
        if let Some(ticket) = self.tickets.remove(&(cid, unit)) {
            self.queue.remove(&ticket);
        }
    }

    fn start_node_audits(&mut self, now: UnixSeconds) {
        while self.auditing_nodes.len() < self.rules.node_audits_abreast {
            let Some(node) = self.node_audits.take_due(now) else { return };
            let set = self.holdings.draw(&node, self.rules.node_set, &mut self.dice);
            if set.is_empty() {
                // Nobody asks it any more, so nobody would notice its return.
                self.node_changed(node).offline_since = None;
                continue;
            }
            self.auditing_nodes.insert(node);
            self.actions.push_back(Action::AuditNode(node, set));
        }
    }

    fn start_object_audits(&mut self, now: UnixSeconds) {
        while self.auditing.len() < self.rules.object_audits_abreast {
            let Some(cid) = self.audits.take_due(now) else { return };
            self.auditing.insert(cid);
            self.actions.push_back(Action::AuditObject(cid));
        }
    }

    fn start_renewals(&mut self, now: UnixSeconds) {
        while self.renewing.len() < self.rules.renewals_abreast {
            let Some(cid) = self.renewals.take_due(now) else { return };
            let Some(object) = self.objects.get(&cid) else { continue };
            let Some(until) = object.lease_goal(&self.rules, now) else { continue };
            let below = object.renew_below(&self.rules, now);
            self.renewing.insert(cid);
            self.actions.push_back(Action::Renew { cid, below, until });
        }
    }

    fn start_repairs(&mut self, now: UnixSeconds) {
        while self.repairing.len() < self.rules.repairs_abreast {
            let Some(ticket) = self.queue.pop_first() else { return };
            let Ticket { cid, unit, .. } = ticket;
            self.tickets.remove(&(cid, unit));
            let Some(judgement) = self.judge(&cid, unit, now).filter(|it| !it.wanted.is_empty()) else {
                continue;
            };
            let Some(until) = self.objects[&cid].lease_goal(&self.rules, now) else { continue };
            let claimed = !self.objects[&cid].units[unit as usize].repair.without_claim;
            self.repairing.insert((cid, unit));
            let (wanted, avoid) = (judgement.wanted, self.avoided(now));
            self.actions.push_back(Action::Repair { cid, unit, wanted, avoid, until, claimed });
        }
    }

    /// Nodes that get a part only when no other takes it.
    pub(super) fn avoided(&self, now: UnixSeconds) -> HashSet<PublicKey> {
        let is_avoided =
            |care: &NodeCare| care.offline_since.is_some() || care.score.standing(now) == Standing::Avoided;
        self.nodes.iter().filter(|(_, care)| is_avoided(care)).map(|(node, _)| *node).collect()
    }
}

fn first_of(known: Option<UnixSeconds>, other: Option<UnixSeconds>) -> Option<UnixSeconds> {
    [known, other].into_iter().flatten().min()
}
