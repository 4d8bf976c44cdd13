//! The storm itself: what is done to which node, and when; and what must be true afterwards.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::chance::Chance;
use crate::faults::{Fault, Kind, Tally};
use crate::fleet::Fleet;
use crate::process::{now, wait_until};
use crate::reading::{Gateway, Reader, Stored};
use crate::steward::{Status, Steward};

const NODES: usize = 12;
/// Nodes that run at most, with those that joined.
const NODES_MAX: usize = 15;
/// So many nodes may be at fault at the same time: every coding below permits it, wherever its shards are.
const PARITY: usize = 3;
/// Length and coding of what is read: all that lies in packs, and all that does not.
const OBJECTS: [(usize, &str); 6] =
    [(1, "4+3"), (700, "3+3"), (40_000, "5+3"), (300_000, "4+3"), (2_000_000, "5+3"), (9_000_000, "3+4")];

/// How long the steward lives on the average.
const STEWARD_LIVES: Duration = Duration::from_secs(25);

pub(crate) struct Storm {
    home: PathBuf,
    chance: Chance,
    fleet: Fleet,
    steward: Steward,
    objects: Arc<Vec<Stored>>,
    /// Nodes that had something of each object when it was put.
    first_at: Vec<BTreeSet<String>>,
    readers: Vec<Reader>,
    open: Vec<Fault>,
    tally: Tally,
    spoilt_bytes: usize,
    joined: usize,
    stewards_killed: usize,
    steward_dies_at: Instant,
    steward_back_at: Option<Instant>,
    begun: Instant,
}

impl Storm {
    /// Starts everything, puts the objects, and waits until the steward has proved them whole.
    pub(crate) fn prepare(home: &Path, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let [one, two, three, four] = [(); 4].map(|()| chance.below(u64::MAX));
        let network = format!("{one:016x}{two:016x}{three:016x}{four:016x}");
        let fleet = Fleet::start(home, NODES, &network);
        wait_until("all nodes know each other", || {
            crate::process::json(home, &["nodes"]).0["nodes"].as_array().unwrap().len() == NODES
        });
        let objects: Vec<_> =
            OBJECTS.iter().map(|(len, coding)| Stored::put(home, *len, coding, &mut chance)).collect();
        let steward = Steward::start(home);
        for object in &objects {
            steward.look_after(&object.link);
        }
        let begun = now();
        wait_until("everything is proved whole", || steward.status().is_whole_since(begun, objects.len()));
        let first_at = objects.iter().map(|object| holders(&object.audit(home).0)).collect();
        let objects = Arc::new(objects);
        let (gateway, strangers) = (Gateway::start(home), home.to_owned());
        let readers = vec![
            Reader::start(Arc::clone(&objects), move |object| object.read(&strangers)),
            Reader::start(Arc::clone(&objects), move |object| gateway.read(object)),
        ];
        Self {
            home: home.to_owned(),
            chance,
            fleet,
            steward,
            objects,
            first_at,
            readers,
            open: Vec::new(),
            tally: Tally::default(),
            spoilt_bytes: 0,
            joined: 0,
            stewards_killed: 0,
            steward_dies_at: Instant::now() + STEWARD_LIVES,
            steward_back_at: None,
            begun: Instant::now(),
        }
    }

    /// Does harm for so long.
    pub(crate) fn rage(&mut self, how_long: Duration) {
        while self.begun.elapsed() < how_long {
            if self.open.len() < PARITY && !self.chance.once_in(3) {
                self.harm();
            } else if self.chance.once_in(10) {
                self.join();
            }
            if self.steward.runs() && self.steward_dies_at <= Instant::now() {
                self.kill_steward();
            }
            self.go_on();
            sleep(Duration::from_millis(100 + self.chance.below(900)));
        }
    }

    /// Waits until all harm is made good.
    pub(crate) fn calm(&mut self) {
        while !self.open.is_empty() || !self.steward.runs() {
            self.go_on();
            sleep(Duration::from_millis(200));
        }
        let since = now();
        wait_until("everything is proved whole", || {
            self.steward.status().is_whole_since(since, self.objects.len())
        });
        for reader in self.readers.drain(..) {
            let (reads, slowest) = reader.stop();
            println!("{reads} reads, the slowest in {} ms", slowest.as_millis());
            assert!(reads > 0, "nothing was read");
        }
        let (joined, killed) = (self.joined, self.stewards_killed);
        let (spoilt, tally) = (self.spoilt_bytes, &self.tally);
        println!("{joined} nodes joined; steward killed {killed} times; {spoilt} bytes spoilt; {tally:?}");
    }

    /// What must be true at the end, as a stranger finds it.
    pub(crate) fn check(&self) {
        for (object, first_at) in self.objects.iter().zip(&self.first_at) {
            let (audit, is_whole) = object.audit(&self.home);
            assert!(is_whole, "{audit}");
            let holders = holders(&audit);
            // The steward goes on meanwhile: what it moves is at its new node a moment before the log says so.
            wait_until(&format!("the log says how {} came to all of {holders:?}", object.cid), || {
                let log = self.steward.log();
                let its = log.iter().filter(|line| line["cid"] == *object.cid);
                let explained: BTreeSet<_> = its.flat_map(places).chain(first_at.iter().cloned()).collect();
                holders.is_subset(&explained)
            });
            is_spread(&audit);
            object.read(&self.home).unwrap();
        }
        let log = self.steward.log();
        let rebuilt = log.iter().filter(|line| line["step"] == "rebuilt").count();
        let audits = self.steward.verified_audits();
        println!("{rebuilt} parts rebuilt; {audits} audits in the log, all of them verified");
        assert!(audits > 0);
        let unnoticed = self.tally.unnoticed(3);
        assert!(unnoticed.is_empty(), "the log never names {unnoticed:?}");
    }

    /// Does something to a node.
    fn harm(&mut self) {
        let is_sound = |place: &usize| {
            let id = &self.fleet.nodes[*place].id;
            self.fleet.runs(*place) && self.open.iter().all(|fault| fault.id != *id)
        };
        let sound: Vec<_> = (0..self.fleet.nodes.len()).filter(is_sound).collect();
        let (place, kind) = (self.chance.pick(&sound), self.chance.pick(&Kind::ALL));
        let id = self.fleet.nodes[place].id.clone();
        let away_for = match kind {
            Kind::Killed => Duration::from_millis(self.chance.below(3000)),
            _ => Duration::from_millis(6000 + self.chance.below(6000)),
        };
        self.say(&format!("{kind:?} {} {}", self.fleet.nodes[place].name, &id[..10]));
        // Counted before it is done: what is read meanwhile may already meet it.
        self.open.push(Fault::new(kind, id, away_for));
        match kind {
            Kind::Killed | Kind::Away => {
                self.fleet.kill(place);
                self.fleet.write_ticket();
            }
            Kind::Wiped => {
                drop(self.fleet.destroy(place));
                self.fleet.add();
            }
            Kind::Emptied => self.fleet.empty(place),
            Kind::Spoilt => self.spoilt_bytes += self.fleet.spoil(place, 1, &mut self.chance),
            Kind::SpoiltInPart => self.spoilt_bytes += self.fleet.spoil(place, 4, &mut self.chance),
        }
    }

    fn join(&mut self) {
        if self.fleet.nodes.len() < NODES_MAX {
            let place = self.fleet.add();
            self.joined += 1;
            self.say(&format!("{} joined", self.fleet.nodes[place].name));
        }
    }

    fn kill_steward(&mut self) {
        self.say("the steward is killed");
        self.steward.kill();
        self.stewards_killed += 1;
        let back = Instant::now() + Duration::from_millis(self.chance.below(3000));
        self.steward_back_at = Some(back);
        self.steward_dies_at =
            back + STEWARD_LIVES / 2 + STEWARD_LIVES * u32::try_from(self.chance.below(100)).unwrap() / 100;
    }

    /// Brings back what is due, and looks what is made good.
    fn go_on(&mut self) {
        if let Some(failure) = self.readers.iter().find_map(Reader::failure) {
            panic!("{failure}\n{}", self.story());
        }
        assert_eq!(self.fleet.fallen(), None, "a node ended by itself");
        assert!(!self.steward.has_fallen(), "the steward ended by itself");
        if self.steward_back_at.is_some_and(|at| at <= Instant::now()) {
            self.steward_back_at = None;
            self.steward.begin();
        }
        let (status, log) = (self.steward.status(), self.steward.log());
        self.open.iter_mut().for_each(|fault| fault.look_up(&log, &status));
        self.bring_back();
        let may_be_over: Vec<_> = self.open.iter().map(|fault| self.may_be_over(fault, &status)).collect();
        // One leaf that is proved says little where only some are spoilt.
        let is_doubtful = |fault: &Fault| matches!(fault.kind, Kind::Spoilt | Kind::SpoiltInPart);
        let must_audit = self.open.iter().zip(&may_be_over).any(|(fault, may)| *may && is_doubtful(fault));
        let is_proved = must_audit && self.all_prove_themselves();
        let (mut over, mut open) = (Vec::new(), Vec::new());
        for (fault, may) in std::mem::take(&mut self.open).into_iter().zip(may_be_over) {
            let is_over = may && (is_proved || !is_doubtful(&fault));
            if is_over { over.push(fault) } else { open.push(fault) }
        }
        self.open = open;
        for fault in over {
            self.say(&format!(
                "over after {} ms: {:?} {}",
                fault.lasts().as_millis(),
                fault.kind,
                &fault.id[..10]
            ));
            self.tally.enter(&fault);
        }
        if let Some(fault) = self.open.iter().find(|fault| fault.lasts_too_long()) {
            panic!("never made good: {fault:?}\n{}", self.story());
        }
    }

    /// Starts nodes that have been away for long enough.
    fn bring_back(&mut self) {
        for fault in &mut self.open {
            let place = self.fleet.place_of(&fault.id).filter(|place| !self.fleet.runs(*place));
            if let Some(place) = place.filter(|_| fault.may_return()) {
                self.fleet.start_node(place);
                fault.note_return();
            }
        }
    }

    fn may_be_over(&self, fault: &Fault, status: &Status) -> bool {
        match fault.kind {
            Kind::Killed | Kind::Away => fault.is_forgotten(),
            _ => fault.is_made_good(status, self.objects.len()),
        }
    }

    /// Has a stranger audit everything thoroughly.
    fn all_prove_themselves(&self) -> bool {
        std::thread::scope(|scope| {
            let audits: Vec<_> =
                self.objects.iter().map(|object| scope.spawn(|| object.audit(&self.home).1)).collect();
            audits.into_iter().all(|audit| audit.join().unwrap())
        })
    }

    fn say(&self, what: &str) {
        println!("{:>8} ms  {what}", self.begun.elapsed().as_millis());
    }

    /// What is known when something went wrong.
    fn story(&self) -> String {
        let open: Vec<_> = self.open.iter().map(|fault| format!("{fault:?}")).collect();
        let log = self.steward.log();
        let last: Vec<_> = log.iter().rev().take(120).rev().map(Value::to_string).collect();
        format!("{}\n{}\n{}", open.join("\n"), last.join("\n"), self.steward.status().text())
    }
}

/// The nodes that prove parts in an audit.
fn holders(audit: &Value) -> BTreeSet<String> {
    let parts = audit["parts"].as_array().unwrap().iter();
    parts.filter_map(|part| part["node"].as_str().map(str::to_owned)).collect()
}

/// The nodes to which a line of the log says that a part came, or at which a steward found it that had been killed before
/// it could say so.
fn places(line: &Value) -> Vec<String> {
    let text = |node: &Value| node.as_str().unwrap().to_owned();
    match line["step"].as_str() {
        Some("rebuilt") => vec![text(&line["node"])],
        Some("moved") => vec![text(&line["to"])],
        Some("found_again" | "found_elsewhere") => {
            line["nodes"].as_array().into_iter().flatten().map(text).collect()
        }
        _ => Vec::new(),
    }
}

/// No node has two shards of a segment. There is one segment in all that is put here.
fn is_spread(audit: &Value) {
    let parts = audit["parts"].as_array().unwrap();
    let shards: Vec<_> =
        parts.iter().filter(|part| part["part"].as_str().unwrap().contains("segment")).collect();
    let nodes: BTreeSet<_> = shards.iter().map(|part| part["node"].as_str().unwrap()).collect();
    assert_eq!(nodes.len(), shards.len(), "a node has two shards: {audit}");
}
