//! What ffmpeg and ffprobe complain about, in words for people who never called them.

use super::process::{Complaint, RunError};

/// Parts of a complaint, and what they mean; the first that is found counts.
const MEANINGS: [(&str, &str); 6] = [
    (
        "moov atom not found",
        "it is cut off, was never finished, or is something else: the part that describes an MP4 (moov) is missing",
    ),
    ("not on whitelist", "it is of a kind that is not read since it can name other files"),
    ("Invalid data found", "it is neither film nor sound of a kind that ffmpeg knows, or it is damaged"),
    ("Is a directory", "it is a folder"),
    ("No such file", "it is not there"),
    ("No space left", "there is no space left on the disk"),
];

/// Why a run failed.
pub(super) fn of(error: &RunError) -> String {
    match error {
        RunError::Failed { complaint, .. } => of_complaint(complaint),
        other => format!("ffmpeg cannot read it: {other}"),
    }
}

fn of_complaint(complaint: &Complaint) -> String {
    let text = complaint.to_string();
    let meaning = MEANINGS.iter().find(|(part, _)| text.contains(part));
    meaning.map_or_else(
        || format!("ffmpeg cannot read it: {}", last_line(&text)),
        |(_, words)| (*words).to_owned(),
    )
}

/// The last of the complaints, without the place in ffmpeg from which it came.
fn last_line(text: &str) -> &str {
    let last = text.rsplit("; ").next().unwrap_or(text);
    last.strip_prefix('[').and_then(|rest| rest.split_once("] ")).map_or(last, |(_, said)| said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_translated() {
        let said = |text: &str| of_complaint(&Complaint::new(text));
        let cut = said(
            "[mov,mp4 @ 0x55] moov atom not found; file:a.mp4: Invalid data found when processing input",
        );
        assert!(cut.contains("cut off") && !cut.contains("0x55"), "{cut}");
        assert!(
            said("file:a.mp4: Invalid data found when processing input").contains("neither film nor sound")
        );
        assert_eq!(
            said("x; [hevc @ 0x5] No start code is found."),
            "ffmpeg cannot read it: No start code is found."
        );
        assert_eq!(said(""), "ffmpeg cannot read it: it did not say why");
    }
}
