//! How much to ask for at a time: batches of rows that grow, and a read-ahead that follows the reader.

use std::ops::Range;

use chunker::Geometry;

use super::download::Batches;

/// Rows of a first batch: a quick first byte.
const FIRST_ROWS: u32 = 4;
/// Rows of the largest batch: 1 MiB of every column.
const ROWS_MAX: u32 = 64;
/// Bytes of data columns in the largest batch, unless one row is longer.
const BATCH_LEN_MAX: u64 = 4 << 20;
/// Bytes asked for ahead of a reader that has not taken any yet.
const FIRST_AHEAD: u64 = 1 << 20;

/// A run of rows of one segment, with the cells in them that are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) segment: u32,
    pub(crate) cells: Range<u64>,
}

/// Cuts a range of cells into batches, no faster than its reader takes them.
#[derive(Debug)]
pub(crate) struct Window {
    geometry: Geometry,
    left: Range<u64>,
    batches: Batches,
    rows: u32,
    ahead: u64,
    ahead_max: u64,
    outstanding: u64,
}

impl Window {
    pub(crate) fn new(geometry: Geometry, cells: Range<u64>, ahead_max: u64, batches: Batches) -> Self {
        let left = cells.start..cells.end.min(geometry.cells());
        Self {
            geometry,
            left,
            batches,
            rows: FIRST_ROWS,
            ahead: FIRST_AHEAD.min(ahead_max),
            ahead_max,
            outstanding: 0,
        }
    }

    /// True when all cells have been cut.
    pub(crate) fn is_over(&self) -> bool {
        self.left.is_empty()
    }

    /// The next batch, if the reader has taken enough of those before.
    pub(crate) fn cut(&mut self) -> Option<Cut> {
        if self.outstanding > 0 && self.outstanding >= self.ahead {
            return None;
        }
        let first = self.left.clone().next()?;
        let place = self.geometry.locate(first).expect("the range ends within the object");
        let segment = self.geometry.segment(place.segment).expect("a located segment exists");
        let rows = match self.batches {
            Batches::Growing => self.rows.min(self.rows_max()).max(1),
            Batches::Aligned(unit) => unit - place.row % unit,
        };
        let end_row = u64::from(place.row) + u64::from(rows);
        let after = segment.first_cell() + end_row * u64::from(segment.coding().data());
        let end = after.min(segment.first_cell() + u64::from(segment.cells())).min(self.left.end);
        self.left.start = end;
        self.rows = (self.rows * 2).min(ROWS_MAX);
        self.outstanding += self.bytes(end - first);
        Some(Cut { segment: place.segment, cells: first..end })
    }

    /// The reader has taken a batch: more may be asked for, twice as much as it has taken.
    pub(crate) fn taken(&mut self, cells: &Range<u64>) {
        let bytes = self.bytes(cells.end - cells.start);
        self.outstanding -= bytes;
        self.ahead = (self.ahead + 2 * bytes).min(self.ahead_max);
    }

    fn rows_max(&self) -> u32 {
        let row = self.bytes(u64::from(self.geometry.coding().data()));
        u32::try_from(BATCH_LEN_MAX / row).unwrap_or(ROWS_MAX).min(ROWS_MAX)
    }

    fn bytes(&self, cells: u64) -> u64 {
        cells * self.geometry.cell_size().bytes() as u64
    }
}

#[cfg(test)]
mod tests {
    use chunker::{CellSize, Coding};
    use proptest::prelude::*;

    use super::*;

    fn geometry(data: u8, cells: u64) -> Geometry {
        Geometry::new(Coding::new(data, 2).unwrap(), CellSize::LARGEST, cells).unwrap()
    }

    #[test]
    fn batches_double_and_end_with_their_segment() {
        let rows = u64::from(geometry(4, 1).rows_per_segment());
        let mut window = Window::new(geometry(4, 2 * 4 * rows), 0..u64::MAX, u64::MAX, Batches::Growing);
        let cuts: Vec<_> = std::iter::from_fn(|| {
            let cut = window.cut()?;
            window.taken(&cut.cells);
            Some(cut)
        })
        .collect();
        let sizes: Vec<_> = cuts.iter().map(|cut| (cut.cells.end - cut.cells.start) / 4).take(7).collect();
        assert_eq!(sizes, [4, 8, 16, 32, 64, 64, 64]);
        assert!(cuts.iter().all(|cut| u64::from(cut.segment) == (cut.cells.end - 1) / (4 * rows)));
        assert!(cuts.iter().all(|cut| u64::from(cut.segment) == cut.cells.start / (4 * rows)));
    }

    #[test]
    fn an_idle_reader_is_not_read_ahead_for() {
        let mut window = Window::new(geometry(4, 100_000), 0..100_000, 12 << 20, Batches::Growing);
        let mut cells = 0;
        while let Some(cut) = window.cut() {
            cells += cut.cells.end - cut.cells.start;
        }
        assert_eq!(cells, 4 * (4 + 8 + 16), "1.75 MiB");
    }

    proptest! {
        /// Whatever is asked for, aligned batches are those that a reader of sealed cells expects.
        #[test]
        fn aligned_batches_are_those_of_sealed_answers(data in 1u8..6, cells in 1u64..20_000, from in 0u64..20_000, len in 0u64..5000) {
            let (geometry, wanted) = (geometry(data, cells), from..from + len);
            let batches = Batches::Aligned(chunker::SEALED_BATCH_ROWS);
            let mut window = Window::new(geometry, wanted.clone(), u64::MAX, batches);
            let mut cuts = Vec::new();
            while let Some(cut) = window.cut() {
                window.taken(&cut.cells);
                cuts.push((cut.segment, cut.cells));
            }
            let expected = chunker::SealedBatches::new(geometry, wanted);
            let expected: Vec<_> = expected.map(|batch| (batch.segment().index(), batch.cells())).collect();
            prop_assert_eq!(cuts, expected);
        }
    }

    proptest! {
        #[test]
        fn batches_cover_the_range_once_and_stay_in_bounds(
            data in 1_u8..200, cells in 1_u64..60_000, from in 0_u64..60_000, len in 0_u64..60_000, lag in 0_usize..6,
        ) {
            let mut window = Window::new(geometry(data, cells), from..from.saturating_add(len), 12 << 20, Batches::Growing);
            let (mut next, mut waiting) = (from, std::collections::VecDeque::new());
            while !window.is_over() || !waiting.is_empty() {
                let cut = (waiting.len() <= lag).then(|| window.cut()).flatten();
                if let Some(cut) = cut {
                    prop_assert_eq!(cut.cells.start, next);
                    prop_assert!(cut.cells.end - cut.cells.start <= u64::from(ROWS_MAX) * u64::from(data));
                    next = cut.cells.end;
                    waiting.push_back(cut.cells);
                    prop_assert!(waiting.len() == 1 || window.outstanding <= (12 << 20) + BATCH_LEN_MAX);
                } else if let Some(cells) = waiting.pop_front() {
                    window.taken(&cells);
                }
            }
            prop_assert_eq!(next, from.max(cells.min(from.saturating_add(len))));
        }
    }
}
