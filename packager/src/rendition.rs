//! One track as one file: its parts, known before any byte of it, and the bytes piece by piece.

mod reader;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crate::cut::Cuts;
use crate::fragment::segment_head;
use crate::init;
use crate::limits::{SEGMENT_LEN_MAX, SEGMENT_SECONDS_MAX, SEGMENTS_MAX, TARGET_SECONDS_MAX};
use crate::playlist;
use crate::sample::Sample;
use crate::source::PreparedTrack;
use crate::track::{Track, TrackName};
pub use reader::{ReadError, RenditionReader};

/// The plan of a file: the init section, and then one segment after the other.
#[derive(Debug)]
pub struct Rendition {
    track: Track,
    init: Bytes,
    segments: Vec<Part>,
    plans: Vec<SegmentPlan>,
    /// All samples of the track.
    samples: Arc<Vec<Sample>>,
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
    pub(crate) fn plan(prepared: &PreparedTrack, cuts: &Cuts) -> Result<Self, PlanError> {
        let track = prepared.head.track.clone();
        let timeline = prepared.timeline;
        let init = init::section(&prepared.head.description, track.is_video(), timeline.media_time);
        let samples = Arc::clone(&prepared.samples);
        let mut rendition =
            Self { track, init: init.into(), segments: Vec::new(), plans: Vec::new(), samples };
        for (begin, samples_end, shown_end) in cuts.segments(prepared.samples.len()) {
            let plan = SegmentPlan { samples: begin.sample..samples_end, decode_time: begin.decode_time };
            rendition.push(plan, begin.start..shown_end)?;
        }
        Ok(rendition)
    }

    fn push(&mut self, plan: SegmentPlan, shown: Range<u64>) -> Result<(), PlanError> {
        let track = self.track.name();
        let timescale = u64::from(self.track.timescale);
        let duration = shown.end - shown.start;
        let start = shown.start / timescale;
        if duration > u64::from(SEGMENT_SECONDS_MAX) * timescale {
            return Err(PlanError::KeyframeGap { track, start, seconds: duration.div_ceil(timescale) });
        }
        let media_len: u64 =
            self.samples[plan.samples.clone()].iter().map(|sample| u64::from(sample.len)).sum();
        if media_len > SEGMENT_LEN_MAX {
            return Err(PlanError::SegmentTooLarge { track, start, len: media_len });
        }
        if self.segments.len() == SEGMENTS_MAX {
            return Err(PlanError::TooManySegments { track });
        }
        let (offset, number) = (self.len(), self.segments.len());
        let head = self.head(number, &plan);
        self.segments.push(Part { offset, len: head.len() as u64 + media_len, duration });
        self.plans.push(plan);
        Ok(())
    }

    fn head(&self, number: usize, plan: &SegmentPlan) -> Vec<u8> {
        let sequence = u32::try_from(number + 1).expect("the number of segments is limited");
        segment_head(self.track.id, sequence, plan.decode_time, &self.samples[plan.samples.clone()])
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::{AudioFormat, Format};

    #[test]
    fn what_is_too_long_is_refused() {
        let sample = Sample { offset: 0, len: u32::MAX, duration: 1, composition: 0, is_sync: true };
        let format = Format::Audio(AudioFormat { sample_rate: 1, channels: 1 });
        let track = Track { id: 1, format, codec: "Opus".to_owned(), language: None, timescale: 1 };
        let (init, samples) = (Bytes::new(), Arc::new(vec![sample]));
        let name = track.name();
        let mut rendition = Rendition { track, init, segments: Vec::new(), plans: Vec::new(), samples };
        let mut push =
            |shown| rendition.push(SegmentPlan { samples: 0..1, decode_time: 0 }, shown).unwrap_err();
        assert_eq!(push(5..18), PlanError::KeyframeGap { track: name, start: 5, seconds: 13 });
        assert_eq!(push(5..17), PlanError::SegmentTooLarge { track: name, start: 5, len: u32::MAX.into() });
    }
}
