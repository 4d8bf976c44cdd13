//! Blocks: runs of rows of one segment, the unit of work of encoding.

use std::fmt;
use std::sync::Arc;

use bytes::{Buf, Bytes};

use crate::buffers::Buffers;
use crate::erasure::ParityCoder;
use crate::geometry::{TAG_LEN, rows_per_segment};
use crate::seal::Sealer;
use crate::{Coding, Column, ObjectKeys};

/// Cells of plaintext in a block, about: 1 MiB of the largest ones.
pub(crate) const BLOCK_CELLS: u32 = 64;

/// What all blocks of an object are sealed and coded with.
#[derive(Debug)]
pub(crate) struct Coder {
    coding: Coding,
    sealer: Sealer,
    parity: ParityCoder,
    buffers: Buffers,
}

impl Coder {
    pub(crate) fn new(coding: Coding, keys: &ObjectKeys) -> Self {
        Self {
            coding,
            sealer: Sealer::new(keys),
            parity: ParityCoder::new(coding),
            buffers: Buffers::default(),
        }
    }
}

/// A run of rows that waits for being sealed.
///
/// The plaintext already lies where its cells will be, with room for the tags: sealing happens in place.
pub struct PlainBlock {
    coder: Arc<Coder>,
    segment: u32,
    first_row: u32,
    first_cell: u64,
    /// Whole cells so far.
    cells: u32,
    /// Bytes in the cell after them.
    begun: usize,
    /// The data columns.
    columns: Vec<Vec<u8>>,
    /// Whether the last cell of the block is that of the object.
    is_last: bool,
}

impl PlainBlock {
    /// The first block of an object, empty.
    pub(crate) fn first(coder: Arc<Coder>) -> Self {
        Self::empty(coder, 0, 0, 0)
    }

    /// The block after this full one, empty.
    pub(crate) fn successor(&self) -> Self {
        debug_assert_eq!(self.cells, self.capacity());
        let coder = Arc::clone(&self.coder);
        if self.is_end_of_segment() {
            Self::empty(coder, self.segment + 1, 0, self.end_cell())
        } else {
            Self::empty(coder, self.segment, self.first_row + self.rows(), self.end_cell())
        }
    }

    fn empty(coder: Arc<Coder>, segment: u32, first_row: u32, first_cell: u64) -> Self {
        let columns = vec![Vec::new(); usize::from(coder.coding.data())];
        Self { coder, segment, first_row, first_cell, cells: 0, begun: 0, columns, is_last: false }
    }

    /// Takes bytes from `input` until it is empty or the block is full, and returns how many.
    pub(crate) fn fill(&mut self, input: &mut impl Buf) -> u64 {
        let mut taken = 0;
        while input.has_remaining() && self.cells < self.capacity() {
            let room = self.coder.sealer.cell_size().plain_bytes() - self.begun;
            let bytes = input.chunk();
            let bytes = &bytes[..bytes.len().min(room)];
            let len = bytes.len();
            self.current_column().extend_from_slice(bytes);
            input.advance(len);
            self.advance(len);
            taken += len as u64;
        }
        taken
    }

    /// Completes cells with zeros until the block is full or the object has `end_cell` cells.
    pub(crate) fn fill_with_zeros(&mut self, end_cell: u64) {
        while self.cells < self.capacity() && self.end_cell() < end_cell {
            let room = self.coder.sealer.cell_size().plain_bytes() - self.begun;
            let column = self.current_column();
            column.resize(column.len() + room, 0);
            self.advance(room);
        }
    }

    /// The same bytes from the first cell on in cells of another, smaller size.
    pub(crate) fn laid_out_again(self, coder: Arc<Coder>) -> Self {
        let plain_bytes = self.coder.sealer.cell_size().plain_bytes();
        let mut block = Self::first(coder);
        for column in &self.columns {
            block.fill(&mut &column[..column.len().min(plain_bytes)]);
        }
        block
    }

    /// Says that the object ends with this block.
    pub(crate) fn close(&mut self) {
        debug_assert_eq!(self.begun, 0);
        self.is_last = true;
    }

    /// The number of the cell after the last whole one.
    pub(crate) fn end_cell(&self) -> u64 {
        self.first_cell + u64::from(self.cells)
    }

    /// Seals all cells and computes the parity of all rows.
    pub fn seal(mut self) -> Block {
        let cell_len = self.coder.sealer.cell_size().bytes();
        let (rows, parity_columns) = (self.rows(), self.coder.coding.parity());
        let coder = Arc::clone(&self.coder);
        let mut parity: Vec<Vec<u8>> = (0..parity_columns)
            .map(|_| {
                let mut column = coder.buffers.take(rows as usize * cell_len);
                column.resize(rows as usize * cell_len, 0);
                column
            })
            .collect();
        for row in 0..rows {
            // Row by row, so that the cells are still in the cache when their parity is computed.
            self.seal_row(row);
            let here = row as usize * cell_len..(row as usize + 1) * cell_len;
            let data: Vec<&[u8]> = self.columns.iter().map_while(|column| column.get(here.clone())).collect();
            coder.parity.encode(&data, parity.iter_mut().map(|column| &mut column[here.clone()]));
        }
        Block {
            segment: self.segment,
            first_row: self.first_row,
            rows,
            is_end_of_segment: self.is_end_of_segment(),
            columns: self
                .columns
                .into_iter()
                .chain(parity)
                .map(|column| coder.buffers.lend(column))
                .collect(),
        }
    }

    fn seal_row(&mut self, row: u32) {
        let data = u32::from(self.coder.coding.data());
        let cell_len = self.coder.sealer.cell_size().bytes();
        let here = row as usize * cell_len..(row as usize + 1) * cell_len;
        for (number, column) in (row * data..self.cells).zip(&mut self.columns) {
            let is_last = self.is_last && number + 1 == self.cells;
            self.coder.sealer.seal(self.first_cell + u64::from(number), is_last, &mut column[here.clone()]);
        }
    }

    fn rows(&self) -> u32 {
        self.cells.div_ceil(u32::from(self.coder.coding.data()))
    }

    fn is_end_of_segment(&self) -> bool {
        self.is_last || self.first_row + self.rows() == self.segment_rows()
    }

    fn segment_rows(&self) -> u32 {
        rows_per_segment(self.coder.coding, self.coder.sealer.cell_size())
    }

    /// The cells of a full block: whole rows, and none of the next segment.
    fn capacity(&self) -> u32 {
        let data = u32::from(self.coder.coding.data());
        (BLOCK_CELLS / data).clamp(1, self.segment_rows() - self.first_row) * data
    }

    /// The column of the cell that is being filled.
    fn current_column(&mut self) -> &mut Vec<u8> {
        let data = usize::from(self.coder.coding.data());
        let cell_len = self.coder.sealer.cell_size().bytes();
        let capacity = self.capacity() as usize / data * cell_len;
        let column = &mut self.columns[self.cells as usize % data];
        if column.capacity() == 0 {
            *column = self.coder.buffers.take(capacity);
        }
        column
    }

    /// Counts `len` bytes that were added to the current cell, and leaves room for the tag of a cell that is whole.
    fn advance(&mut self, len: usize) {
        self.begun += len;
        if self.begun == self.coder.sealer.cell_size().plain_bytes() {
            let column = self.current_column();
            column.resize(column.len() + TAG_LEN, 0);
            self.cells += 1;
            self.begun = 0;
        }
    }
}

impl fmt::Debug for PlainBlock {
    /// Where it lies, without the plaintext.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (segment, first_row) = (self.segment, self.first_row);
        f.debug_struct("PlainBlock")
            .field("segment", &segment)
            .field("first_row", &first_row)
            .finish_non_exhaustive()
    }
}

/// A run of rows of one segment, sealed and coded: for each column the next bytes of its shard.
#[derive(Clone)]
pub struct Block {
    segment: u32,
    first_row: u32,
    rows: u32,
    is_end_of_segment: bool,
    columns: Vec<Bytes>,
}

impl Block {
    /// The block with these columns, data before parity.
    pub(crate) const fn of_columns(
        segment: u32,
        first_row: u32,
        rows: u32,
        is_end_of_segment: bool,
        columns: Vec<Bytes>,
    ) -> Self {
        Self { segment, first_row, rows, is_end_of_segment, columns }
    }

    /// The number of its segment.
    pub const fn segment(&self) -> u32 {
        self.segment
    }

    /// Its first row in the segment.
    pub const fn first_row(&self) -> u32 {
        self.first_row
    }

    /// Its rows, at least 1.
    pub const fn rows(&self) -> u32 {
        self.rows
    }

    /// Whether the shards of the segment end with this block.
    pub const fn is_end_of_segment(&self) -> bool {
        self.is_end_of_segment
    }

    /// The bytes to append to the shard of `column`; `None` when there are none: only in the last block of an object.
    pub fn column(&self, column: Column) -> Option<&Bytes> {
        self.columns.get(column.index()).filter(|bytes| !bytes.is_empty())
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, first_row, rows, is_end_of_segment, columns: _ } = self;
        f.debug_struct("Block")
            .field("segment", segment)
            .field("first_row", first_row)
            .field("rows", rows)
            .field("is_end_of_segment", is_end_of_segment)
            .finish_non_exhaustive()
    }
}
