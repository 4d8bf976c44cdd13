//! A track: one rendition of picture, sound or subtitles, and where each of its segments lies (spec §17).

use std::fmt;
use std::num::NonZeroU32;

use crate::segments::{Part, Segment, SegmentPlace, SegmentsError, places};
use crate::{Codecs, ContentHash, InitSection, Label, LanguageTag, MediaType, TrackId, TrackKind};

/// Longest init section, in bytes.
pub const INIT_LEN_MAX: u32 = 1 << 20;
/// The codec of every track of subtitles.
const SUBTITLES_CODEC: &str = "wvtt";

/// A track whose parts and segments fit together: place, length and hash of every segment are known.
#[derive(Clone, PartialEq, Eq)]
pub struct Track {
    id: TrackId,
    kind: TrackKind,
    codecs: Codecs,
    timescale: NonZeroU32,
    parts: Vec<Part>,
    init: Option<InitSection>,
    places: Vec<SegmentPlace>,
    default: bool,
    language: Option<LanguageTag>,
    label: Option<Label>,
}

/// What a track is made from.
#[derive(Clone, Debug)]
pub struct TrackParts {
    /// Its name in the bundle and in URLs.
    pub id: TrackId,
    /// What it is, with what belongs to that kind only.
    pub kind: TrackKind,
    /// Its codec; `wvtt` for subtitles.
    pub codecs: Codecs,
    /// Units per second.
    pub timescale: NonZeroU32,
    /// The objects that hold its bytes, in order.
    pub parts: Vec<Part>,
    /// What stands before the first segment; none for subtitles only.
    pub init: Option<InitSection>,
    /// Its segments, in order.
    pub segments: Vec<Segment>,
    /// Whether it is chosen when nobody chooses.
    pub default: bool,
    /// The language that is spoken or written.
    pub language: Option<LanguageTag>,
    /// What people choose it by.
    pub label: Option<Label>,
}

/// Why something is no track.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TrackError {
    /// Parts and segments do not fit together.
    #[error(transparent)]
    Segments(#[from] SegmentsError),
    /// The init section is too long.
    #[error("init section of {len} bytes, at most {INIT_LEN_MAX} are allowed")]
    InitLen {
        /// Its length in bytes.
        len: u32,
    },
    /// Subtitles with an init section, or anything else without one.
    #[error("an init section belongs to video and audio, and never to subtitles")]
    InitKind,
    /// There is no init section, but its hash is not that of nothing.
    #[error("the hash of a missing init section is not that of nothing")]
    InitHash,
    /// Media type, picture or channels are not those of the track's kind.
    #[error("media type, picture or channels do not belong to the kind of the track")]
    Kind,
    /// Subtitles of another codec.
    #[error("subtitles have the codec {SUBTITLES_CODEC}")]
    SubtitlesCodec,
    /// Subtitles in pieces.
    #[error("subtitles have one part and one segment, not {segments}")]
    SubtitlesSegments {
        /// Segments found.
        segments: usize,
    },
    /// The bit rates do not follow from the segments.
    #[error("bit rates of {found} where the segments give {expected}")]
    BitRates {
        /// What the bundle says.
        found: BitRates,
        /// What the segments give.
        expected: BitRates,
    },
}

/// Bits per second of a track, without its init section, rounded up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BitRates {
    /// Over the whole track.
    pub average: u64,
    /// Over its densest segment.
    pub peak: u64,
}

impl Track {
    /// The track made from these parts, when they fit together.
    pub fn new(parts: TrackParts) -> Result<Self, TrackError> {
        let TrackParts { id, kind, codecs, timescale, parts, init, segments, default, language, label } =
            parts;
        let init_len = init.as_ref().map_or(0, |init| init.len().get());
        if init_len > INIT_LEN_MAX {
            return Err(TrackError::InitLen { len: init_len });
        }
        let is_subtitles = matches!(kind, TrackKind::Subtitles);
        if init.is_some() == is_subtitles {
            return Err(TrackError::InitKind);
        }
        if is_subtitles && codecs.as_str() != SUBTITLES_CODEC {
            return Err(TrackError::SubtitlesCodec);
        }
        if is_subtitles && segments.len() != 1 {
            return Err(TrackError::SubtitlesSegments { segments: segments.len() });
        }
        let places = places(&parts, init_len, &segments)?;
        Ok(Self { id, kind, codecs, timescale, parts, init, places, default, language, label })
    }

    /// Its name in the bundle and in URLs.
    pub const fn id(&self) -> &TrackId {
        &self.id
    }

    /// What it is.
    pub const fn kind(&self) -> &TrackKind {
        &self.kind
    }

    /// Its codec as RFC 6381 names it.
    pub const fn codecs(&self) -> &Codecs {
        &self.codecs
    }

    /// The media type of its bytes.
    pub fn media_type(&self) -> MediaType {
        MediaType::new(self.kind.media_type()).expect("the three types are short ASCII")
    }

    /// Units per second of all its times.
    pub const fn timescale(&self) -> NonZeroU32 {
        self.timescale
    }

    /// The objects that hold its bytes, in order; at least one.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Length of the plaintext of part `part` in bytes, init section included; `None` behind the last one.
    pub fn part_len(&self, part: u32) -> Option<u64> {
        let end = self.places.partition_point(|place| place.part() <= part);
        let last = self.places.get(end.checked_sub(1)?)?;
        (last.part() == part).then(|| last.end())
    }

    pub(crate) fn into_parts(self) -> Vec<Part> {
        self.parts
    }

    /// What stands at the start of the first part; none for subtitles.
    pub const fn init(&self) -> Option<&InitSection> {
        self.init.as_ref()
    }

    /// How many segments there are; at least one.
    pub fn segment_count(&self) -> u32 {
        u32::try_from(self.places.len()).expect("the number of segments is bounded")
    }

    /// Where segment `number` lies; `None` behind the last one.
    pub fn segment(&self, number: u32) -> Option<SegmentPlace> {
        self.places.get(usize::try_from(number).ok()?).copied()
    }

    /// All segments in order.
    pub fn segments(&self) -> &[SegmentPlace] {
        &self.places
    }

    /// Length of all parts together in bytes, init section included.
    #[expect(clippy::len_without_is_empty, reason = "a track is never empty")]
    pub fn len(&self) -> u64 {
        let init_len = self.init.as_ref().map_or(0, |init| init.len().get());
        u64::from(init_len) + self.places.iter().map(|place| u64::from(place.len())).sum::<u64>()
    }

    /// Duration of all segments together, in units of the timescale.
    pub fn duration(&self) -> u64 {
        self.places.last().map_or(0, |last| last.start() + u64::from(last.duration()))
    }

    /// Its bit rates, which follow from the segments.
    pub fn bit_rates(&self) -> BitRates {
        let scale = self.timescale.get();
        let media_len = self.places.iter().map(|place| u64::from(place.len())).sum();
        let densest = self
            .places
            .iter()
            .map(|place| bits_per_second(place.len().into(), place.duration().into(), scale))
            .max();
        BitRates {
            average: bits_per_second(media_len, self.duration(), scale),
            peak: densest.expect("a track has at least one segment"),
        }
    }

    /// Whether it is chosen when nobody chooses.
    pub const fn is_default(&self) -> bool {
        self.default
    }

    /// The language that is spoken or written.
    pub const fn language(&self) -> Option<&LanguageTag> {
        self.language.as_ref()
    }

    /// What people choose it by.
    pub const fn label(&self) -> Option<&Label> {
        self.label.as_ref()
    }

    /// The hash of the init section, or of nothing.
    pub(crate) fn init_hash(&self) -> ContentHash {
        self.init.as_ref().map_or_else(|| ContentHash::of(&[]), InitSection::hash)
    }
}

fn bits_per_second(len: u64, duration: u64, timescale: u32) -> u64 {
    let rate = (8 * u128::from(len) * u128::from(timescale)).div_ceil(duration.into());
    u64::try_from(rate)
        .expect("2^27 bytes in a unit of 2^-32 s are 2^62 bits per second, and no track is denser")
}

impl fmt::Display for BitRates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {}", self.average, self.peak)
    }
}

impl fmt::Debug for Track {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, segments) = (self.parts.len(), self.places.len());
        write!(f, "Track({} {}, {parts} parts, {segments} segments)", self.id, self.codecs)
    }
}
