//! `Content-Disposition` (RFC 6266): under which name, and whether at all, a browser shows an object by itself.
//!
//! Media type and name are the uploader's words. What could run script in the gateway's origin is only ever offered as a download;
//! elements such as `<video>` and scripts that fetch are not affected by this field.

use std::fmt::Write as _;

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY};
use axum::http::{HeaderMap, HeaderValue};

/// A media type as it may be sent: the uploader's word when it is one, and nothing that a browser could read otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServedType {
    text: String,
    is_inert: bool,
}

/// The type of what does not say what it is, or says it in no form that we pass on.
const UNKNOWN_TYPE: &str = "application/octet-stream";

impl ServedType {
    /// The type that an uploader gave.
    pub(crate) fn of(given: Option<&str>) -> Self {
        let text = given.filter(|text| is_media_type(text)).unwrap_or(UNKNOWN_TYPE);
        Self { text: text.to_owned(), is_inert: is_inert(text) }
    }

    /// The type, for whoever asked for this object by its link.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The type, or that of unknown bytes where a page of this origin could run it.
    pub(crate) fn inert(&self) -> &str {
        if self.is_inert { &self.text } else { UNKNOWN_TYPE }
    }

    /// Says how a browser that opens it by itself is to treat it: what it could run does not run in this origin.
    pub(crate) fn describe(&self, name: Option<&str>, headers: &mut HeaderMap) {
        headers.insert(CONTENT_DISPOSITION, content_disposition(name, self.is_inert));
        if !self.is_inert {
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
        }
    }
}

/// The value for something with this name, shown or only offered as a download.
fn content_disposition(name: Option<&str>, is_shown: bool) -> HeaderValue {
    let mut value = String::from(if is_shown { "inline" } else { "attachment" });
    if let Some(name) = name {
        // The quoted form for old readers, the extended form (RFC 8187) for the true name.
        let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
        write!(value, "; filename=\"{plain}\"").expect("writing to a string does not fail");
        if plain != name {
            value.push_str("; filename*=UTF-8''");
            push_extended(&mut value, name);
        }
    }
    HeaderValue::try_from(value).expect("quoted and encoded text is visible ASCII")
}

/// Whether a browser that opens something of this type by itself runs nothing of the uploader's.
fn is_inert(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_listed =
        ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "text/plain", "application/pdf"]
            .contains(&essence.as_str());
    is_listed || essence.starts_with("audio/") || essence.starts_with("video/")
}

/// Whether the uploader's word has the form `type/subtype` (RFC 9110 section 8.3.1), with parameters or without. No commas: browsers take
/// what follows the last one for the type.
fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    let is_token = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    essence.split_once('/').is_some_and(|(class, kind)| is_token(class) && is_token(kind))
        && text.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b',')
        // A part of a multipart body must not pass for the whole.
        && !essence.to_ascii_lowercase().starts_with("multipart/")
}

fn is_plain(c: char) -> bool {
    // A percent sign is decoded by some readers, so it goes with the rest.
    matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '%')
}

fn push_extended(value: &mut String, name: &str) {
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            value.push(char::from(byte));
        } else {
            write!(value, "%{byte:02X}").expect("writing to a string does not fail");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names() {
        for (name, want) in [
            (None, "inline"),
            (Some("film.mp4"), "inline; filename=\"film.mp4\""),
            (Some("two words.mp4"), "inline; filename=\"two words.mp4\""),
            (Some("a\"b\\c"), "inline; filename=\"a_b_c\"; filename*=UTF-8''a%22b%5Cc"),
            (Some("a\"; x=\"y"), "inline; filename=\"a_; x=_y\"; filename*=UTF-8''a%22%3B%20x%3D%22y"),
            (Some("50%.mp4"), "inline; filename=\"50_.mp4\"; filename*=UTF-8''50%25.mp4"),
            (Some("€ rates"), "inline; filename=\"_ rates\"; filename*=UTF-8''%E2%82%AC%20rates"), // RFC 6266 section 5
        ] {
            assert_eq!(content_disposition(name, true), want);
        }
        assert_eq!(content_disposition(Some("a.html"), false), "attachment; filename=\"a.html\"");
    }

    #[test]
    fn only_what_cannot_run_is_shown() {
        for shown in [
            "video/mp4",
            "audio/ogg",
            "image/png",
            "text/plain; charset=utf-8",
            "application/pdf",
            "VIDEO/MP4",
        ] {
            assert!(is_inert(shown), "{shown}");
        }
        for kept in [
            "text/html",
            "image/svg+xml",
            "IMAGE/SVG+XML",
            "application/xhtml+xml",
            "text/xml",
            "",
            "video",
            "x",
            "image/x-icon",
            "text/javascript",
        ] {
            assert!(!is_inert(kept), "{kept}");
        }
    }

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
            "image/png;,text/html",
            "image/png, text/html",
        ] {
            assert!(!is_media_type(bad), "{bad:?}");
        }
    }

    #[test]
    fn what_could_run_is_served_as_unknown_bytes() {
        for (given, served) in [
            (Some("video/mp4"), "video/mp4"),
            (Some("text/javascript"), "application/octet-stream"),
            (Some("image/png;,text/html"), "application/octet-stream"),
            (None, "application/octet-stream"),
        ] {
            assert_eq!(ServedType::of(given).inert(), served);
        }
        assert_eq!(ServedType::of(Some("text/html")).as_str(), "text/html");
    }

    proptest! {
        #[test]
        fn any_name_gives_one_safe_field(name in any::<String>()) {
            let value = content_disposition(Some(&name), true);
            let text = value.to_str().unwrap();
            prop_assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)));
            prop_assert_eq!(text.matches('"').count(), 2);
        }
    }
}
