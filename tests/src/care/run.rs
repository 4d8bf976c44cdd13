//! One seed from beginning to end: faults, then peace, and what must hold.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;

use chunker::{CellSize, Coding, Geometry};
use client::placement::homes;
use proofs::Cid;
use protocol::UnixSeconds;
use steward::plan::{Event, Found, Object, Place, RepairEnd, Rules, WARN_DAYS};

use super::checks::{check_emptied, check_end, check_places, check_readable, check_whole};
use super::clock::{DAY, HOUR, SKEW_MAX, START};
use super::faults::DOMAINS_MIN;
use super::keepers::{Job, Keeper};
use super::network::{Copy, Network, UnitId};
use super::report::{Report, Sabotage, Trouble};
use crate::sim::{Dice, Trace, Verbosity};

/// Until when there are faults.
pub(super) const UNREST_ENDS: u64 = START + 90 * DAY;
/// Everything is given so long to become whole after that.
const PEACE: u64 = 45 * DAY;
/// Mean time between two faults.
pub(super) const FAULT_EVERY: u64 = 8 * HOUR;
/// Leases of the first put.
const FIRST_LEASE: u64 = 20 * DAY;
/// Nodes keep what is not leased any more for so long.
const KEPT_AFTER: u64 = 7 * DAY;

/// What happens next.
pub(super) enum Tick {
    Wake(usize),
    Finish(usize, u64, Job),
    Start(usize),
    Fault,
    Leave(usize),
    /// A node that wavers changes its mind so many times more.
    Waver(usize, u64),
    /// A steward hears who is there.
    Hear(usize),
    Forget(usize),
}

pub(super) struct Run {
    pub(super) dice: Dice,
    pub(super) now: u64,
    pub(super) network: Network,
    pub(super) keepers: Vec<Keeper>,
    pub(super) objects: BTreeMap<Cid, Object>,
    /// Parts of each unit that may still be lost before somebody says that it is whole.
    pub(super) spare: BTreeMap<UnitId, u8>,
    pub(super) report: Report,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    ticks: BTreeMap<u64, Tick>,
    next_tick: u64,
    /// How often each part was moved by each steward.
    moves: BTreeMap<(usize, UnitId, u8), u64>,
    /// The list of members of which stewards have heard, or will.
    lists: u64,
    sabotage: Sabotage,
    trace: Trace,
}

/// Plays a seed.
pub fn run(seed: u64, sabotage: Sabotage, verbosity: Verbosity) -> Result<Report, Box<Trouble>> {
    let mut run = Run::new(seed, sabotage, verbosity);
    let outcome = run.play();
    run.report.trace = run.trace.hash();
    outcome.map(|()| run.report).map_err(|what| {
        let last_lines = run.trace.last_lines();
        Box::new(Trouble { seed, what, last_lines })
    })
}

fn rules(dice: &mut Dice) -> Rules {
    Rules {
        node_audit_every: dice.of(4..13) * HOUR,
        object_audit_every: 10 * DAY,
        tidy_after: 3 * DAY,
        lease_term: 30 * DAY,
        renew_before: 10 * DAY,
        repairs_abreast: usize::try_from(dice.of(1..4)).expect("a small number"),
        settle_max: 8 * DAY,
        ..Rules::default()
    }
}

impl Run {
    fn new(seed: u64, sabotage: Sabotage, verbosity: Verbosity) -> Self {
        let mut dice = Dice::new(seed);
        let nodes = 10 + dice.index(6);
        let domains = if dice.one_in(2) { nodes } else { DOMAINS_MIN + dice.index(nodes - DOMAINS_MIN) };
        let network = Network::new(nodes, domains, &mut dice);
        let stewards = 1 + dice.index(3);
        let rules = rules(&mut dice);
        let keepers = (0..stewards).map(|number| Keeper::new(number, rules.clone(), sabotage, &mut dice));
        let mut run = Self {
            now: START,
            network,
            keepers: keepers.collect(),
            objects: BTreeMap::new(),
            spare: BTreeMap::new(),
            report: Report::default(),
            queue: BinaryHeap::new(),
            ticks: BTreeMap::new(),
            next_tick: 0,
            moves: BTreeMap::new(),
            lists: 0,
            sabotage,
            trace: Trace::new(verbosity),
            dice,
        };
        run.note(format_args!("{nodes} nodes in {domains} domains, {stewards} stewards"));
        for _ in 0..=run.dice.index(4) {
            run.put();
        }
        run
    }

    /// Puts an object on the first nodes of its rankings, one shard of a segment in each failure domain.
    fn put(&mut self) {
        let codings = ["1+1", "1+2", "2+1", "3+2", "4+2", "4+3", "3+5"];
        let coding: Coding = self.dice.pick(&codings).parse().expect("a coding");
        let cells = self.dice.of(1..40);
        let geometry = Geometry::new(coding, CellSize::LARGEST, cells).expect("a geometry");
        let cid = Cid::of(&self.dice.bytes(16));
        let ends = UnixSeconds::new(UNREST_ENDS + PEACE + self.dice.of(5..80) * DAY);
        let object = Object::new(&geometry, ends, ends, Vec::new(), UnixSeconds::new(START))
            .with_places(*cid.root().as_bytes(), Vec::new());
        self.network.make_alike((cid, object.copies()));
        for (unit, care) in (0..).zip(&object.units) {
            self.network.rank((cid, unit));
            let ranking = self.network.ranking_for_new((cid, unit));
            let homes = if unit == object.copies() {
                ranking.iter().map(|node| node.id).take(care.parts.len()).collect()
            } else {
                homes(&ranking, care.parts.len())
            };
            for (part, home) in (0..).zip(homes) {
                let copy = Copy { is_sound: true, expires: START + FIRST_LEASE, made: None };
                let kept = self.network.kept_as(&Place { cid, unit, part });
                let node = self.network.index(&home);
                self.network.nodes[node].copies.insert(kept, copy);
            }
            // Nothing may be lost before somebody has looked.
            self.spare.insert((cid, unit), 0);
        }
        self.note(format_args!("{cid} is put as {coding} in {} units", object.units.len()));
        self.objects.insert(cid, object);
    }

    fn play(&mut self) -> Result<(), String> {
        for number in 0..self.keepers.len() {
            let delay = self.dice.of(1..2 * DAY);
            self.after(delay, Tick::Start(number));
        }
        self.after(3 * DAY, Tick::Fault);
        let end = UNREST_ENDS + PEACE;
        while let Some(Reverse((at, number))) = self.queue.pop() {
            if at > end {
                break;
            }
            self.now = at;
            let tick = self.ticks.remove(&number).expect("every entry has a tick");
            self.tick(tick)?;
        }
        self.now = end;
        for number in 0..self.keepers.len() {
            self.tell(number, Event::Wake);
        }
        self.check_end()
    }

    pub(super) fn after(&mut self, delay: u64, tick: Tick) {
        let number = self.next_tick;
        self.next_tick += 1;
        self.queue.push(Reverse((self.now + delay, number)));
        self.ticks.insert(number, tick);
    }

    pub(super) fn note(&mut self, what: fmt::Arguments<'_>) {
        let seconds = self.now - START;
        let (day, hour, minute) = (seconds / DAY, seconds / HOUR % 24, seconds / 60 % 60);
        self.trace.line(format!("day {day:>3} {hour:02}:{minute:02}  {what}"));
    }

    pub(super) fn parts_of(&self, place: &Place) -> usize {
        self.objects[&place.cid].units[place.unit as usize].parts.len()
    }

    fn tick(&mut self, tick: Tick) -> Result<(), String> {
        match tick {
            // Another wake-up may have been planned in place of this one.
            Tick::Wake(number) if self.keepers[number].wake != Some(self.now) => return Ok(()),
            Tick::Wake(number) => {
                self.keepers[number].wake = None;
                self.tell(number, Event::Wake);
                return Ok(());
            }
            Tick::Finish(number, life, job) => {
                return if self.keepers[number].life == life { self.finish(number, job) } else { Ok(()) };
            }
            Tick::Start(number) => self.start(number),
            Tick::Fault => self.fault(),
            Tick::Leave(node) => self.go_on_leaving(node),
            Tick::Waver(node, left) => self.waver(node, left),
            Tick::Hear(number) => {
                self.hear(number);
                return Ok(());
            }
            Tick::Forget(node) => self.forget(node),
        }
        self.spread_news();
        self.collect();
        self.check_all()
    }

    /// Stewards hear of nodes that join, leave and change some minutes later.
    fn spread_news(&mut self) {
        if self.lists == self.network.lists {
            return;
        }
        self.lists = self.network.lists;
        for number in 0..self.keepers.len() {
            let delay = self.dice.of(1..HOUR);
            self.after(delay, Tick::Hear(number));
        }
    }

    fn hear(&mut self, number: usize) {
        let known = self.network.known();
        self.tell(number, Event::Nodes(Box::new(known)));
    }

    fn start(&mut self, number: usize) {
        if self.keepers[number].plan().is_some() {
            return;
        }
        let seed = self.dice.array();
        let is_first = self.keepers[number].life == 0;
        self.keepers[number].start(seed, self.now);
        self.note(format_args!("steward {number} starts"));
        if is_first || self.sabotage != Sabotage::Forgets {
            for (cid, object) in self.objects.clone() {
                self.tell(number, Event::Added(cid, Box::new(object)));
            }
        }
        self.hear(number);
    }

    fn tell(&mut self, number: usize, event: Event) {
        let keeper = &mut self.keepers[number];
        let jobs = keeper.tell(&mut self.network, &mut self.dice, self.now, event);
        let life = keeper.life;
        let wake = keeper.wake_at().map(|at| at.max(self.now + 1));
        let is_new = wake.is_some_and(|at| keeper.wake.is_none_or(|planned| at < planned));
        if let (true, Some(at)) = (is_new, wake) {
            keeper.wake = Some(at);
            self.after(at - self.now, Tick::Wake(number));
        }
        for (takes, job) in jobs {
            self.after(takes, Tick::Finish(number, life, job));
        }
    }

    fn finish(&mut self, number: usize, job: Job) -> Result<(), String> {
        let now = self.now;
        if !matches!(job, Job::Tell(_) | Job::AuditNode(..)) {
            // What is found must not be dropped in the moment in which it is found.
            self.collect();
        }
        let keeper = &self.keepers[number];
        let event = match job {
            Job::Tell(event) => event,
            Job::AuditObject(cid) => {
                let units = u32::try_from(self.objects[&cid].units.len()).expect("few");
                let look = |unit| keeper.look_at(&self.network, (cid, unit), now);
                Event::ObjectAudited(cid, (0..units).flat_map(look).collect())
            }
            Job::AuditNode(node, places) => {
                keeper.audit_node(&self.network, &mut self.dice, node, &places, now)
            }
            Job::Move(order) => {
                let moved = keeper.relocate(&mut self.network, &order, now);
                self.note(format_args!("steward {number} moves {order:?}: {:?}", moved.event));
                if let Some(wrong) = moved.wrong {
                    return Err(wrong);
                }
                if moved.is_done {
                    self.report.moved += 1;
                    *self.moves.entry((number, order.unit, order.misplaced.part)).or_default() += 1;
                }
                check_readable(&self.network, order.unit.0, &self.objects[&order.unit.0])?;
                moved.event
            }
            Job::Renew { cid, below, until } => keeper.renew(&mut self.network, cid, below, until, now),
            Job::Repair(repair) => {
                let (event, built) = keeper.build(&mut self.network, &repair, now);
                self.report.built += built.parts;
                self.report.refused_by_full += built.refused_by_full;
                let parts = built.parts;
                self.note(format_args!(
                    "steward {number} makes {parts} parts of {:?}: {event:?}",
                    repair.unit
                ));
                if let Some(wrong) = built.wrong {
                    return Err(wrong);
                }
                self.collect();
                check_readable(&self.network, repair.unit.0, &self.objects[&repair.unit.0])?;
                event
            }
        };
        self.note_findings(number, &event);
        self.believe(&event)?;
        self.tell(number, event);
        self.keepers[number].wrong.take().map_or(Ok(()), Err)
    }

    fn note_findings(&mut self, number: usize, event: &Event) {
        match event {
            Event::ObjectAudited(cid, findings) => {
                let lost = findings.iter().filter(|finding| finding.found != Found::Proved);
                let lost: Vec<_> = lost.map(|it| (it.unit, it.part, it.found)).collect();
                self.note(format_args!("steward {number} audits {cid}: {lost:?}"));
            }
            Event::NodeAudited { node, found, .. } => {
                let node = self.network.index(node);
                let lost: Vec<_> = found.iter().filter(|(_, found)| *found != Found::Proved).collect();
                if !lost.is_empty() {
                    self.note(format_args!("steward {number} audits node {node}: {lost:?}"));
                }
            }
            _ => {}
        }
    }

    /// Whoever says that a unit is whole makes room for new losses; it had better be true.
    fn believe(&mut self, event: &Event) -> Result<(), String> {
        let units: Vec<_> = match event {
            Event::Repaired(cid, unit, RepairEnd::Audited { is_whole: true, .. }) => vec![(*cid, *unit)],
            Event::ObjectAudited(cid, findings) => {
                let all = |unit: u32| {
                    let mut of_unit = findings.iter().filter(|finding| finding.unit == unit).peekable();
                    of_unit.peek().is_some() && of_unit.all(|finding| finding.found == Found::Proved)
                };
                let units = u32::try_from(self.objects[cid].units.len()).expect("few");
                (0..units).filter(|unit| all(*unit)).map(|unit| (*cid, unit)).collect()
            }
            _ => Vec::new(),
        };
        for unit in units {
            let object = &self.objects[&unit.0];
            check_whole(&self.network, unit, object)?;
            let care = &object.units[unit.1 as usize];
            self.spare.insert(unit, u8::try_from(care.parts.len()).expect("at most 255") - care.needed);
        }
        Ok(())
    }

    /// Nodes drop what is not leased any more, each by its own clock.
    fn collect(&mut self) {
        for node in &mut self.network.nodes {
            let shown = node.skew.shows(self.now);
            node.copies.retain(|_, copy| copy.expires + KEPT_AFTER > shown);
        }
    }

    fn check_all(&self) -> Result<(), String> {
        self.objects.iter().try_for_each(|(cid, object)| check_readable(&self.network, *cid, object))
    }

    fn check_end(&mut self) -> Result<(), String> {
        self.report.claims_refused = self.keepers.iter().map(|keeper| keeper.taken).sum();
        self.report.warnings = self.keepers.iter().map(|keeper| keeper.warned.len() as u64).sum();
        for (cid, object) in &self.objects {
            check_end(&self.network, *cid, object)?;
        }
        check_emptied(&self.network)?;
        self.report.moved_most = self.moves.values().copied().max().unwrap_or_default();
        for keeper in &self.keepers {
            let Some(plan) = keeper.plan() else { continue };
            if plan.queue().len() > 0 {
                return Err(format!("steward {} ends with {} repairs", keeper.number, plan.queue().len()));
            }
            plan.objects().iter().try_for_each(|(cid, object)| check_places(&self.network, *cid, object))?;
            self.check_warnings(keeper)?;
        }
        Ok(())
    }

    /// Every steward has warned of every end as often as it should, and never twice.
    fn check_warnings(&self, keeper: &Keeper) -> Result<(), String> {
        for (cid, object) in &self.objects {
            let ends = object.care_ends();
            let of_object =
                keeper.warned.iter().filter(|(other, warned)| other == cid && warned.ends == ends);
            for days in WARN_DAYS {
                let due = ends.get() - u64::from(days) * DAY;
                // A clock that was ahead has warned already.
                if due.abs_diff(self.now) <= 2 * SKEW_MAX {
                    continue;
                }
                let given = of_object.clone().filter(|(_, warned)| warned.days == days).count();
                if given != usize::from(due <= self.now) {
                    let number = keeper.number;
                    return Err(format!("steward {number} gave {given} warnings of {days} days for {cid}"));
                }
            }
        }
        Ok(())
    }
}
