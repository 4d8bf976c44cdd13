//! Subtitles: WebVTT, checked so that players take it.

use std::time::Duration;

use thiserror::Error;

use crate::limits::WEBVTT_LEN_MAX;

/// A WebVTT file that has been checked: its signature, and the times of all its cues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebVtt {
    text: String,
    cue_count: usize,
    end: Duration,
}

impl WebVtt {
    /// Checks `bytes`: UTF-8, the signature `WEBVTT`, and at least one cue, each of which ends after it begins and
    /// begins no earlier than the one before it (W3C WebVTT, section 4).
    pub fn new(bytes: &[u8]) -> Result<Self, WebVttError> {
        if bytes.len() > WEBVTT_LEN_MAX {
            return Err(WebVttError::TooLong { len: bytes.len() });
        }
        let text = std::str::from_utf8(bytes);
        let text = text.map_err(|error| WebVttError::Encoding { offset: error.valid_up_to() })?;
        let content = text.strip_prefix('\u{feff}').unwrap_or(text);
        let rest = content.strip_prefix("WEBVTT").ok_or(WebVttError::Signature)?;
        if !rest.is_empty() && !rest.starts_with([' ', '\t', '\n', '\r']) {
            return Err(WebVttError::Signature);
        }
        let (cue_count, end) = check_cues(content)?;
        Ok(Self { text: content.to_owned(), cue_count, end })
    }

    /// The file, without a byte order mark.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The number of cues.
    pub fn cue_count(&self) -> usize {
        self.cue_count
    }

    /// When the last cue has ended.
    pub fn end(&self) -> Duration {
        self.end
    }
}

/// The number of cues, and when the last has ended.
fn check_cues(text: &str) -> Result<(usize, Duration), WebVttError> {
    let (mut count, mut start_before, mut last_end) = (0, Duration::ZERO, Duration::ZERO);
    let mut is_comment = false;
    for (index, line) in text.replace("\r\n", "\n").split(['\n', '\r']).enumerate() {
        is_comment = !line.is_empty() && (is_comment || line.starts_with("NOTE"));
        if is_comment || !line.contains("-->") {
            continue;
        }
        let line_number = index + 1;
        let (start, end) = timing(line).ok_or(WebVttError::Timing { line: line_number })?;
        if end <= start {
            return Err(WebVttError::EndsBeforeStart { line: line_number });
        }
        if start < start_before {
            return Err(WebVttError::OutOfOrder { line: line_number });
        }
        start_before = start;
        last_end = last_end.max(end);
        count += 1;
    }
    if count == 0 { Err(WebVttError::NoCues) } else { Ok((count, last_end)) }
}

/// The times of a line such as `00:01.000 --> 00:02.500 align:start`.
fn timing(line: &str) -> Option<(Duration, Duration)> {
    let (start, rest) = line.split_once("-->")?;
    let end = rest.split_whitespace().next()?;
    Some((timestamp(start.trim())?, timestamp(end)?))
}

/// `hh:mm:ss.ttt` or `mm:ss.ttt`, with two or more digits for hours.
fn timestamp(text: &str) -> Option<Duration> {
    let (clock, millis) = text.split_once('.')?;
    let fields: Vec<&str> = clock.split(':').collect();
    let (hours, minutes, seconds) = match fields[..] {
        [minutes, seconds] => (0, number(minutes, 2)?, number(seconds, 2)?),
        [hours, minutes, seconds] if (2..=6).contains(&hours.len()) => {
            (number(hours, hours.len())?, number(minutes, 2)?, number(seconds, 2)?)
        }
        _ => return None,
    };
    let millis = number(millis, 3)?;
    (minutes < 60 && seconds < 60)
        .then(|| Duration::from_millis(((hours * 60 + minutes) * 60 + seconds) * 1000 + millis))
}

fn number(digits: &str, len: usize) -> Option<u64> {
    let is_number = digits.len() == len && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// Why a file is not WebVTT that players take.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WebVttError {
    /// Longer than [`WEBVTT_LEN_MAX`].
    #[error("subtitles of {len} bytes, more than {WEBVTT_LEN_MAX}")]
    TooLong {
        /// Its length.
        len: usize,
    },
    /// Not UTF-8.
    #[error("the subtitles are not UTF-8 at byte {offset}")]
    Encoding {
        /// Where it ceases to be.
        offset: usize,
    },
    /// It does not begin with `WEBVTT`.
    #[error("the subtitles do not begin with WEBVTT; convert other formats, such as SRT, first")]
    Signature,
    /// A line with `-->` that holds no two times.
    #[error("line {line} of the subtitles is not two times: 00:01.000 --> 00:02.000")]
    Timing {
        /// The line, from 1.
        line: usize,
    },
    /// A cue that ends before it begins, or when it begins.
    #[error("the cue on line {line} of the subtitles ends before it begins")]
    EndsBeforeStart {
        /// The line, from 1.
        line: usize,
    },
    /// A cue that begins before the one before it.
    #[error("the cue on line {line} of the subtitles begins before the one before it")]
    OutOfOrder {
        /// The line, from 1.
        line: usize,
    },
    /// Nothing to show.
    #[error("the subtitles have no cues")]
    NoCues,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cues_are_counted() {
        let text = "\u{feff}WEBVTT Kind: captions\r\n\r\nNOTE 00:09.000 --> is a comment\r\n\r\n1\r\n00:01.000 --> 00:02.500 align:start\r\nHello\r\n\r\n\
                    01:00:00.000 --> 01:00:01.000\r\nBye\r\n";
        let webvtt = WebVtt::new(text.as_bytes()).unwrap();
        assert_eq!((webvtt.cue_count(), webvtt.end()), (2, Duration::from_secs(3601)));
        assert!(webvtt.as_str().starts_with("WEBVTT"));
    }

    #[test]
    fn what_players_would_not_take_is_refused() {
        let cases: [(&[u8], WebVttError); 10] = [
            (b"", WebVttError::Signature),
            (b"WEBVTTX", WebVttError::Signature),
            (b"1\n00:00:01,000 --> 00:00:02,000\n", WebVttError::Signature),
            (b"WEBVTT\n\n\xff", WebVttError::Encoding { offset: 8 }),
            (b"WEBVTT\n\n00:01,000 --> 00:02,000\na\n", WebVttError::Timing { line: 3 }),
            (b"WEBVTT\n\n00:61.000 --> 01:02.000\na\n", WebVttError::Timing { line: 3 }),
            (b"WEBVTT\n\n1:00:01.000 --> 1:00:02.000\na\n", WebVttError::Timing { line: 3 }),
            (b"WEBVTT\n\n00:02.000 --> 00:02.000\na\n", WebVttError::EndsBeforeStart { line: 3 }),
            (
                b"WEBVTT\n\n00:02.000 --> 00:03.000\na\n\n00:01.000 --> 00:02.000\n",
                WebVttError::OutOfOrder { line: 6 },
            ),
            (b"WEBVTT\n\nNOTE nothing\n", WebVttError::NoCues),
        ];
        for (bytes, expected) in cases {
            assert_eq!(WebVtt::new(bytes), Err(expected), "{}", String::from_utf8_lossy(bytes));
        }
        let len = WEBVTT_LEN_MAX + 1;
        assert_eq!(WebVtt::new(&vec![b' '; len]), Err(WebVttError::TooLong { len }));
    }
}
