//! Reading cells: one is opened at a time, as its reader polls.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use chunker::{CellBytes, Column, Segment};
use futures_util::Stream;

use super::fetching::{Fetching, RebuiltRow};
use crate::error::ReadError;
use crate::object::{Object, OpenedCell, Origin};
use crate::plan::download::{Answer, Batches};

/// The opened cells of a range, in order. After an error it ends.
#[derive(Debug)]
pub struct CellStream {
    object: Object,
    fetching: Fetching,
    /// The next cell of the first delivery.
    cursor: u64,
    /// The last row that had to be rebuilt.
    rebuilt: Option<RebuiltRow>,
}

impl CellStream {
    pub(crate) fn new(object: &Object, cells: Range<u64>) -> Self {
        let cursor = cells.start;
        let fetching = Fetching::new(object.sealed(), cells, Batches::Growing);
        Self { object: object.clone(), fetching, cursor, rebuilt: None }
    }

    /// The next cell of the delivery, opened.
    fn open_next(&mut self) -> Result<OpenedCell, ReadError> {
        let delivery = self.fetching.delivery();
        let index = self.cursor;
        let (segment, end) = (delivery.segment, delivery.cells.end);
        let (column, row) = place(&segment, index);
        let mut answers = delivery.answers.iter().filter(|answer| answer.column == column);
        let sent =
            answers.find_map(|answer| Some((self.fetching.rows(answer)?.get(row)?.clone(), origin(answer))));
        let (cell, origin) = match sent {
            Some((cell, origin)) => (CellBytes::from(cell), origin),
            None => self.rebuilt_cell(column, row),
        };
        let mut plaintext = Vec::with_capacity(segment.cell_size().plain_bytes());
        let opened = self.object.opener().open(index, &cell, &mut plaintext);
        self.advance(end);
        opened.map(|()| OpenedCell { index, plaintext: plaintext.into(), origin }).map_err(ReadError::Broken)
    }

    fn rebuilt_cell(&mut self, column: Column, row: u32) -> (CellBytes, Origin) {
        if self.rebuilt.as_ref().is_none_or(|rebuilt| rebuilt.row != row) {
            self.rebuilt = Some(self.fetching.rebuild_row(row));
        }
        let rebuilt = self.rebuilt.as_ref().expect("it was just rebuilt");
        let cell = rebuilt.cells.iter().find(|(rebuilt, _)| *rebuilt == column);
        let cell = cell.expect("all missing columns of the row were rebuilt").1.clone();
        (cell.into(), Origin::Rebuilt(Arc::clone(&rebuilt.from)))
    }

    /// Goes on to the next cell; a delivery that has been taken is forgotten.
    fn advance(&mut self, end: u64) {
        self.cursor += 1;
        if self.cursor == end {
            self.rebuilt = None;
            self.fetching.taken();
        }
    }
}

impl Stream for CellStream {
    type Item = Result<OpenedCell, ReadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let stream = self.get_mut();
        let Some(delivered) = ready!(stream.fetching.poll_delivery(context)) else {
            return Poll::Ready(None);
        };
        let cell = delivered.and_then(|()| stream.open_next());
        if cell.is_err() {
            stream.fetching.give_up();
        }
        Poll::Ready(Some(cell))
    }
}

fn origin(answer: &Answer) -> Origin {
    if answer.is_hedge { Origin::Hedged(answer.node) } else { Origin::Direct(answer.node) }
}

/// Column and row of a cell in its segment.
fn place(segment: &Segment, cell: u64) -> (Column, u32) {
    let data = u64::from(segment.coding().data());
    let within = cell - segment.first_cell();
    let column = u8::try_from(within % data).expect("a remainder is below its divisor, a byte");
    (Column::new(column), u32::try_from(within / data).expect("a segment has at most 2^18 rows"))
}
