//! What a publication consists of on the way to a viewer: tracks, segments, pictures and playlists as representations.

use std::sync::Arc;

use axum::http::HeaderValue;
use bytes::Bytes;
use chunker::Link;
use client::Object;
use sharing::{ContentHash, FileRef, SegmentPlace, Track};

use super::opened::OpenedBundle;
use super::standing::Publications;
use crate::body::Source;
use crate::problem::{Code, Problem};
use crate::representation::{Content, Representation};
use crate::rfc9110::{ByteRange, EntityTag};

/// What follows from a publication id never changes.
pub(super) const FOR_EVER: HeaderValue =
    HeaderValue::from_static("public, max-age=31536000, immutable, no-transform");

/// A run of bytes of one object, named by its hash.
pub(crate) struct Run {
    pub(crate) object: Object,
    pub(crate) range: ByteRange,
    hash: ContentHash,
    media_type: String,
}

impl Run {
    pub(crate) fn new(object: Object, range: ByteRange, hash: ContentHash, media_type: &str) -> Self {
        Self { object, range, hash, media_type: media_type.to_owned() }
    }

    pub(crate) fn source(&self) -> Source {
        Source::of(&self.object)
    }

    pub(crate) fn representation(&self) -> Representation {
        Representation {
            tag: EntityTag::of(&self.hash),
            media_type: self.media_type.clone(),
            cache_control: FOR_EVER,
            content: Content::Object {
                source: self.source(),
                begin: self.range.start(),
                len: self.range.len(),
            },
        }
    }
}

/// A publication that may be served, and what opens its objects.
pub(crate) struct Show<'g> {
    pub(crate) publications: &'g Publications,
    pub(crate) bundle: Arc<OpenedBundle>,
}

impl Show<'_> {
    pub(crate) fn track(&self, id: &str) -> Result<&Track, Problem> {
        self.bundle.bundle().track(id).ok_or_else(|| nothing(format!("there is no track {id:?}")))
    }

    /// The playlist with this name, which `write` writes when nobody has asked for it lately.
    pub(crate) fn playlist(
        &self,
        name: &str,
        write: impl FnOnce() -> Result<String, Problem>,
    ) -> Result<Representation, Problem> {
        let text = self.publications.playlists.get(self.bundle.bundle().id(), name, write)?;
        Ok(text.representation())
    }

    /// The init section of a track.
    pub(crate) async fn init(&self, track: &Track) -> Result<Run, Problem> {
        let init = track.init().ok_or_else(|| nothing("subtitles have no init section"))?;
        let range = ByteRange::new(0, init.len().get().into()).expect("an init section has a length");
        let object = self.part(track, 0).await?;
        Ok(Run { object, range, hash: init.hash(), media_type: track.kind().media_type().to_owned() })
    }

    /// A segment of a track.
    pub(crate) async fn segment(&self, track: &Track, number: u32) -> Result<Run, Problem> {
        let count = track.segment_count();
        let place = track.segment(number);
        let place = place.ok_or_else(|| nothing(format!("segment {number} of {count}, counted from 0")))?;
        let object = self.part(track, place.part()).await?;
        let (range, hash) = (range_of(&place), place.hash());
        Ok(Run { object, range, hash, media_type: track.kind().media_type().to_owned() })
    }

    /// A track that lies in one object, as one file.
    pub(crate) async fn file(&self, track: &Track) -> Result<Representation, Problem> {
        if track.parts().len() > 1 {
            return Err(nothing("this track was live: it has segments, but no file"));
        }
        let object = self.part(track, 0).await?;
        Ok(Representation {
            tag: EntityTag::of(&object.cid()),
            media_type: track.kind().media_type().to_owned(),
            cache_control: FOR_EVER,
            content: Content::Object { source: Source::of(&object), begin: 0, len: object.len() },
        })
    }

    /// A picture, which is open to everybody.
    pub(crate) async fn picture(&self, file: &FileRef) -> Result<Representation, Problem> {
        let object = self.publications.object(&file.link(), file.len).await?;
        Ok(whole(&object, file))
    }

    /// An attachment.
    pub(crate) async fn attachment(&self, file: &FileRef) -> Result<Representation, Problem> {
        Ok(whole(&self.object(&file.link(), file.len).await?, file))
    }

    async fn part(&self, track: &Track, part: u32) -> Result<Object, Problem> {
        let link = track.parts()[part as usize].link();
        let len = track.part_len(part).expect("parts are counted from 0 and hold segments");
        self.object(&link, len).await
    }

    /// What is shown as this publication is: freely, or for money to its creator.
    async fn object(&self, link: &Link, len: u64) -> Result<Object, Problem> {
        let bundle = self.bundle.bundle();
        match bundle.parts().ledger {
            Some(_) => self.publications.object_for_money(link, len, bundle.creator()).await,
            None => self.publications.object(link, len).await,
        }
    }
}

fn whole(object: &Object, file: &FileRef) -> Representation {
    Representation {
        tag: EntityTag::of(&file.hash),
        media_type: file.media_type.to_string(),
        cache_control: FOR_EVER,
        content: Content::Object { source: Source::of(object), begin: 0, len: file.len },
    }
}

/// Text or bytes that follow from a bundle.
pub(crate) fn derived(media_type: &str, bytes: impl Into<Bytes>) -> Representation {
    let bytes = bytes.into();
    Representation {
        tag: EntityTag::of(&ContentHash::of(&bytes)),
        media_type: media_type.to_owned(),
        cache_control: FOR_EVER,
        content: Content::Memory(bytes),
    }
}

fn range_of(place: &SegmentPlace) -> ByteRange {
    ByteRange::new(place.offset(), place.end()).expect("a segment has a length")
}

pub(crate) fn nothing(what: impl Into<String>) -> Problem {
    Problem::new(Code::NotPublished, what)
}
