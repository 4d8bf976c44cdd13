//! The media type that a file's name suggests. Only types that browsers play or show are worth guessing.

use std::path::Path;

const TYPES: [(&str, &str); 30] = [
    ("aac", "audio/aac"),
    ("avif", "image/avif"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("m4a", "audio/mp4"),
    ("m4v", "video/mp4"),
    ("md", "text/markdown"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("ogv", "video/ogg"),
    ("opus", "audio/ogg"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("zip", "application/zip"),
];

/// The media type of a file with this name, if its ending is known.
pub(crate) fn of_name(name: &str) -> Option<&'static str> {
    let ending = Path::new(name).extension()?.to_str()?.to_ascii_lowercase();
    let place = TYPES.binary_search_by_key(&ending.as_str(), |(ending, _)| ending).ok()?;
    Some(TYPES[place].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_sorted_and_found_in_any_case() {
        assert!(TYPES.is_sorted_by_key(|(ending, _)| *ending));
        assert_eq!(of_name("film.MP4"), Some("video/mp4"));
        assert_eq!(of_name("a.tar.zip"), Some("application/zip"));
    }

    #[test]
    fn other_names_suggest_nothing() {
        for name in ["", "mp4", ".mp4", "film.", "film.xyz"] {
            assert_eq!(of_name(name), None, "{name:?}");
        }
    }
}
