//! Parts of a title as they are counted: how long they are, and how much of its time they hold.

use sharing::{Track, TrackKind};

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
        let ms = |ticks| in_parts(track, ticks, 1000);
        let (begin, end) = (ms(place.start()), ms(place.start() + u64::from(place.duration())));
        let time = Medium::of(track).map(|medium| Time::Span { medium, begin, end });
        Self { len: place.len().into(), time }
    }
}

impl Pace {
    /// That of a track as one file; subtitles are no time that is played.
    pub(crate) fn of(track: &Track) -> Option<Self> {
        let us = in_parts(track, track.duration(), 1_000_000);
        Medium::of(track).map(|medium| Self { medium, us, len: track.len().max(1) })
    }

    /// So many bytes, rounded up.
    pub(super) fn piece(self, len: u64) -> Piece {
        let us = (u128::from(len) * u128::from(self.us)).div_ceil(u128::from(self.len));
        let us = u64::try_from(us).unwrap_or(u64::MAX);
        Piece { len, time: Some(Time::Length { medium: self.medium, us }) }
    }
}

impl Medium {
    const fn of(track: &Track) -> Option<Self> {
        match track.kind() {
            TrackKind::Video(_) => Some(Self::Picture),
            TrackKind::Audio(_) => Some(Self::Sound),
            TrackKind::Subtitles => None,
        }
    }
}

/// Ticks of a track in parts of a second, rounded down.
fn in_parts(track: &Track, ticks: u64, parts: u64) -> u64 {
    let time = u128::from(ticks) * u128::from(parts) / u128::from(track.timescale().get());
    u64::try_from(time).unwrap_or(u64::MAX)
}
