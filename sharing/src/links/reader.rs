//! Who somebody says that they are.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Characters that are kept of what a reader says.
pub const READER_CHARS_MAX: usize = 200;

/// Who a reader says that they are: their own word, which nobody has checked. Never empty, one line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reader(String);

/// A text that names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it names nobody")]
pub struct ReaderError;

impl Reader {
    /// What of this text can stand in a log: its first [`READER_CHARS_MAX`] characters, on one line, read in the order in which
    /// they stand. `None` where nothing is left.
    pub fn stated(text: &str) -> Option<Self> {
        let line: String =
            text.chars().map(|c| if c.is_control() || turns_lines(c) { ' ' } else { c }).collect();
        let kept: String = line.trim().chars().take(READER_CHARS_MAX).collect();
        // What was cut off may have left a space at the end.
        let kept = kept.trim_end();
        (!kept.is_empty()).then(|| Self(kept.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a character begins a new line, or changes in which direction those after it are shown (Unicode, annex 9).
const fn turns_lines(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Reader {
    type Error = ReaderError;

    fn try_from(text: String) -> Result<Self, ReaderError> {
        Self::stated(&text).ok_or(ReaderError)
    }
}

impl From<Reader> for String {
    fn from(reader: Reader) -> Self {
        reader.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_fits_on_a_line_of_a_log() {
        assert_eq!(Reader::stated("  Dr. Ng\nward 4\u{7} ").unwrap().as_str(), "Dr. Ng ward 4");
        assert_eq!(Reader::stated(&"é".repeat(500)).unwrap().as_str().chars().count(), READER_CHARS_MAX);
        assert_eq!(Reader::stated("a\u{202e}b\u{2028}c\u{2067}d").unwrap().as_str(), "a b c d");
        assert_eq!((Reader::stated(""), Reader::stated(" \n ")), (None, None));
    }
}
