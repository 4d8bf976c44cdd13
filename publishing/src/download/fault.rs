//! What a gateway did wrong.

use std::fmt;
use std::io;
use std::time::Duration;

use protocol::RecordError;
use reqwest::{StatusCode, Url};
use sharing::{ContentHash, PublishedBundleError};

use super::http::RATE_MIN;

/// What is wrong with an answer.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum Fault {
    #[error("it sent {found} bytes instead of {expected}")]
    Length { expected: u64, found: u64 },
    #[error("it sent more than {len_max} bytes")]
    Endless { len_max: u64 },
    #[error("it sent bytes with the BLAKE3 hash {found} instead of {expected}")]
    Hash { expected: ContentHash, found: ContentHash },
    #[error("its record is none: {0}")]
    Record(#[from] RecordError),
    #[error("its {kind} record is not about this publication")]
    OtherRecord { kind: &'static str },
    #[error(transparent)]
    Bundle(#[from] PublishedBundleError),
    #[error("it answered {0}")]
    Status(StatusCode),
    /// It wants to be paid, in another way than it was.
    #[error("it wants to be paid ({code})")]
    Payment { code: String },
    #[error("it cannot be paid: {0}")]
    Unpayable(String),
    #[error("it sent nothing for {} ms", .0.as_millis())]
    Silent(Duration),
    #[error("it sent less than {RATE_MIN} bytes a second")]
    Slow,
    #[error("it could not be asked, or broke off: {0}")]
    Broken(String),
    /// Not the gateway's fault.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
    /// Not the gateway's fault: nobody pays for it any more.
    #[error("{0}")]
    Unpaid(String),
}

/// What went wrong, where and with whom.
#[derive(Debug)]
pub struct Mishap {
    /// The gateway.
    pub gateway: Url,
    /// What it was asked for, in words.
    pub part: String,
    /// What it did.
    pub fault: Fault,
}

impl Fault {
    /// True when asking again does not help: it sent something else, or refuses.
    pub fn is_definite(&self) -> bool {
        match self {
            Self::Status(status) => {
                !status.is_server_error() && !matches!(status.as_u16(), TOO_MANY_REQUESTS | REQUEST_TIMEOUT)
            }
            Self::Silent(_) | Self::Slow | Self::Broken(_) | Self::Write(_) | Self::Unpaid(_) => false,
            Self::Payment { .. }
            | Self::Unpayable(_)
            | Self::Length { .. }
            | Self::Endless { .. }
            | Self::Hash { .. }
            | Self::Record(_)
            | Self::OtherRecord { .. }
            | Self::Bundle(_) => true,
        }
    }

    /// How bytes of one length and hash differ from those that were published.
    pub(super) fn between(found: (u64, ContentHash), expected: (u64, ContentHash)) -> Self {
        if found.0 == expected.0 {
            Self::Hash { expected: expected.1, found: found.1 }
        } else {
            Self::Length { expected: expected.0, found: found.0 }
        }
    }
}

const REQUEST_TIMEOUT: u16 = 408;
const TOO_MANY_REQUESTS: u16 = 429;

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was asked for {}: {}", self.gateway, self.part, self.fault)
    }
}
