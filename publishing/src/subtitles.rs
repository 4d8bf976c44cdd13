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
    /// When the last of them is gone, in milliseconds.
    last_ms: u64,
}

impl Subtitles {
    /// Reads and checks `file`.
    pub(crate) async fn read(file: &SubtitleFile) -> Result<Self, PublishError> {
        let at = |source| PublishError::Read { path: file.path.clone(), source };
        let open = tokio::fs::File::open(&file.path).await.map_err(at)?;
        let mut bytes = Vec::new();
        open.take(WEBVTT_LEN_MAX as u64 + 1).read_to_end(&mut bytes).await.map_err(at)?;
        let vtt = WebVtt::new(&bytes)
            .map_err(|source| PublishError::Subtitles { path: file.path.clone(), source })?;
        let last_ms = u64::try_from(vtt.end().as_millis()).unwrap_or(u64::MAX);
        Ok(Self { file: file.clone(), bytes: Bytes::copy_from_slice(vtt.as_str().as_bytes()), last_ms })
    }

    /// They last as long as the film, or as their last words.
    fn duration_ms(&self, film_ms: u64) -> u32 {
        u32::try_from(film_ms.max(self.last_ms).max(1)).unwrap_or(u32::MAX)
    }

    /// The track of `known` that has these words, if one has.
    pub(crate) fn known<'t>(
        &self,
        film_ms: u64,
        mut known: impl Iterator<Item = &'t Track>,
    ) -> Option<Track> {
        let (hash, duration) = (ContentHash::of(&self.bytes), self.duration_ms(film_ms));
        let is_same = |track: &&Track| {
            matches!(track.kind(), TrackKind::Subtitles)
                && track.segment(0).is_some_and(|place| place.hash() == hash && place.duration() == duration)
                && track.language() == self.file.language.as_ref()
                && track.label() == self.file.label.as_ref()
        };
        known.find(is_same).cloned()
    }

    pub(crate) async fn store(
        self,
        film_ms: u64,
        storing: &Storing,
        creator: &Creator,
        names: &mut Names,
    ) -> Result<Track, PublishError> {
        let what = self.file.path.display().to_string();
        let stored = storing.put(creator, &self.bytes[..], TrackKind::Subtitles.media_type(), |_| ()).await;
        let stored = stored.map_err(|source| PublishError::Store { what: what.clone(), source })?;
        let part = Part { key: stored.key, object: stored.object, segments: NonZeroU32::MIN };
        self.track(part, film_ms, names).map_err(|source| PublishError::Track { track: what, source })
    }

    fn track(self, part: Part, film_ms: u64, names: &mut Names) -> Result<Track, UnfitTrack> {
        let language = self.file.language.as_ref().map(|tag| tag.as_str().to_ascii_lowercase());
        let wish = language.map_or_else(|| "subtitles".to_owned(), |tag| format!("subtitles-{tag}"));
        let len = u32::try_from(self.bytes.len()).map_err(|_| UnfitTrack::TooLarge)?;
        let duration = self.duration_ms(film_ms);
        Ok(Track::new(TrackParts {
            id: names.new_id(&wish)?,
            kind: TrackKind::Subtitles,
            codecs: Codecs::new("wvtt")?,
            timescale: NonZeroU32::new(TIMESCALE).ok_or(UnfitTrack::Empty)?,
            parts: vec![part],
            init: None,
            segments: vec![Segment { len, duration, hash: ContentHash::of(&self.bytes) }],
            default: false,
            language: self.file.language,
            label: self.file.label,
        })?)
    }
}
