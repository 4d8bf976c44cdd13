//! Warnings before something ends.

use protocol::UnixSeconds;
use serde::{Deserialize, Serialize};

use super::Object;

/// How many days before the end a warning is given, the first one first.
pub const WARN_DAYS: [u16; 3] = [90, 30, 7];
/// Warnings remembered of one object: those of the last ends.
const WARNED_KEPT: usize = 8;
const DAY: u64 = 86_400;
/// So often in a row must renewals have failed before leases are believed to end: for more than a day, as waiting doubles.
const FAILURES_MIN: u32 = 12;

/// A warning that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warned {
    /// So many days before …
    pub days: u16,
    /// … this end.
    pub ends: UnixSeconds,
}

impl Object {
    /// When the object is no longer protected as things stand: when care for it ends; or, while leases cannot be
    /// renewed, when the first of them ends.
    pub fn protected_until(&self) -> UnixSeconds {
        let leases = self.leases.ends.filter(|_| self.leases.failures >= FAILURES_MIN);
        leases.map_or(self.care_ends(), |ends| ends.min(self.care_ends()))
    }

    /// The warnings of the end that there is today, the last first: what was renewed since then no longer ends.
    pub fn warnings(&self) -> impl Iterator<Item = Warned> {
        let ends = self.protected_until();
        self.warned.iter().rev().filter(move |warned| warned.ends == ends).copied()
    }

    /// The most urgent warning that is due and was not given. Those that it makes superfluous count as given.
    pub(super) fn warning_due(&self, now: UnixSeconds) -> Option<Warned> {
        let ends = self.protected_until();
        let days = *WARN_DAYS.iter().rev().find(|days| is_within(ends, **days, now))?;
        let is_new = self.warned.iter().all(|given| given.ends != ends || given.days > days);
        is_new.then_some(Warned { days, ends })
    }

    /// Remembers that a warning was given. The ends of leases come and go while renewals fail; those of care are
    /// remembered whatever the leases do, or a warning would be given again.
    pub(super) fn note_warning(&mut self, warned: Warned) {
        if self.warned.len() >= WARNED_KEPT {
            let care_ends = self.care_ends();
            let oldest = self.warned.iter().position(|given| given.ends != care_ends).unwrap_or_default();
            self.warned.remove(oldest);
        }
        self.warned.push(warned);
    }

    /// When the next warning is due.
    pub(super) fn next_warning(&self, now: UnixSeconds) -> Option<UnixSeconds> {
        let ends = self.protected_until();
        let next = WARN_DAYS.iter().find(|days| !is_within(ends, **days, now))?;
        Some(UnixSeconds::new(ends.get().saturating_sub(u64::from(*next) * DAY)))
    }
}

fn is_within(ends: UnixSeconds, days: u16, now: UnixSeconds) -> bool {
    ends.seconds_since(now) <= u64::from(days) * DAY
}
