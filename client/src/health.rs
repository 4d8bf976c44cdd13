//! What was seen of every node lately: how fast it answers, and whether it is to be avoided.
//!
//! A node that was silent, unreachable, slow or wrong is *suspect* for a while that doubles with every further
//! fault. A silent or unreachable one is trusted again as soon as a byte of it arrives, and is asked for one
//! ([`Health::probe`]) when its time is over; the others are tried again when theirs is. The clock is handed in.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use protocol::PublicKey;

use crate::moment::Moment;
use crate::tally::ReadTally;

/// First bytes that a node's median is made of.
const LATENCIES_KEPT: usize = 15;
/// A node is silent after this many times its own median …
const SILENCE_MEDIANS: u32 = 3;
/// … but never before this, …
pub const SILENCE_MIN: Duration = Duration::from_millis(15);
/// … and, unless its median alone is longer, not later than this. It also holds for nodes never heard of.
pub const SILENCE_MAX: Duration = Duration::from_millis(60);
/// How long a node is suspect after a first fault.
const SUSPECT_MIN: Duration = Duration::from_millis(500);
/// How long a node is suspect at most.
const SUSPECT_MAX: Duration = Duration::from_secs(30);
/// How long a node that sent wrong bytes is suspect after the first time; at most ten times as long.
const SUSPECT_WRONG: Duration = Duration::from_mins(1);
/// How often a column of a node must be overtaken in a row before the node counts as slow.
const SLOW_STRIKES: u32 = 3;

/// What a node did that it should not have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was heard of it for longer than its silence limit.
    Silent,
    /// No connection could be made, or it was lost.
    Unreachable,
    /// It answered so slowly that another column overtook it.
    Slow,
    /// It refused although it should have served: busy, out of traffic, its own fault.
    Refused,
    /// What it sent does not verify.
    Wrong,
}

/// Whether a node should be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing speaks against it.
    Good,
    /// It is avoided while others can serve.
    Suspect,
}

#[derive(Debug, Default)]
struct Memory {
    first_bytes: VecDeque<Duration>,
    heard: Option<Moment>,
    strikes: u32,
    faults_in_a_row: u32,
    wrong_answers: u64,
    suspicion: Option<Suspicion>,
}

#[derive(Debug, Clone, Copy)]
struct Suspicion {
    fault: Fault,
    until: Moment,
}

/// The memory of all nodes; one per program, shared by all its reads.
#[derive(Debug, Default)]
pub struct Health {
    nodes: HashMap<PublicKey, Memory>,
    avoided: HashSet<PublicKey>,
    tally: ReadTally,
}

/// What is remembered of one node, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeHealth {
    /// Whether it would be asked now.
    pub standing: Standing,
    /// Median time to its first byte, when it ever answered.
    pub first_byte: Option<Duration>,
    /// How many of its answers did not verify.
    pub wrong_answers: u64,
}

impl Health {
    /// A memory that knows nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which nodes are avoided from now on while others can serve, whatever they do.
    pub fn avoid(&mut self, nodes: HashSet<PublicKey>) {
        self.avoided = nodes;
    }

    /// Bytes arrived from a node: it is neither silent nor unreachable.
    pub fn heard(&mut self, node: PublicKey, now: Moment) {
        let memory = self.nodes.entry(node).or_default();
        memory.heard = Some(now);
        if memory.suspicion.is_some_and(|s| matches!(s.fault, Fault::Silent | Fault::Unreachable)) {
            memory.suspicion = None;
        }
    }

    /// A node's answer to a request began after `first_byte`.
    pub fn first_byte(&mut self, node: PublicKey, first_byte: Duration) {
        let memory = self.nodes.entry(node).or_default();
        if memory.first_bytes.len() == LATENCIES_KEPT {
            memory.first_bytes.pop_front();
        }
        memory.first_bytes.push_back(first_byte);
    }

    /// A node answered a request completely, correctly and in time.
    pub fn served(&mut self, node: PublicKey) {
        let memory = self.nodes.entry(node).or_default();
        memory.strikes = 0;
        memory.faults_in_a_row = 0;
        memory.suspicion = memory.suspicion.filter(|s| s.fault == Fault::Wrong);
    }

    /// A node failed: it is suspect from now on, except for a slow one's first strikes.
    pub fn failed(&mut self, node: PublicKey, fault: Fault, now: Moment) {
        let memory = self.nodes.entry(node).or_default();
        match fault {
            Fault::Slow => {
                memory.strikes += 1;
                if memory.strikes < SLOW_STRIKES {
                    return;
                }
                memory.strikes = 0;
            }
            Fault::Wrong => memory.wrong_answers += 1,
            Fault::Silent | Fault::Unreachable | Fault::Refused => {}
        }
        if memory.suspicion.is_some_and(|s| now < s.until && !(fault == Fault::Wrong && s.fault != fault)) {
            return; // one cause that fails several requests at once counts once
        }
        let first = if fault == Fault::Wrong { SUSPECT_WRONG } else { SUSPECT_MIN };
        let time = first.saturating_mul(1 << memory.faults_in_a_row.min(8)).min(SUSPECT_MAX.max(first * 10));
        memory.faults_in_a_row += 1;
        memory.suspicion = Some(Suspicion { fault, until: now.plus(time) });
    }

    /// Whether a node should be asked now.
    pub fn standing(&self, node: PublicKey, now: Moment) -> Standing {
        if self.avoided.contains(&node) {
            return Standing::Suspect;
        }
        match self.nodes.get(&node).and_then(|memory| memory.suspicion) {
            Some(Suspicion { fault: Fault::Silent | Fault::Unreachable, .. }) => Standing::Suspect,
            Some(Suspicion { until, .. }) if now < until => Standing::Suspect,
            Some(_) | None => Standing::Good,
        }
    }

    /// True when a silent or unreachable node should be asked for a sign of life now; at most once per back-off.
    pub fn probe(&mut self, node: PublicKey, now: Moment) -> bool {
        let Some(memory) = self.nodes.get_mut(&node) else { return false };
        let Some(Suspicion { fault: fault @ (Fault::Silent | Fault::Unreachable), until }) = memory.suspicion
        else {
            return false;
        };
        if now < until {
            return false;
        }
        let time = SUSPECT_MIN.saturating_mul(1 << memory.faults_in_a_row.min(8)).min(SUSPECT_MAX);
        memory.faults_in_a_row += 1;
        memory.suspicion = Some(Suspicion { fault, until: now.plus(time) });
        true
    }

    /// What all reads came to so far.
    pub fn tally(&self) -> ReadTally {
        self.tally
    }

    pub(crate) fn tally_mut(&mut self) -> &mut ReadTally {
        &mut self.tally
    }

    /// When bytes last arrived from a node.
    pub fn last_heard(&self, node: PublicKey) -> Option<Moment> {
        self.nodes.get(&node)?.heard
    }

    /// How long a node that was asked may stay silent before others are asked in its place.
    pub fn silence_limit(&self, node: PublicKey) -> Duration {
        let Some(median) = self.nodes.get(&node).and_then(Memory::median) else { return SILENCE_MAX };
        let latest = SILENCE_MAX.max(median * 3 / 2);
        median.saturating_mul(SILENCE_MEDIANS).clamp(SILENCE_MIN, latest)
    }

    /// What is remembered of a node.
    pub fn of(&self, node: PublicKey, now: Moment) -> NodeHealth {
        let memory = self.nodes.get(&node);
        NodeHealth {
            standing: self.standing(node, now),
            first_byte: memory.and_then(Memory::median),
            wrong_answers: memory.map_or(0, |memory| memory.wrong_answers),
        }
    }
}

impl Memory {
    fn median(&self) -> Option<Duration> {
        let mut sorted: Vec<_> = self.first_bytes.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> PublicKey {
        protocol::SecretKey::from_bytes(&[1; 32]).public()
    }

    fn at(ms: u64) -> Moment {
        Moment::at(Duration::from_millis(ms))
    }

    #[test]
    fn silence_limit_follows_the_median_between_its_bounds() {
        let mut health = Health::new();
        assert_eq!(health.silence_limit(node()), SILENCE_MAX);
        for (latency_ms, limit_ms) in [(1, 15), (10, 30), (30, 60), (200, 300)] {
            for _ in 0..LATENCIES_KEPT {
                health.first_byte(node(), Duration::from_millis(latency_ms));
            }
            assert_eq!(health.silence_limit(node()), Duration::from_millis(limit_ms));
        }
    }

    #[test]
    fn a_silent_node_is_avoided_until_it_is_heard() {
        let mut health = Health::new();
        health.failed(node(), Fault::Silent, at(0));
        assert_eq!(health.standing(node(), at(100_000)), Standing::Suspect);
        health.heard(node(), at(100_001));
        assert_eq!(health.standing(node(), at(100_002)), Standing::Good);
    }

    #[test]
    fn a_node_that_is_avoided_stays_so_until_it_is_not() {
        let mut health = Health::new();
        health.avoid(HashSet::from([node()]));
        health.heard(node(), at(0));
        health.served(node());
        assert_eq!(health.standing(node(), at(1)), Standing::Suspect);
        health.avoid(HashSet::new());
        assert_eq!(health.standing(node(), at(1)), Standing::Good);
    }

    #[test]
    fn probes_back_off() {
        let mut health = Health::new();
        health.failed(node(), Fault::Unreachable, at(0));
        let probes: Vec<_> = (0..200_000).step_by(100).filter(|ms| health.probe(node(), at(*ms))).collect();
        assert_eq!(
            probes,
            [500, 1500, 3500, 7500, 15_500, 31_500, 61_500, 91_500, 121_500, 151_500, 181_500]
        );
        health.heard(node(), at(200_000));
        assert!(!health.probe(node(), at(300_000)));
    }

    #[test]
    fn many_failures_of_one_cause_count_once() {
        let mut health = Health::new();
        for ms in 0..10 {
            health.failed(node(), Fault::Refused, at(ms));
        }
        assert_eq!(health.standing(node(), at(499)), Standing::Suspect);
        assert_eq!(health.standing(node(), at(500)), Standing::Good);
        health.failed(node(), Fault::Refused, at(600));
        assert_eq!(health.standing(node(), at(1599)), Standing::Suspect);
        assert_eq!(health.standing(node(), at(1600)), Standing::Good);
    }

    #[test]
    fn slowness_needs_strikes_and_a_good_answer_wipes_them() {
        let mut health = Health::new();
        for _ in 0..10 {
            health.failed(node(), Fault::Slow, at(0));
            health.failed(node(), Fault::Slow, at(0));
            health.served(node());
        }
        assert_eq!(health.standing(node(), at(0)), Standing::Good);
        for _ in 0..SLOW_STRIKES {
            health.failed(node(), Fault::Slow, at(0));
        }
        assert_eq!(health.standing(node(), at(0)), Standing::Suspect);
    }

    #[test]
    fn a_liar_is_not_trusted_for_sending_more() {
        let mut health = Health::new();
        health.failed(node(), Fault::Silent, at(0));
        health.failed(node(), Fault::Wrong, at(1));
        health.heard(node(), at(2));
        health.served(node());
        assert_eq!(health.standing(node(), at(59_000)), Standing::Suspect);
        assert_eq!(health.standing(node(), at(61_000)), Standing::Suspect, "doubled: it had failed before");
        assert_eq!(health.standing(node(), at(121_000)), Standing::Good);
        assert_eq!(health.of(node(), at(3)).wrong_answers, 1);
    }
}
