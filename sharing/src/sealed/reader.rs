//! Reads a sealed answer as it comes: every slice is verified, every frame is the one that has to come, nothing is missing at the end.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use chunker::{CellBytes, CellSize, Claimed, Manifest, SealedBatch, SealedBatches, SealedRun, Verified};
use proofs::{DecodeSliceError, LeafSet, Root, SliceDecoder};

use super::frame::{FRAME_HEAD_LEN, FrameKind, kind_of};

/// Takes in the bytes of one answer, in pieces of any size. Holds one batch at a time.
#[derive(Debug)]
pub struct SealedReader {
    manifest: Manifest,
    batches: SealedBatches,
    batch: Option<SealedBatch>,
    runs: VecDeque<SealedRun>,
    state: State,
    cells: Vec<ReceivedCell>,
}

/// The cells of one batch, in the order of their numbers. They are for [`chunker::Opener::open`], under these numbers.
#[derive(Debug)]
pub struct ReceivedBatch {
    /// The cells.
    pub cells: Vec<ReceivedCell>,
}

/// A sealed cell with its number.
#[derive(Debug)]
pub struct ReceivedCell {
    /// Its number in the object.
    pub index: u64,
    /// What came.
    pub bytes: CellBytes,
}

/// Why an answer is not what was asked for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SealedReadError {
    /// It ended early.
    #[error("the answer ends before cell {cell}")]
    Truncated {
        /// The first cell of the batch that is not there.
        cell: u64,
    },
    /// It went on after its end.
    #[error("the answer goes on after its last cell")]
    Excess,
    /// Another frame than the one that has to come.
    #[error(
        "the answer has another frame where column {column} of segment {segment} has to come, rows from {row}"
    )]
    Frame {
        /// The segment.
        segment: u32,
        /// The column.
        column: u8,
        /// The first row.
        row: u32,
    },
    /// A slice does not prove what it has to.
    #[error("column {column} of segment {segment} does not have the root in the manifest: {source}")]
    Slice {
        /// The segment.
        segment: u32,
        /// The column.
        column: u8,
        /// What is wrong with it.
        source: DecodeSliceError,
    },
}

#[derive(Debug)]
enum State {
    Head(BytesMut),
    Slice { decoder: Box<SliceDecoder>, left: usize },
    Rebuilt { buffer: BytesMut, len: usize },
}

impl SealedReader {
    /// Expects the cells of this range, as far as they exist.
    pub fn new(manifest: &Manifest, cells: Range<u64>) -> Self {
        let batches = SealedBatches::new(*manifest.geometry(), cells);
        let state = State::Head(BytesMut::with_capacity(FRAME_HEAD_LEN));
        let mut reader = Self {
            manifest: manifest.clone(),
            batches,
            batch: None,
            runs: VecDeque::new(),
            state,
            cells: Vec::new(),
        };
        reader.begin_batch();
        reader
    }

    /// The next batch, its bytes taken from the front of `input`; `None` when all of `input` has been taken.
    ///
    /// Call it until it returns `None`, then again with the next piece. After an error the rest is worth nothing.
    pub fn push(&mut self, input: &mut Bytes) -> Result<Option<ReceivedBatch>, SealedReadError> {
        while !input.is_empty() {
            let Some(run) = self.runs.front().copied() else { return Err(SealedReadError::Excess) };
            if self.take(run, input)? {
                self.runs.pop_front();
                self.state = State::Head(BytesMut::with_capacity(FRAME_HEAD_LEN));
                if self.runs.is_empty() {
                    let mut cells = std::mem::take(&mut self.cells);
                    cells.sort_unstable_by_key(|cell| cell.index);
                    self.begin_batch();
                    return Ok(Some(ReceivedBatch { cells }));
                }
            }
        }
        Ok(None)
    }

    /// Succeeds when everything has come.
    pub fn finish(self) -> Result<(), SealedReadError> {
        match self.batch {
            Some(batch) => Err(SealedReadError::Truncated { cell: batch.cells().start }),
            None => Ok(()),
        }
    }

    fn begin_batch(&mut self) {
        self.batch = self.batches.next();
        self.runs = self.batch.iter().flat_map(SealedBatch::runs).collect();
    }

    /// Takes what it can of the frame of `run`; true when that has come whole.
    fn take(&mut self, run: SealedRun, input: &mut Bytes) -> Result<bool, SealedReadError> {
        match &mut self.state {
            State::Head(buffer) => {
                move_up_to(FRAME_HEAD_LEN, input, buffer);
                if let Some(head) = buffer.first_chunk::<FRAME_HEAD_LEN>().copied() {
                    self.state = self.begin_frame(run, &head)?;
                }
                Ok(false)
            }
            State::Slice { decoder, left } => {
                let mut piece = input.split_to(input.len().min(*left));
                *left -= piece.len();
                let is_whole = *left == 0;
                while let Some(verified) =
                    decoder.decode(&mut piece).map_err(|source| slice_error(run, source))?
                {
                    for (row, cell) in Verified::cells_in(&verified, self.manifest.geometry().cell_size()) {
                        self.cells.push(cell_at(self.batch.as_ref(), run, row, cell.into()));
                    }
                }
                debug_assert!(!is_whole || decoder.is_complete(), "a slice of the right length is whole");
                Ok(is_whole)
            }
            State::Rebuilt { buffer, len } => {
                move_up_to(*len, input, buffer);
                if buffer.len() < *len {
                    return Ok(false);
                }
                let mut bytes = std::mem::take(buffer).freeze();
                for row in run.first_row..run.first_row + run.rows {
                    let cell = Claimed::new(bytes.split_to(self.manifest.geometry().cell_size().bytes()));
                    self.cells.push(cell_at(self.batch.as_ref(), run, row, cell.into()));
                }
                Ok(true)
            }
        }
    }

    fn begin_frame(&self, run: SealedRun, head: &[u8; FRAME_HEAD_LEN]) -> Result<State, SealedReadError> {
        let size = self.manifest.geometry().cell_size();
        let leaves = self.leaves(run);
        let slice_len =
            u32::try_from(leaves.slice_len()).expect("32 rows and their path are far below 2^32 bytes");
        let cells_len = rebuilt_len(run, size);
        let payload_len = |kind| match kind {
            FrameKind::Slice => slice_len,
            FrameKind::Rebuilt => cells_len,
        };
        let unexpected =
            SealedReadError::Frame { segment: run.segment, column: run.column.number(), row: run.first_row };
        Ok(match kind_of(head, &run, payload_len).ok_or(unexpected)? {
            FrameKind::Slice => {
                let decoder = Box::new(SliceDecoder::new(self.root(run), leaves));
                State::Slice { decoder, left: slice_len as usize }
            }
            FrameKind::Rebuilt => {
                let len = cells_len as usize;
                State::Rebuilt { buffer: BytesMut::with_capacity(len), len }
            }
        })
    }

    fn root(&self, run: SealedRun) -> Root {
        self.manifest.root(run.segment, run.column).expect("runs name stored columns")
    }

    fn leaves(&self, run: SealedRun) -> LeafSet {
        let segment = self.batch.as_ref().expect("a run belongs to a batch").segment();
        let len = segment.shard_len(run.column).expect("runs name stored columns");
        let bytes =
            segment.row_bytes(run.first_row).start..segment.row_bytes(run.first_row + run.rows - 1).end;
        LeafSet::of_bytes(len, bytes).expect("rows are whole leaves inside the shard")
    }
}

/// Moves bytes from the front of `input` until `buffer` has `len`.
fn move_up_to(len: usize, input: &mut Bytes, buffer: &mut BytesMut) {
    let missing = len - buffer.len();
    buffer.extend_from_slice(&input.split_to(input.len().min(missing)));
}

fn slice_error(run: SealedRun, source: DecodeSliceError) -> SealedReadError {
    SealedReadError::Slice { segment: run.segment, column: run.column.number(), source }
}

fn rebuilt_len(run: SealedRun, size: CellSize) -> u32 {
    run.rows * u32::try_from(size.bytes()).expect("a cell has at most 16 KiB")
}

fn cell_at(batch: Option<&SealedBatch>, run: SealedRun, row: u32, bytes: CellBytes) -> ReceivedCell {
    let segment = batch.expect("a run belongs to a batch").segment();
    let index = segment.cell(run.column, row).expect("the rows of a run have cells");
    ReceivedCell { index, bytes }
}
