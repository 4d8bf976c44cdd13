//! The parts of a track, each of which can be verified by itself.

use bytes::Bytes;
use sharing::{
    ContentHash, InitSection, LiveTrack, Segment, SegmentPlace, Track, TrackId, TrackKind, VerifiedBytes,
};

use super::fault::Fault;

/// A run of bytes that gateways serve under a URL of its own.
#[derive(Clone, Debug)]
pub struct Part {
    track: TrackId,
    kind: TrackKind,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Init(InitSection),
    Segment(u32, SegmentPlace),
    Live(u32, Segment),
}

/// All parts of a track in order: one after the other they are its file.
pub(super) fn parts(track: &Track) -> impl Iterator<Item = Part> {
    let segments = (0..track.segment_count()).filter_map(|number| Part::segment(track, number));
    Part::init(track).into_iter().chain(segments)
}

impl Part {
    /// What stands before the segments of a track; nothing in subtitles.
    pub fn init(track: &Track) -> Option<Self> {
        track.init().map(|init| Self::of(track, Content::Init(*init)))
    }

    /// Segment `number` of a track; `None` behind the last one.
    pub fn segment(track: &Track, number: u32) -> Option<Self> {
        track.segment(number).map(|place| Self::of(track, Content::Segment(number, place)))
    }

    /// Segment `number` of a track of a live stream. Its init sections stand in the prelude.
    pub fn live(track: &LiveTrack, number: u32, segment: &Segment) -> Self {
        Self { track: track.id.clone(), kind: track.kind, content: Content::Live(number, *segment) }
    }

    fn of(track: &Track, content: Content) -> Self {
        Self { track: track.id().clone(), kind: *track.kind(), content }
    }

    /// What people call it.
    pub(super) fn name(&self) -> String {
        match &self.content {
            Content::Init(_) => format!("init section of {}", self.track),
            Content::Segment(number, _) | Content::Live(number, _) => {
                format!("segment {number} of {}", self.track)
            }
        }
    }

    /// Where it is served, below `/watch/{id}/` or `/live/{id}/` (spec §19, §21).
    pub(super) fn path(&self) -> [String; 2] {
        let file = match &self.content {
            Content::Init(_) => "init.mp4".to_owned(),
            Content::Segment(number, _) | Content::Live(number, _) => {
                format!("{number}.{}", self.kind.segment_ending())
            }
        };
        [self.track.to_string(), file]
    }

    /// Its length in bytes.
    #[expect(clippy::len_without_is_empty, reason = "a part is never empty")]
    pub fn len(&self) -> u64 {
        match &self.content {
            Content::Init(init) => init.len().get().into(),
            Content::Segment(_, place) => place.len().into(),
            Content::Live(_, segment) => segment.len.into(),
        }
    }

    /// BLAKE3 of its bytes.
    pub const fn hash(&self) -> ContentHash {
        match &self.content {
            Content::Init(init) => init.hash(),
            Content::Segment(_, place) => place.hash(),
            Content::Live(_, segment) => segment.hash,
        }
    }

    /// The bytes, when they are this part.
    pub(super) fn verify(&self, bytes: &Bytes) -> Result<VerifiedBytes, Fault> {
        let verified = match &self.content {
            Content::Init(init) => init.verify(bytes.clone()),
            Content::Segment(_, place) => place.verify(bytes.clone()),
            Content::Live(_, segment) => segment.verify(bytes.clone()),
        };
        let found = || (bytes.len() as u64, ContentHash::of(bytes));
        verified.ok_or_else(|| Fault::between(found(), (self.len(), self.hash())))
    }
}
