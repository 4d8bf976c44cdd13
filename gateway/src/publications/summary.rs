//! What `/api/publications` says of a publication, as JSON.

use std::collections::HashSet;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sharing::{Bundle, PublicationId, Strip, Track, TrackKind};
use utoipa::ToSchema;

/// One line of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Summary {
    /// The publication id: the CID of the plaintext bundle.
    pub(crate) id: String,
    /// `film`, `audio` or `collection`.
    kind: String,
    title: String,
    /// The creator's name, in their own words.
    by: Option<String>,
    about: Option<String>,
    /// The creator key, in hexadecimal.
    creator: String,
    /// Unix time in seconds.
    pub(crate) created: u64,
    duration_ms: u64,
    /// BCP 47.
    language: Option<String>,
    /// Path of the poster.
    poster: Option<String>,
    strip: Option<StripPicture>,
    /// Path of the page that plays it.
    pub(crate) watch: String,
    listed: bool,
    /// The key of the ledger under whose agreements it is shown, in hexadecimal; null where it is free.
    #[serde(default)]
    ledger: Option<String>,
}

/// The thumbnails of the seek bar in one picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct StripPicture {
    url: String,
    columns: u16,
    rows: u16,
    count: u32,
    every_ms: u32,
    width: u16,
    height: u16,
}

/// A publication with all that belongs to it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Details {
    #[serde(flatten)]
    summary: Summary,
    tracks: Vec<TrackDetails>,
    chapters: Vec<ChapterDetails>,
    attachments: Vec<AttachmentDetails>,
    items: Vec<ItemDetails>,
}

#[derive(Debug, Serialize, ToSchema)]
struct TrackDetails {
    id: String,
    /// `video`, `audio` or `subtitles`.
    kind: &'static str,
    /// RFC 6381.
    codecs: String,
    language: Option<String>,
    label: Option<String>,
    default: bool,
    /// Bits per second over all of it.
    average: u64,
    /// Bits per second of the densest segment.
    peak: u64,
    width: Option<u16>,
    height: Option<u16>,
    /// Frames per second.
    frame_rate: Option<f64>,
    channels: Option<u8>,
    segments: u32,
    bytes: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct ChapterDetails {
    at_ms: u64,
    title: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct AttachmentDetails {
    name: String,
    r#type: String,
    bytes: u64,
    /// Whether it carries a C2PA manifest, by the word of its creator.
    credentials: bool,
    url: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct ItemDetails {
    id: String,
    title: String,
    watch: String,
    /// Whether its creator has withdrawn it here.
    withdrawn: bool,
}

impl Summary {
    pub(crate) fn new(bundle: &Bundle, listed: bool) -> Self {
        let (parts, id) = (bundle.parts(), bundle.id());
        Self {
            id: id.to_string(),
            kind: parts.kind.name().to_owned(),
            title: parts.title.to_string(),
            by: parts.by.as_ref().map(ToString::to_string),
            about: parts.about.as_ref().map(ToString::to_string),
            creator: HEXLOWER.encode(parts.creator.as_bytes()),
            created: parts.created.get(),
            duration_ms: parts.duration.get(),
            language: parts.language.as_ref().map(ToString::to_string),
            poster: parts.poster.as_ref().map(|_| format!("{}/poster", watch(id))),
            strip: parts.strip.as_ref().map(|strip| StripPicture::new(id, strip)),
            watch: watch(id),
            listed,
            ledger: parts.ledger.map(|ledger| HEXLOWER.encode(ledger.as_bytes())),
        }
    }
}

impl StripPicture {
    fn new(id: PublicationId, strip: &Strip) -> Self {
        Self {
            url: format!("{}/strip", watch(id)),
            columns: strip.columns.get(),
            rows: strip.rows.get(),
            count: strip.count.get(),
            every_ms: strip.every.get(),
            width: strip.width.get(),
            height: strip.height.get(),
        }
    }
}

impl Details {
    /// `withdrawn` holds those items of a collection that no longer play.
    pub(crate) fn new(bundle: &Bundle, summary: Summary, withdrawn: &HashSet<PublicationId>) -> Self {
        let (parts, id) = (bundle.parts(), bundle.id());
        let chapters = parts.chapters.iter();
        let attachments = parts.attachments.iter().map(|attachment| AttachmentDetails {
            name: attachment.name.to_string(),
            r#type: attachment.file.media_type.to_string(),
            bytes: attachment.file.len,
            credentials: attachment.has_credentials,
            url: format!("{}/attachments/{}", watch(id), percent_encoded(attachment.name.as_str())),
        });
        let items = parts.items.iter().map(|item| ItemDetails {
            id: item.bundle.to_string(),
            title: item.title.to_string(),
            watch: watch(item.bundle),
            withdrawn: withdrawn.contains(&item.bundle),
        });
        Self {
            summary,
            tracks: parts.tracks.iter().map(TrackDetails::new).collect(),
            chapters: chapters
                .map(|chapter| ChapterDetails { at_ms: chapter.at.get(), title: chapter.title.to_string() })
                .collect(),
            attachments: attachments.collect(),
            items: items.collect(),
        }
    }
}

impl TrackDetails {
    fn new(track: &Track) -> Self {
        let rates = track.bit_rates();
        let picture = if let TrackKind::Video(picture) = track.kind() { Some(picture) } else { None };
        let channels =
            if let TrackKind::Audio(channels) = track.kind() { Some(channels.get()) } else { None };
        Self {
            id: track.id().to_string(),
            kind: track.kind().name(),
            codecs: track.codecs().to_string(),
            language: track.language().map(ToString::to_string),
            label: track.label().map(ToString::to_string),
            default: track.is_default(),
            average: rates.average,
            peak: rates.peak,
            width: picture.map(|picture| picture.width.get()),
            height: picture.map(|picture| picture.height.get()),
            frame_rate: picture.map(|picture| f64::from(picture.rate.get()) / 1000.0),
            channels,
            segments: track.segment_count(),
            bytes: track.len(),
        }
    }
}

/// The path of a publication.
pub(crate) fn watch(id: PublicationId) -> String {
    format!("/watch/{id}")
}

/// A name as one segment of a path (RFC 3986 section 3.3).
fn percent_encoded(name: &str) -> String {
    name.bytes().fold(String::new(), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push('%');
            path.push_str(&data_encoding::HEXUPPER.encode(&[byte]));
        }
        path
    })
}
