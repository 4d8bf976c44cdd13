//! What a file may ask for, at most. Whatever exceeds a limit is an error that names it.

/// Greatest length of a `moov` box in bytes: the sample tables of a film of about ten hours.
pub const MOOV_LEN_MAX: u64 = 64 << 20;
/// Greatest length of one `moof` box in bytes.
pub const MOOF_LEN_MAX: u64 = 4 << 20;
/// Greatest number of boxes at the top of a file: twice the fragments of a day in fragments of a third of a second.
pub const TOP_BOXES_MAX: u32 = 1 << 19;
/// Greatest number of tracks of a file, of whatever kind.
pub const TRACKS_MAX: usize = 32;
/// Greatest number of samples (frames, packets) of all tracks of a file: 12 hours at 60 frames a second with three
/// tracks of sound. Nor may a file have more samples than bytes.
pub const SAMPLES_MAX: usize = 1 << 23;
/// Greatest number of samples of one `moof` box, of all tracks, and of one live segment.
pub const FRAGMENT_SAMPLES_MAX: usize = 1 << 16;
/// Greatest number of entries of an edit list.
pub const EDITS_MAX: usize = 64;
/// Greatest length in bytes of what describes a track and is copied: sample entry and metadata boxes.
pub const DESCRIPTION_LEN_MAX: usize = 1 << 20;
/// Greatest length in bytes of the boxes that lay a film on a sphere and are carried over to another file.
pub const PROJECTION_LEN_MAX: usize = 256 << 10;
/// Longest segment that can be asked for in seconds: half of the longest that may come of it.
pub const TARGET_SECONDS_MAX: u32 = SEGMENT_SECONDS_MAX / 2;
/// Longest segment in seconds: what a keyframe must come within.
pub const SEGMENT_SECONDS_MAX: u32 = 12;
/// Largest segment in bytes: what a bundle can name.
pub const SEGMENT_LEN_MAX: u64 = 128 << 20;
/// Greatest number of segments of a rendition, which is that of a bundle: 22 hours in segments of 4 seconds.
pub const SEGMENTS_MAX: usize = 20_000;
/// Latest start of a track in seconds.
pub const LATE_START_MAX: u32 = 10;
/// Most bytes that a live stream keeps back, in all: what has arrived of a box, and the open segments.
pub const LIVE_PENDING_MAX: usize = 64 << 20;
/// Greatest length of a WebVTT file in bytes.
pub const WEBVTT_LEN_MAX: usize = 4 << 20;
/// Greatest number of characters of a name in a playlist.
pub const NAME_CHARS_MAX: usize = 120;
/// Greatest number of bytes of a URI in a playlist.
pub const URI_LEN_MAX: usize = 2048;
