//! Playlists of HTTP Live Streaming (RFC 8216), written from plain descriptions.
//!
//! What is described may lie anywhere: nothing here needs the source. Names may hold anything and are cleaned; what
//! must be exact (URIs, codecs, languages) is refused when it is not. Foreign playlists are never read.

mod bitrate;
mod hls;
mod text;

use std::time::Duration;

use thiserror::Error;

use crate::limits::{SEGMENTS_MAX, URI_LEN_MAX};
pub use bitrate::Bitrate;

/// Name of the init section when every segment has a URL of its own.
pub const INIT_NAME: &str = "init.mp4";

/// Name of the segment `number`, from 0, when every segment has a URL of its own.
pub fn segment_name(number: usize) -> String {
    format!("{number}.m4s")
}

/// A segment of a rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Where it begins in the rendition's file.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u64,
    /// How long it is shown; rounded to microseconds in the playlist.
    pub duration: Duration,
}

/// How a player asks for the segments of a rendition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addressing {
    /// As byte ranges of one file.
    ByteRanges {
        /// The file.
        uri: String,
    },
    /// Each with a URL of its own: [`INIT_NAME`] and [`segment_name`] after a prefix.
    Urls {
        /// What precedes the names: nothing, or a path that ends with `/`.
        prefix: String,
    },
}

/// Whether segments will follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The rendition is complete.
    Vod,
    /// Segments are added at the end, and none is taken away.
    Event {
        /// Whether the last one has been added.
        has_ended: bool,
        /// The longest segment to come, in whole seconds: the target duration may not change while it grows.
        target_seconds: u32,
    },
}

/// The media playlist of a rendition of [`init_len`](Media::init_len) bytes of init section and then `segments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media<'a> {
    /// How the segments are asked for.
    pub addressing: Addressing,
    /// Length of the init section, with which the rendition's file begins.
    pub init_len: u64,
    /// The segments in their order: at least one, also while it grows.
    pub segments: &'a [Segment],
    /// Whether segments will follow.
    pub kind: Kind,
}

impl Media<'_> {
    /// The text of the playlist.
    pub fn to_text(&self) -> Result<String, PlaylistError> {
        hls::media(self)
    }
}

/// The master playlist: what a player can choose from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Master {
    /// The same pictures in different sizes.
    pub videos: Vec<Video>,
    /// The sound in different languages. Players offer those of one codec beside each other.
    pub audios: Vec<Audio>,
    /// Subtitles in different languages.
    pub subtitles: Vec<Subtitles>,
}

impl Master {
    /// The text of the playlist. Video or audio there must be.
    pub fn to_text(&self) -> Result<String, PlaylistError> {
        hls::master(self)
    }
}

/// A rendition of video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Video {
    /// Its media playlist.
    pub uri: String,
    /// As in RFC 6381, such as `avc1.64001f`.
    pub codec: String,
    /// Bits per second.
    pub bitrate: Bitrate,
    /// Width and height in pixels, as shown.
    pub resolution: (u16, u16),
    /// Frames per 1000 seconds; 0 when unknown.
    pub frames_per_1000_seconds: u32,
}

/// A rendition of audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audio {
    /// Its media playlist.
    pub uri: String,
    /// As in RFC 6381, such as `mp4a.40.2`.
    pub codec: String,
    /// Bits per second.
    pub bitrate: Bitrate,
    /// What a viewer chooses by.
    pub name: String,
    /// A tag of RFC 5646.
    pub language: Option<String>,
    /// Number of channels.
    pub channels: u16,
    /// Whether it is played unless the viewer chooses; when none is, the first is.
    pub is_default: bool,
}

/// Subtitles in WebVTT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subtitles {
    /// Their media playlist.
    pub uri: String,
    /// What a viewer chooses by.
    pub name: String,
    /// A tag of RFC 5646.
    pub language: Option<String>,
    /// Whether they are shown unless the viewer chooses.
    pub is_default: bool,
    /// Whether they translate only what must be understood, and are shown without being asked for.
    pub is_forced: bool,
}

/// The media playlist of subtitles: the whole WebVTT file `uri` is its one segment, for as long as the film lasts.
pub fn subtitles(uri: &str, duration: Duration) -> Result<String, PlaylistError> {
    hls::subtitles(uri, duration)
}

/// `ticks` of a clock, rounded to microseconds.
pub fn duration_of(ticks: u64, timescale: u32) -> Duration {
    let timescale = u128::from(timescale.max(1));
    let micros = (u128::from(ticks) * 1_000_000 + timescale / 2) / timescale;
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

/// Why there is no such playlist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlaylistError {
    /// Nothing to play.
    #[error("a playlist without segments or without renditions")]
    Empty,
    /// More segments than [`SEGMENTS_MAX`].
    #[error("{count} segments; a playlist has at most {SEGMENTS_MAX}")]
    TooManySegments {
        /// How many.
        count: usize,
    },
    /// A segment of no duration, or one longer than what is announced.
    #[error("segment {number} lasts {duration:?}")]
    Duration {
        /// The segment, from 0.
        number: usize,
        /// How long it lasts.
        duration: Duration,
    },
    /// A segment whose end is beyond every file.
    #[error("segment {number} has {len} bytes at {offset}")]
    Range {
        /// The segment, from 0.
        number: usize,
        /// Where it begins.
        offset: u64,
        /// Its length.
        len: u64,
    },
    /// Not a URI, or longer than [`URI_LEN_MAX`].
    #[error("{uri:?} is not a URI of at most {URI_LEN_MAX} characters of RFC 3986")]
    Uri {
        /// What was given, cut short.
        uri: String,
    },
    /// Not the name of a codec.
    #[error("{codec:?} is not a codec of RFC 6381")]
    Codec {
        /// What was given, cut short.
        codec: String,
    },
    /// Not a language.
    #[error("{language:?} is not a language tag of RFC 5646")]
    Language {
        /// What was given, cut short.
        language: String,
    },
    /// The library refuses it.
    #[error("the playlist is not valid: {why}")]
    Invalid {
        /// What the library says.
        why: String,
    },
}
