//! What must never happen, and the defects that are planted to see whether it is noticed.

use std::time::Duration;

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The worst: bytes that are not those that were put.
    #[error("wrong bytes were delivered in cell {cell}")]
    WrongBytes {
        /// The first cell with a wrong byte.
        cell: u64,
    },
    /// Cells came twice, out of order, or from outside the range.
    #[error("cell {got} was delivered where cell {expected} was due")]
    OutOfOrder {
        /// The cell that was due.
        expected: u64,
        /// The first cell of the delivery.
        got: u64,
    },
    /// A delivery names answers that do not make up its cells.
    #[error("cell {cell} cannot be had from the answers that the plan named: {reason}")]
    NotEnough {
        /// The cell.
        cell: u64,
        /// What the chunker said.
        reason: String,
    },
    /// Something failed although enough honest nodes were there.
    #[error("{what} failed although at most m shards were bad: {reason}")]
    Failed {
        /// What was tried.
        what: String,
        /// The error.
        reason: String,
    },
    /// Something was claimed that is not so.
    #[error("{0}")]
    FalseClaim(String),
    /// Nothing is going to happen any more, and a task has not ended.
    #[error("{what} hangs: nothing is going to happen any more")]
    Hangs {
        /// The task.
        what: String,
    },
    /// A pause or a duration above its limit.
    #[error("{what} took {took:?}, the limit is {limit:?}")]
    TooSlow {
        /// What took too long.
        what: String,
        /// How long.
        took: Duration,
        /// How long it may take.
        limit: Duration,
    },
    /// More of something than its limit.
    #[error("{what}: {count}, the limit is {limit}")]
    TooMany {
        /// What there is too much of.
        what: String,
        /// How much.
        count: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// Something was left behind after the end of a task.
    #[error("left behind: {0}")]
    LeftBehind(String),
}

/// A defect in the performer, planted to prove that the simulator notices it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// None: the performer does as it should.
    None,
    /// Takes for right what does not verify.
    TrustsNodes,
    /// Never wakes a plan that asked for it.
    ForgetsAlarms,
    /// Keeps everything that ever arrived.
    KeepsEverything,
    /// Calls a part leased although its node did not sign for it.
    CallsItLeased,
    /// Takes every answer to a challenge for a proof.
    BelievesProofs,
}
