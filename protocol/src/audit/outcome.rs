//! How an audit, and each of its picks, can end.

use std::fmt;

use crate::Code;

/// What became of one pick.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// The slice verifies against the root.
    Proved,
    /// The node says that its copy is rotten, or sent a slice that does not verify.
    Corrupt,
    /// The node says that it does not have the shard.
    Missing,
    /// No whole answer within the deadline.
    Late,
    /// The node could not be reached, or was lost.
    Offline,
    /// What the node sent is no answer to what it was asked.
    Invalid,
    /// The node refused.
    Refused(Code),
}

/// How an audit ended as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// The node signed an answer, and sent what it had signed.
    Answered,
    /// It did not.
    Unanswered(Unanswered),
}

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unanswered {
    /// No whole answer within the deadline.
    Late,
    /// The node could not be reached, or was lost.
    Offline,
    /// What the node sent is no answer to what it was asked.
    Invalid,
    /// The node refused.
    Refused(Code),
}

/// A name that no outcome has, or a code where none belongs.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no outcome is called {0:?}, or its code is missing or too much")]
pub struct OutcomeError(pub(super) String);

impl Outcome {
    /// The outcome of a pick for which a node gives this reason.
    pub const fn of_code(code: Code) -> Self {
        match code {
            Code::NotHeld => Self::Missing,
            Code::Corrupt => Self::Corrupt,
            code => Self::Refused(code),
        }
    }

    /// The name in documents and for machines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Corrupt => "corrupt",
            Self::Missing => "missing",
            Self::Late => "late",
            Self::Offline => "offline",
            Self::Invalid => "invalid",
            Self::Refused(_) => "refused",
        }
    }

    /// The node's code, when it refused.
    pub const fn code(self) -> Option<Code> {
        match self {
            Self::Refused(code) => Some(code),
            _ => None,
        }
    }

    pub(super) fn from_parts(name: &str, code: Option<Code>) -> Result<Self, OutcomeError> {
        let found = match (name, code) {
            ("proved", None) => Self::Proved,
            ("corrupt", None) => Self::Corrupt,
            ("missing", None) => Self::Missing,
            _ => Unanswered::from_parts(name, code)?.into(),
        };
        Ok(found)
    }
}

impl Ending {
    /// The name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Unanswered(why) => Outcome::from(why).name(),
        }
    }

    pub(super) fn code(self) -> Option<Code> {
        match self {
            Self::Unanswered(Unanswered::Refused(code)) => Some(code),
            _ => None,
        }
    }

    pub(super) fn from_parts(name: &str, code: Option<Code>) -> Result<Self, OutcomeError> {
        match (name, code) {
            ("answered", None) => Ok(Self::Answered),
            _ => Unanswered::from_parts(name, code).map(Self::Unanswered),
        }
    }
}

impl Unanswered {
    fn from_parts(name: &str, code: Option<Code>) -> Result<Self, OutcomeError> {
        match (name, code) {
            ("late", None) => Ok(Self::Late),
            ("offline", None) => Ok(Self::Offline),
            ("invalid", None) => Ok(Self::Invalid),
            ("refused", Some(code)) => Ok(Self::Refused(code)),
            _ => Err(OutcomeError(name.chars().take(40).collect())),
        }
    }
}

impl From<Unanswered> for Outcome {
    fn from(why: Unanswered) -> Self {
        match why {
            Unanswered::Late => Self::Late,
            Unanswered::Offline => Self::Offline,
            Unanswered::Invalid => Self::Invalid,
            Unanswered::Refused(code) => Self::Refused(code),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(code) => write!(f, "refused ({code})"),
            outcome => f.write_str(outcome.name()),
        }
    }
}
