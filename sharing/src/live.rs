//! Streams that are watched while they are made (spec §21).

mod announced;
mod fields;
mod prelude;
mod stream;
#[cfg(test)]
mod tests;

pub use announced::{AnnouncedPrelude, AnnouncedPreludeError};
pub use prelude::{
    LONGEST_S_MAX, LiveTrack, PRELUDE_LEN_MAX, Prelude, PreludeError, PreludeParts, TARGET_S_MAX,
};
pub use stream::{LIVE_SEGMENTS_MAX, LiveState, LiveStream, LiveStreamError, Taken, UnfinishedError};
