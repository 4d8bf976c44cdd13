//! The parts of a track, each of which can be verified by itself.

use std::iter;

use bytes::Bytes;
use sharing::{ContentHash, InitSection, SegmentPlace, Track, TrackId, TrackKind, VerifiedBytes};

use super::fault::Fault;

/// A run of bytes that gateways serve under a URL of its own.
#[derive(Debug)]
pub(super) struct Part {
    track: TrackId,
    kind: TrackKind,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Init(InitSection),
    Segment(u32, SegmentPlace),
}

/// All parts of a track in order: one after the other they are its file.
pub(super) fn parts(track: &Track) -> impl Iterator<Item = Part> {
    let init = track.init().copied().map(Content::Init);
    let segments = iter::zip(0.., track.segments()).map(|(number, place)| Content::Segment(number, *place));
    let part = |content| Part { track: track.id().clone(), kind: *track.kind(), content };
    init.into_iter().chain(segments).map(part)
}

impl Part {
    /// What people call it.
    pub(super) fn name(&self) -> String {
        match &self.content {
            Content::Init(_) => format!("init section of {}", self.track),
            Content::Segment(number, _) => format!("segment {number} of {}", self.track),
        }
    }

    /// Where it is served, below `/watch/{id}/` (spec §19).
    pub(super) fn path(&self) -> [String; 2] {
        let file = match &self.content {
            Content::Init(_) => "init.mp4".to_owned(),
            Content::Segment(number, _) => format!("{number}.{}", self.kind.segment_ending()),
        };
        [self.track.to_string(), file]
    }

    /// Its length in bytes.
    pub(super) fn len(&self) -> u64 {
        match &self.content {
            Content::Init(init) => init.len().get().into(),
            Content::Segment(_, place) => place.len().into(),
        }
    }

    /// The bytes, when they are this part.
    pub(super) fn verify(&self, bytes: &Bytes) -> Result<VerifiedBytes, Fault> {
        let (verified, expected) = match &self.content {
            Content::Init(init) => (init.verify(bytes.clone()), init.hash()),
            Content::Segment(_, place) => (place.verify(bytes.clone()), place.hash()),
        };
        let found = || (bytes.len() as u64, ContentHash::of(bytes));
        verified.ok_or_else(|| Fault::between(found(), (self.len(), expected)))
    }
}
