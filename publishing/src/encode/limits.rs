//! What a master may ask of this machine, and how long ffmpeg may take.

use std::time::Duration;

/// Bytes of ffprobe's answer.
pub const PROBE_BYTES_MAX: u64 = 1 << 20;
/// Streams of a master.
pub const STREAMS_MAX: usize = 64;
/// Characters of a tag; the rest is cut off.
pub const TAG_CHARS_MAX: usize = 1024;
/// Pixels from one side of a picture to the other.
pub const SIDE_MAX: u32 = 16_384;
/// Pixels of a decoded picture, 8192 × 8192.
pub const PIXELS_MAX: u64 = 1 << 26;
/// Frames per second of a rung; what is faster is thinned out.
pub const FRAME_RATE_MAX: u32 = 60;
/// Length of a master.
pub const DURATION_MAX: Duration = Duration::from_hours(24);
/// Bytes of one encoded file.
pub const ENCODED_BYTES_MAX: u64 = 128 << 30;
/// Bytes of a poster.
pub const POSTER_BYTES_MAX: u64 = 4 << 20;
/// Bytes of the thumbnails of a seek bar.
pub const STRIP_BYTES_MAX: u64 = 8 << 20;
/// Bytes of ffmpeg's complaints that are kept, the last ones.
pub const STDERR_BYTES_MAX: usize = 4 << 10;
/// Bytes of one line of ffmpeg's progress.
pub const PROGRESS_LINE_MAX: u64 = 4 << 10;

/// Asking a tool for its version.
pub const VERSION_TIMEOUT: Duration = Duration::from_secs(20);
/// Probing a master.
pub const PROBE_TIMEOUT: Duration = Duration::from_mins(1);
/// Making a poster.
pub const POSTER_TIMEOUT: Duration = Duration::from_mins(2);
/// Making the thumbnails of a seek bar: long masters are read to their end.
pub const STRIP_TIMEOUT: Duration = Duration::from_mins(30);
/// An encoder that has not come further for so long has failed.
pub const STALL_TIMEOUT: Duration = Duration::from_mins(5);
