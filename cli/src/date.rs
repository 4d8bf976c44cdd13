//! Days as people write them, `2027-01-31` in UTC, and as they read them on their own calendar.

use std::str::FromStr;

use chrono::{DateTime, Local};
use protocol::UnixSeconds;

/// The beginning of a day in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date(UnixSeconds);

/// The day of the calendar on which a moment falls where the reader is.
pub(crate) fn local_day(moment: UnixSeconds) -> String {
    let moment = i64::try_from(moment.get()).ok().and_then(local);
    moment.map_or_else(|| "a day beyond the calendar".to_owned(), |time| time.format("%Y-%m-%d").to_string())
}

/// A moment in Unix time on the reader's clock.
pub(crate) fn local(unix_seconds: i64) -> Option<DateTime<Local>> {
    DateTime::from_timestamp(unix_seconds, 0).map(|time| time.with_timezone(&Local))
}

/// A text that is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a day is written as 2027-01-31, from 1970 to 9999")]
pub(crate) struct DateError;

impl Date {
    /// The first second of the day.
    pub(crate) const fn begins(self) -> UnixSeconds {
        self.0
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let mut parts = text.split('-').map(|part| part.parse::<u64>().map_err(|_| DateError));
        let mut next = || parts.next().ok_or(DateError)?;
        let (year, month, day) = (next()?, next()?, next()?);
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return Err(DateError);
        }
        let begins = UnixSeconds::new(days_since_1970(year, month, day) * 86_400);
        // The 31st of a shorter month is a day of the next one, and `2027-1-5` is written otherwise.
        if begins.to_string() == format!("{text}T00:00:00Z") { Ok(Self(begins)) } else { Err(DateError) }
    }
}

fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    // Years begin in March here, so that the leap day is the last of its year.
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("2000-02-29", 951_782_400),
            ("2000-03-01", 951_868_800),
            ("2026-12-31", 1_798_675_200),
            ("9999-12-31", 253_402_214_400),
        ] {
            assert_eq!(text.parse::<Date>().map(|date| date.begins().get()), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        let texts = ["", "2027", "2027-02-29", "2027-13-01", "2027-00-10", "2027-01-32", "1969-12-31"];
        let others =
            ["10000-01-01", "2027-1-5", "2027-01-05-06", "2027-01-05T00:00:00Z", "tomorrow", "-1-1-1"];
        for text in texts.into_iter().chain(others) {
            assert_eq!(text.parse::<Date>(), Err(DateError), "{text:?}");
        }
    }
}
