//! What keeps a name from being removed: a date, or a matter at law.

use protocol::UnixSeconds;
use serde::{Deserialize, Serialize};

use crate::TrailText;

/// Why a name has to stay, and since when (spec §24). It says for how long, or why, or both.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "HoldFields", into = "HoldFields")]
pub struct Hold {
    since: UnixSeconds,
    until: Option<UnixSeconds>,
    legal: Option<TrailText>,
}

/// A hold that says neither until when nor why, or that has ended before it began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a hold names a date after its beginning, or a reason, or both")]
pub struct HoldError;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    legal: Option<TrailText>,
    since: UnixSeconds,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<UnixSeconds>,
}

impl Hold {
    /// A hold from now on: until a date, or for a reason until it is released, or both.
    pub fn new(
        since: UnixSeconds,
        until: Option<UnixSeconds>,
        legal: Option<TrailText>,
    ) -> Result<Self, HoldError> {
        let says_nothing = until.is_none() && legal.is_none();
        if says_nothing || until.is_some_and(|until| until <= since) {
            return Err(HoldError);
        }
        Ok(Self { since, until, legal })
    }

    /// Both together: the later date, and the reasons of both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let legal = match (&self.legal, &other.legal) {
            (Some(one), Some(two)) if one != two => {
                TrailText::cut(&format!("{}; {}", one.as_str(), two.as_str())).or_else(|| Some(one.clone()))
            }
            (one, two) => one.clone().or_else(|| two.clone()),
        };
        Self { since: self.since.min(other.since), until: self.until.max(other.until), legal }
    }

    /// Since when.
    pub const fn since(&self) -> UnixSeconds {
        self.since
    }

    /// The date of retention.
    pub const fn until(&self) -> Option<UnixSeconds> {
        self.until
    }

    /// The reason of a legal hold, which ends when it is released and not before.
    pub const fn legal(&self) -> Option<&TrailText> {
        self.legal.as_ref()
    }

    /// Whether it holds then.
    pub fn holds(&self, now: UnixSeconds) -> bool {
        self.legal.is_some() || self.until.is_some_and(|until| !until.has_passed(now))
    }
}

impl TryFrom<HoldFields> for Hold {
    type Error = HoldError;

    fn try_from(HoldFields { legal, since, until }: HoldFields) -> Result<Self, HoldError> {
        Self::new(since, until, legal)
    }
}

impl From<Hold> for HoldFields {
    fn from(Hold { since, until, legal }: Hold) -> Self {
        Self { legal, since, until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_ends_by_itself_and_a_reason_does_not() {
        let at = UnixSeconds::new;
        let reason = || TrailText::new("case 17").ok();
        let dated = Hold::new(at(5), Some(at(10)), None).unwrap();
        assert!(dated.holds(at(9)) && !dated.holds(at(10)));
        assert!(Hold::new(at(5), Some(at(10)), reason()).unwrap().holds(at(u64::MAX)));
        assert!(Hold::new(at(5), None, reason()).unwrap().holds(at(u64::MAX)));
        assert_eq!(Hold::new(at(5), None, None), Err(HoldError));
        let legal = Hold::new(at(3), None, TrailText::new("case 9").ok()).unwrap();
        let both = dated.and(&legal).and(&Hold::new(at(6), Some(at(20)), reason()).unwrap());
        assert_eq!((both.since(), both.until()), (at(3), Some(at(20))));
        assert_eq!(both.legal().unwrap().as_str(), "case 9; case 17");
        assert_eq!(both.and(&both), both);
        assert_eq!(Hold::new(at(5), Some(at(5)), reason()), Err(HoldError));
    }
}
