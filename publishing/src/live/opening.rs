//! The beginning of a stream: what is known once every track has a segment.

use packager::{Format, LiveInit, LiveOutput, LiveSegment};
use sharing::{BundleKind, LiveTrack, Prelude, PreludeParts, TrackKind};

use super::intake::Waiting;
use super::limits::LEAD_MAX;
use super::{LiveProblem, LiveRequest};
use crate::Creator;
use crate::describe;
use crate::publish::now;

/// Inits and segments that wait for the first segment of every track: only then the rate of the picture is known, and
/// which tracks there are.
#[derive(Debug, Default)]
pub(super) struct Opening {
    inits: Vec<LiveInit>,
    segments: Vec<(LiveSegment, Waiting)>,
}

/// A stream that can begin.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) prelude: Prelude,
    /// For every track of the source its place in the prelude, or none when it is left out.
    pub(super) places: Vec<Option<usize>>,
    /// Tracks of the source that are left out, by their numbers there.
    pub(super) left_out: Vec<u32>,
    /// Segments that have been waiting.
    pub(super) segments: Vec<(LiveSegment, Waiting)>,
}

impl Opening {
    pub(super) fn take(&mut self, output: LiveOutput, waiting: Waiting) {
        match output {
            LiveOutput::Init(init) => self.inits.push(init),
            LiveOutput::Segment(segment) => self.segments.push((segment, waiting)),
        }
    }

    /// Whether every track has a segment, or one of them so many that the others are not waited for.
    pub(super) fn is_ready(&self) -> bool {
        let count = |init: &LiveInit| self.of_track(init.track).count();
        let is_complete = !self.inits.is_empty() && self.inits.iter().all(|init| count(init) > 0);
        is_complete || self.inits.iter().any(|init| count(init) >= LEAD_MAX)
    }

    /// The stream that begins with what is here.
    pub(super) fn open(self, creator: &Creator, request: &LiveRequest) -> Result<Opened, LiveProblem> {
        let has_segments = |init: &&LiveInit| self.of_track(init.track).next().is_some();
        let (present, absent): (Vec<_>, Vec<_>) = self.inits.iter().partition(has_segments);
        if present.is_empty() {
            return Err(LiveProblem::Nothing);
        }
        let place = |init: &LiveInit| present.iter().position(|one| one.track == init.track);
        let places = self.inits.iter().map(place).collect();
        let left_out = absent.iter().map(|init| init.description.id).collect();
        let prelude = self.prelude(&present, creator, request)?;
        Ok(Opened { prelude, places, left_out, segments: self.segments })
    }

    fn of_track(&self, track: usize) -> impl Iterator<Item = &LiveSegment> {
        self.segments.iter().map(|(segment, _)| segment).filter(move |segment| segment.track == track)
    }

    fn prelude(
        &self,
        present: &[&LiveInit],
        creator: &Creator,
        request: &LiveRequest,
    ) -> Result<Prelude, LiveProblem> {
        let sources: Vec<_> = present.iter().map(|init| self.with_rate(init)).collect();
        let described = describe::describe(sources.iter(), request.language.as_ref(), &[]);
        let described = described.map_err(|(track, source)| LiveProblem::Track { track, source })?;
        let tracks: Vec<_> = described
            .into_iter()
            .zip(present)
            .map(|(track, init)| LiveTrack {
                id: track.id,
                kind: track.kind,
                codecs: track.codecs,
                timescale: track.timescale,
                init: init.bytes.clone(),
                default: track.default,
                language: track.language,
                label: track.label,
            })
            .collect();
        let is_film = tracks.iter().any(|track| matches!(track.kind, TrackKind::Video(_)));
        let seconds = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
        Ok(Prelude::new(PreludeParts {
            kind: if is_film { BundleKind::Film } else { BundleKind::Audio },
            title: request.title.clone(),
            creator: creator.public(),
            created: now(),
            salt: rand::random(),
            target: seconds(request.seconds.target()),
            longest: seconds(request.seconds.longest()),
            tracks,
            about: request.about.clone(),
            by: request.by.clone(),
            language: request.language.clone(),
            ledger: request.ledger,
        })?)
    }

    /// What a track is, with the frame rate that a fragmented stream does not announce.
    fn with_rate(&self, init: &LiveInit) -> packager::Track {
        let mut track = init.description.clone();
        let first = self.of_track(init.track).next();
        if let (Format::Video(video), Some(first)) = (&mut track.format, first)
            && video.frames_per_1000_seconds == 0
        {
            video.frames_per_1000_seconds = first.samples_per_1000_seconds;
        }
        track
    }
}
