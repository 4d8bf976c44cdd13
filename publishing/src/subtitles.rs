//! Subtitles: a `WebVTT` file is one object and one segment.

use std::num::NonZeroU32;

use bytes::Bytes;
use packager::WebVtt;
use packager::limits::WEBVTT_LEN_MAX;
use sharing::{Codecs, ContentHash, Part, Segment, Track, TrackKind, TrackParts};
use tokio::io::AsyncReadExt as _;

use crate::describe::{Names, UnfitTrack};
use crate::publish::PublishError;
use crate::{Creator, Storing, SubtitleFile};

/// Units per second of the time of subtitles.
const TIMESCALE: u32 = 1000;

/// A file of subtitles that was read and checked.
#[derive(Debug)]
pub(crate) struct Subtitles {
    file: SubtitleFile,
    bytes: Bytes,
    duration_ms: u32,
}

impl Subtitles {
    /// Reads and checks `file`; it is shown for as long as the film, or as its last words.
    pub(crate) async fn read(file: &SubtitleFile, film_ms: u64) -> Result<Self, PublishError> {
        let at = |source| PublishError::Read { path: file.path.clone(), source };
        let open = tokio::fs::File::open(&file.path).await.map_err(at)?;
        let mut bytes = Vec::new();
        open.take(WEBVTT_LEN_MAX as u64 + 1).read_to_end(&mut bytes).await.map_err(at)?;
        let vtt = WebVtt::new(&bytes)
            .map_err(|source| PublishError::Subtitles { path: file.path.clone(), source })?;
        let last = u64::try_from(vtt.end().as_millis()).unwrap_or(u64::MAX);
        let duration_ms = u32::try_from(film_ms.max(last).max(1)).unwrap_or(u32::MAX);
        Ok(Self { file: file.clone(), bytes: Bytes::copy_from_slice(vtt.as_str().as_bytes()), duration_ms })
    }

    /// The track of `known` that has these words, if one has.
    pub(crate) fn known<'t>(&self, mut known: impl Iterator<Item = &'t Track>) -> Option<Track> {
        let hash = ContentHash::of(&self.bytes);
        let is_same = |track: &&Track| {
            matches!(track.kind(), TrackKind::Subtitles)
                && track.segment(0).is_some_and(|place| {
                    place.hash() == hash && u64::from(place.duration()) == u64::from(self.duration_ms)
                })
                && track.language() == self.file.language.as_ref()
                && track.label() == self.file.label.as_ref()
        };
        known.find(is_same).cloned()
    }

    pub(crate) async fn store(
        self,
        storing: &Storing,
        creator: &Creator,
        names: &mut Names,
    ) -> Result<Track, PublishError> {
        let what = self.file.path.display().to_string();
        let stored = storing.put(creator, &self.bytes[..], TrackKind::Subtitles.media_type(), |_| ()).await;
        let stored = stored.map_err(|source| PublishError::Store { what: what.clone(), source })?;
        let part = Part { key: stored.key, object: stored.object, segments: NonZeroU32::MIN };
        self.track(part, names).map_err(|source| PublishError::Track { track: what, source })
    }

    fn track(self, part: Part, names: &mut Names) -> Result<Track, UnfitTrack> {
        let language = self.file.language.as_ref().map(|tag| tag.as_str().to_ascii_lowercase());
        let wish = language.map_or_else(|| "subtitles".to_owned(), |tag| format!("subtitles-{tag}"));
        let len = u32::try_from(self.bytes.len()).map_err(|_| UnfitTrack::TooLarge)?;
        Ok(Track::new(TrackParts {
            id: names.new_id(&wish)?,
            kind: TrackKind::Subtitles,
            codecs: Codecs::new("wvtt")?,
            timescale: NonZeroU32::new(TIMESCALE).ok_or(UnfitTrack::Empty)?,
            parts: vec![part],
            init: None,
            segments: vec![Segment { len, duration: self.duration_ms, hash: ContentHash::of(&self.bytes) }],
            default: false,
            language: self.file.language,
            label: self.file.label,
        })?)
    }
}
