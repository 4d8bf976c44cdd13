//! What to do next, without doing it: the decisions of put, get, audit and repair as state machines.
//!
//! A plan owns no socket, no task and no clock. Whoever performs it feeds events with the moment at which they
//! happened, takes the actions that follow until there are none, and performs them in order. Two rules hold:
//! every action that expects an answer names the time within which it must come, and the performer reports a
//! failure when it does not; and a plan whose `WakeAt` has passed is woken. Then no plan waits for ever.
//!
//! Plans never see a byte of a shard: requests have numbers, and a plan says which answers make up a result.

pub mod audit;
mod batch;
pub mod download;
pub mod fetch;
pub mod pace;
pub mod repair;
pub mod upload;
mod whereabouts;
mod window;

use std::time::Duration;

use crate::health::Fault;

/// How long a node may take to say what it holds.
pub const ASK_WITHIN: Duration = Duration::from_secs(2);
/// How long a node may keep quiet in the middle of an answer before the request has failed.
pub const READ_WITHIN: Duration = Duration::from_secs(4);
/// How many of the first nodes in a ranking are asked for a shard that is not where it should be, beyond
/// as many as the segment has columns.
pub const SEARCH_BEYOND: usize = 32;
/// How many nodes are asked at most: in the place of each that does not answer, which may be gone for good, one more is.
pub const SEARCH_NODES_MAX: usize = 256;

/// The number of a request within its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Why a request brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The node has no shard with this root and length. The only definite answer.
    NotHeld,
    /// The node has the shard, but not as it should be.
    Corrupt,
    /// The node refused for another reason: busy, out of traffic, its own fault.
    Refused,
    /// No connection, or it broke.
    Unreachable,
    /// Nothing came within the time allowed.
    Late,
    /// It took bytes so slowly that all the others waited for it.
    Slow,
    /// What came does not verify.
    Wrong,
}

impl Failure {
    /// What this failure says about the node; nothing, when the node did as it should.
    pub fn fault(self) -> Option<Fault> {
        match self {
            Self::NotHeld | Self::Corrupt => None,
            Self::Refused => Some(Fault::Refused),
            Self::Unreachable => Some(Fault::Unreachable),
            Self::Late => Some(Fault::Silent),
            Self::Slow => Some(Fault::Slow),
            Self::Wrong => Some(Fault::Wrong),
        }
    }

    /// True when the same node may well give another answer to the same request a moment later.
    pub fn is_passing(self) -> bool {
        matches!(self, Self::Refused | Self::Unreachable)
    }
}
