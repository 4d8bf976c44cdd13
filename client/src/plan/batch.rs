//! One batch of rows on its way: what was asked for, what came, and whether it suffices.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use chunker::{Column, Segment};
use protocol::PublicKey;

use super::RequestId;
use super::download::Answer;
use crate::health::{Health, SILENCE_MIN};
use crate::moment::Moment;

/// A column is overtaken when it takes this many times as long as its neighbours in the batch.
const OVERTAKEN_MEDIANS: u32 = 3;
/// What a node may take for every row on top of its first byte, before others are asked: 4 Mbit/s.
const ROW_WITHIN: Duration = Duration::from_millis(30);

/// Some rows of one column.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) column: Column,
    pub(crate) rows: Range<u32>,
    /// Its cells are asked for by the reader; otherwise it only helps to rebuild others.
    pub(crate) is_wanted: bool,
    pub(crate) tries: Vec<Try>,
    pub(crate) answer: Option<RequestId>,
}

/// A request for a piece.
#[derive(Debug, Clone)]
pub(crate) struct Try {
    pub(crate) request: RequestId,
    pub(crate) node: PublicKey,
    pub(crate) sent: Moment,
    pub(crate) state: TryState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TryState {
    Open,
    /// Still open, but no longer counted upon.
    Late,
    Answered,
    /// Failed for a reason that may pass.
    Passing,
    Failed,
}

/// How a node did in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    Clean,
    /// It failed so often for reasons that may pass.
    Stumbled(usize),
    /// There is no point in asking again.
    Bad,
}

/// Why a request is no longer counted upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lateness {
    Silent,
    Slow,
}

impl Piece {
    /// The answer that counts, when there is one.
    pub(crate) fn to_answer(&self) -> Option<Answer> {
        let request = self.answer?;
        let tries = self.tries.iter().position(|attempt| attempt.request == request);
        let at = tries.expect("only a request of this piece answers it");
        let (column, rows, node) = (self.column, self.rows.clone(), self.tries[at].node);
        Some(Answer { request, column, rows, node, is_hedge: at > 0 })
    }
}

#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) segment: Segment,
    pub(crate) cells: Range<u64>,
    pub(crate) started: Moment,
    pub(crate) pieces: Vec<Piece>,
    /// A node fell silent: one column more than needed is asked for, since its neighbour may be gone too.
    pub(crate) saw_silence: bool,
    took: Vec<Duration>,
}

impl Batch {
    pub(crate) fn new(segment: Segment, cells: Range<u64>, started: Moment) -> Self {
        let columns = segment.stored_columns().take(usize::from(segment.data_columns()));
        let wanted = columns.filter_map(|column| {
            let rows = rows_of(&segment, column, &cells);
            let new = Piece { column, rows, is_wanted: true, tries: Vec::new(), answer: None };
            (!new.rows.is_empty()).then_some(new)
        });
        let pieces = wanted.collect();
        Self { segment, cells, started, pieces, saw_silence: false, took: Vec::new() }
    }

    /// How many columns with sealed cells in `row` it takes to rebuild that row.
    pub(crate) fn required(&self, row: u32) -> usize {
        let data = self.segment.stored_columns().take(usize::from(self.segment.data_columns()));
        data.filter(|column| row < self.segment.column_rows(*column)).count()
    }

    /// True when every wanted cell came or can be rebuilt.
    pub(crate) fn is_solved(&self) -> bool {
        let missing = self.pieces.iter().filter(|piece| piece.is_wanted && piece.answer.is_none());
        let mut rows: Vec<u32> = missing.flat_map(|piece| piece.rows.clone()).collect();
        rows.sort_unstable();
        rows.dedup();
        rows.into_iter().all(|row| self.answered_in(row) >= self.required(row))
    }

    fn answered_in(&self, row: u32) -> usize {
        let answered = self.pieces.iter().filter(|piece| piece.answer.is_some() && piece.rows.contains(&row));
        answered.map(|piece| piece.column).collect::<HashSet<_>>().len()
    }

    /// The rows to rebuild, should no open request that is late come any more; `None` when nothing is late.
    pub(crate) fn rows_at_risk(&self) -> Option<Range<u32>> {
        let at_risk = self.pieces.iter().filter(|piece| piece.is_wanted && !piece.is_on_its_way());
        at_risk.map(|piece| piece.rows.clone()).reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
    }

    /// The columns that are there or on their way over all of `rows`, as far as they have these rows.
    pub(crate) fn supply(&self, rows: &Range<u32>) -> HashSet<Column> {
        let counted = self.pieces.iter().filter(|piece| piece.is_on_its_way() && self.covers(piece, rows));
        counted.map(|piece| piece.column).collect()
    }

    /// As [`Self::supply`], with late ones.
    pub(crate) fn hope(&self, rows: &Range<u32>) -> HashSet<Column> {
        let counted = self.pieces.iter().filter(|piece| piece.may_come() && self.covers(piece, rows));
        counted.map(|piece| piece.column).collect()
    }

    fn covers(&self, piece: &Piece, rows: &Range<u32>) -> bool {
        let end = rows.end.min(self.segment.column_rows(piece.column));
        rows.start < end && piece.rows.start <= rows.start && end <= piece.rows.end
    }

    /// The index of the piece for a column over `rows`, made if none covers them; `None` if the column has no such rows.
    pub(crate) fn piece_for(&mut self, column: Column, rows: &Range<u32>) -> Option<usize> {
        let found = self.pieces.iter().position(|piece| piece.column == column && self.covers(piece, rows));
        let rows = rows.start..rows.end.min(self.segment.column_rows(column));
        if found.is_some() || rows.is_empty() {
            return found;
        }
        self.pieces.push(Piece { column, rows, is_wanted: false, tries: Vec::new(), answer: None });
        Some(self.pieces.len() - 1)
    }

    /// How a node did with what it was asked of a column so far.
    pub(crate) fn record(&self, column: Column, node: PublicKey) -> Record {
        let mut passing = 0;
        for piece in self.pieces.iter().filter(|piece| piece.column == column) {
            let tries =
                || piece.tries.iter().filter(|attempt| attempt.node == node).map(|attempt| attempt.state);
            if tries().any(|state| matches!(state, TryState::Late | TryState::Failed)) {
                return Record::Bad;
            }
            // Pieces that fail together have one cause, and it counts once.
            passing = passing.max(tries().filter(|state| *state == TryState::Passing).count());
        }
        if passing == 0 { Record::Clean } else { Record::Stumbled(passing) }
    }

    pub(crate) fn has(&self, request: RequestId) -> bool {
        self.pieces.iter().flat_map(|piece| &piece.tries).any(|attempt| attempt.request == request)
    }

    pub(crate) fn find(&mut self, request: RequestId) -> Option<(&mut Piece, usize)> {
        self.pieces.iter_mut().find_map(|piece| {
            let at = piece.tries.iter().position(|attempt| attempt.request == request)?;
            Some((piece, at))
        })
    }

    /// Notes that a piece took so long to come.
    pub(crate) fn note_time(&mut self, time: Duration) {
        self.took.push(time);
    }

    /// When an open request is to be given up on, and why.
    pub(crate) fn late_at(&self, piece: &Piece, attempt: &Try, health: &Health) -> (Moment, Lateness) {
        let limit = health.silence_limit(attempt.node);
        let heard = health.last_heard(attempt.node).unwrap_or(attempt.sent).max(attempt.sent);
        let silent = heard.plus(limit);
        let mut slow = attempt.sent.plus(limit + ROW_WITHIN * (piece.rows.end - piece.rows.start));
        let wanted = self.pieces.iter().filter(|piece| piece.is_wanted).count();
        if !self.took.is_empty() && 2 * self.took.len() >= wanted {
            let mut took = self.took.clone();
            took.sort_unstable();
            let median = took[took.len() / 2];
            slow = slow.min(attempt.sent.plus((median * OVERTAKEN_MEDIANS).max(SILENCE_MIN)));
        }
        if silent <= slow { (silent, Lateness::Silent) } else { (slow, Lateness::Slow) }
    }

    /// All requests that have not ended.
    pub(crate) fn open(&self) -> impl Iterator<Item = (&Piece, &Try)> {
        let tries =
            self.pieces.iter().flat_map(|piece| piece.tries.iter().map(move |attempt| (piece, attempt)));
        tries.filter(|(_, attempt)| attempt.is_open())
    }
}

impl Piece {
    fn is_on_its_way(&self) -> bool {
        self.answer.is_some() || self.tries.iter().any(|attempt| attempt.state == TryState::Open)
    }

    fn may_come(&self) -> bool {
        self.answer.is_some() || self.tries.iter().any(Try::is_open)
    }
}

impl Try {
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, TryState::Open | TryState::Late)
    }
}

/// The rows in which a data column has cells of the range `cells`.
fn rows_of(segment: &Segment, column: Column, cells: &Range<u64>) -> Range<u32> {
    let data = u64::from(segment.coding().data());
    let row = |cell: u64| {
        let within = cell.saturating_sub(segment.first_cell() + u64::from(column.number()));
        u32::try_from(within.div_ceil(data)).unwrap_or(u32::MAX)
    };
    row(cells.start)..row(cells.end).min(segment.column_rows(column))
}

#[cfg(test)]
mod tests {
    use chunker::{CellSize, Coding, Geometry};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn wanted_pieces_hold_each_cell_once(
            data in 1_u8..9, cells in 1_u64..2000, from in any::<proptest::sample::Index>(), len in 1_u64..300,
        ) {
            let geometry = Geometry::new(Coding::new(data, 2).unwrap(), CellSize::LARGEST, cells).unwrap();
            let from = from.index(usize::try_from(cells).unwrap()) as u64;
            let range = from..(from + len).min(cells);
            let batch = Batch::new(geometry.segment(0).unwrap(), range.clone(), Moment::default());
            let mut got: Vec<u64> = batch.pieces.iter()
                .flat_map(|piece| piece.rows.clone().map(|row| batch.segment.cell(piece.column, row).unwrap()))
                .collect();
            got.sort_unstable();
            prop_assert_eq!(got, range.collect::<Vec<_>>());
        }
    }
}
