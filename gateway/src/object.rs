//! An object that a handle stands for, with the headers that every answer about it has.

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY};
use axum::http::{HeaderMap, HeaderValue};
use client::Object;
use proofs::Cid;

use crate::body::Source;
use crate::disposition::{content_disposition, is_inert};
use crate::representation::Content;
use crate::rfc9110::EntityTag;

/// The type of objects that do not say what they are.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// What the rest of an entry takes: names, headers, keys.
const ENTRY_LEN: u64 = 2048;

/// An opened object. Its keys are wiped when it is dropped.
#[derive(Debug)]
pub(crate) struct ServedObject {
    object: Object,
    tag: EntityTag,
    media_type: String,
    disposition: HeaderValue,
}

impl ServedObject {
    /// The object as it is served. Its opening has checked the key against the manifest's commitment.
    pub(crate) fn new(object: Object) -> Self {
        let media_type =
            object.media_type().filter(|text| is_media_type(text)).unwrap_or(UNKNOWN_TYPE).to_owned();
        Self {
            tag: EntityTag::of(&object.cid()),
            disposition: content_disposition(object.name(), &media_type),
            media_type,
            object,
        }
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
        &self.media_type
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
        headers.insert(CONTENT_DISPOSITION, self.disposition.clone());
        if !is_inert(&self.media_type) {
            // Opened by itself it could run script: not in this origin.
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
        }
    }

    /// All of its bytes.
    pub(crate) fn content(&self) -> Content {
        Content::Object { source: Source::of(&self.object), begin: 0, len: self.len() }
    }
}

/// Whether the uploader's word has the form `type/subtype` (RFC 9110 section 8.3.1), with parameters or without.
fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    let is_token = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    essence.split_once('/').is_some_and(|(class, kind)| is_token(class) && is_token(kind))
        && text.bytes().all(|b| (b' '..=b'~').contains(&b))
        // A part of a multipart body must not pass for the whole.
        && !essence.to_ascii_lowercase().starts_with("multipart/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types() {
        for good in [
            "video/mp4",
            "text/plain; charset=utf-8",
            "application/vnd.apple.mpegurl",
            "IMAGE/PNG",
            "a/b ;c=d",
        ] {
            assert!(is_media_type(good), "{good}");
        }
        for bad in [
            "",
            "video",
            "/mp4",
            "video/",
            "video/mp4/x",
            "video mp4",
            " video/mp4",
            "v/é",
            "a/b;\u{7f}",
            "multipart/byteranges",
        ] {
            assert!(!is_media_type(bad), "{bad:?}");
        }
    }
}
