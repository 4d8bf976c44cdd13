//! Whether a master can be packaged as it is.

use std::fmt;

use super::probe::Probe;

/// Why a master has to be encoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reason {
    /// Its container is not MP4 or MOV.
    Container(String),
    /// A film is in a codec that MP4 players do not know.
    Video {
        /// Its number in the file.
        stream: u32,
        /// ffmpeg's name of the codec.
        codec: String,
    },
    /// Sound is in a codec that MP4 players do not know.
    Audio {
        /// Its number in the file.
        stream: u32,
        /// ffmpeg's name of the codec.
        codec: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container(name) => write!(f, "the file is «{name}», not MP4"),
            Self::Video { stream, codec } => {
                write!(f, "stream {stream} is {codec}, neither H.264 nor H.265 nor AV1")
            }
            Self::Audio { stream, codec } => write!(f, "stream {stream} is {codec}, neither AAC nor Opus"),
        }
    }
}

/// Why the master has to be encoded before it can be packaged; `None` for MP4 with H.264, H.265 or AV1 and with AAC or
/// Opus. Whether its keyframes lie close enough together only the packager sees.
pub fn needs_encoding(probe: &Probe) -> Option<Reason> {
    if !probe.container.split(',').any(|name| name == "mp4") {
        return Some(Reason::Container(probe.container.clone()));
    }
    let video = probe.videos.iter().find(|video| !["h264", "hevc", "av1"].contains(&video.codec.as_str()));
    let audio = probe.audios.iter().find(|audio| !["aac", "opus"].contains(&audio.codec.as_str()));
    let video = video.map(|video| Reason::Video { stream: video.stream, codec: video.codec.clone() });
    video.or_else(|| audio.map(|audio| Reason::Audio { stream: audio.stream, codec: audio.codec.clone() }))
}
