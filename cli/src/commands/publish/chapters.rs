//! A file of chapters: a time and a title on each line.

use std::path::Path;

use anyhow::Context;
use sharing::{Chapter, Millis, Title};

use crate::failure::Usage;

/// The chapters in a file, in its order.
pub(super) fn chapters(path: &Path) -> anyhow::Result<Vec<Chapter>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the chapters {}", path.display()))?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let parse = |(number, line): (usize, &str)| {
        chapter(line).ok_or_else(|| {
            let what = "is no chapter: a time such as 00:12:30, and a title";
            Usage::because(format!("line {number} of {} {what}", path.display()))
        })
    };
    lines.map(parse).collect()
}

/// `[HH:]MM:SS[.mmm] title`.
fn chapter(line: &str) -> Option<Chapter> {
    let (time, title) = line.trim().split_once(char::is_whitespace)?;
    let (whole, millis) = time.split_once('.').unwrap_or((time, "0"));
    let millis: u64 = format!("{millis:0<3}").parse().ok().filter(|millis| *millis < 1000)?;
    let mut seconds: u64 = 0;
    for part in whole.split(':') {
        let part: u64 = part.parse().ok()?;
        seconds = seconds.checked_mul(60)?.checked_add(part)?;
    }
    let at = Millis::new(seconds.checked_mul(1000)?.checked_add(millis)?);
    Some(Chapter { at, title: Title::new(title.trim()).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chapters_are_times_and_titles() {
        for (line, at, title) in [
            ("00:00 Begin", 0, "Begin"),
            (" 1:02:03.5  The  end ", 3_723_500, "The  end"),
            ("90 A minute and a half", 90_000, "A minute and a half"),
        ] {
            let chapter = chapter(line).unwrap();
            assert_eq!((chapter.at.get(), chapter.title.as_str()), (at, title));
        }
        for line in ["", "00:00", "x Begin", "1:-2 Begin", "00:00.1234 Begin"] {
            assert!(chapter(line).is_none(), "{line:?}");
        }
    }
}
