//! What others have written, as it can be shown between our own words: nothing in it moves the cursor, turns the line or ends the quotation.

/// A text in quotation marks; what would end them, and what does not show, is escaped.
pub(crate) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// A text whose characters that do not show are escaped.
pub(crate) fn escaped(text: &str) -> String {
    let shows = |c: &char| matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1;
    text.chars().map(|c| if shows(&c) { c.to_string() } else { c.escape_debug().to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
