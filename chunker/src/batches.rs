//! Runs of cells as sealed answers carry them: aligned rows of one segment, column by column (spec §27).

use std::ops::Range;

use crate::{Column, Geometry, Segment};

/// Rows of a batch: two readers that know the same numbers cut an object in the same way.
pub const SEALED_BATCH_ROWS: u32 = 32;

/// The cells of one batch that are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBatch {
    segment: Segment,
    cells: Range<u64>,
}

/// Some rows of one column, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedRun {
    /// The segment's number.
    pub segment: u32,
    /// The data column.
    pub column: Column,
    /// The first row.
    pub first_row: u32,
    /// How many, at least 1 and at most [`SEALED_BATCH_ROWS`].
    pub rows: u32,
}

/// The batches of a range of cells, in order.
#[derive(Clone, Debug)]
pub struct SealedBatches {
    geometry: Geometry,
    left: Range<u64>,
}

impl SealedBatches {
    /// The batches of `cells`, as far as these exist.
    pub fn new(geometry: Geometry, cells: Range<u64>) -> Self {
        Self { geometry, left: cells.start..cells.end.min(geometry.cells()) }
    }
}

impl Iterator for SealedBatches {
    type Item = SealedBatch;

    fn next(&mut self) -> Option<SealedBatch> {
        let first = self.left.clone().next()?;
        let place = self.geometry.locate(first).expect("the range ends within the object");
        let segment = self.geometry.segment(place.segment).expect("a located segment exists");
        let end_row = u64::from(place.row / SEALED_BATCH_ROWS + 1) * u64::from(SEALED_BATCH_ROWS);
        let end_cell = (end_row * u64::from(segment.coding().data())).min(segment.cells().into());
        let end = (segment.first_cell() + end_cell).min(self.left.end);
        self.left.start = end;
        Some(SealedBatch { segment, cells: first..end })
    }
}

impl SealedBatch {
    /// The segment in which it lies.
    pub const fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Its cells, by their number in the object.
    pub fn cells(&self) -> Range<u64> {
        self.cells.clone()
    }

    /// What each data column has of it, in the order of the columns.
    pub fn runs(&self) -> impl Iterator<Item = SealedRun> + use<> {
        let (segment, cells) = (self.segment, self.cells.clone());
        segment.coding().data_columns().filter_map(move |column| {
            let rows = rows_of(&segment, column, &cells);
            (!rows.is_empty()).then(|| SealedRun {
                segment: segment.index(),
                column,
                first_row: rows.start,
                rows: rows.end - rows.start,
            })
        })
    }
}

/// The rows in which `column` has cells of this range.
fn rows_of(segment: &Segment, column: Column, cells: &Range<u64>) -> Range<u32> {
    let data = u64::from(segment.coding().data());
    let row_at = |cell: u64| {
        let before = (cell - segment.first_cell()).saturating_sub(column.number().into());
        u32::try_from(before.div_ceil(data)).expect("a segment has at most 2^18 rows")
    };
    row_at(cells.start)..row_at(cells.end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{CellSize, Coding};

    proptest! {
        /// All batches together name every cell once, in runs that no batch exceeds.
        #[test]
        fn every_cell_once(data in 1u8..8, cells in 1u64..40_000, start in 0u64..40_000, len in 0u64..3000) {
            let geometry = Geometry::new(Coding::new(data, 2).unwrap(), CellSize::LARGEST, cells).unwrap();
            let range = start..start.saturating_add(len);
            let mut named = Vec::new();
            for batch in SealedBatches::new(geometry, range.clone()) {
                let mut here = Vec::new();
                for run in batch.runs() {
                    prop_assert!(run.rows >= 1 && run.rows <= SEALED_BATCH_ROWS);
                    prop_assert_eq!(run.first_row / SEALED_BATCH_ROWS, (run.first_row + run.rows - 1) / SEALED_BATCH_ROWS);
                    let rows = run.first_row..run.first_row + run.rows;
                    here.extend(rows.map(|row| batch.segment().cell(run.column, row).unwrap()));
                }
                here.sort_unstable();
                prop_assert_eq!(&here, &batch.cells().collect::<Vec<_>>());
                named.extend(here);
            }
            prop_assert_eq!(named, (range.start.min(cells)..range.end.min(cells)).collect::<Vec<_>>());
        }
    }
}
