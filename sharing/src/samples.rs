//! Tracks, bundles and records for the tests of this crate.

use std::num::{NonZeroU16, NonZeroU32};

use chunker::ContentKey;
use proofs::Cid;
use protocol::{SecretKey, UnixSeconds};

use crate::{
    BundleKind, BundleParts, Codecs, ContentHash, InitSection, Millis, Part, Picture, Publication,
    PublicationId, Segment, Title, Track, TrackError, TrackId, TrackKind, TrackParts,
};

/// Every byte of every content key: 231.
pub(crate) const SECRET_BYTE: u8 = 0xe7;

pub(crate) fn creator() -> SecretKey {
    SecretKey::from_bytes(&[1; 32])
}

fn part(segments: u32) -> Part {
    Part {
        key: ContentKey::from_bytes([SECRET_BYTE; 32]),
        object: Cid::of(b"object"),
        segments: NonZeroU32::new(segments).unwrap(),
    }
}

/// A track of so many segments, all in one part or each in its own.
pub(crate) fn track(id: &str, segments: usize, in_parts: bool) -> Result<Track, TrackError> {
    let count = u32::try_from(segments).unwrap();
    let picture = Picture { height: NonZeroU16::MIN, rate: NonZeroU32::MIN, width: NonZeroU16::MIN };
    Track::new(TrackParts {
        id: TrackId::new(id).unwrap(),
        kind: TrackKind::Video(picture),
        codecs: Codecs::new("avc1").unwrap(),
        timescale: NonZeroU32::MIN,
        parts: if in_parts { vec![part(1); segments] } else { vec![part(count)] },
        init: Some(InitSection::new(NonZeroU32::MIN, ContentHash::of(b"i"))),
        segments: vec![Segment { len: 1, duration: 1, hash: ContentHash::of(b"s") }; segments],
        default: true,
        language: None,
        label: None,
    })
}

pub(crate) fn parts() -> BundleParts {
    BundleParts {
        kind: BundleKind::Film,
        title: Title::new("A film").unwrap(),
        creator: creator().public(),
        created: UnixSeconds::new(1),
        duration: Millis::new(1000),
        tracks: vec![track("v", 1, false).unwrap()],
        chapters: Vec::new(),
        attachments: Vec::new(),
        items: Vec::new(),
        about: None,
        by: None,
        language: None,
        ledger: None,
        live: None,
        poster: None,
        strip: None,
    }
}

pub(crate) fn publication(bundle: PublicationId) -> Publication {
    let key = ContentKey::from_bytes([SECRET_BYTE; 32]);
    Publication { bundle, issued: UnixSeconds::new(1), key, listed: true, object: Cid::of(b"object") }
}
