//! One request for rows of a shard: verifies what comes, as it comes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use chunker::{Column, Segment, Verified};
use client::Moment;
use client::plan::Failure;
use proofs::{LeafSet, Root, SliceDecoder};
use protocol::{Code, Response};

use super::calls::{CallId, Heard};
use super::violation::Sabotage;

/// The rows that are asked for.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) segment: Segment,
    pub(crate) column: Column,
    pub(crate) rows: Range<u32>,
}

impl Piece {
    pub(crate) fn leaves(&self) -> LeafSet {
        let len = self.segment.shard_len(self.column).expect("plans ask for stored columns");
        let bytes =
            self.segment.row_bytes(self.rows.start).start..self.segment.row_bytes(self.rows.end - 1).end;
        LeafSet::of_bytes(len, bytes).expect("plans ask for rows that exist")
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.leaves().data_len()
    }
}

pub(crate) struct Fetch {
    pub(crate) call: CallId,
    pub(crate) wanted: Piece,
    pub(crate) is_done: bool,
    sent: Moment,
    first_byte: Option<Duration>,
    decoder: Option<SliceDecoder>,
    cells: BTreeMap<u32, Verified>,
    /// What came unverified: used only by a sabotaged performer.
    unchecked: Vec<u8>,
    sabotage: Sabotage,
}

/// How far a fetch is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    Done { first_byte: Duration },
    Failed(Failure),
}

impl Fetch {
    pub(crate) fn new(call: CallId, wanted: Piece, root: Root, sent: Moment, sabotage: Sabotage) -> Self {
        let decoder = Some(SliceDecoder::new(root, wanted.leaves()));
        let (cells, unchecked) = (BTreeMap::new(), Vec::new());
        Self { call, wanted, is_done: false, sent, first_byte: None, decoder, cells, unchecked, sabotage }
    }

    pub(crate) fn heard(&mut self, now: Moment, heard: Heard) -> Progress {
        let first_byte = *self.first_byte.get_or_insert(now.since(self.sent));
        match heard {
            Heard::Header(Response::Slice) => Progress::More,
            Heard::Header(Response::Refused(refusal)) => Progress::Failed(failure_of(refusal.code())),
            Heard::Header(_) => Progress::Failed(Failure::Wrong),
            Heard::Bytes(bytes) => self.take(bytes),
            Heard::End => self.finish(first_byte),
            Heard::Reset(code) => Progress::Failed(failure_of(code)),
            Heard::Broken => Progress::Failed(Failure::Unreachable),
        }
    }

    /// A verified cell, or what stands for one in a sabotaged performer.
    pub(crate) fn cell(&self, row: u32) -> Option<&Verified> {
        self.cells.get(&row)
    }

    /// Whatever came, for a performer that does not check.
    pub(crate) fn unchecked(&self) -> Option<&[u8]> {
        (self.decoder.is_none() && !self.is_done).then_some(&self.unchecked)
    }

    fn take(&mut self, mut bytes: Bytes) -> Progress {
        let Some(decoder) = &mut self.decoder else {
            self.unchecked.extend_from_slice(&bytes);
            return Progress::More;
        };
        let size = self.wanted.segment.cell_size();
        loop {
            match decoder.decode(&mut bytes) {
                Ok(Some(run)) => self.cells.extend(Verified::cells_in(&run, size)),
                Ok(None) => return Progress::More,
                Err(_) if self.sabotage == Sabotage::TrustsNodes => {
                    self.decoder = None;
                    return self.take(bytes);
                }
                Err(_) => return Progress::Failed(Failure::Wrong),
            }
        }
    }

    fn finish(&mut self, first_byte: Duration) -> Progress {
        if let Some(decoder) = self.decoder.take() {
            if decoder.finish().is_err() {
                return Progress::Failed(Failure::Wrong);
            }
            self.is_done = true;
        }
        Progress::Done { first_byte }
    }
}

pub(crate) fn failure_of(code: Code) -> Failure {
    match code {
        Code::NotHeld => Failure::NotHeld,
        Code::Corrupt => Failure::Corrupt,
        _ => Failure::Refused,
    }
}
