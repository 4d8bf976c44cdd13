//! One track as one file: its parts, known before any byte of it, and the bytes piece by piece.

use std::io;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crate::cut::Cuts;
use crate::fragment::segment_head;
use crate::init;
use crate::limits::{SEGMENT_LEN_MAX, SEGMENT_SECONDS_MAX, SEGMENTS_MAX, TARGET_SECONDS_MAX};
use crate::playlist;
use crate::read::ReadAt;
use crate::sample::Sample;
use crate::source::PreparedTrack;
use crate::track::{Track, TrackName};

/// Most bytes of a piece: what a reader keeps in memory.
const PIECE_LEN_MAX: usize = 256 << 10;

/// The plan of a file: the init section, and then one segment after the other.
#[derive(Debug)]
pub struct Rendition {
    track: Track,
    init: Bytes,
    segments: Vec<Part>,
    plans: Vec<SegmentPlan>,
    /// Position among the tracks of the source.
    pub(crate) index: usize,
}

/// A part of a rendition's file: the init section, or a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Where it begins in the file.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u64,
    /// How long it is shown, in units of the track's timescale; 0 for the init section.
    pub duration: u64,
}

/// The samples of a segment, and when the first is decoded.
#[derive(Debug)]
struct SegmentPlan {
    samples: Range<usize>,
    decode_time: u64,
}

impl Rendition {
    pub(crate) fn plan(index: usize, prepared: &PreparedTrack, cuts: &Cuts) -> Result<Self, PlanError> {
        let track = prepared.head.track.clone();
        let timeline = prepared.timeline;
        let init = init::section(&prepared.head.description, track.is_video(), timeline.media_time);
        let mut rendition = Self { track, init: init.into(), segments: Vec::new(), plans: Vec::new(), index };
        for (begin, samples_end, shown_end) in cuts.segments(prepared.samples.len()) {
            let plan = SegmentPlan { samples: begin.sample..samples_end, decode_time: begin.decode_time };
            rendition.push(plan, &prepared.samples, begin.start..shown_end)?;
        }
        Ok(rendition)
    }

    fn push(&mut self, plan: SegmentPlan, samples: &[Sample], shown: Range<u64>) -> Result<(), PlanError> {
        let track = self.track.name();
        let timescale = u64::from(self.track.timescale);
        let duration = shown.end - shown.start;
        let start = shown.start / timescale;
        if duration > u64::from(SEGMENT_SECONDS_MAX) * timescale {
            return Err(PlanError::KeyframeGap { track, start, seconds: duration.div_ceil(timescale) });
        }
        let media_len: u64 = samples[plan.samples.clone()].iter().map(|sample| u64::from(sample.len)).sum();
        if media_len > SEGMENT_LEN_MAX {
            return Err(PlanError::SegmentTooLarge { track, start, len: media_len });
        }
        if self.segments.len() == SEGMENTS_MAX {
            return Err(PlanError::TooManySegments { track });
        }
        let (offset, number) = (self.len(), self.segments.len());
        let head = self.head(number, &plan, samples);
        self.segments.push(Part { offset, len: head.len() as u64 + media_len, duration });
        self.plans.push(plan);
        Ok(())
    }

    fn head(&self, number: usize, plan: &SegmentPlan, samples: &[Sample]) -> Vec<u8> {
        let sequence = u32::try_from(number + 1).expect("the number of segments is limited");
        segment_head(self.track.id, sequence, plan.decode_time, &samples[plan.samples.clone()])
    }

    /// The track that it holds.
    pub fn track(&self) -> &Track {
        &self.track
    }

    /// The init section, at the beginning of the file.
    pub fn init(&self) -> Part {
        Part { offset: 0, len: self.init.len() as u64, duration: 0 }
    }

    /// The segments, in the order in which they lie in the file and are shown; never none.
    pub fn segments(&self) -> &[Part] {
        &self.segments
    }

    /// The exact length of the file in bytes.
    pub fn len(&self) -> u64 {
        self.segments.last().map_or(self.init.len() as u64, |last| last.offset + last.len)
    }

    /// Whether the file is empty: never, since it has an init section.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// How long it is shown.
    pub fn duration(&self) -> Duration {
        playlist::duration_of(self.segments.iter().map(|part| part.duration).sum(), self.track.timescale)
    }

    /// The segments as a playlist names them. Durations are rounded so that they add up to the whole.
    pub fn playlist_segments(&self) -> Vec<playlist::Segment> {
        let time = |ticks| playlist::duration_of(ticks, self.track.timescale);
        let mut start = 0;
        let place = |part: &Part| {
            let end = start + part.duration;
            let duration = time(end).saturating_sub(time(start));
            start = end;
            playlist::Segment { offset: part.offset, len: part.len, duration }
        };
        self.segments.iter().map(place).collect()
    }
}

/// Gives out the bytes of a rendition's file from the beginning to the end, in pieces of at most 256 KiB or one
/// segment's head, and hashes them on the way.
#[derive(Debug)]
pub struct RenditionReader<'a, R> {
    rendition: &'a Rendition,
    samples: &'a [Sample],
    reader: &'a R,
    hasher: blake3::Hasher,
    digests: Vec<blake3::Hash>,
    /// The part that is being read: 0 is the init section. `None` when an error has ended it.
    part: Option<usize>,
    /// Samples of that part whose bytes are still to come; `None` before its head.
    rest: Option<Range<usize>>,
    /// Bytes of the first of these that have been given out already.
    taken: u32,
}

impl<'a, R: ReadAt> RenditionReader<'a, R> {
    pub(crate) fn new(rendition: &'a Rendition, samples: &'a [Sample], reader: &'a R) -> Self {
        Self {
            rendition,
            samples,
            reader,
            hasher: blake3::Hasher::new(),
            digests: Vec::with_capacity(1 + rendition.segments.len()),
            part: Some(0),
            rest: None,
            taken: 0,
        }
    }

    /// BLAKE3 of the parts that have been given out completely: of the init section first, then of each segment.
    pub fn digests(&self) -> &[blake3::Hash] {
        &self.digests
    }

    /// The digests alone.
    pub fn into_digests(self) -> Vec<blake3::Hash> {
        self.digests
    }

    fn head(&mut self, part: usize) -> Option<Bytes> {
        let Some(number) = part.checked_sub(1) else {
            self.rest = Some(0..0);
            return Some(self.rendition.init.clone());
        };
        let plan = self.rendition.plans.get(number)?;
        self.rest = Some(plan.samples.clone());
        Some(self.rendition.head(number, plan, self.samples).into())
    }

    /// The next bytes of `rest`: as many stretches of the source as fill a piece.
    fn media(&mut self, rest: Range<usize>) -> Result<Bytes, ReadError> {
        let mut piece = Vec::new();
        let mut rest = rest;
        while piece.len() < PIECE_LEN_MAX && !rest.is_empty() {
            let stretch = self.stretch(&mut rest, PIECE_LEN_MAX - piece.len());
            let (at, len) =
                (piece.len(), usize::try_from(stretch.end - stretch.start).expect("a piece is small"));
            piece.resize(at + len, 0);
            self.reader.read_at(stretch.start, &mut piece[at..]).map_err(|source| ReadError {
                offset: stretch.start,
                len,
                source,
            })?;
        }
        self.rest = Some(rest);
        Ok(piece.into())
    }

    /// Takes from `rest` what lies together in the source, at most `len_max` bytes.
    fn stretch(&mut self, rest: &mut Range<usize>, len_max: usize) -> Range<u64> {
        let begin = self.samples[rest.start].offset + u64::from(self.taken);
        let limit = begin + len_max as u64;
        let mut end = begin;
        while let Some(sample) = self.samples[rest.clone()].first() {
            if sample.offset + u64::from(self.taken) != end || end == limit {
                break;
            }
            let sample_end = sample.bytes().end;
            if sample_end > limit {
                self.taken +=
                    u32::try_from(limit - end).expect("less than the sample, whose length is 32 bits");
                return begin..limit;
            }
            end = sample_end;
            self.taken = 0;
            rest.start += 1;
        }
        begin..end
    }

    fn next_piece(&mut self) -> Result<Option<Bytes>, ReadError> {
        while let Some(part) = self.part {
            match self.rest.take() {
                None => {
                    let head = self.head(part);
                    self.part = self.part.filter(|_| head.is_some());
                    return Ok(head);
                }
                Some(rest) if rest.is_empty() => {
                    self.digests.push(self.hasher.finalize());
                    self.hasher.reset();
                    self.part = Some(part + 1);
                }
                Some(rest) => return self.media(rest).map(Some),
            }
        }
        Ok(None)
    }
}

impl<R: ReadAt> Iterator for RenditionReader<'_, R> {
    type Item = Result<Bytes, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let piece = self.next_piece().transpose()?;
        match &piece {
            Ok(bytes) => _ = self.hasher.update(bytes),
            Err(_) => self.part = None,
        }
        Some(piece)
    }
}

/// Why a track cannot be cut into segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PlanError {
    /// Segments of no length, or longer than [`TARGET_SECONDS_MAX`].
    #[error("segments last 1 to {TARGET_SECONDS_MAX} s, not {seconds} s")]
    SegmentSeconds {
        /// What was asked for.
        seconds: u32,
    },
    /// Too far from one keyframe to the next.
    #[error(
        "{track}: no keyframe for {seconds} s from second {start} on; at most {SEGMENT_SECONDS_MAX} s: transcode it with more keyframes"
    )]
    KeyframeGap {
        /// The track.
        track: TrackName,
        /// Where the gap begins, in seconds.
        start: u64,
        /// How long it is, rounded up.
        seconds: u64,
    },
    /// A segment of more bytes than [`SEGMENT_LEN_MAX`].
    #[error("{track}: a segment of {len} bytes at second {start}, more than {SEGMENT_LEN_MAX}")]
    SegmentTooLarge {
        /// The track.
        track: TrackName,
        /// Where it begins, in seconds.
        start: u64,
        /// Its length in bytes.
        len: u64,
    },
    /// More segments than [`SEGMENTS_MAX`].
    #[error("{track}: more than {SEGMENTS_MAX} segments")]
    TooManySegments {
        /// The track.
        track: TrackName,
    },
}

/// The source cannot be read.
#[derive(Debug, Error)]
#[error("reading {len} bytes at {offset} of the source")]
pub struct ReadError {
    /// Where.
    pub offset: u64,
    /// How many bytes.
    pub len: usize,
    /// Why.
    pub source: io::Error,
}
