//! What a download plan is told, and what it says.

use std::ops::Range;
use std::time::Duration;

use chunker::{Column, Geometry, Segment};
use protocol::PublicKey;

use crate::moment::Moment;
use crate::plan::{Failure, RequestId};

/// What is to be read.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The object's shape.
    pub geometry: Geometry,
    /// The manifest's placement seed.
    pub seed: [u8; 32],
    /// The cells, clipped to those that exist.
    pub cells: Range<u64>,
    /// Bytes of cells that may be asked for ahead of the reader.
    pub read_ahead: u64,
    /// How it is cut.
    pub batches: Batches,
    /// Shards that are known to be elsewhere than placement says: (segment, column, node).
    pub hints: Vec<(u32, Column, PublicKey)>,
}

/// How a range is cut into batches of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batches {
    /// Small ones first, for a quick first byte.
    Growing,
    /// They end at multiples of so many rows of their segment.
    Aligned(u32),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The plan begins, or the moment of its last `WakeAt` has come.
    Wake,
    /// A request was answered with verified cells.
    Answered {
        /// Which.
        request: RequestId,
        /// The time from asking to the first byte.
        first_byte: Duration,
    },
    /// A request brought nothing.
    Failed {
        /// Which.
        request: RequestId,
        /// Why.
        failure: Failure,
    },
    /// A node answered `Ask`: the columns it holds; `None` when it did not answer in time.
    Told {
        /// Who was asked.
        node: PublicKey,
        /// About which segment.
        segment: u32,
        /// The columns of this segment that it says it holds.
        held: Option<Vec<Column>>,
    },
    /// The reader has taken everything of the oldest delivery that it had not taken yet.
    Taken,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Ask for some rows of a shard; answer with `Answered` or `Failed`.
    Read {
        /// The number to answer with.
        request: RequestId,
        /// Whom to ask.
        node: PublicKey,
        /// The shard's segment.
        segment: u32,
        /// The shard's column.
        column: Column,
        /// The rows, never empty.
        rows: Range<u32>,
        /// The request has failed (`Late`) when nothing arrives for so long.
        within: Duration,
    },
    /// The answer to a request is not needed: neither one to come, for which no event is expected, nor one that came.
    Cancel(RequestId),
    /// Ask a node which shards of a segment it holds; answer with `Told`.
    Ask {
        /// Whom to ask.
        node: PublicKey,
        /// Which segment.
        segment: u32,
        /// The time to answer.
        within: Duration,
    },
    /// Ask a silent node for a sign of life over a fresh connection; tell [`crate::health::Health`] alone.
    Probe(PublicKey),
    /// A shard was found away from where placement puts it: a hint for later plans.
    Remember {
        /// The shard's segment.
        segment: u32,
        /// The shard's column.
        column: Column,
        /// Who says that it holds it.
        node: PublicKey,
    },
    /// Send `Wake` at this moment; replaces the one before.
    WakeAt(Moment),
    /// Hand these cells to the reader; deliveries come in order.
    Deliver(Delivery),
    /// Everything has been delivered. The last action.
    Finish,
    /// The rest cannot be read. The last action.
    Fail(Unreadable),
}

/// Which answers make up a run of cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The segment in which all of the cells lie.
    pub segment: Segment,
    /// The cells, by their number in the object.
    pub cells: Range<u64>,
    /// The answers that serve them. All that was asked for these cells may be forgotten after the delivery.
    pub answers: Vec<Answer>,
}

/// Verified rows of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The request that brought them.
    pub request: RequestId,
    /// Their column.
    pub column: Column,
    /// The rows.
    pub rows: Range<u32>,
    /// Who sent them.
    pub node: PublicKey,
    /// They were asked for because an earlier request for them was late, or failed.
    pub is_hedge: bool,
}

/// Why cells cannot be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable {
    /// The segment.
    pub segment: u32,
    /// The first cell that cannot be read.
    pub cell: u64,
    /// Columns that it takes to read these cells.
    pub required: usize,
    /// Columns of which at least a part could be had.
    pub available: usize,
    /// True when so many shards are definitely gone that waiting does not help.
    pub is_definite: bool,
}
