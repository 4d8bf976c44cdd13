//! The Monte Carlo form: nodes with segments on them, event by event.

#![expect(clippy::cast_precision_loss, reason = "nothing is counted that a float could not hold")]

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rand::{Rng, RngExt};

use super::assumptions::{Assumptions, HOURS_PER_YEAR};

/// The most segments that are simulated at once.
pub const SEGMENTS_SIMULATED_MAX: u32 = 1_000_000;

/// How much is simulated, and what of it the closed form does not know.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Simulation {
    /// Nodes, at least as many as a segment has shards. A lost one is replaced by an empty one at once.
    pub nodes: u32,
    /// Segments on them, at most [`SEGMENTS_SIMULATED_MAX`]. A lost segment is put anew.
    pub segments: u32,
    /// Years.
    pub years: f64,
    /// How long repairs take.
    pub duration: RepairDuration,
    /// Repairs that the bandwidth for them allows at the same time; the most endangered segments come first. No limit when `None`.
    pub repairs_at_once: Option<u32>,
}

/// How the time from a loss to its repair is distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepairDuration {
    /// Exponential, as in the closed form.
    Exponential,
    /// The next audit is waited for, whose interval is twice the mean time to notice; the repair takes as long as it is said to.
    Audited,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Outcome {
    /// Segments times years.
    pub segment_years: f64,
    /// Segments that were lost.
    pub lost: u64,
    /// Repairs that were finished.
    pub repairs: u64,
    /// Shards that they rebuilt.
    pub rebuilt: u64,
    /// The longest queue of segments that waited for their repair to begin.
    pub longest_queue: usize,
}

impl Outcome {
    /// The probability that a segment is lost within a year.
    pub fn annual_loss(&self) -> f64 {
        loss(self.lost as f64 / self.segment_years)
    }

    /// The bounds between which that probability lies with a confidence of 95 % (Poisson counts, R. Byar's approximation).
    pub fn bounds(&self) -> (f64, f64) {
        let bound = |count: f64, z: f64| {
            if count == 0.0 {
                0.0
            } else {
                count * (1.0 - 1.0 / (9.0 * count) + z / (3.0 * count.sqrt())).powi(3)
            }
        };
        let lost = self.lost as f64;
        let (low, high) = (bound(lost, -1.96), bound(lost + 1.0, 1.96));
        (loss(low / self.segment_years), loss(high / self.segment_years))
    }
}

fn loss(rate: f64) -> f64 {
    -(-rate).exp_m1()
}

/// Plays a network through. The same random numbers give the same outcome.
///
/// `simulation` must have room: as many nodes as shards at least, and no more segments than are allowed.
pub fn simulate(assumptions: &Assumptions, simulation: Simulation, random: &mut impl Rng) -> Outcome {
    assert!(simulation.nodes >= assumptions.shards(), "every shard of a segment needs a node of its own");
    assert!(simulation.segments <= SEGMENTS_SIMULATED_MAX, "more segments than are simulated at once");
    let mut world = World::new(assumptions, simulation, random);
    world.run(random);
    world.outcome.segment_years = f64::from(simulation.segments) * simulation.years;
    world.outcome
}

struct Segment {
    /// The node of every shard that is there.
    shards: Vec<u32>,
    repair: Repair,
    /// How often it was put: what was planned for a lost segment does not concern its successor.
    life: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum Repair {
    None,
    /// Necessary, but not noticed yet.
    Unnoticed,
    /// In the queue.
    Queued,
    Running,
}

struct World<'a> {
    assumptions: &'a Assumptions,
    simulation: Simulation,
    segments: Vec<Segment>,
    /// Which segments may have a shard on a node; entries of moved shards go when the node is lost.
    on_node: Vec<Vec<u32>>,
    due: BinaryHeap<Due>,
    queue: BinaryHeap<Waiting>,
    running: u32,
    /// Segments in the queue, which may hold several entries of one.
    queued: usize,
    now: f64,
    outcome: Outcome,
}

impl<'a> World<'a> {
    fn new(assumptions: &'a Assumptions, simulation: Simulation, random: &mut impl Rng) -> Self {
        let mut world = Self {
            assumptions,
            simulation,
            segments: Vec::new(),
            on_node: vec![Vec::new(); simulation.nodes as usize],
            due: BinaryHeap::new(),
            queue: BinaryHeap::new(),
            running: 0,
            queued: 0,
            now: 0.0,
            outcome: Outcome::default(),
        };
        for number in 0..simulation.segments {
            world.segments.push(Segment { shards: Vec::new(), repair: Repair::None, life: 0 });
            world.fill(number, random);
        }
        world
    }

    fn run(&mut self, random: &mut impl Rng) {
        let end = self.simulation.years * HOURS_PER_YEAR;
        let single = f64::from(self.simulation.nodes) * self.assumptions.loss_rate();
        let event = self.assumptions.correlated().map_or(0.0, |event| event.per_year / HOURS_PER_YEAR);
        let (mut next_loss, mut next_event) = (exponential(single, random), exponential(event, random));
        loop {
            let next_due = self.due.peek().map_or(f64::INFINITY, |due| due.at);
            self.now = next_loss.min(next_event).min(next_due);
            if self.now >= end {
                return;
            }
            if next_due <= next_loss.min(next_event) {
                self.continue_repair(random);
            } else if next_loss <= next_event {
                next_loss += exponential(single, random);
                self.lose_node(random.random_range(0..self.simulation.nodes), random);
            } else {
                next_event += exponential(event, random);
                self.lose_many(random);
            }
        }
    }

    fn lose_many(&mut self, random: &mut impl Rng) {
        let fraction = self.assumptions.correlated().map_or(0.0, |event| event.fraction);
        let hit: Vec<_> = (0..self.simulation.nodes).filter(|_| random.random_bool(fraction)).collect();
        // All shards go first: what is lost in one event cannot be repaired in between.
        let mut touched: Vec<u32> = hit.iter().flat_map(|&node| self.take_shards(node)).collect();
        touched.sort_unstable();
        touched.dedup();
        for number in touched {
            self.look_after(number, random);
        }
    }

    fn lose_node(&mut self, node: u32, random: &mut impl Rng) {
        for number in self.take_shards(node) {
            self.look_after(number, random);
        }
    }

    /// Removes all shards from a node; the segments that lost one.
    fn take_shards(&mut self, node: u32) -> Vec<u32> {
        let mut touched = std::mem::take(&mut self.on_node[node as usize]);
        touched.retain(|&number| {
            let shards = &mut self.segments[number as usize].shards;
            let before = shards.len();
            shards.retain(|&place| place != node);
            shards.len() < before
        });
        touched
    }

    fn look_after(&mut self, number: u32, random: &mut impl Rng) {
        let segment = &mut self.segments[number as usize];
        let left = segment.shards.len();
        if left < self.assumptions.needed() as usize {
            self.outcome.lost += 1;
            self.running -= u32::from(segment.repair == Repair::Running);
            self.queued -= usize::from(segment.repair == Repair::Queued);
            segment.repair = Repair::None;
            segment.life += 1;
            self.fill(number, random);
        } else if left <= self.assumptions.threshold() as usize && segment.repair == Repair::None {
            segment.repair = Repair::Unnoticed;
            let life = segment.life;
            let at = self.now + self.noticed_after(random);
            self.due.push(Due { at, number, life });
        } else if segment.repair == Repair::Queued {
            // It moves forward in the queue; its old place there is passed over.
            let life = segment.life;
            self.queue.push(Waiting { left, number, life });
        } else {
            return;
        }
        self.begin_repairs(random);
    }

    /// A repair becomes known, or is done.
    fn continue_repair(&mut self, random: &mut impl Rng) {
        let Some(Due { number, life, .. }) = self.due.pop() else { return };
        let segment = &mut self.segments[number as usize];
        match segment.repair {
            _ if segment.life != life => {}
            Repair::None | Repair::Queued => unreachable!("nothing is due for a segment in this state"),
            Repair::Unnoticed => {
                segment.repair = Repair::Queued;
                self.queued += 1;
                let left = segment.shards.len();
                self.queue.push(Waiting { left, number, life });
            }
            Repair::Running => {
                segment.repair = Repair::None;
                self.running -= 1;
                self.outcome.repairs += 1;
                let missing = self.assumptions.shards() as usize - segment.shards.len();
                self.outcome.rebuilt += missing as u64;
                self.fill(number, random);
            }
        }
        self.begin_repairs(random);
    }

    fn begin_repairs(&mut self, random: &mut impl Rng) {
        while self.simulation.repairs_at_once.is_none_or(|most| self.running < most) {
            let Some(Waiting { number, life, .. }) = self.queue.pop() else { break };
            let segment = &mut self.segments[number as usize];
            if segment.life != life || segment.repair != Repair::Queued {
                continue;
            }
            segment.repair = Repair::Running;
            self.queued -= 1;
            self.running += 1;
            let at = self.now + self.repaired_after(random);
            self.due.push(Due { at, number, life });
        }
        self.outcome.longest_queue = self.outcome.longest_queue.max(self.queued);
    }

    /// Puts all shards that are missing on nodes that have none of this segment.
    fn fill(&mut self, number: u32, random: &mut impl Rng) {
        let segment = &mut self.segments[number as usize];
        while segment.shards.len() < self.assumptions.shards() as usize {
            let node = random.random_range(0..self.simulation.nodes);
            if !segment.shards.contains(&node) {
                segment.shards.push(node);
                self.on_node[node as usize].push(number);
            }
        }
    }

    fn noticed_after(&self, random: &mut impl Rng) -> f64 {
        match self.simulation.duration {
            // The whole time is drawn at once when the repair begins.
            RepairDuration::Exponential => 0.0,
            RepairDuration::Audited => 2.0 * self.assumptions.detection_hours() * random.random::<f64>(),
        }
    }

    fn repaired_after(&self, random: &mut impl Rng) -> f64 {
        match self.simulation.duration {
            RepairDuration::Exponential => exponential(1.0 / self.assumptions.mending_hours(), random),
            RepairDuration::Audited => self.assumptions.repair_hours(),
        }
    }
}

/// Hours until the next of events that come at this rate per hour; never at rate 0.
fn exponential(rate: f64, random: &mut impl Rng) -> f64 {
    -(1.0 - random.random::<f64>()).ln() / rate
}

/// Something that happens to a segment at a time; the earliest is the greatest, as a heap wants it.
struct Due {
    at: f64,
    number: u32,
    life: u32,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.total_cmp(&self.at).then_with(|| (other.number, other.life).cmp(&(self.number, self.life)))
    }
}

/// A segment whose repair could begin; the most endangered is the greatest.
struct Waiting {
    left: usize,
    number: u32,
    life: u32,
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.left, other.number, other.life).cmp(&(self.left, self.number, self.life))
    }
}

macro_rules! ordered {
    ($($name:ty),*) => {$(
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other) == Ordering::Equal
            }
        }

        impl Eq for $name {}
    )*};
}
ordered!(Due, Waiting);

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;
    use crate::durability::{Correlated, annual_loss};

    fn simulation(segments: u32, years: f64) -> Simulation {
        Simulation {
            nodes: 1000,
            segments,
            years,
            duration: RepairDuration::Exponential,
            repairs_at_once: None,
        }
    }

    fn play(assumptions: &Assumptions, simulation: Simulation) -> Outcome {
        simulate(assumptions, simulation, &mut SmallRng::seed_from_u64(7))
    }

    /// Losses come in clusters, one node having shards of many segments: the bounds are wider than those of single counts.
    fn agrees(assumptions: &Assumptions, simulation: Simulation) {
        let outcome = play(assumptions, simulation);
        let closed = annual_loss(assumptions);
        assert!(outcome.lost > 100, "only {} losses: nothing is measured", outcome.lost);
        let ratio = outcome.annual_loss() / closed.probability;
        assert!((0.85..1.18).contains(&ratio), "{outcome:?} against {closed:?}: {ratio}");
        let repairs = outcome.repairs as f64 / outcome.segment_years / closed.repairs;
        assert!((0.95..1.05).contains(&repairs), "{outcome:?} against {closed:?}: {repairs}");
        let rebuilt = outcome.rebuilt as f64 / outcome.segment_years / closed.rebuilt;
        assert!((0.95..1.05).contains(&rebuilt), "{outcome:?} against {closed:?}: {rebuilt}");
    }

    #[test]
    fn both_forms_agree_where_losses_can_be_counted() {
        for (coding, losses, hours, threshold) in [
            ((1, 2), 0.5, 60.0, 1),
            ((3, 10), 2.5, 200.0, 6),
            ((4, 6), 0.9, 70.0, 5),
            ((16, 32), 1.2, 400.0, 22),
        ] {
            let assumptions = Assumptions::new(coding, losses, (hours / 4.0, hours), threshold).unwrap();
            agrees(&assumptions, simulation(1000, 40.0));
        }
    }

    #[test]
    fn both_forms_agree_about_failures_of_many_nodes() {
        let assumptions = Assumptions::new((8, 14), 1.0, (6.0, 24.0), 11).unwrap();
        let event = Correlated { per_year: 0.5, fraction: 0.15 };
        let wide = Simulation { nodes: 4000, ..simulation(100, 1000.0) };
        agrees(&assumptions.with_correlated(event).unwrap(), wide);
    }

    #[test]
    fn durations_that_do_not_vary_are_safer() {
        let assumptions = Assumptions::new((4, 7), 4.0, (24.0, 48.0), 6).unwrap();
        let exponential = play(&assumptions, simulation(1000, 40.0));
        let audited =
            play(&assumptions, Simulation { duration: RepairDuration::Audited, ..simulation(1000, 40.0) });
        assert!(audited.lost < exponential.lost, "{audited:?} against {exponential:?}");
    }

    #[test]
    fn too_little_bandwidth_for_repairs_loses_data() {
        let assumptions = Assumptions::new((4, 7), 2.0, (1.0, 24.0), 6).unwrap();
        let free = play(&assumptions, simulation(500, 10.0));
        // 500 segments lose 7000 shards a year; 10 at a time of a day each mend 3650 segments.
        let bound = play(&assumptions, Simulation { repairs_at_once: Some(10), ..simulation(500, 10.0) });
        assert!(bound.lost > 5 * free.lost.max(1), "{bound:?} against {free:?}");
        assert!(bound.longest_queue > 100 && free.longest_queue == 0);
    }

    #[test]
    fn the_same_seed_gives_the_same_outcome() {
        let assumptions = Assumptions::new((3, 10), 12.0, (10.0, 100.0), 6).unwrap();
        assert_eq!(play(&assumptions, simulation(50, 5.0)), play(&assumptions, simulation(50, 5.0)));
    }

    #[test]
    fn bounds_hold_what_was_counted_between_them() {
        let outcome = Outcome { segment_years: 1e4, lost: 100, ..Outcome::default() };
        let (low, high) = outcome.bounds();
        // The exact Poisson bounds for 100 are 81.4 and 121.6.
        assert!((low * 1e4 - 81.4).abs() < 1.0 && (high * 1e4 - 121.6).abs() < 1.5, "{low:e} {high:e}");
        assert!(Outcome { lost: 0, ..outcome }.bounds().0 == 0.0);
    }
}
