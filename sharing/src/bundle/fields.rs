//! The CBOR maps of a bundle and its tracks.

use protocol::{BoundedList, PublicKey, UnixSeconds};
use serde::{Deserialize, Serialize};

use super::{ATTACHMENTS_MAX, CHAPTERS_MAX, ITEMS_MAX, TRACKS_MAX, VERSION};
use super::{Attachment, BundleError, BundleKind, BundleParts, Chapter, Item, Strip};
use crate::track_fields::TrackFields;
use crate::{About, Byline, FileRef, LanguageTag, LiveId, Millis, Title, Track};

/// The map of a bundle; the canonical form puts the keys in order.
#[derive(Serialize, Deserialize)]
pub(super) struct Fields {
    v: u8,
    kind: BundleKind,
    title: Title,
    #[serde(with = "protocol::keys")]
    creator: PublicKey,
    created: UnixSeconds,
    duration: Millis,
    tracks: BoundedList<TrackFields, TRACKS_MAX>,
    chapters: BoundedList<Chapter, CHAPTERS_MAX>,
    attachments: BoundedList<Attachment, ATTACHMENTS_MAX>,
    items: BoundedList<Item, ITEMS_MAX>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    about: Option<About>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<Byline>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<LanguageTag>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "protocol::keys::optional")]
    ledger: Option<PublicKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    live: Option<LiveId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    poster: Option<FileRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    strip: Option<Strip>,
}

impl Fields {
    pub(super) fn of(parts: &BundleParts) -> Result<Self, BundleError> {
        let parts = parts.clone();
        Ok(Self {
            v: VERSION,
            kind: parts.kind,
            title: parts.title,
            creator: parts.creator,
            created: parts.created,
            duration: parts.duration,
            tracks: BoundedList::new(parts.tracks.into_iter().map(TrackFields::from).collect())?,
            chapters: BoundedList::new(parts.chapters)?,
            attachments: BoundedList::new(parts.attachments)?,
            items: BoundedList::new(parts.items)?,
            about: parts.about,
            by: parts.by,
            language: parts.language,
            ledger: parts.ledger,
            live: parts.live,
            poster: parts.poster,
            strip: parts.strip,
        })
    }

    pub(super) fn into_parts(self) -> Result<BundleParts, BundleError> {
        if self.v != VERSION {
            return Err(BundleError::Version { found: self.v });
        }
        Ok(BundleParts {
            kind: self.kind,
            title: self.title,
            creator: self.creator,
            created: self.created,
            duration: self.duration,
            tracks: self.tracks.into_vec().into_iter().map(track).collect::<Result<_, _>>()?,
            chapters: self.chapters.into_vec(),
            attachments: self.attachments.into_vec(),
            items: self.items.into_vec(),
            about: self.about,
            by: self.by,
            language: self.language,
            ledger: self.ledger,
            live: self.live,
            poster: self.poster,
            strip: self.strip,
        })
    }
}

fn track(fields: TrackFields) -> Result<Track, BundleError> {
    let id = fields.id.clone();
    Track::try_from(fields).map_err(|source| BundleError::Track { id, source })
}
