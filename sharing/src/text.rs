//! The texts of bundles and records (spec §17): each has a type, which is checked once and safe to show.

use chunker::{MEDIA_TYPE_LEN_MAX, NAME_LEN_MAX, ObjectHeader};

/// Why a text is not what it is meant to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not {what}: {rule}, found {len} bytes")]
pub struct TextError {
    what: &'static str,
    rule: &'static str,
    len: usize,
}

/// Declares a text with its rule: `Name, "what it is", "the rule in words", |text| whether it keeps to it`.
macro_rules! text {
    ($(#[$docs:meta])* $name:ident, $what:literal, $rule:literal, $keeps:expr) => {
        $(#[$docs])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("The text, when it keeps to its rule: ", $rule, ".")]
            pub fn new(text: impl Into<String>) -> Result<Self, $crate::TextError> {
                let text = text.into();
                let keeps: fn(&str) -> bool = $keeps;
                if keeps(&text) {
                    Ok(Self(text))
                } else {
                    Err($crate::text::TextError::new($what, $rule, text.len()))
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::TextError;

            fn try_from(text: String) -> Result<Self, $crate::TextError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text! {
    /// The title of a publication, a chapter or an item of a collection.
    Title, "a title", "1 to 200 bytes without control characters",
    |text| is_line(text, 200)
}
text! {
    /// What a publication is about, in paragraphs.
    About, "a description", "1 to 4000 bytes without control characters but line feeds",
    |text| (1..=4000).contains(&text.len()) && !text.contains(|c: char| c.is_control() && c != '\n')
}
text! {
    /// The name by which the creator wants to be known.
    Byline, "the name of a creator", "1 to 200 bytes without control characters",
    |text| is_line(text, 200)
}
text! {
    /// What people choose a track by. It may contain quotation marks.
    Label, "the label of a track", "1 to 100 bytes without control characters",
    |text| is_line(text, 100)
}
text! {
    /// The well-formed tag of a language (BCP 47), as `de` or `pt-BR`.
    LanguageTag, "the tag of a language",
    "1 to 35 bytes, subtags of 1 to 8 letters and digits between hyphens, the first of letters",
    |text| text.len() <= 35 && is_language_tag(text)
}
text! {
    /// The codec of a track as RFC 6381 names it, as `avc1.640028`.
    Codecs, "a codec of RFC 6381", "1 to 64 of A-Z a-z 0-9 . _ -",
    |text| is_word(text, 64, |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}
text! {
    /// The name of a track within its bundle and in URLs.
    ///
    /// `attachments` and `master` are none, since the URLs of spec §19 use these words.
    TrackId, "the id of a track", "1 to 32 of a-z 0-9 -, neither attachments nor master",
    |text| {
        is_word(text, 32, |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !matches!(text, "attachments" | "master")
    }
}
text! {
    /// The name of an attachment, which is safe to be used as a file's.
    FileName, "the name of a file", "1 to 255 bytes without control characters and slashes, neither . nor ..",
    |text| text.len() <= NAME_LEN_MAX && ObjectHeader::is_name(text)
}
text! {
    /// A media type: safe to be sent as an HTTP field, not otherwise checked.
    MediaType, "a media type", "1 to 127 printable ASCII characters",
    |text| text.len() <= MEDIA_TYPE_LEN_MAX && ObjectHeader::is_media_type(text)
}
text! {
    /// Why something is denied.
    Reason, "a reason", "1 to 200 bytes without control characters",
    |text| is_line(text, 200)
}

impl TextError {
    pub(crate) fn new(what: &'static str, rule: &'static str, len: usize) -> Self {
        Self { what, rule, len }
    }
}

fn is_line(text: &str, len_max: usize) -> bool {
    (1..=len_max).contains(&text.len()) && !text.contains(char::is_control)
}

fn is_word(text: &str, len_max: usize, is_letter: fn(u8) -> bool) -> bool {
    (1..=len_max).contains(&text.len()) && text.bytes().all(is_letter)
}

fn is_language_tag(text: &str) -> bool {
    let first = text.split('-').next().unwrap_or_default();
    first.bytes().all(|b| b.is_ascii_alphabetic())
        && text.split('-').all(|subtag| is_word(subtag, 8, |b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_line_that_shows() {
        for good in ["a", "Ärger im Paradies — Teil 2", &"x".repeat(200), "\u{a0}"] {
            assert!(Title::new(good).is_ok(), "{good:?}");
        }
        for bad in ["", &"x".repeat(201), "a\nb", "\0", "\u{7f}", "\u{85}", "\u{9f}"] {
            assert!(Title::new(bad).is_err(), "{bad:?}");
        }
        assert!(About::new("one\n\ntwo").is_ok());
        assert!(About::new("one\ttwo").is_err());
    }

    #[test]
    fn languages_are_well_formed() {
        for good in ["de", "pt-BR", "zh-Hant-TW", "x-private", "de-1996", &"abcdefgh-".repeat(4)[..35]] {
            assert!(LanguageTag::new(good).is_ok(), "{good:?}");
        }
        let long = format!("{}a", "abcdefgh-".repeat(4));
        for bad in ["", "-", "de-", "-de", "de--AT", "1de", "de_AT", "abcdefghi", "dé", "de\"", &long] {
            assert!(LanguageTag::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ids_of_tracks_go_into_urls() {
        for good in ["v", "video-1080", "-", &"a".repeat(32)] {
            assert!(TrackId::new(good).is_ok(), "{good:?}");
        }
        for bad in ["", "V", "a.b", "a/b", "a b", "ä", &"a".repeat(33), "master", "attachments"] {
            assert!(TrackId::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_message_says_what_was_expected() {
        let error = Codecs::new("avc1\"").unwrap_err();
        assert_eq!(error.to_string(), "not a codec of RFC 6381: 1 to 64 of A-Z a-z 0-9 . _ -, found 5 bytes");
    }
}
