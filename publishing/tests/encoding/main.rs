//! Encoding with the real ffmpeg, over clips that it makes itself.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod films;
mod hostile;
mod pictures;
mod sound;
mod workshop;
