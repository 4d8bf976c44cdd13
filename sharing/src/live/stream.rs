//! A live stream as it grows: which record comes next, and what becomes of all of them.

use std::num::NonZeroU32;

use crate::segments::Part;
use crate::{
    Bundle, BundleError, BundleParts, LiveEnd, LiveId, LiveSegment, LiveTrack, Millis, Prelude,
    PublicationId, SEGMENTS_MAX, Segment, Track, TrackError, TrackId, TrackParts,
};

/// Most segments of all tracks of a live stream: what a bundle holds, with a part for each.
pub const LIVE_SEGMENTS_MAX: usize = 30_000;

/// A prelude and the segments that have followed. Who signed the records, the caller has checked.
#[derive(Clone, Debug)]
pub struct LiveStream {
    prelude: Prelude,
    /// The records of each track of the prelude.
    segments: Vec<Vec<(Part, Segment)>>,
    end: LiveState,
}

/// Whether a stream goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LiveState {
    /// Segments may follow.
    #[default]
    Running,
    /// Nothing was heard of it for too long.
    Silent,
    /// Its creator ended it.
    Ended {
        /// What it has become.
        publication: Option<PublicationId>,
    },
}

/// What became of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It says something new.
    New,
    /// It was taken before.
    Known,
}

/// Why a record does not belong to a stream, or not yet, or no longer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum LiveStreamError {
    #[error("the record is about the live stream {found}, not {expected}")]
    OtherStream { expected: LiveId, found: LiveId },
    #[error("the stream has no track {track}")]
    Track { track: TrackId },
    #[error("segment {found} of {track} cannot follow yet: {expected} is next")]
    Gap { track: TrackId, expected: usize, found: u32 },
    #[error("segment {n} of {track} is there already, and another one")]
    Changed { track: TrackId, n: u32 },
    #[error("segment {n} of {track} lasts {duration} units, longer than {longest} s")]
    Duration { track: TrackId, n: u32, duration: u32, longest: u8 },
    #[error("a live stream has at most {LIVE_SEGMENTS_MAX} segments, {SEGMENTS_MAX} in a track")]
    Full,
    #[error("the stream has ended")]
    Ended,
}

/// Why a stream does not become a publication.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum UnfinishedError {
    #[error("no segment of the stream is there")]
    Empty,
    #[error("track {track}: {source}")]
    Track { track: TrackId, source: TrackError },
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

impl LiveStream {
    /// A stream that begins.
    pub fn new(prelude: Prelude) -> Self {
        let segments = vec![Vec::new(); prelude.tracks().len()];
        Self { prelude, segments, end: LiveState::Running }
    }

    /// What it began with.
    pub const fn prelude(&self) -> &Prelude {
        &self.prelude
    }

    /// The number of a track in the prelude.
    pub fn track_index(&self, id: &str) -> Option<usize> {
        self.prelude.tracks().iter().position(|track| track.id.as_str() == id)
    }

    /// The segments of a track of the prelude that are there, each with the object that holds it.
    ///
    /// # Panics
    ///
    /// When the prelude has no such track.
    pub fn segments(&self, track: usize) -> &[(Part, Segment)] {
        &self.segments[track]
    }

    /// Whether every track has a segment.
    pub fn has_begun(&self) -> bool {
        self.segments.iter().all(|segments| !segments.is_empty())
    }

    /// Whether it goes on.
    pub const fn state(&self) -> LiveState {
        self.end
    }

    /// Whether segments may follow.
    pub fn is_running(&self) -> bool {
        self.end == LiveState::Running
    }

    /// The publication that it has become.
    pub const fn publication(&self) -> Option<PublicationId> {
        if let LiveState::Ended { publication } = self.end { publication } else { None }
    }

    /// Whether a segment is the next of its track, or known.
    pub fn check(&self, record: &LiveSegment) -> Result<Taken, LiveStreamError> {
        self.check_id(record.live)?;
        let (n, index) = (record.n.get(), self.track_index(record.track.as_str()));
        let index = index.ok_or_else(|| LiveStreamError::Track { track: record.track.clone() })?;
        let track = || record.track.clone();
        let there = &self.segments[index];
        if let Some(known) = there.get(n as usize) {
            let is_same = *known == entry(record);
            return if is_same {
                Ok(Taken::Known)
            } else {
                Err(LiveStreamError::Changed { track: track(), n })
            };
        }
        if !self.is_running() {
            return Err(LiveStreamError::Ended);
        }
        let all: usize = self.segments.iter().map(Vec::len).sum();
        if there.len() == SEGMENTS_MAX || all >= LIVE_SEGMENTS_MAX {
            return Err(LiveStreamError::Full);
        }
        if n as usize != there.len() {
            return Err(LiveStreamError::Gap { track: track(), expected: there.len(), found: n });
        }
        let duration = record.duration.get();
        if !self.prelude.allows(duration, self.prelude.tracks()[index].timescale) {
            let longest = self.prelude.parts().longest;
            return Err(LiveStreamError::Duration { track: track(), n, duration, longest });
        }
        Ok(Taken::New)
    }

    /// Takes the next segment of a track.
    pub fn push(&mut self, record: &LiveSegment) -> Result<Taken, LiveStreamError> {
        let taken = self.check(record)?;
        if taken == Taken::New {
            let index = self.track_index(record.track.as_str()).expect("it has just been found");
            self.segments[index].push(entry(record));
        }
        Ok(taken)
    }

    /// Whether an end is new: an end without a publication may be followed by one with it.
    pub fn check_end(&self, record: &LiveEnd) -> Result<Taken, LiveStreamError> {
        self.check_id(record.live)?;
        let known = self.publication();
        match record.publication {
            _ if self.is_running() => Ok(Taken::New),
            None => Ok(Taken::Known),
            Some(_) if known.is_none() => Ok(Taken::New),
            Some(named) if known == Some(named) => Ok(Taken::Known),
            Some(_) => Err(LiveStreamError::Ended),
        }
    }

    /// Ends the stream.
    pub fn finish(&mut self, record: &LiveEnd) -> Result<Taken, LiveStreamError> {
        let taken = self.check_end(record)?;
        if taken == Taken::New {
            self.end = LiveState::Ended { publication: record.publication };
        }
        Ok(taken)
    }

    /// Ends the stream because nothing more was heard of it.
    pub fn close(&mut self) {
        if self.is_running() {
            self.end = LiveState::Silent;
        }
    }

    /// The publication that it becomes.
    pub fn bundle(&self) -> Result<Bundle, UnfinishedError> {
        let of_tracks = self.prelude.tracks().iter().zip(&self.segments);
        let of_tracks = of_tracks.filter(|(_, segments)| !segments.is_empty());
        let tracks = of_tracks.map(|(track, segments)| finished(track, segments));
        let tracks = tracks.collect::<Result<Vec<_>, _>>()?;
        let longest = tracks.iter().map(duration_ms).max().ok_or(UnfinishedError::Empty)?;
        let parts = self.prelude.parts().clone();
        Ok(Bundle::new(BundleParts {
            kind: parts.kind,
            title: parts.title,
            creator: parts.creator,
            created: parts.created,
            duration: Millis::new(longest.max(1)),
            tracks,
            chapters: Vec::new(),
            attachments: Vec::new(),
            items: Vec::new(),
            about: parts.about,
            by: parts.by,
            language: parts.language,
            ledger: parts.ledger,
            live: parts.ledger.map(|_| self.prelude.id()),
            poster: None,
            strip: None,
        })?)
    }

    fn check_id(&self, found: LiveId) -> Result<(), LiveStreamError> {
        let expected = self.prelude.id();
        if found == expected { Ok(()) } else { Err(LiveStreamError::OtherStream { expected, found }) }
    }
}

fn entry(record: &LiveSegment) -> (Part, Segment) {
    let part = Part { key: record.key.clone(), object: record.object, segments: NonZeroU32::MIN };
    (part, record.segment())
}

fn finished(track: &LiveTrack, segments: &[(Part, Segment)]) -> Result<Track, UnfinishedError> {
    let (parts, segments) = segments.iter().cloned().unzip();
    let made = Track::new(TrackParts {
        id: track.id.clone(),
        kind: track.kind,
        codecs: track.codecs.clone(),
        timescale: track.timescale,
        parts,
        init: Some(track.init_section()),
        segments,
        default: track.default,
        language: track.language.clone(),
        label: track.label.clone(),
    });
    made.map_err(|source| UnfinishedError::Track { track: track.id.clone(), source })
}

/// How long a track plays, in milliseconds.
fn duration_ms(track: &Track) -> u64 {
    let ticks = u128::from(track.duration()) * 1000 / u128::from(track.timescale().get());
    u64::try_from(ticks).unwrap_or(u64::MAX)
}
