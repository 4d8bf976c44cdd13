//! The bundle: what there is to see, where its bytes are, and how to check them (spec §17).

mod fields;
mod rules;

use std::num::{NonZeroU16, NonZeroU32};

use proofs::Cid;
use proofs::canonical::{self, CanonicalError};
use protocol::{ListTooLong, PublicKey, UnixSeconds};
use serde::{Deserialize, Serialize};

use self::fields::Fields;
use crate::{About, Byline, FileName, FileRef, LanguageTag, LiveId, MediaType, Millis};
use crate::{PublicationId, Title, Track, TrackError, TrackId};

/// Longest bundle, in bytes.
pub const BUNDLE_LEN_MAX: usize = 4 << 20;
/// Most tracks of a publication.
pub const TRACKS_MAX: usize = 32;
/// Most chapters of a publication.
pub const CHAPTERS_MAX: usize = 500;
/// Most attachments of a publication.
pub const ATTACHMENTS_MAX: usize = 100;
/// Most items of a collection.
pub const ITEMS_MAX: usize = 1000;
/// The version of the format.
const VERSION: u8 = 1;

/// A bundle that spec §17 calls valid. Whether its creator said so, only a record tells: see
/// [`PublishedBundle`](crate::PublishedBundle).
///
/// It holds the content keys of everything in it; [`encode`](Self::encode) writes them out, `Debug` does not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bundle {
    id: PublicationId,
    encoded_len: usize,
    parts: BundleParts,
}

/// What a bundle is made from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BundleParts {
    /// What the publication is.
    pub kind: BundleKind,
    /// Its title.
    pub title: Title,
    /// The key that signs its record.
    pub creator: PublicKey,
    /// When it was made.
    pub created: UnixSeconds,
    /// How long it plays: 0 for a collection, and for nothing else.
    pub duration: Millis,
    /// Picture, sound and subtitles; none in a collection, otherwise not subtitles alone.
    pub tracks: Vec<Track>,
    /// Places to jump to, each later than the one before.
    pub chapters: Vec<Chapter>,
    /// Files that come with it.
    pub attachments: Vec<Attachment>,
    /// The publications of a collection.
    pub items: Vec<Item>,
    /// What it is about.
    pub about: Option<About>,
    /// Who made it, in words.
    pub by: Option<Byline>,
    /// Its main language.
    pub language: Option<LanguageTag>,
    /// Whose agreements it is shown under, as the key of their ledger; without one it is free. None in a collection.
    pub ledger: Option<PublicKey>,
    /// The live stream that it was, with a ledger only: what was agreed about that holds for it.
    pub live: Option<LiveId>,
    /// A picture that stands for it.
    pub poster: Option<FileRef>,
    /// The thumbnails of the seek bar.
    pub strip: Option<Strip>,
}

/// What a publication is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BundleKind {
    /// Moving pictures.
    Film,
    /// Sound.
    Audio,
    /// A list of other publications.
    Collection,
}

impl BundleKind {
    /// `film`, `audio` or `collection`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Film => "film",
            Self::Audio => "audio",
            Self::Collection => "collection",
        }
    }
}

/// A place to jump to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Chapter {
    /// Where it begins.
    pub at: Millis,
    /// What it is called.
    pub title: Title,
}

/// A file that comes with a publication.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attachment {
    /// The file.
    pub file: FileRef,
    /// Its name, unique in the bundle.
    pub name: FileName,
    /// It carries a C2PA manifest, by its creator's word.
    #[serde(rename = "credentials", default, skip_serializing_if = "std::ops::Not::not")]
    pub has_credentials: bool,
}

/// One publication of a collection.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Item {
    /// Which one.
    pub bundle: PublicationId,
    /// What it is called here.
    pub title: Title,
}

/// The thumbnails of the seek bar in one picture, left to right, top to bottom.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Strip {
    /// The picture.
    pub file: FileRef,
    /// Thumbnails in a row.
    pub columns: NonZeroU16,
    /// How many there are: at most columns times rows.
    pub count: NonZeroU32,
    /// Milliseconds from one to the next.
    pub every: NonZeroU32,
    /// Pixels of one from top to bottom.
    pub height: NonZeroU16,
    /// Rows of thumbnails.
    pub rows: NonZeroU16,
    /// Pixels of one from left to right.
    pub width: NonZeroU16,
}

/// Why something is no bundle.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum BundleError {
    #[error("the bundle is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("the bundle has version {found}, only {VERSION} is known")]
    Version { found: u8 },
    #[error("bundle of {len} bytes, at most {BUNDLE_LEN_MAX} are allowed")]
    TooLong { len: usize },
    #[error("the bundle has a {0}")]
    List(#[from] ListTooLong),
    #[error("track {id}: {source}")]
    Track { id: TrackId, source: TrackError },
    #[error("there are two tracks {id}")]
    SameTrack { id: TrackId },
    #[error("{} with {tracks} tracks, of which {playable} are not subtitles", .kind.name())]
    Tracks { kind: BundleKind, tracks: usize, playable: usize },
    #[error("{} with a duration of {duration}", .kind.name())]
    Duration { kind: BundleKind, duration: Millis },
    #[error("a collection that is shown under the agreements of the ledger {ledger}")]
    Ledger { ledger: PublicKey },
    #[error("a publication that was the live stream {live}, and names no ledger")]
    Live { live: LiveId },
    #[error("{} with {items} items", .kind.name())]
    Items { kind: BundleKind, items: usize },
    #[error("chapter {chapter} at {at} does not lie between the one before and the end")]
    Chapter { chapter: usize, at: Millis },
    #[error("there are two attachments {name}")]
    SameAttachment { name: FileName },
    #[error("a picture of type {found}, only JPEG, PNG and WebP are known")]
    PictureType { found: MediaType },
    #[error("{count} thumbnails in {columns} columns and {rows} rows")]
    Strip { count: u32, columns: u16, rows: u16 },
}

impl Bundle {
    /// The bundle made from these parts, when they keep to all rules.
    pub fn new(parts: BundleParts) -> Result<Self, BundleError> {
        rules::check(&parts)?;
        let encoded = encode(&parts)?;
        Ok(Self { id: PublicationId::of(&encoded), encoded_len: encoded.len(), parts })
    }

    /// Reads a bundle. The caller compares [`Self::id`] with the one that was asked for.
    pub fn decode(bytes: &[u8]) -> Result<Self, BundleError> {
        let fields: Fields = canonical::from_slice(bytes, BUNDLE_LEN_MAX)?;
        let parts = fields.into_parts()?;
        rules::check(&parts)?;
        Ok(Self { id: PublicationId::of(bytes), encoded_len: bytes.len(), parts })
    }

    /// Its canonical CBOR, at most [`BUNDLE_LEN_MAX`] bytes. All content keys stand in it: publishing gives them away.
    pub fn encode(&self) -> Vec<u8> {
        encode(&self.parts).expect("a bundle has been found short enough when it was made")
    }

    /// Length of its encoding in bytes.
    pub const fn encoded_len(&self) -> usize {
        self.encoded_len
    }

    /// The name of the publication.
    pub const fn id(&self) -> PublicationId {
        self.id
    }

    /// Everything that the bundle says.
    pub const fn parts(&self) -> &BundleParts {
        &self.parts
    }

    /// What the publication is.
    pub const fn kind(&self) -> BundleKind {
        self.parts.kind
    }

    /// Its title.
    pub const fn title(&self) -> &Title {
        &self.parts.title
    }

    /// The key that signs its record.
    pub const fn creator(&self) -> PublicKey {
        self.parts.creator
    }

    /// What agreements about it name: its id, or that of the live stream that it was (spec §25).
    pub fn content(&self) -> Cid {
        self.parts.live.map_or(self.id.cid(), |live| live.cid())
    }

    /// All tracks.
    pub fn tracks(&self) -> &[Track] {
        &self.parts.tracks
    }

    /// The track of this id.
    pub fn track(&self, id: &str) -> Option<&Track> {
        self.parts.tracks.iter().find(|track| track.id().as_str() == id)
    }

    /// The attachment of this name.
    pub fn attachment(&self, name: &str) -> Option<&Attachment> {
        self.parts.attachments.iter().find(|attachment| attachment.name.as_str() == name)
    }
}

fn encode(parts: &BundleParts) -> Result<Vec<u8>, BundleError> {
    let encoded = canonical::to_vec(&Fields::of(parts)?);
    if encoded.len() > BUNDLE_LEN_MAX {
        return Err(BundleError::TooLong { len: encoded.len() });
    }
    Ok(encoded)
}
