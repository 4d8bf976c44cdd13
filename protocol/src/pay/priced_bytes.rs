//! Bytes that were read, each at the price that its reader was told before.

use serde::{Deserialize, Serialize};

use crate::Amount;

/// Prices that are told apart; of more the two oldest are taken together, at the lower one.
const STRETCHES_MAX: usize = 16;
/// A GiB has 2^30 bytes.
const GIB_BITS: u32 = 30;

/// Bytes in the order in which they were read, in stretches of one price each (spec §13).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct PricedBytes(Vec<(Amount, u64)>);

/// What bytes cost, exactly: in parts of 2^-30 micro-units.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct ReadCost(u128);

impl PricedBytes {
    /// So many bytes at `micro` for 2^30 of them.
    pub fn at(micro: Amount, bytes: u64) -> Self {
        let mut priced = Self::default();
        priced.add(micro, bytes);
        priced
    }

    /// How many there are.
    pub fn bytes(&self) -> u64 {
        self.0.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }

    /// What all of them cost.
    pub fn cost(&self) -> ReadCost {
        self.0.iter().fold(ReadCost::ZERO, |sum, (micro, bytes)| sum.plus(ReadCost::of(*micro, *bytes)))
    }

    /// Adds bytes that were read after all others.
    pub fn add(&mut self, micro: Amount, bytes: u64) {
        match self.0.last_mut() {
            _ if bytes == 0 => {}
            Some((last, sum)) if *last == micro => *sum = sum.saturating_add(bytes),
            _ => self.0.push((micro, bytes)),
        }
        while self.0.len() > STRETCHES_MAX {
            let (micro, bytes) = self.0.remove(0);
            let (next, sum) = &mut self.0[0];
            (*next, *sum) = (micro.min(*next), sum.saturating_add(bytes));
        }
    }

    /// Adds what was read after all of these.
    pub fn append(&mut self, later: &Self) {
        for (micro, bytes) in &later.0 {
            self.add(*micro, *bytes);
        }
    }

    /// The first `bytes` of them, or all.
    #[must_use]
    pub fn first(&self, bytes: u64) -> Self {
        let mut left = bytes;
        let part = |(micro, stretch): &(Amount, u64)| {
            let part = left.min(*stretch);
            left -= part;
            (*micro, part)
        };
        Self(self.0.iter().map(part).filter(|(_, bytes)| *bytes > 0).collect())
    }

    /// All but the first `bytes` of them.
    #[must_use]
    pub fn after(&self, bytes: u64) -> Self {
        let mut left = bytes;
        let rest = |(micro, stretch): &(Amount, u64)| {
            let gone = left.min(*stretch);
            left -= gone;
            (*micro, stretch - gone)
        };
        Self(self.0.iter().map(rest).filter(|(_, bytes)| *bytes > 0).collect())
    }
}

impl ReadCost {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    fn of(micro: Amount, bytes: u64) -> Self {
        Self(u128::from(bytes) * u128::from(micro))
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// In whole micro-units, rounded down; the largest amount where it is more.
    pub fn at_most(self) -> Amount {
        Amount::try_from(self.0 >> GIB_BITS).unwrap_or(Amount::MAX)
    }

    /// The same, rounded up.
    pub fn at_least(self) -> Amount {
        Amount::try_from(self.0.div_ceil(1 << GIB_BITS)).unwrap_or(Amount::MAX)
    }
}

#[cfg(test)]
mod tests {
    use fuzzing::fuzz;

    use super::*;

    fn micro(micro: u64) -> Amount {
        Amount::new(micro).unwrap()
    }

    #[test]
    fn each_byte_costs_what_was_said_before_it_was_read() {
        let mut priced = PricedBytes::at(micro(1 << 30), 3);
        priced.add(micro(1 << 30), 2);
        priced.add(micro(1 << 31), 4);
        priced.add(micro(7), 0);
        assert_eq!(priced.0, [(micro(1 << 30), 5), (micro(1 << 31), 4)]);
        assert_eq!((priced.bytes(), priced.cost().at_most().get()), (9, 13));
        assert_eq!(priced.first(6).cost().at_most().get(), 7);
        assert_eq!(priced.after(6), PricedBytes::at(micro(1 << 31), 3));
        assert_eq!(priced.after(9), PricedBytes::default());
    }

    #[test]
    fn costs_are_rounded_once() {
        let cost = PricedBytes::at(micro(1000), (1 << 30) - 1).cost();
        assert_eq!((cost.at_most().get(), cost.at_least().get()), (999, 1000));
        assert_eq!(PricedBytes::at(Amount::MAX, u64::MAX).cost().at_most(), Amount::MAX);
    }

    /// Against one price for each byte, as long as there are few prices; with more of them nothing gets dearer.
    #[test]
    fn stretches_are_what_each_byte_costs() {
        fuzz(|random| {
            let mut priced = PricedBytes::default();
            let mut each: Vec<u64> = Vec::new();
            for _ in 0..random.index(2 * STRETCHES_MAX) {
                let (price, bytes) = (random.below(5) << 30, random.below(9));
                priced.add(micro(price), bytes);
                each.extend((0..bytes).map(|_| price >> 30));
            }
            let few = each.chunk_by(|one, other| one == other).count() <= STRETCHES_MAX;
            let at = random.index(each.len() + 2);
            let (first, after) = (priced.first(at as u64), priced.after(at as u64));
            assert_eq!(priced.bytes(), each.len() as u64);
            assert_eq!(first.bytes() + after.bytes(), priced.bytes());
            let mut both = first.clone();
            both.append(&after);
            assert_eq!((both.bytes(), both.cost()), (priced.bytes(), priced.cost()));
            let sum = |bytes: &[u64]| bytes.iter().sum::<u64>();
            let split = at.min(each.len());
            let known = [first, after].map(|part| part.cost().at_most().get());
            if few {
                assert_eq!(known, [sum(&each[..split]), sum(&each[split..])]);
            } else {
                assert!(known[0] + known[1] <= sum(&each));
            }
        });
    }
    /// Whoever pays each step rounded up has never paid less than all of it rounded down, and little more.
    #[test]
    fn steps_rounded_up_cover_the_whole() {
        fuzz(|random| {
            let price = micro(random.below(1 << 40));
            let steps: Vec<u64> = (0..random.index(20)).map(|_| random.below(1 << 32)).collect();
            let cost = |bytes: u64| PricedBytes::at(price, bytes).cost();
            let paid: u64 = steps.iter().map(|bytes| cost(*bytes).at_least().get()).sum();
            let whole = cost(steps.iter().sum()).at_most().get();
            assert!(paid >= whole && paid <= whole + steps.len() as u64 + 1, "{price:?} {steps:?}");
        });
    }
}
