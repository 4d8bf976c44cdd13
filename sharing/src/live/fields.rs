//! The CBOR maps of a prelude and its tracks.

use std::num::NonZeroU32;

use bytes::Bytes;
use protocol::{BoundedList, PublicKey, UnixSeconds};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::prelude::{LiveTrack, PreludeError, PreludeParts};
use crate::track_fields::{KindName, KindType, keys_of, kind_of};
use crate::{
    About, BundleKind, Byline, Channels, Codecs, Label, LanguageTag, Picture, TRACKS_MAX, Title, TrackId,
};

const VERSION: u8 = 1;

/// The map of a prelude; the canonical form puts the keys in order.
#[derive(Serialize, Deserialize)]
pub(super) struct Fields {
    v: u8,
    kind: BundleKind,
    title: Title,
    #[serde(with = "protocol::keys")]
    creator: PublicKey,
    created: UnixSeconds,
    salt: ByteArray<16>,
    target: u8,
    longest: u8,
    tracks: BoundedList<TrackKeys, TRACKS_MAX>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    about: Option<About>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<Byline>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<LanguageTag>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "protocol::keys::optional")]
    ledger: Option<PublicKey>,
}

#[derive(Serialize, Deserialize)]
struct TrackKeys {
    id: TrackId,
    kind: KindName,
    codecs: Codecs,
    #[serde(rename = "type")]
    media_type: KindType,
    timescale: NonZeroU32,
    init: ByteBuf,
    default: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<LanguageTag>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<Label>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    picture: Option<Picture>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channels: Option<Channels>,
}

impl Fields {
    pub(super) fn of(parts: &PreludeParts) -> Result<Self, PreludeError> {
        let parts = parts.clone();
        Ok(Self {
            v: VERSION,
            kind: parts.kind,
            title: parts.title,
            creator: parts.creator,
            created: parts.created,
            salt: ByteArray::new(parts.salt),
            target: parts.target,
            longest: parts.longest,
            tracks: BoundedList::new(parts.tracks.into_iter().map(TrackKeys::from).collect())?,
            about: parts.about,
            by: parts.by,
            language: parts.language,
            ledger: parts.ledger,
        })
    }

    pub(super) fn into_parts(self) -> Result<PreludeParts, PreludeError> {
        if self.v != VERSION {
            return Err(PreludeError::Version { found: self.v });
        }
        Ok(PreludeParts {
            kind: self.kind,
            title: self.title,
            creator: self.creator,
            created: self.created,
            salt: self.salt.into_array(),
            target: self.target,
            longest: self.longest,
            tracks: self.tracks.into_vec().into_iter().map(track).collect::<Result<_, _>>()?,
            about: self.about,
            by: self.by,
            language: self.language,
            ledger: self.ledger,
        })
    }
}

impl From<LiveTrack> for TrackKeys {
    fn from(track: LiveTrack) -> Self {
        let (kind, media_type, picture, channels) = keys_of(track.kind);
        Self {
            id: track.id,
            kind,
            codecs: track.codecs,
            media_type,
            timescale: track.timescale,
            init: Vec::from(track.init).into(),
            default: track.default,
            language: track.language,
            label: track.label,
            picture,
            channels,
        }
    }
}

fn track(keys: TrackKeys) -> Result<LiveTrack, PreludeError> {
    let kind = kind_of((keys.kind, keys.media_type, keys.picture, keys.channels));
    let kind = kind.map_err(|source| PreludeError::Track { id: keys.id.clone(), source })?;
    Ok(LiveTrack {
        id: keys.id,
        kind,
        codecs: keys.codecs,
        timescale: keys.timescale,
        init: Bytes::from(keys.init.into_vec()),
        default: keys.default,
        language: keys.language,
        label: keys.label,
    })
}
