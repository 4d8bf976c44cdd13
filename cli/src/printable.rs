//! What others have written, as it can be shown between our own words: nothing in it moves the cursor, turns the line or ends the quotation.

use std::borrow::Cow;
use std::fmt::{self, Display, Write as _};
use std::io;

/// A text in quotation marks; what would end them, and what does not show, is escaped.
pub(crate) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// A text whose characters that do not show are escaped.
pub(crate) fn escaped(text: &str) -> String {
    let shows = |c: &char| matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1;
    text.chars().map(|c| if shows(&c) { c.to_string() } else { c.escape_debug().to_string() }).collect()
}

/// A writer through which nothing reaches a terminal but what shows, line ends and tabs: whatever a server has said in between,
/// and wherever a character was cut. What is left out is escaped, so that it can still be seen.
#[derive(Debug)]
pub(crate) struct Shown<W> {
    to: W,
    failed: Option<io::Error>,
}

impl<W: io::Write> Shown<W> {
    /// What is written to it goes on to `to`.
    pub(crate) const fn new(to: W) -> Self {
        Self { to, failed: None }
    }

    /// Writes all of it, and says why it could not.
    pub(crate) fn write(mut self, text: &dyn Display) -> io::Result<()> {
        let written = write!(self, "{text}");
        match self.failed.take() {
            Some(error) => Err(error),
            None => written.map_err(io::Error::other),
        }
    }
}

impl<W: io::Write> fmt::Write for Shown<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.to.write_all(shown(text).as_bytes()).map_err(|error| {
            self.failed = Some(error);
            fmt::Error
        })
    }
}

/// A text of several lines in which nothing moves the cursor but line ends and tabs.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    let is_kept = |c: char| matches!(c, '\n' | '\t') || !is_control(c);
    if text.chars().all(is_kept) {
        return Cow::Borrowed(text);
    }
    let kept = |c: char| if is_kept(c) { c.to_string() } else { c.escape_default().to_string() };
    Cow::Owned(text.chars().map(kept).collect())
}

/// What a terminal obeys, and what turns the direction of what follows.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_printed_moves_the_cursor() {
        let said = "refused: \u{1b}[2J\u{9b}1mpaid\r\u{202e}x\n\tline 2: Müller’s \"A\\B\"\n";
        let mut printed = Vec::new();
        Shown::new(&mut printed).write(&said).unwrap();
        assert_eq!(
            String::from_utf8(printed).unwrap(),
            "refused: \\u{1b}[2J\\u{9b}1mpaid\\r\\u{202e}x\n\tline 2: Müller’s \"A\\B\"\n"
        );
    }

    #[test]
    fn a_name_cannot_pass_for_a_line_of_ours() {
        let name = "Dr. Ng\": Bundle, patient 1\u{202e}\n     7  2026-01-01T00:00:00Z  link revoked";
        assert_eq!(
            quoted(name),
            r#""Dr. Ng\": Bundle, patient 1\u{202e}\n     7  2026-01-01T00:00:00Z  link revoked""#
        );
        assert_eq!(escaped("Müller's \"A\\B\" \u{202e}\u{7}x"), "Müller's \"A\\B\" \\u{202e}\\u{7}x");
    }
}
