//! What may stand in a playlist: nothing that comes from outside can end a line or a quoted string.

use crate::language;
use crate::limits::{NAME_CHARS_MAX, URI_LEN_MAX};
use crate::playlist::PlaylistError;

/// Characters of RFC 3986 beside letters and digits.
const URI_PUNCTUATION: &[u8] = b"-._~:/?#[]@!$&'()*+,;=%";
/// How much of what is refused an error shows.
const SHOWN_CHARS: usize = 40;

/// `name` without quotes, control characters and marks that turn the direction of writing, on one line and not too long.
pub(super) fn clean_name(name: &str) -> String {
    let no_controls = name.chars().filter(|c| !is_unseen(*c) && *c != '"');
    let words = no_controls.collect::<String>();
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(NAME_CHARS_MAX).collect();
    let short = short.trim_end();
    if short.is_empty() { "Untitled".to_owned() } else { short.to_owned() }
}

/// Control characters but for those that separate words, and formatting characters that hide or reorder text.
fn is_unseen(c: char) -> bool {
    let is_space = c.is_whitespace();
    (c.is_control() && !is_space)
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{061c}')
}

/// `names` cleaned, and told apart by numbers where they would be equal.
pub(super) fn unique_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut unique: Vec<String> = Vec::new();
    for name in names {
        let name = clean_name(name);
        let numbered = (2..).map(|number| format!("{name} {number}"));
        let free =
            std::iter::once(name.clone()).chain(numbered).find(|candidate| !unique.contains(candidate));
        unique.extend(free);
    }
    unique
}

/// `uri` if it has only characters of a URI.
pub(super) fn uri(uri: &str) -> Result<&str, PlaylistError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || URI_PUNCTUATION.contains(&byte);
    let is_uri =
        (1..=URI_LEN_MAX).contains(&uri.len()) && uri.bytes().all(is_allowed) && !uri.starts_with('#');
    if is_uri { Ok(uri) } else { Err(PlaylistError::Uri { uri: shown(uri) }) }
}

/// `codec` if it looks like a codec: one, with its parameters after dots.
pub(super) fn codec(codec: &str) -> Result<&str, PlaylistError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let is_codec = (1..=64).contains(&codec.len()) && codec.bytes().all(is_allowed);
    if is_codec { Ok(codec) } else { Err(PlaylistError::Codec { codec: shown(codec) }) }
}

/// `tag` if it is shaped like a language tag.
pub(super) fn language(tag: &str) -> Result<&str, PlaylistError> {
    if language::is_tag(tag) { Ok(tag) } else { Err(PlaylistError::Language { language: shown(tag) }) }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned() {
        for (name, expected) in [
            ("English", "English"),
            ("a\n#EXT-X-ENDLIST", "a #EXT-X-ENDLIST"),
            ("\"quoted\",DEFAULT=NO", "quoted,DEFAULT=NO"),
            ("\u{202e}txet\0", "txet"),
            (" \r\n", "Untitled"),
            ("日本語", "日本語"),
        ] {
            assert_eq!(clean_name(name), expected, "{name:?}");
        }
        assert_eq!(clean_name(&"x".repeat(10_000)).len(), NAME_CHARS_MAX);
    }

    #[test]
    fn equal_names_are_told_apart() {
        assert_eq!(unique_names(["a", "a", "a 2", "\"a"].into_iter()), ["a", "a 2", "a 2 2", "a 3"]);
    }

    #[test]
    fn what_must_be_exact_is_refused() {
        for bad in ["", "a b", "a\nb", "\"", "é", "#EXTM3U", &"a".repeat(URI_LEN_MAX + 1)] {
            assert!(uri(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "avc1,mp4a", "avc1\"", "a b"] {
            assert!(codec(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "e", "en_US", "en\"", "toolonglanguage"] {
            assert!(language(bad).is_err(), "{bad:?}");
        }
        assert_eq!(uri("../v/1.m4s?a=b%20c"), Ok("../v/1.m4s?a=b%20c"));
    }
}
