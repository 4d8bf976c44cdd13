//! What a track is, with what belongs to that kind only; and what stands before its segments.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{ContentHash, VerifiedBytes};

/// What a track is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TrackKind {
    /// One rendition of the picture.
    Video(Picture),
    /// One rendition of the sound.
    Audio(Channels),
    /// One `WebVTT` file.
    Subtitles,
}

impl TrackKind {
    /// `video`, `audio` or `subtitles`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Video(_) => "video",
            Self::Audio(_) => "audio",
            Self::Subtitles => "subtitles",
        }
    }

    /// `video/mp4`, `audio/mp4` or `text/vtt`.
    pub const fn media_type(&self) -> &'static str {
        match self {
            Self::Video(_) => "video/mp4",
            Self::Audio(_) => "audio/mp4",
            Self::Subtitles => "text/vtt",
        }
    }

    /// How the names of its segments end in URLs (spec §19): `m4s` or `vtt`.
    pub const fn segment_ending(&self) -> &'static str {
        match self {
            Self::Video(_) | Self::Audio(_) => "m4s",
            Self::Subtitles => "vtt",
        }
    }
}

/// Size and rate of a picture, as shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Picture {
    /// Pixels from top to bottom.
    pub height: NonZeroU16,
    /// Frames per 1000 seconds.
    pub rate: NonZeroU32,
    /// Pixels from left to right.
    pub width: NonZeroU16,
}

/// How many channels a track of sound has: 1 to 64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Channels(u8);

/// A number of channels that no track has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{found} channels, 1 to 64 are possible")]
pub struct ChannelsError {
    found: u8,
}

impl Channels {
    /// This many channels, from 1 to 64.
    pub const fn new(number: u8) -> Result<Self, ChannelsError> {
        if matches!(number, 1..=64) { Ok(Self(number)) } else { Err(ChannelsError { found: number }) }
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Channels {
    type Error = ChannelsError;

    fn try_from(number: u8) -> Result<Self, ChannelsError> {
        Self::new(number)
    }
}

impl From<Channels> for u8 {
    fn from(channels: Channels) -> Self {
        channels.0
    }
}

/// The init section of a track: `ftyp` and `moov`, at the start of its first part.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct InitSection {
    len: NonZeroU32,
    hash: ContentHash,
}

impl InitSection {
    /// The init section of this length in bytes and this hash.
    pub const fn new(len: NonZeroU32, hash: ContentHash) -> Self {
        Self { len, hash }
    }

    /// Its length in bytes.
    pub const fn len(&self) -> NonZeroU32 {
        self.len
    }

    /// BLAKE3 of its bytes.
    pub const fn hash(&self) -> ContentHash {
        self.hash
    }

    /// The bytes, when they are the init section; `None` when they are not.
    pub fn verify(&self, bytes: Bytes) -> Option<VerifiedBytes> {
        VerifiedBytes::check(bytes, self.len.get().into(), &self.hash)
    }
}
