//! The plan against nodes that exist only in these tests, over a virtual clock.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;

use chunker::{CellSize, Coding, Geometry};
use proptest::prelude::*;

use super::*;
use crate::placement::{Site, homes, segment_seed};
use crate::tally::ReadTally;

const SEED: [u8; 32] = [7; 32];

/// How a node of the test behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Answers after so many milliseconds, and so many more for every row.
    Serves(u64, u64),
    /// Never says anything: a killed process.
    Silent,
    /// Silent from this millisecond on.
    DiesAt(u64),
    /// A connection is refused after some milliseconds.
    Unreachable(u64),
    /// Answers what does not verify.
    Lies,
    /// Has lost all shards.
    Empty,
    /// Has damaged shards.
    Rotten,
    /// Refuses everything.
    Busy,
    /// Sends a byte every ten milliseconds, for ever.
    Trickles,
}

struct World {
    nodes: Vec<PublicKey>,
    manners: HashMap<PublicKey, Manner>,
    /// Shards that are elsewhere than placement says.
    moved: HashMap<(u32, Column), PublicKey>,
    geometry: Geometry,
    placement: Arc<Placement>,
    health: Health,
    now: Moment,
}

/// What a read came to.
#[derive(Debug)]
struct Outcome {
    result: Result<(), Unreadable>,
    cells: u64,
    requests: usize,
    questions: usize,
    took: Duration,
    longest_pause: Duration,
    asked: HashSet<PublicKey>,
}

fn node(number: u8) -> PublicKey {
    protocol::SecretKey::from_bytes(&[number + 1; 32]).public()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl World {
    fn new(coding: &str, cells: u64, nodes: u8) -> Self {
        let geometry = Geometry::new(coding.parse::<Coding>().unwrap(), CellSize::LARGEST, cells).unwrap();
        let nodes: Vec<_> = (0..nodes).map(node).collect();
        let addr: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let sites: Vec<_> = nodes.iter().map(|id| Site { id: *id, class: 0, addr, declared: None }).collect();
        Self {
            manners: nodes.iter().map(|id| (*id, Manner::Serves(2, 0))).collect(),
            nodes,
            moved: HashMap::new(),
            geometry,
            placement: Arc::new(Placement::new(&sites, false)),
            health: Health::new(),
            now: Moment::at(ms(1000)),
        }
    }

    /// The node that placement gives a column of a segment.
    fn home(&self, segment: u32, column: usize) -> PublicKey {
        let ranking = self.placement.rank(&segment_seed(&SEED, segment));
        homes(&ranking, self.nodes.len())[column]
    }

    fn set(&mut self, columns: &[usize], manner: Manner) {
        for column in columns {
            let home = self.home(0, *column);
            self.manners.insert(home, manner);
        }
    }

    fn holds(&self, node: PublicKey, segment: u32, column: Column) -> bool {
        let place =
            self.geometry.segment(segment).unwrap().stored_columns().position(|c| c == column).unwrap();
        let home = self.moved.get(&(segment, column)).copied().unwrap_or_else(|| self.home(segment, place));
        home == node && !matches!(self.manners[&node], Manner::Empty)
    }

    fn answer(
        &self,
        node: PublicKey,
        segment: u32,
        column: Column,
        rows: u64,
    ) -> (Duration, Option<Failure>) {
        let silent = READ_WITHIN;
        match self.manners[&node] {
            Manner::Silent => (silent, Some(Failure::Late)),
            Manner::DiesAt(at) if self.now >= Moment::at(ms(at)) => (silent, Some(Failure::Late)),
            Manner::Unreachable(after) => (ms(after), Some(Failure::Unreachable)),
            Manner::Trickles => (ms(3_600_000), Some(Failure::Late)),
            Manner::Busy => (ms(1), Some(Failure::Refused)),
            _ if !self.holds(node, segment, column) => (ms(1), Some(Failure::NotHeld)),
            Manner::Lies => (ms(2), Some(Failure::Wrong)),
            Manner::Rotten => (ms(2), Some(Failure::Corrupt)),
            Manner::Serves(first, row) => (ms(first + row * rows), None),
            Manner::DiesAt(_) | Manner::Empty => (ms(2), None),
        }
    }

    fn told(&self, node: PublicKey, segment: u32) -> (Duration, Option<Vec<Column>>) {
        match self.manners[&node] {
            Manner::Silent | Manner::Trickles | Manner::Unreachable(_) => (ASK_WITHIN, None),
            Manner::DiesAt(at) if self.now >= Moment::at(ms(at)) => (ASK_WITHIN, None),
            _ => {
                let columns = self.geometry.segment(segment).unwrap().stored_columns();
                (ms(1), Some(columns.filter(|column| self.holds(node, segment, *column)).collect()))
            }
        }
    }

    fn hear_trickles(&mut self) {
        for (node, _) in self.manners.iter().filter(|(_, manner)| **manner == Manner::Trickles) {
            self.health.heard(*node, self.now);
        }
    }

    fn read(&mut self, cells: Range<u64>) -> Outcome {
        let wanted = Wanted {
            geometry: self.geometry,
            seed: SEED,
            cells: cells.clone(),
            read_ahead: 12 << 20,
            batches: Batches::Growing,
            hints: vec![],
        };
        let mut reading = Reading::new(Download::new(wanted, Arc::clone(&self.placement)), cells, self.now);
        let mut event = Event::Wake;
        loop {
            reading.plan.handle(self.now, event, &mut self.health);
            while let Some(action) = reading.plan.next_action() {
                if reading.perform(self, action) {
                    reading.out.took = self.now.since(reading.begun);
                    return reading.out;
                }
            }
            let now;
            (now, event) = reading.next_event(self.now);
            self.now = now;
            self.hear_trickles();
        }
    }
}

/// One read under way.
struct Reading {
    plan: Download,
    cells: Range<u64>,
    out: Outcome,
    begun: Moment,
    last: Moment,
    queue: BTreeMap<(Moment, u64), Event>,
    serial: u64,
    wake: Option<Moment>,
    served: HashMap<RequestId, (Column, Range<u32>)>,
}

impl Reading {
    fn new(plan: Download, cells: Range<u64>, now: Moment) -> Self {
        let out = Outcome {
            result: Ok(()),
            cells: 0,
            requests: 0,
            questions: 0,
            took: Duration::ZERO,
            longest_pause: Duration::ZERO,
            asked: HashSet::new(),
        };
        let (queue, served) = (BTreeMap::new(), HashMap::new());
        Self { plan, cells, out, begun: now, last: now, queue, serial: 0, wake: None, served }
    }

    fn after(&mut self, at: Moment, event: Event) {
        self.serial += 1;
        self.queue.insert((at, self.serial), event);
    }

    /// True for the last action.
    fn perform(&mut self, world: &World, action: Action) -> bool {
        match action {
            Action::Read { request, node, segment, column, rows, .. } => {
                self.out.requests += 1;
                self.out.asked.insert(node);
                let (after, failure) = world.answer(node, segment, column, u64::from(rows.end - rows.start));
                self.served.insert(request, (column, rows));
                let answered = Event::Answered { request, first_byte: after };
                let event = failure.map_or(answered, |failure| Event::Failed { request, failure });
                self.after(world.now.plus(after), event);
            }
            Action::Ask { node, segment, .. } => {
                self.out.questions += 1;
                let (after, held) = world.told(node, segment);
                self.after(world.now.plus(after), Event::Told { node, segment, held });
            }
            Action::Cancel(cancelled) => self.queue.retain(|_, event| match event {
                Event::Answered { request, .. } | Event::Failed { request, .. } => *request != cancelled,
                _ => true,
            }),
            Action::WakeAt(at) => self.wake = Some(at),
            Action::Probe(_) | Action::Remember { .. } => {}
            Action::Deliver(delivery) => {
                assert_eq!(delivery.cells.start, self.cells.start + self.out.cells, "in order");
                check(&delivery, &self.served);
                self.out.cells += delivery.cells.end - delivery.cells.start;
                self.out.longest_pause = self.out.longest_pause.max(world.now.since(self.last));
                self.last = world.now;
                self.after(world.now, Event::Taken);
            }
            Action::Finish => return true,
            Action::Fail(failure) => {
                self.out.result = Err(failure);
                return true;
            }
        }
        false
    }

    fn next_event(&mut self, now: Moment) -> (Moment, Event) {
        let next = self.queue.keys().next().copied();
        match (next, self.wake) {
            (Some(key), wake) if wake.is_none_or(|at| key.0 <= at) => {
                (key.0, self.queue.remove(&key).expect("it was just seen"))
            }
            (_, Some(at)) => {
                self.wake = None;
                (now.max(at), Event::Wake)
            }
            (_, None) => panic!("the plan waits for nothing"),
        }
    }
}

/// Every cell of a delivery must be there, or have enough others in its row.
fn check(delivery: &Delivery, served: &HashMap<RequestId, (Column, Range<u32>)>) {
    for answer in &delivery.answers {
        assert_eq!(served[&answer.request], (answer.column, answer.rows.clone()));
    }
    for cell in delivery.cells.clone() {
        let found = delivery.segment.coding().data_columns().find_map(|column| {
            let row =
                (0..delivery.segment.rows()).find(|row| delivery.segment.cell(column, *row) == Some(cell))?;
            Some((column, row))
        });
        let (column, row) = found.unwrap();
        let have: HashSet<_> =
            delivery.answers.iter().filter(|a| a.rows.contains(&row)).map(|a| a.column).collect();
        let sealed = delivery.segment.coding().data_columns();
        let needed = sealed.filter(|column| row < delivery.segment.column_rows(*column)).count();
        assert!(have.contains(&column) || have.len() >= needed, "cell {cell} cannot be had from {have:?}");
    }
}

#[test]
fn one_cell_of_a_healthy_object_takes_one_request() {
    let mut world = World::new("4+2", 10_000, 8);
    let outcome = world.read(4242..4243);
    assert_eq!((outcome.requests, outcome.questions, outcome.cells), (1, 0, 1));
}

#[test]
fn a_healthy_object_is_read_from_its_data_columns_alone() {
    let mut world = World::new("4+2", 10_000, 8);
    let outcome = world.read(0..10_000);
    assert_eq!((outcome.result, outcome.cells), (Ok(()), 10_000));
    assert_eq!(outcome.asked.len(), 4);
    assert_eq!(outcome.requests, 4 * (4 + 10_000_usize.div_ceil(4).saturating_sub(60).div_ceil(64)));
    assert_eq!(world.health.tally(), ReadTally::default());
}

#[test]
fn what_was_hedged_rebuilt_and_wrong_is_counted_in_cells() {
    let mut world = World::new("4+2", 1000, 6);
    world.set(&[1], Manner::Lies);
    assert_eq!(world.read(1..2).result, Ok(()));
    // The cell of the liar's column is rebuilt from one cell of each of four others.
    assert_eq!(world.health.tally(), ReadTally { hedged: 4, rebuilt: 1, wrong: 1 });
    let mut world = World::new("4+2", 1000, 6);
    world.set(&[0], Manner::Silent);
    assert_eq!(world.read(0..40).result, Ok(()));
    let ReadTally { hedged, rebuilt, wrong } = world.health.tally();
    assert_eq!((rebuilt, wrong), (10, 0));
    assert!((10..=20).contains(&hedged), "{hedged}: one column, or two since the first was silent");
}

#[test]
fn killed_nodes_cost_one_short_pause_and_are_avoided_afterwards() {
    let mut world = World::new("4+2", 100_000, 8);
    world.set(&[0, 3], Manner::DiesAt(1100));
    let outcome = world.read(0..60_000);
    assert_eq!(outcome.result, Ok(()));
    assert!(outcome.longest_pause <= ms(30), "{:?}", outcome.longest_pause);
    let again = world.read(70_000..70_010);
    assert!(again.took <= ms(5), "{:?}", again.took);
}

#[test]
fn the_first_read_with_all_spare_nodes_killed_is_quick() {
    for dead in [[0, 1], [0, 4], [0, 5], [2, 5]] {
        let mut world = World::new("4+2", 1000, 6);
        world.set(&dead, Manner::Silent);
        let outcome = world.read(0..64);
        assert_eq!(outcome.result, Ok(()));
        assert!(outcome.took <= ms(130), "{dead:?}: {:?}", outcome.took);
        let outcome = world.read(64..128);
        assert!(outcome.took <= ms(10), "{dead:?} again: {:?}", outcome.took);
    }
}

#[test]
fn a_slow_column_is_overtaken() {
    let mut world = World::new("4+2", 1000, 6);
    world.set(&[1], Manner::Serves(2000, 0));
    let outcome = world.read(0..16);
    assert!(outcome.took <= ms(100), "{:?}", outcome.took);
    let mut world = World::new("4+2", 1000, 6);
    world.set(&[1], Manner::Trickles);
    let outcome = world.read(0..16);
    assert!(outcome.took <= ms(100), "{:?}", outcome.took);
    let outcome = world.read(1..2);
    assert!(outcome.took <= ms(200), "a single column of a trickling node: {:?}", outcome.took);
}

#[test]
fn shards_that_moved_are_found_down_the_ranking() {
    let mut world = World::new("3+2", 3000, 12);
    for column in 0..3 {
        world.set(&[column], Manner::Empty);
        let place = world.home(0, 6 + column);
        world.moved.insert((0, Column::new(u8::try_from(column).unwrap())), place);
    }
    let outcome = world.read(0..3000);
    assert_eq!(outcome.result, Ok(()));
    assert_eq!(outcome.questions, 12, "once per segment");
    assert!(outcome.asked.contains(&world.home(0, 6)));
}

#[test]
fn only_what_is_definitely_gone_is_called_so() {
    for (manner, is_definite) in
        [(Manner::Empty, true), (Manner::Silent, false), (Manner::Rotten, false), (Manner::Busy, false)]
    {
        let mut world = World::new("3+2", 3000, 5);
        world.set(&[0, 1, 2], Manner::Empty);
        world.set(&[1], manner);
        let outcome = world.read(0..3000);
        assert_eq!(outcome.result.unwrap_err().is_definite, is_definite, "{manner:?}");
        assert!(outcome.took <= ms(5000), "{manner:?}: {:?}", outcome.took);
    }
}

#[test]
fn what_was_delivered_before_a_failure_counts() {
    let mut world = World::new("2+1", 2000, 3);
    world.set(&[0, 1], Manner::DiesAt(1004));
    let outcome = world.read(0..2000);
    assert!(outcome.result.is_err());
    assert!(outcome.cells > 0 && outcome.cells < 2000);
}

fn manner() -> impl Strategy<Value = Manner> {
    prop_oneof![
        Just(Manner::Silent),
        (1000_u64..1200).prop_map(Manner::DiesAt),
        (0_u64..3000).prop_map(Manner::Unreachable),
        Just(Manner::Lies),
        Just(Manner::Empty),
        Just(Manner::Rotten),
        Just(Manner::Busy),
        Just(Manner::Trickles),
        (0_u64..500, 0_u64..20).prop_map(|(first, row)| Manner::Serves(first, row)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn up_to_m_failing_nodes_never_matter(
        (data, parity) in (1_u8..6, 1_u8..5),
        cells in 1_u64..2000,
        from in any::<proptest::sample::Index>(),
        len in 1_u64..1500,
        bad in proptest::collection::vec((any::<proptest::sample::Index>(), manner()), 0..5),
    ) {
        let mut world = World::new(&format!("{data}+{parity}"), cells, data + parity + 2);
        let stored = usize::from(world.geometry.segment(0).unwrap().stored());
        for (index, manner) in bad.iter().take(usize::from(parity)) {
            world.set(&[index.index(stored)], *manner);
        }
        let from = from.index(usize::try_from(cells).unwrap()) as u64;
        let range = from..(from + len).min(cells);
        let outcome = world.read(range.clone());
        prop_assert_eq!(outcome.result, Ok(()));
        prop_assert_eq!(outcome.cells, range.end - range.start);
        let batches = 5 + usize::try_from(range.end - range.start).unwrap() / (64 * usize::from(data));
        prop_assert!(outcome.requests <= 2 * stored * batches, "{} requests", outcome.requests);
        prop_assert!(outcome.questions <= world.nodes.len());
    }

    #[test]
    fn any_failures_end_in_time(
        manners in proptest::collection::vec(manner(), 6),
        cells in 1_u64..400,
    ) {
        let mut world = World::new("4+2", cells, 6);
        for (id, manner) in world.nodes.clone().into_iter().zip(manners) {
            world.manners.insert(id, manner);
        }
        let outcome = world.read(0..cells);
        prop_assert!(outcome.took <= ms(5000 * 4), "{:?}", outcome);
        if outcome.cells == 0 {
            prop_assert!(outcome.took <= ms(5000), "{:?}", outcome);
        }
    }
}
