//! One seed from beginning to end: faults, then peace, and what must hold.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;

use chunker::{CellSize, Coding, Geometry};
use proofs::Cid;
use protocol::UnixSeconds;
use steward::plan::{Event, Found, Object, Place, RepairEnd, Rules};

use super::keepers::{Job, Keeper};
use super::network::{Copy, Network};
use crate::sim::Dice;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const START: u64 = 2_000_000_000;
/// How long there are faults.
const UNREST: u64 = 90 * DAY;
/// How long everything is given to become whole after that.
const PEACE: u64 = 45 * DAY;
/// Mean time between two faults.
const FAULT_EVERY: u64 = 10 * HOUR;
/// Leases of the first put.
const FIRST_LEASE: u64 = 40 * DAY;

/// What a seed came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Report {
    pub faults: u64,
    pub built: u64,
    pub claims_refused: u64,
    pub warnings: u64,
}

/// A seed that does not hold.
#[derive(Debug)]
pub struct Trouble {
    /// The seed.
    pub seed: u64,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}", self.seed, self.what)
    }
}

enum Tick {
    Wake(usize),
    Finish(usize, u64, Job),
    Start(usize),
    Fault,
}

struct Run {
    dice: Dice,
    now: u64,
    network: Network,
    keepers: Vec<Keeper>,
    objects: BTreeMap<Cid, Object>,
    /// Parts of each unit that may still be lost before somebody says that it is whole.
    spare: BTreeMap<(Cid, u32), u8>,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    ticks: BTreeMap<u64, Tick>,
    next_tick: u64,
    report: Report,
}

/// Plays a seed.
pub fn run(seed: u64) -> Result<Report, Trouble> {
    let mut run = Run::new(seed);
    let outcome = run.play();
    outcome.map(|()| run.report).map_err(|what| Trouble { seed, what })
}

fn rules(dice: &mut Dice) -> Rules {
    Rules {
        node_audit_every: dice.of(2..9) * HOUR,
        object_audit_every: 10 * DAY,
        tidy_after: 3 * DAY,
        lease_term: 60 * DAY,
        renew_before: 20 * DAY,
        repairs_abreast: usize::try_from(dice.of(1..4)).expect("a small number"),
        ..Rules::default()
    }
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let nodes = 10 + dice.index(6);
        let network = Network::new(nodes, &mut dice);
        let stewards = 1 + dice.index(3);
        let rules = rules(&mut dice);
        let keepers = (0..stewards).map(|number| Keeper::new(number, rules.clone(), &mut dice)).collect();
        let mut run = Self {
            dice,
            now: START,
            network,
            keepers,
            objects: BTreeMap::new(),
            spare: BTreeMap::new(),
            queue: BinaryHeap::new(),
            ticks: BTreeMap::new(),
            next_tick: 0,
            report: Report::default(),
        };
        for _ in 0..=run.dice.index(4) {
            run.put();
        }
        run
    }

    /// Puts an object on the first nodes of its rankings.
    fn put(&mut self) {
        let codings = ["1+1", "1+2", "2+1", "3+2", "4+2", "4+3", "3+5"];
        let coding: Coding = self.dice.pick(&codings).parse().expect("a coding");
        let cells = self.dice.of(1..40);
        let geometry = Geometry::new(coding, CellSize::LARGEST, cells).expect("a geometry");
        let cid = Cid::of(&self.dice.bytes(16));
        let ends = UnixSeconds::new(START + UNREST + PEACE + self.dice.of(5..80) * DAY);
        let object = Object::new(&geometry, ends, ends, Vec::new(), UnixSeconds::new(START));
        self.network.make_alike(cid, object.copies());
        for (unit, care) in (0..).zip(&object.units) {
            self.network.rank(cid, unit);
            // Every node is a domain of its own.
            let homes: Vec<_> = self.network.ranking(&cid, unit)[..care.parts.len()].to_vec();
            for (part, node) in (0..).zip(homes) {
                let copy = Copy { is_sound: true, expires: START + FIRST_LEASE, made: None };
                let kept = self.network.kept_as(&Place { cid, unit, part });
                self.network.nodes[node].copies.insert(kept, copy);
            }
            // Nothing may be lost before somebody has looked.
            self.spare.insert((cid, unit), 0);
        }
        self.objects.insert(cid, object);
    }

    fn play(&mut self) -> Result<(), String> {
        for number in 0..self.keepers.len() {
            let delay = self.dice.of(1..2 * DAY);
            self.after(delay, Tick::Start(number));
        }
        self.after(3 * DAY, Tick::Fault);
        let end = START + UNREST + PEACE;
        while let Some(Reverse((at, number))) = self.queue.pop() {
            if at > end {
                break;
            }
            self.now = at;
            let tick = self.ticks.remove(&number).expect("every entry has a tick");
            self.tick(tick)?;
        }
        self.now = end;
        self.check_end()
    }

    fn after(&mut self, delay: u64, tick: Tick) {
        let number = self.next_tick;
        self.next_tick += 1;
        self.queue.push(Reverse((self.now + delay, number)));
        self.ticks.insert(number, tick);
    }

    fn tick(&mut self, tick: Tick) -> Result<(), String> {
        match tick {
            // Another wake-up may have been planned in place of this one.
            Tick::Wake(number) if self.keepers[number].wake != Some(self.now) => {}
            Tick::Wake(number) => {
                self.keepers[number].wake = None;
                self.tell(number, Event::Wake);
            }
            Tick::Finish(number, life, job) => {
                if self.keepers[number].life == life {
                    self.finish(number, job)?;
                }
            }
            Tick::Start(number) => self.start(number),
            Tick::Fault => {
                self.fault();
                self.collect()?;
            }
        }
        Ok(())
    }

    fn start(&mut self, number: usize) {
        if self.keepers[number].plan().is_some() {
            return;
        }
        let seed = self.dice.array();
        self.keepers[number].start(seed, self.now);
        for (cid, object) in self.objects.clone() {
            self.tell(number, Event::Added(cid, Box::new(object)));
        }
    }

    fn tell(&mut self, number: usize, event: Event) {
        let keeper = &mut self.keepers[number];
        let jobs = keeper.tell(&mut self.network, &mut self.dice, self.now, event);
        let life = keeper.life;
        let wake = keeper.plan().and_then(steward::plan::Plan::wake_at).map(|at| at.get().max(self.now + 1));
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
        let is_repair = matches!(job, Job::Repair { .. });
        let keeper = &self.keepers[number];
        let event = match job {
            Job::Tell(event) => event,
            Job::AuditObject(cid) => {
                let units = u32::try_from(self.objects[&cid].units.len()).expect("few");
                let look = |unit| keeper.look_at(&self.network, cid, unit, now);
                Event::ObjectAudited(cid, (0..units).flat_map(look).collect())
            }
            Job::AuditNode(node, places) => {
                keeper.audit_node(&self.network, &mut self.dice, node, &places, now)
            }
            Job::Renew { cid, below, until } => keeper.renew(&mut self.network, cid, below, until, now),
            repair @ Job::Repair { .. } => {
                let (event, built) = keeper.build(&mut self.network, &repair, now);
                self.report.built += built.parts;
                if let Some(place) = built.twice.first() {
                    return Err(format!("steward {number} makes {place:?} a second time"));
                }
                event
            }
        };
        self.believe(&event)?;
        self.tell(number, event);
        if is_repair {
            self.collect()?;
        }
        Ok(())
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
        for (cid, unit) in units {
            let care = &self.objects[&cid].units[unit as usize];
            let (parts, needed) = (care.parts.len(), care.needed);
            if self.network.existing(cid, unit, parts) < parts {
                return Err(format!("unit {unit} of {cid} is called whole, and is not"));
            }
            self.spare.insert((cid, unit), u8::try_from(parts).expect("at most 255") - needed);
        }
        Ok(())
    }

    fn fault(&mut self) {
        if self.now < START + UNREST {
            self.report.faults += 1;
            let node = self.dice.index(self.network.nodes.len());
            match self.dice.of(0..10) {
                0..3 => self.network.nodes[node].offline_until = self.now + self.dice.of(60..3 * HOUR),
                3..5 => self.network.nodes[node].offline_until = self.now + self.dice.of(HOUR..4 * DAY),
                5 => self.lose(node, |_| true),
                6..8 => {
                    let chosen = self.dice.next();
                    self.lose(node, |spot| spot.is_multiple_of(1 + chosen % 3));
                }
                8 => self.cut(),
                _ => self.kill(),
            }
            let next = self.dice.of(600..2 * FAULT_EVERY);
            self.after(next, Tick::Fault);
        } else {
            self.after(DAY, Tick::Fault);
            self.network.cuts.clear();
            for node in &mut self.network.nodes {
                node.offline_until = 0;
            }
        }
    }

    /// A node loses or spoils some of its parts, as far as their units can spare them.
    fn lose(&mut self, node: usize, is_lost: impl Fn(u64) -> bool) {
        let is_wiped = self.dice.one_in(2);
        let places: Vec<_> = self.network.nodes[node].copies.keys().copied().collect();
        for (spot, place) in (0..).zip(places) {
            let parts = self.objects[&place.cid].units[place.unit as usize].parts.len();
            // A second copy is no loss.
            let only_copy = self.network.is_needed(&place, parts);
            let spare = self.spare.get_mut(&(place.cid, place.unit)).expect("every unit has its spare");
            if !is_lost(spot) || (only_copy && *spare == 0) {
                continue;
            }
            *spare -= u8::from(only_copy);
            if is_wiped {
                self.network.nodes[node].copies.remove(&place);
            } else if let Some(copy) = self.network.nodes[node].copies.get_mut(&place) {
                copy.is_sound = false;
            }
        }
    }

    fn cut(&mut self) {
        let steward = self.dice.index(self.keepers.len());
        let until = self.now + self.dice.of(HOUR..2 * DAY);
        for node in 0..self.network.nodes.len() {
            if self.dice.one_in(3) {
                self.network.cuts.insert((steward, node), until);
            }
        }
    }

    fn kill(&mut self) {
        let number = self.dice.index(self.keepers.len());
        self.keepers[number].kill(&mut self.network, self.now);
        let delay = self.dice.of(1..DAY);
        self.after(delay, Tick::Start(number));
    }

    /// Leases end, and nothing else may be lost by that; every unit can be read.
    fn collect(&mut self) -> Result<(), String> {
        let now = self.now;
        for node in &mut self.network.nodes {
            node.copies.retain(|_, copy| copy.expires + 7 * DAY > now);
        }
        for (cid, object) in &self.objects {
            for (unit, care) in (0..).zip(&object.units) {
                let existing = self.network.existing(*cid, unit, care.parts.len());
                if existing < usize::from(care.needed) {
                    return Err(format!("unit {unit} of {cid} is lost on day {}", (now - START) / DAY));
                }
            }
        }
        Ok(())
    }

    fn check_end(&mut self) -> Result<(), String> {
        self.report.claims_refused = self.keepers.iter().map(|keeper| keeper.taken).sum();
        self.report.warnings = self.keepers.iter().map(|keeper| keeper.warned.len() as u64).sum();
        for (cid, object) in &self.objects {
            for (unit, care) in (0..).zip(&object.units) {
                let existing = self.network.existing(*cid, unit, care.parts.len());
                if existing < care.parts.len() {
                    let all = care.parts.len();
                    return Err(format!("unit {unit} of {cid} ends with {existing} of {all} parts"));
                }
            }
        }
        for keeper in &self.keepers {
            let Some(plan) = keeper.plan() else { continue };
            if plan.queue().len() > 0 {
                return Err(format!("steward {} ends with {} repairs", keeper.number, plan.queue().len()));
            }
            self.check_warnings(keeper)?;
        }
        Ok(())
    }

    /// Every steward has warned of every end as often as it should, and never twice.
    fn check_warnings(&self, keeper: &Keeper) -> Result<(), String> {
        for (cid, object) in &self.objects {
            let of_object: Vec<_> = keeper
                .warned
                .iter()
                .filter(|(other, warned)| other == cid && warned.ends == object.care_ends())
                .collect();
            for days in steward::plan::WARN_DAYS {
                let is_due = object.care_ends().get() <= self.now + u64::from(days) * DAY;
                let given = of_object.iter().filter(|(_, warned)| warned.days == days).count();
                if given != usize::from(is_due) {
                    let known =
                        keeper.plan().and_then(|plan| plan.object(cid)).map(|o| (o.leases, o.warned.clone()));
                    return Err(format!(
                        "steward {} gave {given} warnings of {days} days: {of_object:?} {known:?} now {} ends {}",
                        keeper.number,
                        self.now,
                        object.care_ends().get()
                    ));
                }
            }
        }
        Ok(())
    }
}
