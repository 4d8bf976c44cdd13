//! Reading sealed cells for somebody else, with the slices that prove them: no key is needed.

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use chunker::{SEALED_BATCH_ROWS, SealedBatch, SealedBatches, SealedRun};
use futures_util::Stream;

use super::fetching::{Fetching, RebuiltRow};
use crate::error::ReadError;
use crate::plan::download::Batches;
use crate::sealed_object::SealedObject;

/// The batches of a range of sealed cells, in order. After an error it ends.
#[derive(Debug)]
pub struct SealedStream {
    object: SealedObject,
    fetching: Fetching,
}

/// One batch: what each data column has of it, in the order of the columns.
#[derive(Debug)]
pub struct SealedCells {
    /// Which cells.
    pub batch: SealedBatch,
    /// The columns.
    pub columns: Vec<SealedColumn>,
}

/// Some rows of one column.
#[derive(Debug)]
pub struct SealedColumn {
    /// Which rows.
    pub run: SealedRun,
    /// Their bytes.
    pub bytes: SealedBytes,
}

/// The bytes of some rows, in pieces.
#[derive(Debug)]
pub enum SealedBytes {
    /// The slice of exactly these rows (spec §5) as a node sent it; it was verified.
    Slice(Vec<Bytes>),
    /// Their cells, some of which had to be rebuilt from verified ones.
    Rebuilt(Vec<Bytes>),
}

impl SealedStream {
    pub(crate) fn new(object: &SealedObject, cells: Range<u64>) -> Self {
        let batches = Batches::Aligned(SEALED_BATCH_ROWS);
        Self { object: object.clone(), fetching: Fetching::new(object, cells, batches) }
    }

    fn take_next(&mut self) -> SealedCells {
        let cells = self.fetching.delivery().cells.clone();
        let mut batches = SealedBatches::new(*self.object.manifest().geometry(), cells.clone());
        let batch = batches.next().expect("a delivery has cells");
        assert_eq!(batch.cells(), cells, "what is asked for in aligned batches comes in them");
        let mut rebuilt = Vec::new();
        let columns = batch.runs().map(|run| SealedColumn { run, bytes: self.column(&run, &mut rebuilt) });
        let columns = columns.collect();
        self.fetching.taken();
        SealedCells { batch, columns }
    }

    fn column(&self, run: &SealedRun, rebuilt: &mut Vec<RebuiltRow>) -> SealedBytes {
        let rows = run.first_row..run.first_row + run.rows;
        let mut answers = self.fetching.delivery().answers.iter();
        let whole = answers.find(|answer| answer.column == run.column && answer.rows == rows);
        if let Some(slice) = whole.and_then(|answer| self.fetching.rows(answer)) {
            return SealedBytes::Slice(slice.slice.clone());
        }
        SealedBytes::Rebuilt(rows.map(|row| self.cell(run, row, rebuilt)).collect())
    }

    fn cell(&self, run: &SealedRun, row: u32, rebuilt: &mut Vec<RebuiltRow>) -> Bytes {
        let answers = self.fetching.delivery().answers.iter();
        let mut sent = answers.filter(|answer| answer.column == run.column);
        if let Some(cell) = sent.find_map(|answer| self.fetching.rows(answer)?.get(row)) {
            return cell.as_bytes().clone();
        }
        let known = rebuilt.iter().position(|other| other.row == row);
        let at = known.unwrap_or_else(|| {
            rebuilt.push(self.fetching.rebuild_row(row));
            rebuilt.len() - 1
        });
        let cell = rebuilt[at].cells.iter().find(|(column, _)| *column == run.column);
        cell.expect("all missing columns of the row were rebuilt").1.as_bytes().clone()
    }
}

impl Stream for SealedStream {
    type Item = Result<SealedCells, ReadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let stream = self.get_mut();
        let delivered = ready!(stream.fetching.poll_delivery(context));
        Poll::Ready(delivered.map(|delivered| delivered.map(|()| stream.take_next())))
    }
}
