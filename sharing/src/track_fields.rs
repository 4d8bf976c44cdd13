//! The CBOR map of a track.

use std::num::NonZeroU32;

use protocol::BoundedList;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::segments::{PARTS_MAX, Part, Segment, SegmentPlace, SegmentsError};
use crate::{BitRates, Channels, Codecs, ContentHash, InitSection, Label, LanguageTag, Picture};
use crate::{Track, TrackError, TrackId, TrackKind, TrackParts};

/// The map of spec §17; the canonical form puts the keys in order.
#[derive(Serialize, Deserialize)]
pub(crate) struct TrackFields {
    pub(crate) id: TrackId,
    kind: KindName,
    codecs: Codecs,
    #[serde(rename = "type")]
    media_type: KindType,
    timescale: NonZeroU32,
    parts: BoundedList<Part, PARTS_MAX>,
    init: u32,
    init_hash: ContentHash,
    lens: ByteBuf,
    durations: ByteBuf,
    hashes: ByteBuf,
    average: u64,
    peak: u64,
    default: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<LanguageTag>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<Label>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    picture: Option<Picture>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channels: Option<Channels>,
}

/// The key `kind` of a track.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KindName {
    Video,
    Audio,
    Subtitles,
}

/// The key `type` of a track.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) enum KindType {
    #[serde(rename = "video/mp4")]
    Video,
    #[serde(rename = "audio/mp4")]
    Audio,
    #[serde(rename = "text/vtt")]
    Subtitles,
}

/// The four keys that say what kind of track it is.
pub(crate) type KindKeys = (KindName, KindType, Option<Picture>, Option<Channels>);

/// How a kind is written.
pub(crate) fn keys_of(kind: TrackKind) -> KindKeys {
    match kind {
        TrackKind::Video(picture) => (KindName::Video, KindType::Video, Some(picture), None),
        TrackKind::Audio(channels) => (KindName::Audio, KindType::Audio, None, Some(channels)),
        TrackKind::Subtitles => (KindName::Subtitles, KindType::Subtitles, None, None),
    }
}

/// The kind that is written so, when the four keys belong together.
pub(crate) fn kind_of(keys: KindKeys) -> Result<TrackKind, TrackError> {
    match keys {
        (KindName::Video, KindType::Video, Some(picture), None) => Ok(TrackKind::Video(picture)),
        (KindName::Audio, KindType::Audio, None, Some(channels)) => Ok(TrackKind::Audio(channels)),
        (KindName::Subtitles, KindType::Subtitles, None, None) => Ok(TrackKind::Subtitles),
        _ => Err(TrackError::Kind),
    }
}

impl From<Track> for TrackFields {
    fn from(track: Track) -> Self {
        let (kind, media_type, picture, channels) = keys_of(*track.kind());
        let BitRates { average, peak } = track.bit_rates();
        let (init, init_hash) = (track.init().map_or(0, |init| init.len().get()), track.init_hash());
        let segments = track.segments();
        Self {
            kind,
            media_type,
            timescale: track.timescale(),
            init,
            init_hash,
            lens: table(segments, |place| place.len().to_le_bytes()),
            durations: table(segments, |place| place.duration().to_le_bytes()),
            hashes: table(segments, |place| *place.hash().as_bytes()),
            average,
            peak,
            default: track.is_default(),
            language: track.language().cloned(),
            label: track.label().cloned(),
            picture,
            channels,
            id: track.id().clone(),
            codecs: track.codecs().clone(),
            parts: BoundedList::new(track.into_parts()).expect("a track has at most 20 000 parts"),
        }
    }
}

fn table<const N: usize>(segments: &[SegmentPlace], entry: fn(&SegmentPlace) -> [u8; N]) -> ByteBuf {
    segments.iter().flat_map(entry).collect::<Vec<u8>>().into()
}

impl TryFrom<TrackFields> for Track {
    type Error = TrackError;

    fn try_from(fields: TrackFields) -> Result<Self, TrackError> {
        let found = BitRates { average: fields.average, peak: fields.peak };
        let track = Self::new(TrackParts {
            kind: fields.kind()?,
            init: fields.init()?,
            segments: fields.segments()?,
            id: fields.id,
            codecs: fields.codecs,
            timescale: fields.timescale,
            parts: fields.parts.into_vec(),
            default: fields.default,
            language: fields.language,
            label: fields.label,
        })?;
        let expected = track.bit_rates();
        if found != expected {
            return Err(TrackError::BitRates { found, expected });
        }
        Ok(track)
    }
}

impl TrackFields {
    fn kind(&self) -> Result<TrackKind, TrackError> {
        kind_of((self.kind, self.media_type, self.picture, self.channels))
    }

    fn init(&self) -> Result<Option<InitSection>, TrackError> {
        match NonZeroU32::new(self.init) {
            Some(len) => Ok(Some(InitSection::new(len, self.init_hash))),
            None if self.init_hash == ContentHash::of(&[]) => Ok(None),
            None => Err(TrackError::InitHash),
        }
    }

    fn segments(&self) -> Result<Vec<Segment>, SegmentsError> {
        let (lens, lens_rest) = self.lens.as_chunks();
        let (durations, durations_rest) = self.durations.as_chunks();
        let (hashes, hashes_rest) = self.hashes.as_chunks();
        let whole = lens_rest.is_empty() && durations_rest.is_empty() && hashes_rest.is_empty();
        if !whole || lens.len() != durations.len() || lens.len() != hashes.len() {
            let [lens, durations, hashes] = [&self.lens, &self.durations, &self.hashes].map(|t| t.len());
            return Err(SegmentsError::Tables { lens, durations, hashes });
        }
        let rows = lens.iter().zip(durations).zip(hashes);
        Ok(rows
            .map(|((&len, &duration), &hash)| Segment {
                len: u32::from_le_bytes(len),
                duration: u32::from_le_bytes(duration),
                hash: ContentHash::from_bytes(hash),
            })
            .collect())
    }
}
