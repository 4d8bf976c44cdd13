//! The language of a track or a publication as people write it: a tag of BCP 47, not the name of a language.

use sharing::LanguageTag;

/// Why a text is no tag that anybody would use, and what they may have meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LanguageError {
    #[error("{0:?} is no language tag, which has the form of de, pt-BR or zh-Hant")]
    Form(String),
    #[error("{0:?} looks like the name of a language; a tag has the form of de, pt-BR or zh-Hant")]
    Name(String),
}

/// The tag that a text is, checked as RFC 5646 §2.1 says but for two things: its first part has two or three letters
/// (longer ones are registered to nobody, and are always a name instead of a tag), and what is grandfathered is not known.
pub(crate) fn tag(text: &str) -> Result<LanguageTag, LanguageError> {
    let form = || LanguageError::Form(text.to_owned());
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    let is_word = !first.is_empty() && first.chars().all(char::is_alphabetic);
    if is_word && (first.len() > 3 || !first.is_ascii()) {
        return Err(LanguageError::Name(text.to_owned()));
    }
    let is_tag = match first.len() {
        1 => first.eq_ignore_ascii_case("x") && parts.next().is_some(),
        _ => is_word && follows(parts),
    };
    LanguageTag::new(text).ok().filter(|_| is_tag).ok_or_else(form)
}

/// Whether these parts may follow a language: more of the language, script, region, variants, extensions, in this order.
fn follows<'t>(parts: impl Iterator<Item = &'t str>) -> bool {
    let mut parts = parts.peekable();
    let letters = |part: &&str, len| part.len() == len && part.bytes().all(|b| b.is_ascii_alphabetic());
    let is_region =
        |part: &&str| letters(part, 2) || (part.len() == 3 && part.bytes().all(|b| b.is_ascii_digit()));
    let is_variant = |part: &&str| {
        (5..=8).contains(&part.len()) || (part.len() == 4 && part.as_bytes()[0].is_ascii_digit())
    };
    parts.next_if(|part| letters(part, 3));
    parts.next_if(|part| letters(part, 4));
    parts.next_if(is_region);
    while parts.next_if(is_variant).is_some() {}
    // An extension begins with one character and has something behind it.
    parts.next().is_none_or(|part| part.len() == 1 && parts.next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_taken() {
        for text in [
            "de",
            "pt-BR",
            "zh-Hant-TW",
            "zh-yue-HK",
            "es-419",
            "de-1996",
            "sl-rozaj-biske",
            "yue",
            "en-US-u-ca-gregory",
            "x-mine",
            "de-x-bavarian",
            "DE-at",
        ] {
            assert_eq!(tag(text).map(|tag| tag.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn names_and_other_texts_are_told_apart() {
        for name in ["Deutsch", "German", "français", "English-US", "中文", "Suomi"] {
            assert_eq!(tag(name), Err(LanguageError::Name(name.to_owned())));
        }
        for other in [
            "",
            "d",
            "x",
            "de_AT",
            "de-",
            "-de",
            "d3",
            "de AT",
            "de-AT-AT",
            "de-a",
            "en-u",
            "de:Deutsch",
            "1de",
        ] {
            assert_eq!(tag(other), Err(LanguageError::Form(other.to_owned())), "{other:?}");
        }
    }
}
