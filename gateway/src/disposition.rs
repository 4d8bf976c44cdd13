//! `Content-Disposition` (RFC 6266): under which name, and whether at all, a browser shows an object by itself.
//!
//! Media type and name are the uploader's words. What could run script in the gateway's origin is only ever offered as a download;
//! elements such as `<video>` and scripts that fetch are not affected by this field.

use std::fmt::Write as _;

use axum::http::HeaderValue;

/// The value for an object with this name and media type.
pub(crate) fn content_disposition(name: Option<&str>, media_type: &str) -> HeaderValue {
    let mut value = String::from(if is_inert(media_type) { "inline" } else { "attachment" });
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

/// Whether a browser that opens an object of this type by itself runs nothing of the uploader's.
pub(crate) fn is_inert(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (class, kind) = essence.split_once('/').unwrap_or_default();
    match class {
        "audio" | "video" => true,
        "image" => !kind.starts_with("svg"),
        "text" => kind == "plain",
        "application" => kind == "pdf",
        _ => false,
    }
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
            assert_eq!(content_disposition(name, "video/mp4"), want);
        }
        assert_eq!(content_disposition(Some("a.html"), "text/html"), "attachment; filename=\"a.html\"");
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
        ] {
            assert!(!is_inert(kept), "{kept}");
        }
    }

    proptest! {
        #[test]
        fn any_name_gives_one_safe_field(name in any::<String>()) {
            let value = content_disposition(Some(&name), "video/mp4");
            let text = value.to_str().unwrap();
            prop_assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)));
            prop_assert_eq!(text.matches('"').count(), 2);
        }
    }
}
