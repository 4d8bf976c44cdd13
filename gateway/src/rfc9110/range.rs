//! The `Range` field (RFC 9110 section 14): which bytes of a representation a request asks for.

use std::cmp::Ordering;

/// More ranges than this in one request are not honoured: the whole representation is sent instead.
pub(crate) const RANGES_MAX: usize = 16;

/// Parts closer than this many bytes are sent as one: the head of a part costs about as much.
pub(crate) const COALESCE_GAP_LEN: u64 = 80;

/// What of a representation is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of it: there is no range to honour.
    Whole,
    /// At least one part, disjoint, in the order in which they were asked for.
    Parts(Vec<ByteRange>),
    /// A valid field without one byte that exists.
    Unsatisfiable,
}

/// A non-empty interval of bytes that exist: `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteRange {
    start: u64,
    end: u64,
}

/// Selects from a representation of `len` bytes what the value of a `Range` field names.
///
/// A value that is malformed, in another unit, or of more than [`RANGES_MAX`] ranges is ignored, as section 14.2
/// allows: the whole is always a right answer. Parts that overlap, or are less than [`COALESCE_GAP_LEN`] apart, become one, so
/// that no answer is longer than the representation, whatever was asked.
pub(crate) fn select(value: &[u8], len: u64) -> Selection {
    let Some(specs) = parse(value) else { return Selection::Whole };
    if len == 0 && specs.iter().any(|spec| matches!(spec, RangeSpec::Suffix(n) if *n > 0)) {
        // Satisfiable, but Content-Range has no words for an empty range.
        return Selection::Whole;
    }
    let parts = coalesce(specs.iter().filter_map(|spec| spec.within(len)));
    if parts.is_empty() { Selection::Unsatisfiable } else { Selection::Parts(parts) }
}

impl ByteRange {
    /// `start..end`, or nothing when it is empty.
    pub(crate) fn new(start: u64, end: u64) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    pub(crate) fn start(self) -> u64 {
        self.start
    }

    pub(crate) fn end(self) -> u64 {
        self.end
    }

    /// The same bytes, counted from `by` bytes earlier.
    pub(crate) fn shifted(self, by: u64) -> Self {
        Self { start: self.start + by, end: self.end + by }
    }

    pub(crate) fn len(self) -> u64 {
        self.end - self.start
    }

    /// The value of `Content-Range` for this part of `complete` bytes.
    pub(crate) fn content_range(self, complete: u64) -> String {
        format!("bytes {}-{}/{complete}", self.start, self.end - 1)
    }

    fn touches(self, other: Self) -> bool {
        self.start < other.end.saturating_add(COALESCE_GAP_LEN)
            && other.start < self.end.saturating_add(COALESCE_GAP_LEN)
    }

    fn hull(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// One `range-spec`; positions beyond `u64` are held as `u64::MAX`, which lies beyond every object too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RangeSpec {
    /// `first-`, or `first-last`.
    Int { first: u64, last: u64 },
    /// `-length`.
    Suffix(u64),
}

impl RangeSpec {
    fn within(self, len: u64) -> Option<ByteRange> {
        match self {
            Self::Int { first, last } => ByteRange::new(first, last.saturating_add(1).min(len)),
            Self::Suffix(n) => ByteRange::new(len.saturating_sub(n), len),
        }
    }
}

fn parse(value: &[u8]) -> Option<Vec<RangeSpec>> {
    let equals = value.iter().position(|b| *b == b'=')?;
    if !value[..equals].eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let mut specs = Vec::new();
    for (i, element) in value[equals + 1..].split(|b| *b == b',').enumerate() {
        // The list rule of section 5.6.1 has white space around commas only.
        let element = if i == 0 { trim_end(element) } else { trim_end(trim_start(element)) };
        if element.is_empty() {
            continue;
        }
        if specs.len() == RANGES_MAX {
            return None;
        }
        specs.push(parse_spec(element)?);
    }
    (!specs.is_empty()).then_some(specs)
}

fn parse_spec(element: &[u8]) -> Option<RangeSpec> {
    let dash = element.iter().position(|b| *b == b'-')?;
    let (first, last) = (&element[..dash], &element[dash + 1..]);
    match (first.is_empty(), last.is_empty()) {
        (true, true) => None,
        (true, false) => Some(RangeSpec::Suffix(Digits::new(last)?.value())),
        (false, true) => Some(RangeSpec::Int { first: Digits::new(first)?.value(), last: u64::MAX }),
        (false, false) => {
            let (first, last) = (Digits::new(first)?, Digits::new(last)?);
            (first.compare(&last) != Ordering::Greater)
                .then(|| RangeSpec::Int { first: first.value(), last: last.value() })
        }
    }
}

/// A decimal number of any length, without its leading zeros.
struct Digits<'a>(&'a [u8]);

impl<'a> Digits<'a> {
    fn new(text: &'a [u8]) -> Option<Self> {
        let zeros = text.iter().take_while(|b| **b == b'0').count();
        text.iter().all(u8::is_ascii_digit).then_some(Self(&text[zeros..]))
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(other.0))
    }

    fn value(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |value: u64, digit| value.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    }
}

/// Joins what touches. A joined part stands where its first member stood.
fn coalesce(ranges: impl Iterator<Item = ByteRange>) -> Vec<ByteRange> {
    let mut parts: Vec<ByteRange> = Vec::new();
    for range in ranges {
        let mut joined = range;
        let mut place = None;
        // Growing may make it touch a part that it did not touch before: until nothing changes.
        while let Some(at) = parts.iter().position(|part| part.touches(joined)) {
            joined = joined.hull(parts.remove(at));
            place = Some(place.map_or(at, |p: usize| p.min(at)));
        }
        parts.insert(place.unwrap_or(parts.len()), joined);
    }
    parts
}

fn trim_start(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    &text[blanks..]
}

fn trim_end(text: &[u8]) -> &[u8] {
    let blanks = text.iter().rev().take_while(|b| matches!(b, b' ' | b'\t')).count();
    &text[..text.len() - blanks]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(ranges: &[(u64, u64)]) -> Selection {
        Selection::Parts(ranges.iter().map(|(a, b)| ByteRange::new(*a, *b).unwrap()).collect())
    }

    #[test]
    fn examples_of_the_rfc() {
        // Section 14.1.2, for a representation of 10 000 bytes.
        for (value, want) in [
            ("bytes=0-499", parts(&[(0, 500)])),
            ("bytes=500-999", parts(&[(500, 1000)])),
            ("bytes=-500", parts(&[(9500, 10_000)])),
            ("bytes=9500-", parts(&[(9500, 10_000)])),
            ("bytes=0-0,-1", parts(&[(0, 1), (9999, 10_000)])),
            ("bytes= 0-999, 4500-5499, -1000", Selection::Whole), // blank after "=": not in the grammar
            ("bytes=0-999, 4500-5499, -1000", parts(&[(0, 1000), (4500, 5500), (9000, 10_000)])),
            ("bytes=500-600,601-999", parts(&[(500, 1000)])),
            ("bytes=500-700,601-999", parts(&[(500, 1000)])),
        ] {
            assert_eq!(select(value.as_bytes(), 10_000), want, "{value}");
        }
    }

    #[test]
    fn clamps_at_the_end() {
        for (value, want) in [
            ("bytes=0-99999", parts(&[(0, 100)])),
            ("bytes=99-99", parts(&[(99, 100)])),
            ("bytes=99-100", parts(&[(99, 100)])),
            ("bytes=-100", parts(&[(0, 100)])),
            ("bytes=-101", parts(&[(0, 100)])),
            ("bytes=-99999999999999999999999999", parts(&[(0, 100)])),
            ("bytes=5-18446744073709551615", parts(&[(5, 100)])),
            ("bytes=5-18446744073709551616", parts(&[(5, 100)])),
            ("bytes=5-99999999999999999999999999", parts(&[(5, 100)])),
            ("bytes=00000000000000000000000005-06", parts(&[(5, 7)])),
            ("BYTES=0-1", parts(&[(0, 2)])),
        ] {
            assert_eq!(select(value.as_bytes(), 100), want, "{value}");
        }
    }

    #[test]
    fn unsatisfiable() {
        for value in [
            "bytes=100-",
            "bytes=100-100",
            "bytes=100-200",
            "bytes=-0",
            "bytes=18446744073709551615-",
            "bytes=99999999999999999999999999-",
            "bytes=100-,-0,200-300",
        ] {
            assert_eq!(select(value.as_bytes(), 100), Selection::Unsatisfiable, "{value}");
        }
        assert_eq!(select(b"bytes=100-,0-0", 100), parts(&[(0, 1)]), "one satisfiable range is enough");
    }

    #[test]
    fn malformed_is_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=, ,",
            "bytes=-",
            "bytes=--1",
            "bytes=a-b",
            "bytes=0",
            "bytes=0-a",
            "bytes=0x0-1",
            "bytes=+0-1",
            "bytes=-+1",
            "bytes=0-1-2",
            "bytes=1-0",
            "bytes=99999999999999999999999999-99999999999999999999999998",
            "bytes=0-1;2-3",
            "bytes=0 -1",
            "bytes=0- 1",
            "bytes =0-1",
            " bytes=0-1",
            "bytes= 0-1",
            "bytes:0-1",
            "byte=0-1",
            "items=0-1",
            "seconds=1-2",
            "bytes=0-1,x",
            "bytes=0-1,5-4",
            "bytes=\u{661}-\u{662}",
        ] {
            assert_eq!(select(value.as_bytes(), 100), Selection::Whole, "{value:?}");
        }
        assert_eq!(select(b"bytes=0-\xff", 100), Selection::Whole);
    }

    #[test]
    fn empty_list_elements_are_skipped() {
        for value in ["bytes=,0-1", "bytes=0-1,", "bytes=,,0-1,,", "bytes=0-1 ,", "bytes=, 0-1\t,"] {
            assert_eq!(select(value.as_bytes(), 100), parts(&[(0, 2)]), "{value:?}");
        }
    }

    #[test]
    fn empty_representation() {
        for (value, want) in [
            ("bytes=0-", Selection::Unsatisfiable),
            ("bytes=0-0", Selection::Unsatisfiable),
            ("bytes=-0", Selection::Unsatisfiable),
            ("bytes=-5", Selection::Whole),
            ("bytes=0-0,-5", Selection::Whole),
        ] {
            assert_eq!(select(value.as_bytes(), 0), want, "{value}");
        }
    }

    #[test]
    fn several_ranges_are_bounded() {
        let value = |n: usize| {
            format!("bytes={}", (0..n).map(|i| format!("{0}-{0}", i * 1000)).collect::<Vec<_>>().join(","))
        };
        assert!(
            matches!(select(value(RANGES_MAX).as_bytes(), 1 << 20), Selection::Parts(p) if p.len() == RANGES_MAX)
        );
        assert_eq!(select(value(RANGES_MAX + 1).as_bytes(), 1 << 20), Selection::Whole);
    }

    #[test]
    fn parts_keep_the_order_asked_for() {
        assert_eq!(select(b"bytes=5000-5999,0-999", 10_000), parts(&[(5000, 6000), (0, 1000)]));
        // The third joins the first: it stands where the first stood.
        assert_eq!(select(b"bytes=5000-5999,0-999,6000-6999", 10_000), parts(&[(5000, 7000), (0, 1000)]));
        // One that bridges two makes one of three.
        assert_eq!(select(b"bytes=5000-5999,0-999,900-5100", 10_000), parts(&[(0, 6000)]));
    }

    #[test]
    fn coalesces_small_gaps_only() {
        assert_eq!(select(b"bytes=0-99,179-200", 10_000), parts(&[(0, 201)]), "gap of 79");
        assert_eq!(select(b"bytes=0-99,180-200", 10_000), parts(&[(0, 100), (180, 201)]), "gap of 80");
    }

    /// The set of bytes that the RFC's own words ask for, byte by byte; nothing when the field is to be ignored.
    fn wanted(specs: &[(Option<u64>, Option<u64>)], len: u64) -> Option<Vec<bool>> {
        let mut set = vec![false; usize::try_from(len).unwrap()];
        for spec in specs {
            for (i, byte) in set.iter_mut().enumerate() {
                let i = i as u64;
                *byte |= match *spec {
                    (Some(first), Some(last)) if last < first => return None,
                    (Some(first), Some(last)) => first <= i && i <= last,
                    (Some(first), None) => first <= i,
                    (None, Some(suffix)) => i >= len.saturating_sub(suffix),
                    (None, None) => return None,
                };
            }
            if matches!(*spec, (Some(first), Some(last)) if last < first) {
                return None;
            }
        }
        Some(set)
    }

    fn spec() -> impl Strategy<Value = (Option<u64>, Option<u64>)> {
        let position = || prop_oneof![0u64..1200, 0u64..20, Just(u64::MAX)];
        prop_oneof![
            (position(), position()).prop_map(|(a, b)| (Some(a), Some(b))),
            (position(), 0u64..50).prop_map(|(a, b)| (Some(a), Some(a.saturating_add(b)))),
            position().prop_map(|a| (Some(a), None)),
            position().prop_map(|b| (None, Some(b))),
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_the_byte_by_byte_reading(specs in prop::collection::vec(spec(), 1..6), len in 1u64..1000) {
            let text = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
            let list: Vec<String> = specs.iter().map(|(a, b)| format!("{}-{}", text(*a), text(*b))).collect();
            let got = select(format!("bytes={}", list.join(", ")).as_bytes(), len);
            match wanted(&specs, len) {
                None => prop_assert_eq!(got, Selection::Whole),
                Some(set) if !set.contains(&true) => prop_assert_eq!(got, Selection::Unsatisfiable),
                Some(set) => {
                    let Selection::Parts(parts) = got else { panic!("{got:?}") };
                    let mut sent = vec![0u8; set.len()];
                    for part in &parts {
                        prop_assert!(part.end() <= len);
                        for i in part.start()..part.end() {
                            sent[usize::try_from(i).unwrap()] += 1;
                        }
                    }
                    prop_assert!(sent.iter().all(|n| *n <= 1), "a byte is sent twice");
                    prop_assert!(set.iter().zip(&sent).all(|(want, n)| !want || *n == 1), "a byte is missing");
                    // What was not asked for is only ever a gap shorter than a part's head.
                    for gap in set.iter().zip(&sent).collect::<Vec<_>>().split(|(want, n)| **want || **n == 0) {
                        prop_assert!((gap.len() as u64) < COALESCE_GAP_LEN);
                    }
                }
            }
        }

        #[test]
        fn any_bytes_give_an_answer_inside_the_representation(value in prop::collection::vec(any::<u8>(), 0..60), len: u64) {
            if let Selection::Parts(parts) = select(&value, len) {
                prop_assert!(!parts.is_empty() && parts.iter().all(|p| p.start() < p.end() && p.end() <= len));
            }
        }

        #[test]
        fn text_near_the_grammar_gives_an_answer(value in "bytes=[-0-9, ]{0,40}", len in 0u64..100) {
            if let Selection::Parts(parts) = select(value.as_bytes(), len) {
                prop_assert!(parts.iter().map(|p| p.len()).sum::<u64>() <= len);
            }
        }
    }
}
