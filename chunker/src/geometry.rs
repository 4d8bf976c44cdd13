//! Where every cell lies: the arithmetic of spec §3, and nothing else.

use std::ops::Range;

use proofs::ShardLen;

use crate::{Coding, Column, Padding};

/// Bytes of the Poly1305 tag at the end of every cell (RFC 8439).
pub(crate) const TAG_LEN: usize = 16;
/// Bytes of data columns that a segment has at most.
pub const SEGMENT_LEN_MAX: u64 = 1 << 28;
/// Cells that an object has at most.
pub const CELLS_MAX: u64 = 1 << 40;
/// Shards that an object has at most: their roots and 1 KiB of other fields fill a manifest.
pub const SHARDS_MAX: u64 = 32_736;

/// The size of a cell, tag included: a power of two from 1 KiB to 16 KiB (spec §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellSize {
    log2: u8,
}

impl CellSize {
    /// 1 KiB.
    pub const SMALLEST: Self = Self { log2: 10 };
    /// 16 KiB: what every object has that does not fit into one stripe of smaller cells.
    pub const LARGEST: Self = Self { log2: 14 };

    /// The size of `2^log2` bytes; `None` outside 10 to 14.
    pub const fn from_log2(log2: u8) -> Option<Self> {
        if log2 < Self::SMALLEST.log2 || log2 > Self::LARGEST.log2 { None } else { Some(Self { log2 }) }
    }

    /// As the manifest and the key schedule write it.
    pub const fn log2(self) -> u8 {
        self.log2
    }

    /// `S`: bytes of a sealed cell.
    pub const fn bytes(self) -> usize {
        1 << self.log2
    }

    /// `S − 16`: bytes of plaintext in a cell.
    pub const fn plain_bytes(self) -> usize {
        self.bytes() - TAG_LEN
    }

    /// The smallest size with which `sealed_len` bytes fit into one stripe of `data` cells, or the largest of all.
    fn fitting(sealed_len: u64, data: u8) -> Self {
        (Self::SMALLEST.log2..Self::LARGEST.log2)
            .map(|log2| Self { log2 })
            .find(|size| sealed_len <= u64::from(data) * size.plain_bytes() as u64)
            .unwrap_or(Self::LARGEST)
    }
}

/// The shape of an object: how its cells are spread over segments, columns and rows.
///
/// Holding one means that it is a shape that spec §3 allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    coding: Coding,
    cell_size: CellSize,
    cells: u64,
}

/// Why numbers are no [`Geometry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GeometryError {
    /// Not even an empty object has no cell.
    #[error("an object has at least one cell")]
    NoCells,
    /// Cells below 16 KiB are for objects of one stripe.
    #[error("{cells} cells of {} bytes do not fit into one stripe of {coding}", .cell_size.bytes())]
    SmallCells {
        /// Cells asked for.
        cells: u64,
        /// Their size.
        cell_size: CellSize,
        /// The coding of the stripe.
        coding: Coding,
    },
    /// More than [`CELLS_MAX`] cells, or more than [`SHARDS_MAX`] shards.
    #[error("too long: an object has at most {CELLS_MAX} cells and {SHARDS_MAX} shards")]
    TooLong,
}

/// Where a cell lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The segment's number.
    pub segment: u32,
    /// The data column.
    pub column: Column,
    /// The row in the segment.
    pub row: u32,
}

impl Geometry {
    /// The shape of an object of `cells` cells.
    pub fn new(coding: Coding, cell_size: CellSize, cells: u64) -> Result<Self, GeometryError> {
        if cells == 0 {
            return Err(GeometryError::NoCells);
        }
        if cell_size < CellSize::LARGEST && cells > u64::from(coding.data()) {
            return Err(GeometryError::SmallCells { cells, cell_size, coding });
        }
        let geometry = Self { coding, cell_size, cells };
        // The order matters: the number of shards is only computed for a bounded number of cells.
        if cells > CELLS_MAX || geometry.shards() as u64 > SHARDS_MAX {
            return Err(GeometryError::TooLong);
        }
        Ok(geometry)
    }

    /// The shape of an object of `len` bytes: the smallest cells with which it fits into one stripe, otherwise 16 KiB.
    pub fn for_len(coding: Coding, len: u64, padding: Padding) -> Result<Self, GeometryError> {
        let sealed_len = padding.sealed_len(len).ok_or(GeometryError::TooLong)?;
        let cell_size = CellSize::fitting(sealed_len, coding.data());
        let cells = sealed_len.div_ceil(cell_size.plain_bytes() as u64).max(1);
        Self::new(coding, cell_size, cells)
    }

    /// Data and parity columns.
    pub const fn coding(&self) -> Coding {
        self.coding
    }

    /// The size of all cells.
    pub const fn cell_size(&self) -> CellSize {
        self.cell_size
    }

    /// The number of sealed cells, at least 1.
    pub const fn cells(&self) -> u64 {
        self.cells
    }

    /// The number of segments, at least 1.
    pub fn segments(&self) -> u32 {
        u32::try_from(self.cells.div_ceil(self.segment_cells()))
            .expect("2^40 cells fill at most 2^27 segments")
    }

    /// Segment `index`; `None` past the end.
    pub fn segment(&self, index: u32) -> Option<Segment> {
        let first_cell = u64::from(index) * self.segment_cells();
        let left = self.cells.checked_sub(first_cell).filter(|&left| left > 0)?;
        let cells = u32::try_from(left.min(self.segment_cells())).expect("a segment has at most 2^18 cells");
        Some(Segment { coding: self.coding, cell_size: self.cell_size, index, first_cell, cells })
    }

    /// All segments in order.
    pub fn all_segments(&self) -> impl Iterator<Item = Segment> + use<> {
        let geometry = *self;
        (0..self.segments()).map_while(move |index| geometry.segment(index))
    }

    /// Where `cell` lies; `None` past the end.
    pub fn locate(&self, cell: u64) -> Option<Location> {
        if cell >= self.cells {
            return None;
        }
        let segment =
            u32::try_from(cell / self.segment_cells()).expect("2^40 cells fill at most 2^27 segments");
        let within = u32::try_from(cell % self.segment_cells()).expect("a segment has at most 2^18 cells");
        let data = u32::from(self.coding.data());
        let column = u8::try_from(within % data).expect("a remainder is below its divisor, a byte");
        Some(Location { segment, column: Column::new(column), row: within / data })
    }

    /// The cells that hold the plaintext bytes of `range`, as far as they exist.
    pub fn cells_of(&self, range: Range<u64>) -> Range<u64> {
        let plain = self.cell_size.plain_bytes() as u64;
        let start = (range.start / plain).min(self.cells);
        let end = range.end.div_ceil(plain).min(self.cells);
        if range.is_empty() { start..start } else { start..end }
    }

    /// The number of stored shards: the roots in a manifest.
    pub fn shards(&self) -> usize {
        let segments = self.segments() as usize;
        let last = self.segment(self.segments() - 1).expect("there is at least one segment");
        (segments - 1) * usize::from(self.coding.total()) + usize::from(last.stored())
    }

    /// The number of a shard among the roots of the manifest; `None` when it is not stored.
    pub fn shard_number(&self, segment: u32, column: Column) -> Option<usize> {
        let place = self.segment(segment)?.place(column)?;
        Some(segment as usize * usize::from(self.coding.total()) + place)
    }

    /// Segment and column of the shard that [`Self::shard_number`] gives this number.
    pub fn shard_at(&self, number: usize) -> Option<(u32, Column)> {
        let total = usize::from(self.coding.total());
        let segment = self.segment(u32::try_from(number / total).ok()?)?;
        Some((segment.index, segment.stored_columns().nth(number % total)?))
    }

    /// `R`: rows of a full segment.
    pub fn rows_per_segment(&self) -> u32 {
        rows_per_segment(self.coding, self.cell_size)
    }

    /// `k · R`: cells of a full segment.
    fn segment_cells(&self) -> u64 {
        u64::from(self.coding.data()) * u64::from(self.rows_per_segment())
    }
}

pub(crate) fn rows_per_segment(coding: Coding, cell_size: CellSize) -> u32 {
    let stripe = u64::from(coding.data()) * cell_size.bytes() as u64;
    u32::try_from(SEGMENT_LEN_MAX / stripe).expect("a stripe has at least 2^10 bytes")
}

/// A run of stripes that is coded on its own, at most 256 MiB of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    coding: Coding,
    cell_size: CellSize,
    index: u32,
    first_cell: u64,
    cells: u32,
}

impl Segment {
    /// Its number in the object.
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// Data and parity columns.
    pub const fn coding(&self) -> Coding {
        self.coding
    }

    /// The size of its cells.
    pub const fn cell_size(&self) -> CellSize {
        self.cell_size
    }

    /// `n`: its sealed cells, at least 1.
    pub const fn cells(&self) -> u32 {
        self.cells
    }

    /// The number of its first cell in the object.
    pub const fn first_cell(&self) -> u64 {
        self.first_cell
    }

    /// Its stripes, at least 1. The last one may have fewer than `k` sealed cells.
    pub fn rows(&self) -> u32 {
        self.cells.div_ceil(u32::from(self.coding.data()))
    }

    /// `d = min(k, n)`: its stored data columns; any `d` stored columns give the segment back.
    pub fn data_columns(&self) -> u8 {
        u8::try_from(self.cells).unwrap_or(u8::MAX).min(self.coding.data())
    }

    /// `d + m`: its stored columns.
    pub fn stored(&self) -> u8 {
        self.data_columns() + self.coding.parity()
    }

    /// The stored columns in the order of the roots.
    pub fn stored_columns(&self) -> impl DoubleEndedIterator<Item = Column> + use<> {
        let (d, k, total) = (self.data_columns(), self.coding.data(), self.coding.total());
        (0..d).chain(k..total).map(Column::new)
    }

    /// Rows of `column`: 0 when it is not stored.
    pub fn column_rows(&self, column: Column) -> u32 {
        if !self.coding.contains(column) {
            return 0;
        }
        if !self.coding.is_data(column) {
            return self.rows();
        }
        self.cells.saturating_sub(u32::from(column.number())).div_ceil(u32::from(self.coding.data()))
    }

    /// The length of the shard of `column`; `None` when it is not stored.
    pub fn shard_len(&self, column: Column) -> Option<ShardLen> {
        let len = u64::from(self.column_rows(column)) * self.cell_size.bytes() as u64;
        (len > 0).then(|| ShardLen::new(len).expect("a column is at most one segment, 2^28 bytes"))
    }

    /// The number in the object of the cell at `column`, `row`; `None` where there is no sealed cell.
    pub fn cell(&self, column: Column, row: u32) -> Option<u64> {
        if !self.coding.is_data(column) || row >= self.column_rows(column) {
            return None;
        }
        let within = u64::from(row) * u64::from(self.coding.data()) + u64::from(column.number());
        Some(self.first_cell + within)
    }

    /// The bytes of `row` in any shard of the segment that has this row.
    pub fn row_bytes(&self, row: u32) -> Range<u64> {
        let size = self.cell_size.bytes() as u64;
        u64::from(row) * size..(u64::from(row) + 1) * size
    }

    /// The position of `column` among the stored ones.
    fn place(&self, column: Column) -> Option<usize> {
        if self.column_rows(column) == 0 {
            return None;
        }
        let left_out = self.coding.data() - self.data_columns();
        Some(if self.coding.is_data(column) {
            column.index()
        } else {
            column.index() - usize::from(left_out)
        })
    }
}

#[cfg(test)]
#[path = "geometry_tests.rs"]
mod tests;
