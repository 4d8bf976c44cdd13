//! Parts of a title as they are counted: how long they are, and how much of its time they hold.

use std::num::NonZeroU32;

use sharing::{LiveTrack, Segment, Track, TrackKind};

/// What is counted at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Bytes.
    pub(super) len: u64,
    pub(super) time: Option<Time>,
}

/// How much of the time of a title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    /// From where to where, in milliseconds.
    Span { medium: Medium, begin: u64, end: u64 },
    /// So many microseconds, wherever they lie.
    Length { medium: Medium, us: u64 },
}

/// What a viewer plays at a time: one picture, one sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Medium {
    Picture,
    Sound,
}

/// How much time lies in the bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    medium: Medium,
    us: u64,
    len: u64,
}

impl Piece {
    /// A segment of a track; nothing of what is not there.
    pub(crate) fn segment(track: &Track, number: u32) -> Self {
        let Some(place) = track.segment(number) else { return Self::default() };
        let (begin, end) = (place.start(), place.start() + u64::from(place.duration()));
        let time = Time::span(*track.kind(), track.timescale(), begin, end);
        Self { len: place.len().into(), time }
    }

    /// A segment of a track of a live stream, before which so many units have come.
    pub(crate) fn live(track: &LiveTrack, start: u64, segment: &Segment) -> Self {
        let end = start + u64::from(segment.duration);
        let time = Time::span(track.kind, track.timescale, start, end);
        Self { len: segment.len.into(), time }
    }
}

impl Time {
    /// From one unit of a track to another.
    fn span(kind: TrackKind, timescale: NonZeroU32, begin: u64, end: u64) -> Option<Self> {
        let ms = |ticks| in_parts(timescale, ticks, 1000);
        Medium::of(kind).map(|medium| Self::Span { medium, begin: ms(begin), end: ms(end) })
    }
}

impl Pace {
    /// That of a track as one file; subtitles are no time that is played.
    pub(crate) fn of(track: &Track) -> Option<Self> {
        let us = in_parts(track.timescale(), track.duration(), 1_000_000);
        Medium::of(*track.kind()).map(|medium| Self { medium, us, len: track.len().max(1) })
    }

    /// So many bytes, rounded up.
    pub(super) fn piece(self, len: u64) -> Piece {
        let us = (u128::from(len) * u128::from(self.us)).div_ceil(u128::from(self.len));
        let us = u64::try_from(us).unwrap_or(u64::MAX);
        Piece { len, time: Some(Time::Length { medium: self.medium, us }) }
    }
}

impl Medium {
    const fn of(kind: TrackKind) -> Option<Self> {
        match kind {
            TrackKind::Video(_) => Some(Self::Picture),
            TrackKind::Audio(_) => Some(Self::Sound),
            TrackKind::Subtitles => None,
        }
    }
}

/// Ticks of a track in parts of a second, rounded down.
fn in_parts(timescale: NonZeroU32, ticks: u64, parts: u64) -> u64 {
    let time = u128::from(ticks) * u128::from(parts) / u128::from(timescale.get());
    u64::try_from(time).unwrap_or(u64::MAX)
}
