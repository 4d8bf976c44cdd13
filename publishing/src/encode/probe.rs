//! What a master contains, as ffprobe tells it.

mod json;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::input;
use super::limits::{DURATION_MAX, PIXELS_MAX, PROBE_BYTES_MAX, PROBE_TIMEOUT, SIDE_MAX, STREAMS_MAX};
use super::process;
use super::size::Size;
use super::tools::Tools;
use super::words;

/// Why a master cannot be read.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum ProbeError {
    #[error("{}: {reason}", .file.display())]
    Unreadable { file: PathBuf, reason: String },
    #[error("{}: it is «{format}», which is not read since it can name other files", .file.display())]
    Format { file: PathBuf, format: String },
    #[error("{}: ffprobe's answer is not understood: {source}", .file.display())]
    Answer { file: PathBuf, source: serde_json::Error },
    #[error("{}: it has {streams} streams, at most {STREAMS_MAX} are allowed", .file.display())]
    Streams { file: PathBuf, streams: usize },
    #[error("{}: stream {stream} has pictures of {width}x{height}, at most {SIDE_MAX} each way and {PIXELS_MAX} in all are allowed", .file.display())]
    Size { file: PathBuf, stream: u32, width: i64, height: i64 },
    #[error("{}: it lasts {} s, at most {} are allowed", .file.display(), .duration.as_secs(), DURATION_MAX.as_secs())]
    Duration { file: PathBuf, duration: Duration },
}

/// What a master contains.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Probe {
    /// The file that was probed.
    pub file: PathBuf,
    /// ffmpeg's names of its container, separated by commas: "mov,mp4,m4a,3gp,3g2,mj2", "flac".
    pub container: String,
    /// How long it lasts, if it says so.
    pub duration: Option<Duration>,
    /// Films, in the file's order.
    pub videos: Vec<VideoProbe>,
    /// Sound, in the file's order.
    pub audios: Vec<AudioProbe>,
    /// A still picture that comes with it, the cover of an album.
    pub cover: Option<Cover>,
    /// What it says about itself.
    pub tags: Tags,
}

impl Probe {
    /// The film that is shown: the first one.
    pub fn video(&self) -> Option<&VideoProbe> {
        self.videos.first()
    }
}

/// A film.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VideoProbe {
    /// Its number in the file.
    pub stream: u32,
    /// ffmpeg's name of its codec: "h264", "vp9".
    pub codec: String,
    /// Its size as displayed: turned, with square pixels.
    pub size: Size,
    /// Degrees by which it is turned clockwise to be displayed: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Its average frame rate, if it has one.
    pub frame_rate: Option<FrameRate>,
    /// How long it lasts, if it says so.
    pub duration: Option<Duration>,
    /// Whether it consists of half pictures, as old television does.
    pub interlaced: bool,
    /// Whether its colours need a display of high dynamic range. Rungs are SDR.
    pub hdr: Option<Hdr>,
    /// Whether it shows a whole sphere (360°). ffmpeg loses that where it encodes: rungs are told it again when they are packaged.
    pub spherical: bool,
    /// Its language, as the file writes it: "eng".
    pub language: Option<String>,
}

/// How light is written down in high dynamic range (ITU-R BT.2100).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hdr {
    /// Perceptual quantization, SMPTE ST 2084: HDR10 and its relatives.
    Pq,
    /// Hybrid log-gamma, ARIB STD-B67.
    Hlg,
}

/// Sound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AudioProbe {
    /// Its number in the file.
    pub stream: u32,
    /// ffmpeg's name of its codec: "aac", "`pcm_s16le`".
    pub codec: String,
    /// Its channels, at least 1.
    pub channels: u16,
    /// Samples per second of a channel, at least 1.
    pub sample_rate: u32,
    /// Its first sample, counted from the beginning of the file's clock. Of MP3 and Opus these are the samples that only
    /// start the codec and are not played: its gapless edge.
    pub start: Duration,
    /// How long it lasts, if it says so. Of MP3 with the edges that are not played.
    pub duration: Option<Duration>,
    /// Its language, as the file writes it.
    pub language: Option<String>,
    /// Its name, "commentary".
    pub title: Option<String>,
}

/// A still picture in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cover {
    /// Its number in the file.
    pub stream: u32,
    /// Its size.
    pub size: Size,
}

/// What a file says about itself. Without control characters, of at most
/// [`TAG_CHARS_MAX`](super::limits::TAG_CHARS_MAX) characters each.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Tags {
    /// Its title.
    pub title: Option<String>,
    /// Who made it.
    pub artist: Option<String>,
    /// The album that it belongs to.
    pub album: Option<String>,
    /// Its place in the album: "3", "3/12".
    pub track: Option<String>,
    /// When it was published: "1972".
    pub date: Option<String>,
    /// Its language: that of the file, else that of its first sound.
    pub language: Option<String>,
}

/// Frames per second, a fraction above 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameRate {
    /// Frames …
    pub frames: NonZeroU32,
    /// … in so many seconds.
    pub seconds: NonZeroU32,
}

impl FrameRate {
    /// `frames` in `seconds`; `None` if either is 0.
    pub fn new(frames: u32, seconds: u32) -> Option<Self> {
        Some(Self { frames: NonZeroU32::new(frames)?, seconds: NonZeroU32::new(seconds)? })
    }

    /// Whether there are more than `rate` frames in a second.
    pub fn is_above(self, rate: u32) -> bool {
        u64::from(self.frames.get()) > u64::from(rate) * u64::from(self.seconds.get())
    }
}

/// What `file` contains. Playlists, numbered pictures and whatever else can name other files are refused.
pub async fn probe(tools: &Tools, file: &Path) -> Result<Probe, ProbeError> {
    let mut command = tools.ffprobe();
    input::restrict(&mut command);
    command.args(["-show_format", "-show_streams", "-of", "json=compact=1"]).arg(input::url(file));
    let answer = process::collect(command, PROBE_BYTES_MAX, PROBE_TIMEOUT)
        .await
        .map_err(|error| ProbeError::Unreadable { file: file.to_owned(), reason: words::of(&error) })?;
    json::parse(file, &answer)
}
