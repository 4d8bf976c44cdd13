//! When something ends, as people say it: after a time, or at the beginning of a day.

use std::str::FromStr;

use protocol::UnixSeconds;

use crate::date::Date;
use crate::failure::Usage;
use crate::names::now;
use crate::quantity::{Duration, QuantityError};

/// A length of time such as `30d`, or a day such as `2026-12-24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    After(Duration),
    On(Date),
}

impl Expiry {
    /// When it is; fails where that is not to come.
    pub(crate) fn at(self) -> anyhow::Result<UnixSeconds> {
        self.after(now())
    }

    /// The same as a length of time from now on.
    pub(crate) fn duration(self) -> anyhow::Result<Duration> {
        let now = now();
        Ok(Duration::from_seconds(self.after(now)?.seconds_since(now)))
    }

    fn after(self, now: UnixSeconds) -> anyhow::Result<UnixSeconds> {
        let at = match self {
            Self::After(time) => now.plus(time.seconds()),
            Self::On(day) => day.begins(),
        };
        if at <= now {
            return Err(Usage::because("--expires names a time that is over: say 7d, or a day to come"));
        }
        Ok(at)
    }
}

impl FromStr for Expiry {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        text.parse().map(Self::On).or_else(|_| text.parse().map(Self::After))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_time_from_now_or_a_day_and_lies_ahead() {
        let now = UnixSeconds::new(1_798_675_200 - 10);
        let at = |text: &str| text.parse::<Expiry>().unwrap().after(now).map(UnixSeconds::get);
        assert_eq!(at("30s").unwrap(), now.get() + 30);
        assert_eq!(at("2026-12-31").unwrap(), 1_798_675_200);
        for over in ["0d", "2026-12-30"] {
            assert!(at(over).is_err(), "{over}");
        }
        assert!("2026-13-31".parse::<Expiry>().is_err() && "soon".parse::<Expiry>().is_err());
    }
}
