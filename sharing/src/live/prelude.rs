//! The prelude: all that is known of a live stream when it begins.

use std::collections::HashSet;
use std::fmt;
use std::num::NonZeroU32;

use bytes::Bytes;
use proofs::canonical::{self, CanonicalError};
use protocol::{ListTooLong, PublicKey, UnixSeconds};

use super::fields::Fields;
use crate::{
    About, BundleKind, Byline, Codecs, ContentHash, INIT_LEN_MAX, InitSection, Label, LanguageTag, LiveId,
    Title, TrackError, TrackId, TrackKind,
};

/// Longest prelude, in bytes.
pub const PRELUDE_LEN_MAX: usize = 1 << 20;
/// Longest segment that can be aimed at, in seconds.
pub const TARGET_S_MAX: u8 = 6;
/// Longest segment that can be announced, in seconds.
pub const LONGEST_S_MAX: u8 = 12;

/// A prelude that spec §21 calls valid. Whether its creator said so, only a record tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prelude {
    id: LiveId,
    parts: PreludeParts,
}

/// What a prelude is made from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PreludeParts {
    /// A film or sound.
    pub kind: BundleKind,
    /// Its title.
    pub title: Title,
    /// The key that signs all records of the stream.
    pub creator: PublicKey,
    /// When it was made.
    pub created: UnixSeconds,
    /// Random: it makes two streams of one title two.
    pub salt: [u8; 16],
    /// About how long a segment lasts, in seconds: 1 to [`TARGET_S_MAX`].
    pub target: u8,
    /// No segment lasts longer, in seconds: from `target` to [`LONGEST_S_MAX`].
    pub longest: u8,
    /// Picture and sound, at least one.
    pub tracks: Vec<LiveTrack>,
    /// What it is about.
    pub about: Option<About>,
    /// Who makes it, in words.
    pub by: Option<Byline>,
    /// Its main language.
    pub language: Option<LanguageTag>,
    /// Whose agreements it is shown under, as the key of their ledger; without one it is free.
    pub ledger: Option<PublicKey>,
}

/// One rendition of picture or sound.
#[derive(Clone, PartialEq, Eq)]
pub struct LiveTrack {
    /// Its name in the stream and in URLs.
    pub id: TrackId,
    /// What it is; never subtitles.
    pub kind: TrackKind,
    /// Its codec.
    pub codecs: Codecs,
    /// Units per second.
    pub timescale: NonZeroU32,
    /// What stands before the first segment: 1 byte to 1 MiB.
    pub init: Bytes,
    /// Whether it is chosen when nobody chooses.
    pub default: bool,
    /// The language that is spoken.
    pub language: Option<LanguageTag>,
    /// What people choose it by.
    pub label: Option<Label>,
}

/// Why something is no prelude.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum PreludeError {
    #[error("the prelude is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("the prelude has version {found}, only 1 is known")]
    Version { found: u8 },
    #[error("prelude of {len} bytes, at most {PRELUDE_LEN_MAX} are allowed")]
    TooLong { len: usize },
    #[error("the prelude has a {0}")]
    List(#[from] ListTooLong),
    #[error("a live stream is a film or audio, not a collection")]
    Kind,
    #[error("segments of about {target} s and at most {longest} s")]
    Seconds { target: u8, longest: u8 },
    #[error("a live stream without tracks")]
    NoTracks,
    #[error("track {id}: {source}")]
    Track { id: TrackId, source: TrackError },
    #[error("there are two tracks {id}")]
    SameTrack { id: TrackId },
}

impl LiveTrack {
    /// Length and hash of what stands before the first segment.
    pub fn init_section(&self) -> InitSection {
        let len = u32::try_from(self.init.len()).ok().and_then(NonZeroU32::new);
        InitSection::new(len.expect("a prelude has checked it"), ContentHash::of(&self.init))
    }

    fn check(&self) -> Result<(), TrackError> {
        if matches!(self.kind, TrackKind::Subtitles) || self.init.is_empty() {
            return Err(TrackError::InitKind);
        }
        let len = u32::try_from(self.init.len()).unwrap_or(u32::MAX);
        if len > INIT_LEN_MAX { Err(TrackError::InitLen { len }) } else { Ok(()) }
    }
}

impl fmt::Debug for LiveTrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiveTrack({} {}, init of {} bytes)", self.id, self.codecs, self.init.len())
    }
}

impl Prelude {
    /// The prelude made from these parts, when they keep to all rules.
    pub fn new(parts: PreludeParts) -> Result<Self, PreludeError> {
        check(&parts)?;
        let encoded = encode(&parts)?;
        Ok(Self { id: LiveId::of(&encoded), parts })
    }

    /// Reads a prelude. The caller compares [`Self::id`] with the one that was asked for.
    pub fn decode(bytes: &[u8]) -> Result<Self, PreludeError> {
        let fields: Fields = canonical::from_slice(bytes, PRELUDE_LEN_MAX)?;
        let parts = fields.into_parts()?;
        check(&parts)?;
        Ok(Self { id: LiveId::of(bytes), parts })
    }

    /// Its canonical CBOR, at most [`PRELUDE_LEN_MAX`] bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(&self.parts).expect("a prelude has been found short enough when it was made")
    }

    /// The name of the stream.
    pub const fn id(&self) -> LiveId {
        self.id
    }

    /// Everything that the prelude says.
    pub const fn parts(&self) -> &PreludeParts {
        &self.parts
    }

    /// The key that signs all records of the stream.
    pub const fn creator(&self) -> PublicKey {
        self.parts.creator
    }

    /// All tracks; at least one.
    pub fn tracks(&self) -> &[LiveTrack] {
        &self.parts.tracks
    }

    /// Whether a segment of a track may last so many units: rounded to whole seconds, not longer than announced.
    pub(crate) fn allows(&self, duration: u32, timescale: NonZeroU32) -> bool {
        let halves = u64::from(duration) * 2;
        halves < (2 * u64::from(self.parts.longest) + 1) * u64::from(timescale.get())
    }
}

fn encode(parts: &PreludeParts) -> Result<Vec<u8>, PreludeError> {
    let encoded = canonical::to_vec(&Fields::of(parts)?);
    if encoded.len() > PRELUDE_LEN_MAX {
        return Err(PreludeError::TooLong { len: encoded.len() });
    }
    Ok(encoded)
}

fn check(parts: &PreludeParts) -> Result<(), PreludeError> {
    let (target, longest) = (parts.target, parts.longest);
    if parts.kind == BundleKind::Collection {
        return Err(PreludeError::Kind);
    }
    if !(1..=TARGET_S_MAX).contains(&target) || !(target..=LONGEST_S_MAX).contains(&longest) {
        return Err(PreludeError::Seconds { target, longest });
    }
    if parts.tracks.is_empty() {
        return Err(PreludeError::NoTracks);
    }
    let mut ids = HashSet::new();
    for track in &parts.tracks {
        track.check().map_err(|source| PreludeError::Track { id: track.id.clone(), source })?;
        if !ids.insert(&track.id) {
            return Err(PreludeError::SameTrack { id: track.id.clone() });
        }
    }
    Ok(())
}
