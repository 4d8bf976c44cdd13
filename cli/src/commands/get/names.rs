//! What downloaded files are called: creators choose titles, and a title must not choose a place.

use sharing::{Title, Track, TrackKind};

/// Characters that mean something to a file system or a shell somewhere.
const UNSAFE: &str = "/\\:*?\"<>|";

/// A name for a file or folder made from a title; what would be hidden, read as an option or change how the rest is shown is left out.
/// `otherwise` where nothing remains.
pub(super) fn of_title(title: &Title, otherwise: &str) -> String {
    let kept = title.as_str().chars().filter(|letter| !turns_text(*letter));
    let safe: String = kept.map(|letter| if UNSAFE.contains(letter) { '-' } else { letter }).collect();
    let name = safe.trim_start_matches(['.', '-', ' ']).trim_end_matches(['.', ' ']);
    if name.is_empty() { otherwise.to_owned() } else { name.to_owned() }
}

/// How the file of a track ends.
pub(super) fn ending(track: &Track) -> &'static str {
    match track.kind() {
        TrackKind::Video(_) => "mp4",
        TrackKind::Audio(_) => "m4a",
        TrackKind::Subtitles => "vtt",
    }
}

/// Whether a character changes the direction of those around it.
fn turns_text(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_stays_in_its_folder_and_is_no_option() {
        let named = |title: &str| of_title(&Title::new(title).unwrap(), "id");
        for (title, name) in [
            ("The river", "The river"),
            ("Fluß — Teil 2.", "Fluß — Teil 2"),
            ("../../etc/passwd", "etc-passwd"),
            ("AC/DC: \"live\"?", "AC-DC- -live--"),
            (".profile", "profile"),
            ("-rf", "rf"),
            ("gpj.\u{202e}exe", "gpj.exe"),
            ("..", "id"),
            ("/", "id"),
            (" . ", "id"),
        ] {
            assert_eq!(named(title), name, "{title:?}");
        }
    }
}
