//! Everything that calls ffmpeg.
//!
//! ```text
//! Tools::find → probe → needs_encoding?
//!                     → Ladder::choose → encode_ladder   one MP4 per rung and per audio stream
//!                     → encode_audio                     one MP4 with AAC or Opus
//!                     → poster, strip                    pictures
//! ```
//!
//! Masters are hostile until shown otherwise. No name reaches a shell, none is taken for an option, a protocol or a
//! pattern; a file that is really a playlist is refused, so that it cannot make ffmpeg read other files; sizes,
//! lengths, output and times have the named limits of [`limits`]. A process dies with the future that waits for it.
//!
//! Files are cut into segments elsewhere; progress is told to a callback and never printed.

mod audio;
mod input;
mod ladder;
pub mod limits;
mod needs;
mod output;
mod pictures;
mod probe;
mod process;
mod size;
mod tone;
mod tools;
mod video;
mod words;

pub use audio::{AudioCodec, AudioTarget, EncodedAudio, EncodedAudios, encode_audio};
pub use ladder::{Ladder, Rung};
pub use needs::{Reason, needs_encoding};
pub use output::EncodeError;
pub use pictures::{PictureError, Strip, poster, strip};
pub use probe::{AudioProbe, Cover, FrameRate, Hdr, Probe, ProbeError, Tags, VideoProbe, probe};
pub use size::Size;
pub use tools::{Tools, ToolsError, Version};
pub use video::{EncodedLadder, EncodedRung, encode_ladder};
