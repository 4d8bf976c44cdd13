//! What goes wrong, within what can be borne.

use std::collections::BTreeMap;

use steward::plan::Place;

use super::clock::{DAY, HOUR, Skew};
use super::leaving;
use super::run::{FAULT_EVERY, Run, Tick, UNREST_ENDS};

/// Failure domains that are left in any case: one more than the widest coding has shards.
pub(super) const DOMAINS_MIN: usize = 9;
/// Most nodes in the list at a time.
const NODES_MAX: usize = 20;
/// A node that is gone stays in everybody's list for so long.
const FORGOTTEN_AFTER: u64 = 8 * DAY;

impl Run {
    pub(super) fn fault(&mut self) {
        if self.now >= UNREST_ENDS {
            self.after(DAY, Tick::Fault);
            return self.make_peace();
        }
        self.report.faults += 1;
        let Some(node) = self.any_node() else { return };
        match self.dice.of(0..21) {
            0..3 => self.hide(node, 60..3 * HOUR),
            3..5 => self.hide(node, HOUR..4 * DAY),
            5 => self.lose(node, |_| true),
            6..9 => {
                let chosen = self.dice.next();
                self.lose(node, |spot| spot.is_multiple_of(1 + chosen % 3));
            }
            9 => self.cut(),
            10 => self.part(),
            11..13 => self.kill(),
            13 => self.fill(node),
            14 => self.slow_down(node),
            15 => self.join(),
            16 => self.begin_to_leave(node),
            17 => self.switch_off(node),
            18 => self.jump(),
            19 => self.begin_to_waver(node),
            _ => self.spoil_one(node),
        }
        let next = self.dice.of(600..2 * FAULT_EVERY);
        self.after(next, Tick::Fault);
    }

    fn make_peace(&mut self) {
        self.network.cuts.clear();
        for node in &mut self.network.nodes {
            (node.offline_until, node.slow_until, node.full_until) = (0, 0, 0);
        }
    }

    /// A node that is there, unless it is offline.
    fn any_node(&mut self) -> Option<usize> {
        let nodes = self.network.nodes.iter().enumerate();
        let there: Vec<_> = nodes.filter(|(_, node)| !node.is_gone).map(|(number, _)| number).collect();
        (!there.is_empty()).then(|| *self.dice.pick(&there))
    }

    fn hide(&mut self, node: usize, long: std::ops::Range<u64>) {
        let long = self.dice.of(long);
        self.network.nodes[node].offline_until = self.now + long;
        self.note(format_args!("node {node} is offline for {long} s"));
    }

    /// A node loses or spoils some of its parts, as far as their units can spare them.
    fn lose(&mut self, node: usize, is_lost: impl Fn(u64) -> bool) {
        let is_wiped = self.dice.one_in(2);
        let places: Vec<_> = self.network.nodes[node].copies.keys().copied().collect();
        let mut lost = 0;
        for (_, place) in (0..).zip(places).filter(|(spot, _)| is_lost(*spot)) {
            lost += u64::from(self.lose_one(node, place, is_wiped));
        }
        let what = if is_wiped { "loses" } else { "spoils" };
        self.note(format_args!("node {node} {what} {lost} parts"));
    }

    /// A single part turns rotten, and nobody hears of it.
    fn spoil_one(&mut self, node: usize) {
        let places: Vec<_> = self.network.nodes[node].copies.keys().copied().collect();
        if !places.is_empty() {
            let place = *self.dice.pick(&places);
            let is_spoilt = self.lose_one(node, place, false);
            self.report.spoilt += u64::from(is_spoilt);
            self.note(format_args!("node {node} spoils {place:?}: {is_spoilt}"));
        }
    }

    fn lose_one(&mut self, node: usize, place: Place, is_wiped: bool) -> bool {
        let is_sound = self.network.nodes[node].copies[&place].is_sound;
        // A second copy is no loss, and neither is a rotten one.
        let is_last = is_sound && self.network.is_needed(&place, self.parts_of(&place));
        let spare = self.spare.get_mut(&(place.cid, place.unit)).expect("every unit has its spare");
        if is_last && *spare == 0 {
            return false;
        }
        *spare -= u8::from(is_last);
        if is_wiped {
            self.network.nodes[node].copies.remove(&place);
        } else if let Some(copy) = self.network.nodes[node].copies.get_mut(&place) {
            copy.is_sound = false;
        }
        true
    }

    fn cut(&mut self) {
        let steward = self.dice.index(self.keepers.len());
        let until = self.now + self.dice.of(HOUR..2 * DAY);
        for node in 0..self.network.nodes.len() {
            if self.dice.one_in(3) {
                self.network.cuts.insert((steward, node), until);
            }
        }
        self.note(format_args!("steward {steward} does not reach a third of the nodes"));
    }

    /// The network falls into two halves, stewards and nodes alike, that do not hear each other until it heals.
    fn part(&mut self) {
        self.report.partitions += 1;
        let long = self.dice.of(HOUR..3 * DAY);
        let sides: Vec<_> = (0..self.keepers.len()).map(|_| self.dice.one_in(2)).collect();
        for node in 0..self.network.nodes.len() {
            let side = self.dice.one_in(2);
            for (steward, of_steward) in sides.iter().enumerate() {
                if *of_steward != side {
                    self.network.cuts.insert((steward, node), self.now + long);
                }
            }
        }
        self.note(format_args!("the network is in two halves for {long} s, stewards {sides:?}"));
    }

    fn kill(&mut self) {
        let number = self.dice.index(self.keepers.len());
        self.keepers[number].kill(&mut self.network, self.now);
        let delay = self.dice.of(1..DAY);
        self.after(delay, Tick::Start(number));
        self.note(format_args!("steward {number} is killed for {delay} s"));
    }

    fn fill(&mut self, node: usize) {
        self.report.full_disks += 1;
        self.network.nodes[node].full_until = self.now + self.dice.of(DAY..20 * DAY);
        self.note(format_args!("node {node} is full"));
    }

    fn slow_down(&mut self, node: usize) {
        self.report.slow_nodes += 1;
        self.network.nodes[node].slow_until = self.now + self.dice.of(HOUR..5 * DAY);
        self.note(format_args!("node {node} is slow"));
    }

    pub(super) fn join(&mut self) {
        let listed = self.network.nodes.iter().filter(|node| node.is_listed).count();
        if listed >= NODES_MAX {
            return;
        }
        self.report.joined += 1;
        let new = self.network.nodes.iter().map(|node| node.domain).max().unwrap_or_default() + 1;
        let domain = if self.network.open_domains() >= DOMAINS_MIN && self.dice.one_in(3) {
            let known = self.dice.index(self.network.nodes.len());
            self.network.nodes[known].domain
        } else {
            new
        };
        self.network.join(domain, &mut self.dice);
        self.note(format_args!("a node joins in domain {domain}"));
    }

    fn begin_to_leave(&mut self, node: usize) {
        if self.network.nodes[node].is_leaving || self.network.wavering.contains(&node) {
            return;
        }
        self.network.nodes[node].is_leaving = true;
        self.network.list_anew();
        self.keep_room();
        self.after(HOUR, Tick::Leave(node));
        self.note(format_args!("node {node} is to leave"));
    }

    /// A node that leaves goes as soon as all it has is elsewhere.
    pub(super) fn go_on_leaving(&mut self, node: usize) {
        if self.network.nodes[node].is_gone {
            return;
        }
        let objects = &self.objects;
        let parts_of = |place: &Place| objects[&place.cid].units[place.unit as usize].parts.len();
        if leaving::can_go(&self.network, node, parts_of) {
            self.report.left += 1;
            self.remove(node);
            self.forget(node);
        } else {
            self.after(6 * HOUR, Tick::Leave(node));
        }
    }

    fn begin_to_waver(&mut self, node: usize) {
        let times = self.dice.of(2..12);
        if self.network.nodes[node].is_leaving || self.network.wavering.contains(&node) {
            return;
        }
        self.report.wavered += 1;
        self.network.wavering.insert(node);
        self.waver(node, times);
    }

    /// A node leaves, or stays, and will think better of it.
    pub(super) fn waver(&mut self, node: usize, left: u64) {
        let is_over = left == 0 || self.now >= UNREST_ENDS;
        let wavering = &mut self.network.nodes[node];
        if wavering.is_gone {
            return;
        }
        wavering.is_leaving = !wavering.is_leaving && !is_over;
        let is_leaving = wavering.is_leaving;
        self.network.list_anew();
        self.keep_room();
        if is_over {
            self.network.wavering.remove(&node);
        } else {
            let delay = self.dice.of(HOUR / 2..3 * DAY);
            self.after(delay, Tick::Waver(node, left - 1));
        }
        self.note(format_args!("node {node} wavers, and leaves: {is_leaving}"));
    }

    /// A node is gone for ever, with all it has, if that can be borne.
    fn switch_off(&mut self, node: usize) {
        let mut losses = BTreeMap::new();
        for (place, copy) in &self.network.nodes[node].copies {
            if copy.is_sound && self.network.is_needed(place, self.parts_of(place)) {
                *losses.entry((place.cid, place.unit)).or_insert(0_u8) += 1;
            }
        }
        if losses.iter().any(|(unit, lost)| self.spare[unit] < *lost) {
            return self.note(format_args!("node {node} cannot be spared"));
        }
        for (unit, lost) in losses {
            *self.spare.get_mut(&unit).expect("every unit has its spare") -= lost;
        }
        self.report.lost_for_ever += 1;
        self.remove(node);
        self.keep_room();
        self.after(FORGOTTEN_AFTER, Tick::Forget(node));
    }

    fn remove(&mut self, node: usize) {
        self.network.nodes[node].is_gone = true;
        self.network.nodes[node].copies.clear();
        self.note(format_args!("node {node} is gone"));
    }

    /// Takes a node that is gone off the list.
    pub(super) fn forget(&mut self, node: usize) {
        self.network.nodes[node].is_listed = false;
        self.network.list_anew();
    }

    /// Operators see to it that there are enough failure domains.
    fn keep_room(&mut self) {
        while self.network.open_domains() < DOMAINS_MIN {
            let before = self.report.joined;
            self.join();
            if self.report.joined == before {
                return;
            }
        }
    }

    /// The clock of a steward is put to another time.
    fn jump(&mut self) {
        self.report.clock_jumps += 1;
        let number = self.dice.index(self.keepers.len());
        self.keepers[number].skew = Skew::drawn(&mut self.dice);
        let skew = self.keepers[number].skew;
        self.note(format_args!("the clock of steward {number} jumps: {skew:?}"));
    }
}
