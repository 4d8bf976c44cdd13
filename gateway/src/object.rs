//! An object that a handle stands for, with the headers that every answer about it has.

use axum::http::HeaderMap;
use client::Object;
use proofs::Cid;

use crate::body::Source;
use crate::disposition::ServedType;
use crate::representation::Content;
use crate::rfc9110::EntityTag;

/// What the rest of an entry takes: names, headers, keys.
const ENTRY_LEN: u64 = 2048;

/// An opened object. Its keys are wiped when it is dropped.
#[derive(Debug)]
pub(crate) struct ServedObject {
    object: Object,
    tag: EntityTag,
    served: ServedType,
}

impl ServedObject {
    /// The object as it is served. Its opening has checked the key against the manifest's commitment.
    pub(crate) fn new(object: Object) -> Self {
        let served = ServedType::of(object.media_type());
        Self { tag: EntityTag::of(&object.cid()), served, object }
    }

    pub(crate) fn cid(&self) -> Cid {
        self.object.cid()
    }

    pub(crate) fn len(&self) -> u64 {
        self.object.len()
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.object.name()
    }

    pub(crate) fn media_type(&self) -> &str {
        self.served.as_str()
    }

    pub(crate) fn tag(&self) -> &EntityTag {
        &self.tag
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn weight(&self) -> u64 {
        ENTRY_LEN + 32 * self.object.manifest().roots().len() as u64
    }

    /// The headers that tell a browser which opens the object by itself what to do with it.
    pub(crate) fn describe(&self, headers: &mut HeaderMap) {
        self.served.describe(self.object.name(), headers);
    }

    /// All of its bytes.
    pub(crate) fn content(&self) -> Content {
        Content::Object { source: Source::of(&self.object), begin: 0, len: self.len() }
    }
}
