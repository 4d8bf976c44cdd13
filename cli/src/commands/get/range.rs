//! A range of bytes on the command line.

use std::ops::Range;
use std::str::FromStr;

use anyhow::bail;

/// A range of bytes as in HTTP (RFC 9110 §14.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteRange {
    From { first: u64, last: Option<u64> },
    Last(u64),
}

impl ByteRange {
    /// The bytes meant of an object of `len` bytes, cut off at its end.
    pub(super) fn within(self, len: u64) -> anyhow::Result<Range<u64>> {
        match self {
            Self::From { first, .. } if first >= len => {
                bail!("the range begins at byte {first}, and the object has {len} bytes")
            }
            Self::From { first, last } => Ok(first..last.map_or(len, |last| len.min(last.saturating_add(1)))),
            Self::Last(count) => Ok(len.saturating_sub(count)..len),
        }
    }
}

impl FromStr for ByteRange {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let number = |digits: &str| {
            let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
            if is_number { digits.parse().map_err(|_| RangeError) } else { Err(RangeError) }
        };
        let range = match text.split_once('-').ok_or(RangeError)? {
            ("", count) => Self::Last(number(count)?),
            (first, "") => Self::From { first: number(first)?, last: None },
            (first, last) => Self::From { first: number(first)?, last: Some(number(last)?) },
        };
        match range {
            Self::From { first, last: Some(last) } if last < first => Err(RangeError),
            Self::Last(0) => Err(RangeError),
            range => Ok(range),
        }
    }
}

/// A text that is no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a range is A-B with A at most B, A-, or -N")]
pub(super) struct RangeError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_inclusive_and_cut_off_at_the_end() {
        let within = |text: &str, len| text.parse::<ByteRange>().unwrap().within(len).ok();
        assert_eq!(within("0-0", 10), Some(0..1));
        assert_eq!(within("3-9", 10), Some(3..10));
        assert_eq!(within("3-99", 10), Some(3..10));
        assert_eq!(within("3-18446744073709551615", 10), Some(3..10));
        assert_eq!(within("9-", 10), Some(9..10));
        assert_eq!(within("-4", 10), Some(6..10));
        assert_eq!(within("-40", 10), Some(0..10));
        assert_eq!(within("10-", 10), None);
        assert_eq!(within("0-", 0), None);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "-", "5", "5-4", "-0", "a-b", "+1-2", "1-2-3", " 1-2", "0-99999999999999999999"] {
            assert_eq!(text.parse::<ByteRange>(), Err(RangeError), "{text:?}");
        }
    }
}
