//! Why a node did not do what it was asked to, and what that says of it.

use std::time::Duration;

use network::{ConnectError, HelloError, RequestError, StreamError};
use proofs::DecodeSliceError;
use protocol::{Code, PublicKey, RecordError, Refusal, Unanswered};

use crate::plan::Failure;

/// Why a node did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("node {} is not known", .0.fmt_short())]
    Unknown(PublicKey),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("node did not answer within {} ms", .0.as_millis())]
    Late(Duration),
    #[error("node takes bytes so slowly that all the others wait for it")]
    Lags,
    #[error("node sent what does not verify: {0}")]
    Wrong(Wrong),
}

/// What exactly does not verify.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Wrong {
    #[error(transparent)]
    Slice(#[from] DecodeSliceError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("no whole cell")]
    NoCell,
    #[error("bytes with another hash")]
    Hash,
    #[error("another number of answers than questions")]
    Answers,
    #[error("a lease over something else")]
    Lease,
    #[error("a pointer of somebody else")]
    Owner,
}

impl WireError {
    pub(crate) fn failure(&self) -> Failure {
        match self {
            Self::Late(_) => Failure::Late,
            Self::Lags => Failure::Slow,
            Self::Connect(ConnectError::Hello { source: HelloError::Refused(_), .. }) => Failure::Refused,
            Self::Unknown(_) | Self::Connect(_) => Failure::Unreachable,
            Self::Request(RequestError::Refused(refusal)) => refusal_failure(refusal),
            Self::Wrong(_) | Self::Request(RequestError::Unexpected(_)) => Failure::Wrong,
            Self::Request(RequestError::Stream(error)) => match error {
                StreamError::Stalled(_) => Failure::Late,
                StreamError::Truncated | StreamError::TooLong { .. } | StreamError::Malformed(_) => {
                    Failure::Wrong
                }
                _ => Failure::Unreachable,
            },
        }
    }
}

impl WireError {
    /// The code with which the node refused, if it did.
    pub(crate) fn code(&self) -> Option<Code> {
        match self {
            Self::Request(RequestError::Refused(refusal)) => Some(refusal.code()),
            _ => None,
        }
    }

    /// How an audit ends with this.
    pub(crate) fn unanswered(&self) -> Unanswered {
        match self {
            Self::Request(RequestError::Refused(refusal))
            | Self::Connect(ConnectError::Hello { source: HelloError::Refused(refusal), .. }) => {
                Unanswered::Refused(refusal.code())
            }
            other => match other.failure() {
                Failure::Late | Failure::Slow => Unanswered::Late,
                Failure::Unreachable => Unanswered::Offline,
                Failure::NotHeld | Failure::Corrupt | Failure::Refused | Failure::Wrong => {
                    Unanswered::Invalid
                }
            },
        }
    }
}

impl From<StreamError> for WireError {
    fn from(error: StreamError) -> Self {
        Self::Request(error.into())
    }
}

fn refusal_failure(refusal: &Refusal) -> Failure {
    match refusal.code() {
        Code::NotHeld => Failure::NotHeld,
        Code::Corrupt => Failure::Corrupt,
        _ => Failure::Refused,
    }
}
