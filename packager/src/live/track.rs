//! One track of a live stream: the samples of the segment that is still open.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::stream::TopBox;
use super::{LiveError, LiveInit, LiveSeconds, LiveSegment};
use crate::cut::Moment;
use crate::fragment::{self, Run, segment_head};
use crate::init;
use crate::limits::{FRAGMENT_SAMPLES_MAX, SEGMENTS_MAX};
use crate::sample::{Sample, with_decode_times};
use crate::source::movie::TrackHead;

/// A keyframe that comes by this part of a segment too early still begins the next one: it cannot be known whether
/// one that is nearer to the target will follow.
const LEEWAY_PARTS: u64 = 8;

/// By this part of a second a segment of another track may be longer before it is cut without a boundary: such a track
/// arrives a little ahead. Rounded to whole seconds, nothing becomes longer.
const OVERDUE_PARTS: u64 = 3;

#[derive(Debug)]
pub(super) struct LiveTrack {
    index: usize,
    pub(super) head: TrackHead,
    seconds: LiveSeconds,
    /// The samples that have not been given out, without gaps in time; their offsets are meaningless.
    samples: Vec<Sample>,
    /// Their bytes.
    media: BytesMut,
    /// When the first of them is decoded, and when the last has been.
    decode_times: (u64, u64),
    /// Boundaries of the leading track that this one has not reached.
    boundaries: VecDeque<Moment>,
    number: usize,
}

impl LiveTrack {
    pub(super) fn new(index: usize, head: TrackHead, seconds: LiveSeconds) -> Self {
        Self {
            index,
            head,
            seconds,
            samples: Vec::new(),
            media: BytesMut::new(),
            decode_times: (0, 0),
            boundaries: VecDeque::new(),
            number: 0,
        }
    }

    pub(super) fn init(&self) -> LiveInit {
        let track = &self.head.track;
        let bytes = init::section(&self.head.description, track.is_video(), self.head.edits.media_time());
        let digest = blake3::hash(&bytes);
        LiveInit { track: self.index, description: track.clone(), bytes: bytes.into(), digest }
    }

    /// Bytes that are kept.
    pub(super) fn pending(&self) -> usize {
        self.media.len()
    }

    /// Appends the samples of a fragment, whose bytes lie in `mdat`.
    pub(super) fn push(&mut self, run: &Run, mdat: &TopBox) -> Result<(), LiveError> {
        let track = self.head.track.name();
        let delay = self.head.edits.delay_in(self.head.track.timescale);
        let begin = run.decode_time.map_or(self.decode_times.1, |time| time.saturating_add(delay));
        if let Some(last) = self.samples.last_mut() {
            last.duration = fragment::stretched(last.duration, self.decode_times.1, begin)?;
        } else {
            self.decode_times.0 = begin;
        }
        self.decode_times.1 = begin;
        for sample in &run.samples {
            self.decode_times.1 = self.decode_times.1.saturating_add(sample.duration.into());
            if self.samples.is_empty() && !sample.is_sync {
                // Decoding cannot begin here.
                self.decode_times.0 = self.decode_times.1;
                continue;
            }
            if self.samples.len() == FRAGMENT_SAMPLES_MAX {
                return Err(LiveError::TooManySamples { track });
            }
            let (offset, len) = (sample.offset, sample.len);
            let bytes = bytes_of(sample, mdat).ok_or(LiveError::OutsideFragment { track, offset, len })?;
            self.media.extend_from_slice(bytes);
            self.samples.push(*sample);
        }
        Ok(())
    }

    /// Gives out the segments that are complete, and when the segments after them begin.
    pub(super) fn cut_at_keyframes(&mut self) -> Result<(Vec<LiveSegment>, Vec<Moment>), LiveError> {
        let (mut segments, mut boundaries) = (Vec::new(), Vec::new());
        while let Some((sample, start)) = self.next_keyframe() {
            segments.push(self.close(sample)?);
            boundaries.push(Moment { ticks: start, timescale: self.head.track.timescale });
        }
        let longest = u64::from(self.seconds.longest()) * u64::from(self.head.track.timescale);
        if self.decode_times.1 - self.decode_times.0 > longest {
            return Err(self.keyframe_gap());
        }
        Ok((segments, boundaries))
    }

    /// The first keyframe that is far enough from the beginning of the open segment, and when it is shown.
    fn next_keyframe(&self) -> Option<(usize, u64)> {
        let target = u64::from(self.seconds.target()) * u64::from(self.head.track.timescale);
        let wanted = if self.number == 0 { target / 2 } else { target };
        let first = self.start();
        let due = first.saturating_add(wanted - wanted / LEEWAY_PARTS);
        let keyframe = |(_, (start, sample)): &(usize, (u64, &Sample))| sample.is_sync && *start >= due;
        self.times().enumerate().skip(1).find(keyframe).map(|(index, (start, _))| (index, start))
    }

    /// Gives out the segments up to the boundaries that have been reached, these and those that were told before.
    pub(super) fn cut_at(&mut self, boundaries: &[Moment]) -> Result<Vec<LiveSegment>, LiveError> {
        self.boundaries.extend(boundaries);
        let mut segments = Vec::new();
        while let Some(boundary) = self.boundaries.front().copied() {
            let is_before = |start: u64| boundary.is_before(start, self.head.track.timescale);
            let Some(passed) = self.times().position(|(start, _)| is_before(start)) else { break };
            self.boundaries.pop_front();
            let cut = self.samples[..passed].iter().rposition(|sample| sample.is_sync).unwrap_or(0);
            if cut > 0 {
                segments.push(self.close(cut)?);
            }
        }
        while self.is_overdue() {
            let (cut, _) = self.next_keyframe().ok_or_else(|| self.keyframe_gap())?;
            segments.push(self.close(cut)?);
        }
        Ok(segments)
    }

    /// Whether the leading track has told no boundary for so long that the open segment must end without one.
    fn is_overdue(&self) -> bool {
        let timescale = u64::from(self.head.track.timescale);
        let longest = u64::from(self.seconds.longest()) * timescale + timescale / OVERDUE_PARTS;
        self.decode_times.1 - self.decode_times.0 > longest
    }

    fn keyframe_gap(&self) -> LiveError {
        LiveError::KeyframeGap { track: self.head.track.name(), longest: self.seconds.longest() }
    }

    /// What is left when the stream has ended.
    pub(super) fn finish(&mut self) -> Result<Option<LiveSegment>, LiveError> {
        if self.samples.is_empty() { Ok(None) } else { self.close(self.samples.len()).map(Some) }
    }

    /// When the open segment begins. Before the first picture is shown, those that it needs may have to be decoded;
    /// this time is counted, so that all tracks begin together.
    fn start(&self) -> u64 {
        let start = self.times().next().map_or(0, |(start, _)| start);
        if self.number == 0 { start.min(self.decode_times.0) } else { start }
    }

    /// The samples that are kept, each with the time at which it is shown.
    fn times(&self) -> impl Iterator<Item = (u64, &Sample)> {
        let media_time = self.head.edits.media_time();
        with_decode_times(&self.samples, self.decode_times.0).map(move |(decode, sample)| {
            (decode.saturating_add_signed(sample.composition.into()).saturating_sub(media_time), sample)
        })
    }

    /// Gives out the first `count` samples as a segment.
    fn close(&mut self, count: usize) -> Result<LiveSegment, LiveError> {
        if self.number == SEGMENTS_MAX {
            return Err(LiveError::TooManySegments { track: self.head.track.name() });
        }
        let duration = self.shown_for(count);
        let rest = self.samples.split_off(count);
        let samples = std::mem::replace(&mut self.samples, rest);
        let sequence = u32::try_from(self.number + 1).expect("the number of segments is limited");
        let mut bytes = segment_head(self.head.track.id, sequence, self.decode_times.0, &samples);
        let media_len = samples.iter().map(|sample| sample.len as usize).sum();
        bytes.extend_from_slice(&self.media.split_to(media_len));
        let decoded_for: u64 = samples.iter().map(|sample| u64::from(sample.duration)).sum();
        self.decode_times.0 = self.decode_times.0.saturating_add(decoded_for);
        let (track, number, digest) = (self.index, self.number, blake3::hash(&bytes));
        self.number += 1;
        let samples_per_1000_seconds = rate(samples.len(), decoded_for, self.head.track.timescale);
        let bytes = Bytes::from(bytes);
        Ok(LiveSegment { track, number, duration, samples_per_1000_seconds, bytes, digest })
    }

    /// How long the first `count` samples are shown: until the next one is, or until they end. Never 0.
    fn shown_for(&self, count: usize) -> u64 {
        let start = self.start();
        let ends =
            self.times().take(count).map(|(start, sample)| start.saturating_add(sample.duration.into()));
        let next = self.times().nth(count).map(|(start, _)| start);
        next.or(ends.max()).unwrap_or(0).saturating_sub(start).max(1)
    }
}

/// Samples per 1000 seconds, rounded.
fn rate(samples: usize, ticks: u64, timescale: u32) -> u32 {
    let thousands = samples as u128 * u128::from(timescale) * 1000;
    let ticks = u128::from(ticks.max(1));
    u32::try_from((thousands + ticks / 2) / ticks).unwrap_or(u32::MAX)
}

fn bytes_of<'a>(sample: &Sample, mdat: &'a TopBox) -> Option<&'a [u8]> {
    let start = usize::try_from(sample.offset.checked_sub(mdat.body_offset)?).ok()?;
    mdat.body.get(start..start.checked_add(sample.len as usize)?)
}
