//! Whether a request is to be done at all: `If-Match` and its like (RFC 9110, section 13). Pure.

use protocol::UnixSeconds;
use s3s::dto::{ETag, ETagCondition, Timestamp};

use crate::clock::seconds;

/// What a request demands of what has the key now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    pub(crate) matching: Option<ETagCondition>,
    pub(crate) none_matching: Option<ETagCondition>,
    pub(crate) modified_since: Option<UnixSeconds>,
    pub(crate) unmodified_since: Option<UnixSeconds>,
}

/// What has the key.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    pub(crate) etag: ETag,
    pub(crate) modified: UnixSeconds,
}

/// Why a request is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmet {
    /// Something else than the client thought has the key, or nothing.
    Failed,
    /// Whoever reads has it already.
    NotModified,
}

impl Conditions {
    /// Those of a request that reads.
    pub(crate) fn of_reading(
        matching: Option<ETagCondition>,
        none_matching: Option<ETagCondition>,
        modified_since: Option<&Timestamp>,
        unmodified_since: Option<&Timestamp>,
    ) -> Self {
        let (modified_since, unmodified_since) = (modified_since.map(seconds), unmodified_since.map(seconds));
        Self { matching, none_matching, modified_since, unmodified_since }
    }

    /// Whether something may be read that is `current`: in the order of RFC 9110, section 13.2.2.
    pub(crate) fn permit_reading(&self, current: &Current) -> Result<(), Unmet> {
        match (&self.matching, self.unmodified_since) {
            (Some(condition), _) if !matches(condition, &current.etag) => return Err(Unmet::Failed),
            (None, Some(since)) if current.modified > since => return Err(Unmet::Failed),
            _ => {}
        }
        match (&self.none_matching, self.modified_since) {
            (Some(condition), _) if matches(condition, &current.etag) => Err(Unmet::NotModified),
            (None, Some(since)) if current.modified <= since => Err(Unmet::NotModified),
            _ => Ok(()),
        }
    }

    /// Whether a key may be written or removed that `current` has now.
    pub(crate) fn permit_writing(&self, current: Option<&Current>) -> Result<(), Unmet> {
        let matched = |condition: &ETagCondition| current.is_some_and(|now| matches(condition, &now.etag));
        let fails = self.matching.as_ref().is_some_and(|condition| !matched(condition));
        if fails || self.none_matching.as_ref().is_some_and(matched) { Err(Unmet::Failed) } else { Ok(()) }
    }
}

fn matches(condition: &ETagCondition, etag: &ETag) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(wanted) => wanted.value() == etag.value(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> ETagCondition {
        ETagCondition::ETag(ETag::Strong(text.to_owned()))
    }

    fn current() -> Current {
        Current { etag: ETag::Strong("a".to_owned()), modified: UnixSeconds::new(100) }
    }

    #[test]
    fn reading() {
        let at = |s| Some(UnixSeconds::new(s));
        let none = Conditions::default;
        let cases = [
            (none(), Ok(())),
            (Conditions { matching: Some(tag("a")), ..none() }, Ok(())),
            (Conditions { matching: Some(tag("b")), ..none() }, Err(Unmet::Failed)),
            (Conditions { none_matching: Some(tag("a")), ..none() }, Err(Unmet::NotModified)),
            (Conditions { none_matching: Some(ETagCondition::Any), ..none() }, Err(Unmet::NotModified)),
            (Conditions { none_matching: Some(tag("b")), modified_since: at(100), ..none() }, Ok(())),
            (Conditions { modified_since: at(100), ..none() }, Err(Unmet::NotModified)),
            (Conditions { modified_since: at(99), ..none() }, Ok(())),
            (Conditions { unmodified_since: at(99), ..none() }, Err(Unmet::Failed)),
            (Conditions { unmodified_since: at(99), matching: Some(tag("a")), ..none() }, Ok(())),
        ];
        for (conditions, expected) in cases {
            assert_eq!(conditions.permit_reading(&current()), expected, "{conditions:?}");
        }
    }

    #[test]
    fn writing() {
        let absent = Conditions { none_matching: Some(ETagCondition::Any), ..Conditions::default() };
        assert_eq!(absent.permit_writing(None), Ok(()));
        assert_eq!(absent.permit_writing(Some(&current())), Err(Unmet::Failed));
        let same = |text| Conditions { matching: Some(tag(text)), ..Conditions::default() };
        assert_eq!(same("a").permit_writing(Some(&current())), Ok(()));
        assert_eq!(same("b").permit_writing(Some(&current())), Err(Unmet::Failed));
        assert_eq!(same("a").permit_writing(None), Err(Unmet::Failed));
    }
}
