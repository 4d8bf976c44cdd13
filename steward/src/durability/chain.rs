//! The closed form: lost shards of one segment as a Markov chain in continuous time.
//!
//! State `i` is `i` lost shards, 0 to m; one more is the end. From `i` a further shard is lost at `(n − i)·λ`, and a correlated
//! failure adds a binomial number at once. From the threshold on, all lost shards come back together at rate
//! `1 / (time to notice + time to repair)`: durations are taken as exponential, which is pessimistic, since some then last
//! several times as long as the mean. Solved by uniformisation (A. Jensen, 1953): every term is positive, nothing cancels.

use super::assumptions::{Assumptions, HOURS_PER_YEAR};
use super::tails::binomial;

/// Years that the chain runs before the year that is reported, so that it has forgotten that it began whole.
const SETTLING_YEARS: u32 = 4;
/// What uniformisation may leave out, relative to everything.
const TRUNCATION: f64 = 1e-18;
/// Jumps that one step of uniformisation may expect: e to this power must be a number.
const JUMPS_PER_STEP_MAX: f64 = 500.0;

/// What is to be expected of a segment in a year.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnnualLoss {
    /// The probability that it is lost, given that it was there when the year began.
    pub probability: f64,
    /// Repairs of the segment per year.
    pub repairs: f64,
    /// Shards that are rebuilt per year.
    pub rebuilt: f64,
    /// Bytes read and written for repairs per byte of data and year: k shards are read, and the lost ones written.
    pub traffic: f64,
}

impl AnnualLoss {
    /// The nines of durability per year, as a number: 11.3 is better than eleven nines.
    pub fn nines(&self) -> f64 {
        -self.probability.log10()
    }
}

/// The closed form for a segment that has been looked after for some years.
pub fn annual_loss(assumptions: &Assumptions) -> AnnualLoss {
    let chain = Chain::new(assumptions);
    let mut state = chain.whole();
    for _ in 0..SETTLING_YEARS {
        chain.run_a_year(&mut state);
        state.survive();
    }
    let probability = {
        state.mending = vec![0.0; state.alive.len()];
        chain.run_a_year(&mut state);
        state.lost
    };
    let repairs: f64 = state.mending.iter().sum();
    let rebuilt: f64 = state.mending.iter().zip(0_u32..).map(|(rate, lost)| rate * f64::from(lost)).sum();
    let needed = f64::from(assumptions.needed());
    AnnualLoss { probability, repairs, rebuilt, traffic: (repairs * needed + rebuilt) / needed }
}

/// The lowest repair threshold with at least so many nines, or none: a low one repairs seldom.
pub fn threshold_for(assumptions: &Assumptions, nines: f64) -> Option<u32> {
    let thresholds = assumptions.needed()..assumptions.shards();
    thresholds
        .into_iter()
        .find(|&threshold| annual_loss(&assumptions.at_threshold(threshold)).nines() >= nines)
}

/// The chain, made uniform: from every state the next jump comes at the same rate, some of them going nowhere.
struct Chain {
    /// `next[from]` lists where a jump goes and how probable that is; the last state is the end.
    next: Vec<Vec<(usize, f64)>>,
    /// Repairs per jump out of each state.
    mended: Vec<f64>,
    /// Jumps per hour.
    rate: f64,
}

struct Distribution {
    /// Probability of each number of lost shards.
    alive: Vec<f64>,
    /// Probability that the segment was lost since the last [`Distribution::survive`].
    lost: f64,
    /// Expected repairs out of each state.
    mending: Vec<f64>,
}

impl Distribution {
    /// Takes for granted that it was not lost so far.
    fn survive(&mut self) {
        let alive: f64 = self.alive.iter().sum();
        for value in &mut self.alive {
            *value /= alive;
        }
        self.lost = 0.0;
    }
}

impl Chain {
    fn new(assumptions: &Assumptions) -> Self {
        let rows: Vec<_> = (0..=spare(assumptions)).map(|lost| rates(assumptions, lost)).collect();
        let leaving = |row: &Vec<(usize, f64)>| row.iter().map(|(_, rate)| rate).sum::<f64>();
        let rate = rows.iter().map(leaving).fold(f64::MIN_POSITIVE, f64::max);
        let mut next = Vec::new();
        for (from, row) in rows.iter().enumerate() {
            let mut jumps: Vec<_> = row.iter().map(|&(to, value)| (to, value / rate)).collect();
            jumps.push((from, 1.0 - leaving(row) / rate));
            next.push(jumps);
        }
        let mends = |(lost, row): (usize, &Vec<(usize, f64)>)| {
            row.iter().filter(|(to, _)| *to == 0 && lost > 0).map(|(_, value)| value / rate).sum()
        };
        let mended = rows.iter().enumerate().map(mends).collect();
        Self { next, mended, rate }
    }

    fn whole(&self) -> Distribution {
        let states = self.next.len();
        let mut alive = vec![0.0; states];
        alive[0] = 1.0;
        Distribution { alive, lost: 0.0, mending: vec![0.0; states] }
    }

    fn run_a_year(&self, state: &mut Distribution) {
        let jumps = self.rate * HOURS_PER_YEAR;
        let steps = (jumps / JUMPS_PER_STEP_MAX).ceil().max(1.0);
        let mut step = 0.0;
        while step < steps {
            self.run(state, jumps / steps);
            step += 1.0;
        }
    }

    /// Runs for a time in which `jumps` jumps are expected: the states after 0, 1, 2 … jumps, weighted by their Poisson probability.
    fn run(&self, state: &mut Distribution, jumps: f64) {
        let mut after = std::mem::take(&mut state.alive);
        let mut lost = state.lost;
        let mut weight = (-jumps).exp();
        // The probability that there are more jumps than those counted, for what each further jump brings.
        let mut beyond = 1.0 - weight;
        let mut sum: Vec<_> = after.iter().map(|value| value * weight).collect();
        let mut sum_lost = lost * weight;
        let mut count = 0.0;
        while count < jumps || beyond > TRUNCATION && weight > TRUNCATION {
            for (from, value) in after.iter().enumerate() {
                state.mending[from] += value * self.mended[from] * beyond;
            }
            (after, lost) = self.jump(&after, lost);
            count += 1.0;
            weight *= jumps / count;
            beyond = (beyond - weight).max(0.0);
            for (total, value) in sum.iter_mut().zip(&after) {
                *total += value * weight;
            }
            sum_lost += lost * weight;
        }
        state.alive = sum;
        state.lost = sum_lost;
    }

    fn jump(&self, before: &[f64], mut lost: f64) -> (Vec<f64>, f64) {
        let mut after = vec![0.0; before.len()];
        for (value, jumps) in before.iter().zip(&self.next) {
            for &(to, probability) in jumps {
                match after.get_mut(to) {
                    Some(place) => *place += value * probability,
                    None => lost += value * probability,
                }
            }
        }
        (after, lost)
    }
}

/// Shards that may be lost.
fn spare(assumptions: &Assumptions) -> u32 {
    assumptions.shards() - assumptions.needed()
}

/// Where a segment with so many lost shards goes, at which rate per hour. What lies beyond the spare shards is the end.
fn rates(assumptions: &Assumptions, lost: u32) -> Vec<(usize, f64)> {
    let (left, end) = (assumptions.shards() - lost, spare(assumptions) + 1);
    let mut rates = vec![((lost + 1) as usize, f64::from(left) * assumptions.loss_rate())];
    if let Some(correlated) = assumptions.correlated() {
        let rate = correlated.per_year / HOURS_PER_YEAR;
        let hit = |more: u32| rate * binomial(left, correlated.fraction, more);
        rates.extend((1..=left).map(|more| ((lost + more).min(end) as usize, hit(more))));
    }
    if lost > 0 && left <= assumptions.threshold() {
        rates.push((0, 1.0 / assumptions.mending_hours()));
    }
    rates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durability::Correlated;

    fn assumptions(coding: (u32, u32), losses: f64, hours: f64, threshold: u32) -> Assumptions {
        Assumptions::new(coding, losses, (0.0, hours), threshold).unwrap()
    }

    fn close(found: f64, expected: f64, relative: f64) {
        assert!((found / expected - 1.0).abs() < relative, "found {found:e}, expected {expected:e}");
    }

    #[test]
    fn two_copies_are_lost_as_textbooks_say() {
        // Mean time to data loss of a mirror: (3λ + μ) / 2λ² (Patterson, Gibson, Katz 1988 give μ / 2λ² for μ ≫ λ).
        let (losses, hours) = (0.05, 24.0);
        let (lambda, mu) = (losses / HOURS_PER_YEAR, 1.0 / hours);
        let expected = HOURS_PER_YEAR * 2.0 * lambda * lambda / (3.0 * lambda + mu);
        close(annual_loss(&assumptions((1, 2), losses, hours, 1)).probability, expected, 1e-3);
    }

    #[test]
    fn eager_repair_follows_the_formula_for_any_number_of_spares() {
        // With repair from the first loss on and μ ≫ nλ: rate = n·(n−1)·…·(n−m)·λ^(m+1) / μ^m; here all come back together,
        // so that no factor for several repairs under way appears.
        let (losses, hours) = (0.01, 1.0);
        let (lambda, mu): (f64, f64) = (losses / HOURS_PER_YEAR, 1.0 / hours);
        for (k, n) in [(4, 6), (8, 14), (20, 40)] {
            let spare = n - k;
            let ways: f64 = (k..=n).map(f64::from).product();
            let rate = ways * lambda.powi(spare + 1) / mu.powi(spare);
            let found = annual_loss(&assumptions(
                (u32::try_from(k).unwrap(), u32::try_from(n).unwrap()),
                losses,
                hours,
                u32::try_from(n).unwrap() - 1,
            ));
            close(found.probability, rate * HOURS_PER_YEAR, 2e-2);
        }
    }

    #[test]
    fn without_repair_in_time_shards_die_one_by_one() {
        // A repair that takes a million years is none: the first year's loss is a binomial tail of 1 − e^(−λ).
        let chain = Chain::new(&assumptions((3, 10), 0.1, 1e10, 9));
        let mut state = chain.whole();
        chain.run_a_year(&mut state);
        close(state.lost, crate::durability::binomial_tail(10, 1.0 - (-0.1_f64).exp(), 8), 1e-6);
    }

    #[test]
    fn repairs_are_counted() {
        // Eager repair of 4+2 mends nearly every loss by itself.
        let found = annual_loss(&assumptions((4, 6), 0.5, 1.0, 5));
        close(found.rebuilt, 6.0 * 0.5, 1e-2);
        close(found.repairs, 6.0 * 0.5, 1e-2);
        close(found.traffic, 6.0 * 0.5 * 5.0 / 4.0, 1e-2);
        // A lower threshold waits, and reads its k shards for several lost ones at once.
        let lazy = annual_loss(&assumptions((4, 6), 0.5, 1.0, 4));
        assert!(lazy.traffic < 0.8 * found.traffic && lazy.probability > found.probability);
    }

    /// Storj v3 white paper (2018), appendix "Numerical simulations": repair bandwidth per month over bytes of data, for codings
    /// that are repaired below a threshold. (Its rows for a mean time to failure of one month count the 99th percentile of
    /// many rebuilds and are left out.)
    #[test]
    fn storj_states_the_same_traffic_of_repairs() {
        let published = [
            (6.0, (20, 40), 30, 0.87),
            (12.0, (20, 40), 25, 0.31),
            (6.0, (30, 70), 40, 0.60),
            (12.0, (30, 80), 45, 0.31),
            (12.0, (40, 120), 45, 0.24),
        ];
        for (months, coding, threshold, ratio) in published {
            let found = annual_loss(&assumptions(coding, 12.0 / months, 72.0, threshold)).traffic / 12.0;
            assert!((found / ratio - 1.0).abs() < 0.06, "{coding:?}: found {found}, published {ratio}");
        }
    }

    #[test]
    fn correlated_failures_put_a_floor_under_it() {
        let alone = assumptions((8, 14), 0.05, 12.0, 12);
        let event = Correlated { per_year: 0.1, fraction: 0.2 };
        let together = annual_loss(&alone.with_correlated(event).unwrap());
        let floor = 0.1 * crate::durability::binomial_tail(14, 0.2, 7);
        assert!(
            together.probability > floor && together.probability < 3.0 * floor,
            "{together:?}, {floor:e}"
        );
        assert!(annual_loss(&alone).probability < floor / 1e6);
    }

    #[test]
    fn many_nines_keep_their_precision() {
        let found = annual_loss(&assumptions((29, 80), 0.1, 24.0, 54));
        assert!(found.nines() > 40.0 && found.nines().is_finite(), "{found:?}");
    }

    #[test]
    fn the_threshold_is_the_lowest_that_is_enough() {
        let given = assumptions((16, 32), 0.2, 24.0, 31);
        let threshold = threshold_for(&given, 11.0).unwrap();
        assert!(annual_loss(&given.at_threshold(threshold)).nines() >= 11.0);
        assert!(annual_loss(&given.at_threshold(threshold - 1)).nines() < 11.0);
        assert_eq!(threshold_for(&assumptions((1, 2), 5.0, 1000.0, 1), 11.0), None);
    }
}
