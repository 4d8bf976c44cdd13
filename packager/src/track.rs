//! What a track is, for people and playlists.

use std::fmt;

/// A track that can be packaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Its number in the file.
    pub id: u32,
    /// What it holds.
    pub format: Format,
    /// As in the attribute CODECS of a playlist (RFC 6381), such as `avc1.64001f`.
    pub codec: String,
    /// The language as a tag of RFC 5646, such as `de`; `None` when the file names none.
    pub language: Option<String>,
    /// Units of time per second.
    pub timescale: u32,
}

/// Video or audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// H.264, H.265 or AV1.
    Video(VideoFormat),
    /// AAC or Opus.
    Audio(AudioFormat),
}

/// The form of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoFormat {
    /// Width of the coded picture in pixels.
    pub width: u16,
    /// Height of the coded picture in pixels.
    pub height: u16,
    /// Clockwise turn with which it is shown in degrees: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Frames per 1000 seconds, on average; 0 when it is not known yet.
    pub frames_per_1000_seconds: u32,
}

impl VideoFormat {
    /// Width and height as shown: turned.
    pub fn shown(&self) -> (u16, u16) {
        if self.rotation.is_multiple_of(180) { (self.width, self.height) } else { (self.height, self.width) }
    }
}

/// The form of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioFormat {
    /// Samples per second.
    pub sample_rate: u32,
    /// Number of channels.
    pub channels: u16,
}

impl Track {
    /// Whether it is video; else it is audio.
    pub fn is_video(&self) -> bool {
        matches!(self.format, Format::Video(_))
    }

    pub(crate) fn name(&self) -> TrackName {
        TrackName { id: self.id, is_video: self.is_video() }
    }
}

/// How an error names a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackName {
    /// The track's number in the file.
    pub id: u32,
    /// Whether it is video; else it is audio.
    pub is_video: bool,
}

impl fmt::Display for TrackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "track {} ({})", self.id, if self.is_video { "video" } else { "audio" })
    }
}
