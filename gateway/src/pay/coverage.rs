//! Which times of a title were delivered, each counted once however often it is asked for. No clock, no socket.

use std::collections::BTreeMap;

/// Separate runs that are told apart; what comes to more is counted each time.
const RUNS_MAX: usize = 1024;

/// Times of one kind of track.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Coverage {
    /// From where to where, in milliseconds; no two of them touch.
    runs: BTreeMap<u64, u64>,
    /// All that was counted in milliseconds.
    ms: u64,
    /// What came without a place, in microseconds.
    unplaced_us: u64,
}

impl Coverage {
    /// Milliseconds all in all.
    pub(super) const fn ms(&self) -> u64 {
        self.ms.saturating_add(self.unplaced_us / 1000)
    }

    /// Milliseconds from `begin` to `end` that are not there.
    pub(super) fn missing(&self, begin: u64, end: u64) -> u64 {
        let there = self.touching(begin, end).map(|(from, to)| to.min(end).saturating_sub(from.max(begin)));
        end.saturating_sub(begin).saturating_sub(there.sum())
    }

    /// Counts what is new from `begin` to `end`.
    pub(super) fn add(&mut self, begin: u64, end: u64) {
        self.ms = self.ms.saturating_add(self.missing(begin, end));
        let near: Vec<_> = self.touching(begin, end).collect();
        if begin >= end || near.is_empty() && self.runs.len() >= RUNS_MAX {
            return;
        }
        let (mut from, mut to) = (begin, end);
        for (first, last) in near {
            self.runs.remove(&first);
            (from, to) = (from.min(first), to.max(last));
        }
        self.runs.insert(from, to);
    }

    /// Counts so many microseconds of which nobody knows where they lie.
    pub(super) const fn add_unplaced(&mut self, us: u64) {
        self.unplaced_us = self.unplaced_us.saturating_add(us);
    }

    /// Counts as much as is missing up to so many milliseconds, of which nobody knows where they lie.
    pub(super) const fn raise_to(&mut self, ms: u64) {
        self.add_unplaced(ms.saturating_sub(self.ms()).saturating_mul(1000));
    }

    fn touching(&self, begin: u64, end: u64) -> impl Iterator<Item = (u64, u64)> {
        let before = self.runs.range(..=end).rev().map(|(from, to)| (*from, *to));
        before.take_while(move |(_, to)| *to >= begin)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn more_runs_than_are_told_apart_count_each_time() {
        let mut coverage = Coverage::default();
        for run in 0..RUNS_MAX as u64 {
            coverage.add(3 * run, 3 * run + 1);
        }
        let beyond = 3 * RUNS_MAX as u64;
        for _ in 0..2 {
            coverage.add(beyond, beyond + 1);
        }
        assert_eq!((coverage.runs.len(), coverage.ms()), (RUNS_MAX, RUNS_MAX as u64 + 2));
        coverage.add_unplaced(2999);
        assert_eq!(coverage.ms(), RUNS_MAX as u64 + 4);
    }

    proptest! {
        /// As a list of single milliseconds.
        #[test]
        fn every_time_counts_once(spans in prop::collection::vec((0..60_usize, 0..9_usize), 0..40)) {
            let (mut coverage, mut plain) = (Coverage::default(), [false; 80]);
            for (from, len) in spans {
                let (begin, end) = (from as u64, (from + len) as u64);
                let new = plain[from..from + len].iter().filter(|is_there| !**is_there).count() as u64;
                prop_assert_eq!(coverage.missing(begin, end), new);
                coverage.add(begin, end);
                plain[from..from + len].fill(true);
                prop_assert_eq!(coverage.ms(), plain.iter().filter(|is_there| **is_there).count() as u64);
            }
        }
    }
}
