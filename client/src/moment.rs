//! Time as the plans see it: handed in, never read.

use std::time::Duration;

/// A point in time, counted from a start that means nothing (a program's start, or zero in a simulation).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(Duration);

impl Moment {
    /// The moment that lies `elapsed` after the start.
    pub const fn at(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// The time since the start.
    pub const fn elapsed(self) -> Duration {
        self.0
    }

    /// The moment `later` after this one.
    #[must_use]
    pub const fn plus(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
