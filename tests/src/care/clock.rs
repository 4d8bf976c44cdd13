//! Times, and clocks that are wrong.

use crate::sim::Dice;

pub(super) const HOUR: u64 = 3600;
pub(super) const DAY: u64 = 24 * HOUR;
pub(super) const START: u64 = 2_000_000_000;
/// How far any clock is from the true time at most, in seconds.
pub(super) const SKEW_MAX: u64 = HOUR;

/// How far a clock is ahead of the true time, in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Skew(i64);

impl Skew {
    /// Most clocks are right within seconds.
    pub(super) fn drawn(dice: &mut Dice) -> Self {
        let most = if dice.one_in(4) { SKEW_MAX } else { 5 };
        let ahead = i64::try_from(dice.of(0..2 * most + 1)).expect("a few thousand");
        Self(ahead - i64::try_from(most).expect("a few thousand"))
    }

    /// What this clock shows at a true time.
    pub(super) fn shows(self, now: u64) -> u64 {
        now.saturating_add_signed(self.0)
    }

    /// The true time at which this clock shows `shown`.
    pub(super) fn when(self, shown: u64) -> u64 {
        shown.saturating_add_signed(-self.0)
    }
}
