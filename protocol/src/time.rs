//! Points in time, handed in by the caller: this crate reads no clock.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Whole seconds since 1970-01-01T00:00:00Z (spec §1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixSeconds(u64);

impl UnixSeconds {
    /// The time that lies `seconds` after the epoch.
    pub const fn new(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The time `seconds` later; stays at the last representable second.
    #[must_use]
    pub const fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The seconds that have passed since `earlier`; 0 when that lies in the future.
    pub const fn seconds_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// True when something that holds *until* this time no longer holds at `now`.
    pub const fn has_passed(self, now: Self) -> bool {
        self.0 <= now.0
    }
}

impl From<SystemTime> for UnixSeconds {
    /// A clock set before 1970 counts as 1970.
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs())
    }
}

/// RFC 3339 in UTC, as `2026-11-22T09:49:00Z`; plain seconds beyond the year 9999.
impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const YEAR_10000: u64 = 253_402_300_800;
        if self.0 >= YEAR_10000 {
            return write!(f, "{} s after 1970", self.0);
        }
        let (year, month, day) = civil_date(self.0 / 86_400);
        let second = self.0 % 86_400;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Year, month and day of the Gregorian calendar, by walking whole years and months.
fn civil_date(mut days: u64) -> (u64, u64, u64) {
    const DAYS_IN_400_YEARS: u64 = 146_097;
    let mut year = 1970 + 400 * (days / DAYS_IN_400_YEARS);
    days %= DAYS_IN_400_YEARS;
    while days >= days_in_year(year) {
        days -= days_in_year(year);
        year += 1;
    }
    let february = days_in_year(year) - 337;
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

fn days_in_year(year: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    if leap { 366 } else { 365 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_print_as_rfc_3339() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_341_012, "2026-11-22T09:50:12Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "253402300800 s after 1970"),
        ];
        for (seconds, text) in cases {
            assert_eq!(UnixSeconds::new(seconds).to_string(), text);
        }
    }

    #[test]
    fn a_deadline_has_passed_in_its_own_second() {
        let deadline = UnixSeconds::new(100);
        assert!(!deadline.has_passed(UnixSeconds::new(99)));
        assert!(deadline.has_passed(UnixSeconds::new(100)));
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(UnixSeconds::new(u64::MAX).plus(1).get(), u64::MAX);
        assert_eq!(UnixSeconds::new(1).seconds_since(UnixSeconds::new(2)), 0);
    }
}
