//! The language of a track: from what a file says to a tag of RFC 5646.

use shiguredo_mp4::LanguageCode;

/// The codes of QuickTime that are not letters, as codes of ISO 639-2 (QuickTime File Format, language codes).
const MACINTOSH: &[&str] = &[
    "eng", "fra", "deu", "ita", "nld", "swe", "spa", "dan", "por", "nor", "heb", "jpn", "ara", "fin", "ell",
    "isl", "mlt", "tur", "hrv", "zho", "urd", "hin", "tha", "kor", "lit", "pol", "hun", "est", "lav",
];

/// RFC 5646 wants the shortest code: those of ISO 639-1 for codes of ISO 639-2, both the terminological and the
/// bibliographic ones.
const SHORTER: &[(&str, &str)] = &[
    ("alb", "sq"),
    ("amh", "am"),
    ("ara", "ar"),
    ("arm", "hy"),
    ("aze", "az"),
    ("baq", "eu"),
    ("bel", "be"),
    ("ben", "bn"),
    ("bos", "bs"),
    ("bul", "bg"),
    ("cat", "ca"),
    ("ces", "cs"),
    ("chi", "zh"),
    ("cym", "cy"),
    ("cze", "cs"),
    ("dan", "da"),
    ("deu", "de"),
    ("dut", "nl"),
    ("ell", "el"),
    ("eng", "en"),
    ("epo", "eo"),
    ("est", "et"),
    ("eus", "eu"),
    ("fas", "fa"),
    ("fin", "fi"),
    ("fra", "fr"),
    ("fre", "fr"),
    ("gle", "ga"),
    ("geo", "ka"),
    ("ger", "de"),
    ("glg", "gl"),
    ("gre", "el"),
    ("guj", "gu"),
    ("heb", "he"),
    ("hin", "hi"),
    ("hrv", "hr"),
    ("hun", "hu"),
    ("hye", "hy"),
    ("ice", "is"),
    ("ind", "id"),
    ("isl", "is"),
    ("ita", "it"),
    ("jpn", "ja"),
    ("kat", "ka"),
    ("kaz", "kk"),
    ("khm", "km"),
    ("kor", "ko"),
    ("kur", "ku"),
    ("lat", "la"),
    ("lav", "lv"),
    ("lit", "lt"),
    ("mac", "mk"),
    ("mal", "ml"),
    ("mar", "mr"),
    ("may", "ms"),
    ("mkd", "mk"),
    ("mlt", "mt"),
    ("mon", "mn"),
    ("msa", "ms"),
    ("mya", "my"),
    ("nep", "ne"),
    ("nld", "nl"),
    ("nor", "no"),
    ("pan", "pa"),
    ("per", "fa"),
    ("pol", "pl"),
    ("por", "pt"),
    ("ron", "ro"),
    ("rum", "ro"),
    ("rus", "ru"),
    ("slk", "sk"),
    ("slo", "sk"),
    ("slv", "sl"),
    ("som", "so"),
    ("spa", "es"),
    ("sqi", "sq"),
    ("srp", "sr"),
    ("swa", "sw"),
    ("swe", "sv"),
    ("tam", "ta"),
    ("tel", "te"),
    ("tha", "th"),
    ("tur", "tr"),
    ("ukr", "uk"),
    ("urd", "ur"),
    ("uzb", "uz"),
    ("vie", "vi"),
    ("wel", "cy"),
    ("yid", "yi"),
    ("zho", "zh"),
    ("zul", "zu"),
];

/// The code of `mdhd`, with QuickTime's numbers turned into letters.
pub(crate) fn code(stored: LanguageCode) -> LanguageCode {
    let packed = stored.as_bytes().iter().fold(0, |packed, letter| packed << 5 | usize::from(letter - 0x60));
    match MACINTOSH.get(packed) {
        Some(letters) => LanguageCode::from_ascii(letters).unwrap_or(LanguageCode::UNDEFINED),
        None if stored.as_bytes().iter().all(u8::is_ascii_lowercase) => stored,
        None => LanguageCode::UNDEFINED,
    }
}

/// The tag of a code of ISO 639-2, or `None` when it is undefined.
pub(crate) fn tag(code: LanguageCode) -> Option<String> {
    let letters = code.to_string();
    if code == LanguageCode::UNDEFINED {
        return None;
    }
    let shorter = SHORTER.iter().find(|(long, _)| *long == letters).map(|(_, short)| (*short).to_owned());
    Some(shorter.unwrap_or(letters))
}

/// The tag that a box `elng` holds, when it is well formed.
pub(crate) fn extended(body: &[u8]) -> Option<String> {
    let text = body.get(4..)?.split(|byte| *byte == 0).next()?;
    let text = std::str::from_utf8(text).ok().filter(|text| is_tag(text))?;
    Some(text.to_owned())
}

/// Whether `text` has the shape of a tag of RFC 5646: parts of 1 to 8 letters and digits, the first of 2 to 8 letters.
pub(crate) fn is_tag(text: &str) -> bool {
    let well_formed =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let first = text.split('-').next().unwrap_or_default();
    text.len() <= 35
        && first.len() >= 2
        && first.bytes().all(|b| b.is_ascii_alphabetic())
        && text.split('-').all(well_formed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(letters: &str) -> LanguageCode {
        LanguageCode::from_ascii(letters).unwrap()
    }

    #[test]
    fn the_shortest_code_is_taken() {
        for (letters, expected) in
            [("eng", Some("en")), ("ger", Some("de")), ("haw", Some("haw")), ("und", None)]
        {
            assert_eq!(tag(code(code_of(letters))).as_deref(), expected, "{letters}");
        }
    }

    #[test]
    fn quicktime_numbers_become_letters() {
        let two = LanguageCode::new([0x60, 0x60, 0x62]).unwrap();
        assert_eq!(tag(code(two)).as_deref(), Some("de"));
        let unspecified = LanguageCode::new([0x7f, 0x7f, 0x7f]).unwrap();
        assert_eq!(tag(code(unspecified)), None);
    }

    #[test]
    fn only_well_formed_extended_tags_count() {
        assert_eq!(extended(b"\0\0\0\0pt-BR\0").as_deref(), Some("pt-BR"));
        for body in [&b"\0\0\0\0p\"t\0"[..], b"\0\0", b"\0\0\0\0\0", b"\0\0\0\0e\xff"] {
            assert_eq!(extended(body), None, "{body:?}");
        }
    }
}
