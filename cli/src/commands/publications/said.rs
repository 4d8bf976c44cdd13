//! What a gateway says, as people read it. A terminal must not do what a gateway says.

use serde_json::Value;

use crate::date;

/// What stands where there is nothing to say.
pub(super) const NOTHING: &str = "-";

/// A text on one line; `None` where there is none.
pub(super) fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?.replace(char::is_control, " ");
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A day of the calendar where the reader is.
pub(super) fn day(unix_seconds: &Value) -> Option<String> {
    Some(date::local(unix_seconds.as_i64()?)?.format("%Y-%m-%d").to_string())
}

/// The day and the minute where the reader is.
pub(super) fn minute(unix_seconds: &Value) -> Option<String> {
    Some(date::local(unix_seconds.as_i64()?)?.format("%Y-%m-%d %H:%M").to_string())
}

/// `1:02:03`, or `2:03` below an hour; `None` of what takes no time.
pub(super) fn length(milliseconds: &Value) -> Option<String> {
    let seconds = milliseconds.as_u64().filter(|length| *length > 0)?.div_ceil(1000);
    Some(clock(seconds))
}

/// A time of a film.
pub(super) fn time(milliseconds: &Value) -> Option<String> {
    Some(clock(milliseconds.as_u64()? / 1000))
}

fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// The text, cut to so many characters.
pub(super) fn cut(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    text.chars().take(chars - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lengths_are_written_as_players_do() {
        for (milliseconds, shown) in [(1, "0:01"), (59_000, "0:59"), (60_001, "1:01"), (3_723_000, "1:02:03")]
        {
            assert_eq!(length(&json!(milliseconds)).as_deref(), Some(shown));
        }
        for nothing in [json!(0), json!(null), json!("1"), json!(-1)] {
            assert_eq!(length(&nothing), None, "{nothing}");
        }
        assert_eq!(time(&json!(0)).as_deref(), Some("0:00"));
    }

    #[test]
    fn nothing_commands_the_terminal() {
        assert_eq!(text(&json!("a\u{1b}[2Jb\nc")).as_deref(), Some("a [2Jb c"));
        for nothing in [json!(""), json!(" \n"), json!(null), json!(5)] {
            assert_eq!(text(&nothing), None, "{nothing}");
        }
        assert_eq!(cut("a long title", 6), "a lon…");
        assert_eq!(cut("äöü", 3), "äöü");
    }

    #[test]
    fn days_are_those_of_the_reader() {
        let day = day(&json!(1_798_675_200)).unwrap();
        assert!(["2026-12-30", "2026-12-31"].contains(&day.as_str()), "{day}");
        assert_eq!(super::day(&json!(u64::MAX)), None);
    }
}
