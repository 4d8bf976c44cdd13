//! What a seed means: a network, an object on it, what is wrong, and what is read.

use std::sync::Arc;
use std::time::Duration;

use chunker::{Coding, Column, Padding};
use client::placement::{homes, segment_seed};
use protocol::PublicKey;

use super::dice::Dice;
use super::faults::{Distance, Line, Manner, Outage};
use super::node::{Kept, Node};
use super::object::Object;
use super::reading::ReadPlan;
use super::storing::EXPIRES;
use super::trace::Verbosity;
use super::violation::Sabotage;
use super::world::{START, World};

const CODINGS: [(u8, u8); 8] = [(1, 1), (1, 2), (2, 1), (3, 2), (4, 2), (5, 3), (8, 4), (10, 6)];
/// Nodes besides those that hold the shards of a segment, at most.
const SPARE_NODES: u64 = 8;
/// Bytes of most objects, at most …
const OBJECT_LEN_MAX: u64 = 3 << 20;
/// … and of one in sixteen, which several full batches are needed for.
const LARGE_OBJECT_LEN_MAX: u64 = 24 << 20;

/// How bad things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// At most m shards of each segment are bad: everything must succeed.
    Calm,
    /// Calm, on one site, and all that is wrong is that nodes are killed: nobody should notice much.
    Kills,
    /// More than m shards are gone: what cannot be read must be said to be so.
    Lost,
    /// Anything at all.
    Storm,
}

pub(crate) struct Scenario {
    pub(crate) mood: Mood,
    pub(crate) world: World,
    pub(crate) object: Arc<Object>,
    /// What is done, one after the other, and how long nothing is done afterwards.
    pub(crate) rounds: Vec<(Round, Duration)>,
    pub(crate) sabotage: Sabotage,
}

/// What is done at one time.
#[derive(Debug)]
pub(crate) enum Round {
    /// The object is put.
    Put,
    /// Ranges are read, all at the same time.
    Read(Vec<ReadPlan>),
    /// All shards are audited, with leaves from this seed.
    Audit([u8; 32]),
    /// What the last audit found lost is repaired.
    Repair,
}

impl Scenario {
    pub(crate) fn drawn(seed: u64, sabotage: Sabotage, verbosity: Verbosity) -> Self {
        let mut dice = Dice::new(seed);
        let mood = *dice.pick(&[Mood::Calm, Mood::Calm, Mood::Calm, Mood::Kills, Mood::Lost, Mood::Storm]);
        let distance = match mood {
            Mood::Kills => Distance::Room,
            _ => *dice.pick(&[Distance::Room, Distance::Continent, Distance::World]),
        };
        let (data, parity) = *dice.pick(&CODINGS);
        let coding = Coding::new(data, parity).expect("all of them are codings");
        let object = Arc::new(object(coding, &mut dice));
        let count = u64::from(coding.total()) + dice.of(0..SPARE_NODES + 1);
        let nodes = (0..count).map(|_| Node::new(Line::drawn(distance, &mut dice), dice.fork())).collect();
        let mut world = World::new(nodes, dice.fork(), verbosity);
        let len = object.plaintext.len();
        world.note(format_args!("{mood:?}, {distance:?}, {coding}, {count} nodes, {len} bytes"));
        let is_put = dice.one_in(3);
        if !is_put {
            place(&object, &mut world);
        }
        Misfortune { mood, object: &object, world: &mut world, dice: &mut dice, is_put }.strike();
        let rounds = rounds(mood, distance, &object, is_put, sabotage, &mut dice);
        Self { mood, world, object, rounds, sabotage }
    }
}

fn object(coding: Coding, dice: &mut Dice) -> Object {
    let stripe = u64::from(coding.data()) * (16 * 1024 - 16);
    let len = match dice.of(0..16) {
        0 | 1 => dice.of(0..20),
        2 | 3 => dice.of(0..stripe),
        4 | 5 => (stripe + dice.of(0..3)).saturating_sub(1),
        6 | 7 => dice.of(0..8) * stripe,
        8 => dice.of(0..LARGE_OBJECT_LEN_MAX),
        _ => dice.of(0..OBJECT_LEN_MAX),
    };
    let padding = if dice.one_in(4) { Padding::Padme } else { Padding::None };
    Object::drawn(coding, usize::try_from(len).expect("a small object"), padding, &mut dice.fork())
}

/// Puts every shard where placement says.
fn place(object: &Object, world: &mut World) {
    for segment in object.geometry().all_segments() {
        for (column, home) in segment.stored_columns().zip(segment_homes(object, world, segment.index())) {
            keep(object, world, segment.index(), column, home);
        }
    }
}

fn segment_homes(object: &Object, world: &World, segment: u32) -> Vec<PublicKey> {
    let ranking = world.placement().rank(&segment_seed(object.manifest.seed().as_bytes(), segment));
    homes(&ranking, ranking.len())
}

fn keep(object: &Object, world: &mut World, segment: u32, column: Column, node: PublicKey) {
    let shard = &object.shards[&(segment, column)];
    let expires = EXPIRES;
    let (bytes, outboard, len) = (shard.bytes.clone(), shard.hashed.outboard.clone(), shard.hashed.len);
    world.node(node).1.disk.insert(shard.hashed.root, Kept { bytes, outboard, len, expires });
}

/// Makes things go wrong.
struct Misfortune<'a> {
    mood: Mood,
    object: &'a Object,
    world: &'a mut World,
    dice: &'a mut Dice,
    /// The object is not there yet: it is going to be put.
    is_put: bool,
}

impl Misfortune<'_> {
    fn strike(mut self) {
        let object = self.object;
        let segment = object.geometry().segment(0).expect("every object has a segment");
        let mut columns: Vec<_> = segment.stored_columns().collect();
        let homes = segment_homes(object, self.world, 0);
        let (at_home, spare) = homes.split_at(columns.len());
        let mut homes: Vec<_> = at_home.to_vec();
        let mut order: Vec<usize> = (0..columns.len()).collect();
        self.dice.shuffle(&mut order);
        columns = order.iter().map(|&index| columns[index]).collect();
        homes = order.iter().map(|&index| homes[index]).collect();

        let parity = usize::from(segment.coding().parity());
        let bad = match self.mood {
            Mood::Calm | Mood::Kills => self.dice.index(parity + 1),
            Mood::Lost => parity + 1 + self.dice.index(columns.len() - parity),
            Mood::Storm => self.dice.index(columns.len() + 1),
        };
        for (column, home) in columns.iter().zip(&homes).take(bad) {
            self.spoil(*column, *home);
        }
        let spare = self.spoil_spare_nodes(spare);
        if matches!(self.mood, Mood::Calm | Mood::Storm) && !self.is_put {
            self.displace(&columns[bad..], &homes[bad..], &spare);
        }
        self.spread_rumours();
    }

    fn spoil(&mut self, column: Column, home: PublicKey) {
        let root = self.object.shards[&(0, column)].hashed.root;
        let outage = Outage::drawn(START, Duration::from_millis(500), self.dice);
        let kind = match self.mood {
            Mood::Kills => 0,
            Mood::Lost => *self.dice.pick(&[1, 2, 2, 2]),
            Mood::Calm | Mood::Storm => self.dice.of(0..6),
        };
        let (manner, line) = (Manner::bad(self.dice), Line::poor(self.dice));
        let number = self.world.number(home);
        self.world.note(format_args!("column {column} on node {number} suffers from misfortune {kind}"));
        let node = self.world.node(home).1;
        match kind {
            0 if self.mood == Mood::Kills => node.outages.push(Outage::death(outage.from)),
            0 => node.outages.push(outage),
            1 => node.rot(root),
            2 => drop(node.disk.remove(&root)),
            3 => node.line = line,
            _ => node.manner = manner,
        }
        let (manner, outages) = (node.manner, node.outages.clone());
        self.world.note(format_args!("node {number}: {manner:?} {outages:?}"));
    }

    /// Nodes that hold nothing can only mislead. Returns those that stay honest.
    fn spoil_spare_nodes(&mut self, spare: &[PublicKey]) -> Vec<PublicKey> {
        let mut honest = Vec::new();
        for id in spare {
            let (manner, line) = (Manner::bad(self.dice), Line::poor(self.dice));
            let outage = Outage::drawn(START, Duration::from_millis(500), self.dice);
            let node = self.world.node(*id).1;
            match if self.mood == Mood::Kills { 9 } else { self.dice.of(0..8) } {
                0 | 1 => node.manner = manner,
                2 => node.line = line,
                3 => node.outages.push(outage),
                _ => honest.push(*id),
            }
        }
        honest
    }

    /// Moves some good shards to spare nodes, as repair does.
    fn displace(&mut self, columns: &[Column], homes: &[PublicKey], spare: &[PublicKey]) {
        for ((column, home), place) in columns.iter().zip(homes).zip(spare) {
            if self.dice.one_in(4) {
                let root = self.object.shards[&(0, *column)].hashed.root;
                self.world.node(*home).1.disk.remove(&root);
                keep(self.object, self.world, 0, *column, *place);
                let (from, to) = (self.world.number(*home), self.world.number(*place));
                self.world.note(format_args!("column {column} has moved from node {from} to node {to}"));
            }
        }
    }

    fn spread_rumours(&mut self) {
        let rumours: Vec<_> =
            self.object.shards.values().map(|shard| (shard.hashed.root, shard.hashed.len)).collect();
        let ids: Vec<_> = self.world.nodes().iter().map(|node| node.id).collect();
        for id in ids {
            self.world.node(id).1.rumours.extend(rumours.iter().copied());
        }
    }
}

/// The longest pause at the reader that is tolerated.
fn pause(mood: Mood, distance: Distance) -> Duration {
    match (mood, distance) {
        (Mood::Kills, _) => Duration::from_millis(200),
        (Mood::Calm, Distance::Room) => Duration::from_millis(2500),
        (Mood::Calm, _) => Duration::from_millis(4500),
        // A request may begin just before a batch gives up, and a node that is always slow is waited for.
        (Mood::Lost | Mood::Storm, _) => Duration::from_secs(11),
    }
}

fn rounds(
    mood: Mood,
    distance: Distance,
    object: &Object,
    is_put: bool,
    sabotage: Sabotage,
    dice: &mut Dice,
) -> Vec<(Round, Duration)> {
    let mut rounds = Vec::new();
    if is_put {
        rounds.push(Round::Put);
    }
    let reads = |dice: &mut Dice| {
        let readers = 1 + dice.of(0..3) * dice.of(0..2);
        Round::Read((0..readers).map(|_| read(mood, distance, object, sabotage, dice)).collect())
    };
    rounds.push(reads(dice));
    if dice.one_in(2) {
        rounds.extend([Round::Audit(dice.array()), Round::Repair, Round::Audit(dice.array())]);
    }
    rounds.push(reads(dice));
    rounds.into_iter().map(|round| (round, dice.micros(0..3_000_000))).collect()
}

fn read(mood: Mood, distance: Distance, object: &Object, sabotage: Sabotage, dice: &mut Dice) -> ReadPlan {
    let cells = object.geometry().cells();
    let (a, b) = (dice.of(0..cells + 1), dice.of(0..cells + 1));
    ReadPlan {
        cells: if dice.one_in(2) { 0..cells } else { a.min(b)..a.max(b) },
        read_ahead: *dice.pick(&[0, 64 << 10, 512 << 10, 12 << 20]),
        per_cell: if dice.one_in(3) { dice.micros(0..5000) } else { Duration::ZERO },
        pause: pause(mood, distance),
        sabotage,
    }
}
