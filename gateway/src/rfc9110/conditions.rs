//! Conditional requests (RFC 9110 section 13), in the order of section 13.2.2.
//!
//! An object has no date of modification: it is named by its content. So `If-Modified-Since`, `If-Unmodified-Since` and dates in
//! `If-Range` meet their rule for resources without one: the first two are ignored, the last never matches.

use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE};
use axum::http::{HeaderMap, HeaderValue, Method};

use super::range::{Selection, select};

/// What a request for an existing representation is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 412.
    PreconditionFailed,
    /// 304.
    NotModified,
    /// 200, 206 or 416.
    Send(Selection),
}

/// The strong validator of an object: its CID. Equal tags mean equal bytes, for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntityTag(String);

/// Decides about a GET or HEAD of a representation of `len` bytes.
///
/// Ranges are defined for GET alone (section 14.2), so a HEAD is answered as if there were none.
pub(crate) fn evaluate(method: &Method, headers: &HeaderMap, tag: &EntityTag, len: u64) -> Outcome {
    if headers.contains_key(IF_MATCH) && !listed(headers, &IF_MATCH, |given| given.matches_strongly(tag)) {
        return Outcome::PreconditionFailed;
    }
    if listed(headers, &IF_NONE_MATCH, |given| given.matches_weakly(tag)) {
        return Outcome::NotModified;
    }
    if *method != Method::GET || !range_is_current(headers, tag) {
        return Outcome::Send(Selection::Whole);
    }
    Outcome::Send(only_value(headers, &RANGE).map_or(Selection::Whole, |value| select(value.as_bytes(), len)))
}

impl EntityTag {
    /// The tag of the object with this CID, which is plain ASCII without quotes.
    pub(crate) fn of(cid: &impl ToString) -> Self {
        Self(cid.to_string())
    }

    /// The value of the `ETag` field.
    pub(crate) fn header_value(&self) -> HeaderValue {
        HeaderValue::try_from(format!("\"{}\"", self.0)).expect("a CID is letters and digits")
    }
}

/// One member of `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given<'a> {
    Any,
    Strong(&'a [u8]),
    Weak(&'a [u8]),
}

impl Given<'_> {
    fn matches_strongly(self, tag: &EntityTag) -> bool {
        matches!(self, Self::Any) || matches!(self, Self::Strong(opaque) if opaque == tag.0.as_bytes())
    }

    fn matches_weakly(self, tag: &EntityTag) -> bool {
        self.matches_strongly(tag) || matches!(self, Self::Weak(opaque) if opaque == tag.0.as_bytes())
    }
}

/// Whether a member of the field (which may stand on several lines) matches. Of a malformed line, what stands before the fault counts.
fn listed(headers: &HeaderMap, name: &HeaderName, matches: impl Fn(Given<'_>) -> bool) -> bool {
    headers.get_all(name).iter().any(|line| {
        if line.as_bytes().trim_ascii() == b"*" {
            return matches(Given::Any);
        }
        let mut rest = line.as_bytes();
        while let Some((given, after)) = next_tag(rest) {
            if matches(given) {
                return true;
            }
            rest = after;
        }
        false
    })
}

/// The next tag of a list and what follows it, or nothing at the end or at the first fault.
fn next_tag(list: &[u8]) -> Option<(Given<'_>, &[u8])> {
    let blank = list.iter().take_while(|b| matches!(b, b' ' | b'\t' | b',')).count();
    let (given, rest) = parse_tag(&list[blank..])?;
    let gap = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let rest = &rest[gap..];
    (rest.is_empty() || rest[0] == b',').then_some((given, rest))
}

fn parse_tag(text: &[u8]) -> Option<(Given<'_>, &[u8])> {
    let (weak, quoted) = match text.strip_prefix(b"W/") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let opaque = quoted.strip_prefix(b"\"")?;
    let end = opaque.iter().position(|b| *b == b'"')?;
    let (opaque, rest) = (&opaque[..end], &opaque[end + 1..]);
    let plain = opaque.iter().all(|b| *b == 0x21 || (0x23..=0x7e).contains(b) || *b >= 0x80);
    plain.then_some((if weak { Given::Weak(opaque) } else { Given::Strong(opaque) }, rest))
}

/// Whether `If-Range` (section 13.1.5) lets the range stand: it is absent, or it is this very tag.
fn range_is_current(headers: &HeaderMap, tag: &EntityTag) -> bool {
    if !headers.contains_key(IF_RANGE) {
        return true;
    }
    only_value(headers, &IF_RANGE)
        .and_then(|value| parse_tag(value.as_bytes().trim_ascii()))
        .is_some_and(|(given, rest)| rest.is_empty() && given.matches_strongly(tag))
}

/// The value of a field that is not a list; a request that repeats it has no valid one.
fn only_value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next();
    if lines.next().is_some() { None } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rfc9110::range::ByteRange;

    const LEN: u64 = 1000;

    fn ask(method: &Method, fields: &[(&'static str, &str)]) -> Outcome {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        evaluate(method, &headers, &EntityTag("cid".into()), LEN)
    }

    fn get(fields: &[(&'static str, &str)]) -> Outcome {
        ask(&Method::GET, fields)
    }

    fn whole() -> Outcome {
        Outcome::Send(Selection::Whole)
    }

    fn part(start: u64, end: u64) -> Outcome {
        Outcome::Send(Selection::Parts(vec![ByteRange::new(start, end).unwrap()]))
    }

    #[test]
    fn the_tag_is_quoted_and_strong() {
        assert_eq!(EntityTag::of(&"bafy").header_value(), "\"bafy\"");
    }

    #[test]
    fn if_match_compares_strongly() {
        for passes in
            ["*", "\"cid\"", "\"x\", \"cid\"", "\"x\",\"cid\",", ",, \"cid\"", "W/\"cid\", \"cid\"", " * "]
        {
            assert_eq!(get(&[("if-match", passes)]), whole(), "{passes}");
        }
        for fails in [
            "",
            "\"x\"",
            "W/\"cid\"",
            "cid",
            "\"cid",
            "cid\"",
            "\"CID\"",
            "\"cid \"",
            "w/\"cid\"",
            "\"x\" \"cid\"",
            "*, \"x\"",
            "\"x\";\"cid\"",
        ] {
            assert_eq!(get(&[("if-match", fails)]), Outcome::PreconditionFailed, "{fails:?}");
            assert_eq!(ask(&Method::HEAD, &[("if-match", fails)]), Outcome::PreconditionFailed, "{fails:?}");
        }
    }

    #[test]
    fn if_none_match_compares_weakly() {
        for hit in [
            "*",
            "\"cid\"",
            "W/\"cid\"",
            "\"x\", W/\"cid\"",
            "W/\"x\",\"cid\"",
            "\"a,b\", \"cid\"",
            "\"\", \"cid\"",
        ] {
            assert_eq!(get(&[("if-none-match", hit)]), Outcome::NotModified, "{hit}");
            assert_eq!(ask(&Method::HEAD, &[("if-none-match", hit)]), Outcome::NotModified, "{hit}");
        }
        for miss in
            ["", "\"x\"", "cid", "\"cid", "W/cid", "\"a,cid\"", "\"a\", cid, \"cid\"", "\"a b\", \"cid\""]
        {
            assert_eq!(get(&[("if-none-match", miss)]), whole(), "{miss:?}");
        }
    }

    #[test]
    fn lists_may_stand_on_several_lines() {
        assert_eq!(get(&[("if-none-match", "\"x\""), ("if-none-match", "\"cid\"")]), Outcome::NotModified);
        assert_eq!(get(&[("if-match", "\"x\""), ("if-match", "\"cid\"")]), whole());
        assert_eq!(get(&[("if-match", "\"x\""), ("if-match", "\"y\"")]), Outcome::PreconditionFailed);
    }

    #[test]
    fn order_of_evaluation() {
        let (bad, good) = ("\"x\"", "\"cid\"");
        let range = ("range", "bytes=0-9");
        // If-Match comes before If-None-Match, which comes before Range.
        assert_eq!(get(&[("if-match", bad), ("if-none-match", good), range]), Outcome::PreconditionFailed);
        assert_eq!(get(&[("if-match", good), ("if-none-match", good), range]), Outcome::NotModified);
        assert_eq!(get(&[("if-match", good), ("if-none-match", bad), range]), part(0, 10));
        // 304 before 206 even when If-Range matches, and 304 and 412 before 416.
        assert_eq!(get(&[("if-none-match", good), ("if-range", good), range]), Outcome::NotModified);
        assert_eq!(get(&[("if-none-match", good), ("range", "bytes=5000-")]), Outcome::NotModified);
        assert_eq!(get(&[("if-match", bad), ("range", "bytes=5000-")]), Outcome::PreconditionFailed);
        assert_eq!(get(&[("range", "bytes=5000-")]), Outcome::Send(Selection::Unsatisfiable));
    }

    #[test]
    fn dates_are_ignored() {
        let (past, future) = ("Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT");
        for date in [past, future, "no date"] {
            assert_eq!(get(&[("if-modified-since", date)]), whole(), "{date}");
            assert_eq!(get(&[("if-unmodified-since", date)]), whole(), "{date}");
        }
        assert_eq!(get(&[("if-none-match", "\"x\""), ("if-modified-since", future)]), whole());
        assert_eq!(get(&[("if-match", "\"cid\""), ("if-unmodified-since", past)]), whole());
    }

    #[test]
    fn if_range() {
        let range = ("range", "bytes=10-19");
        for (value, honoured) in [
            ("\"cid\"", true),
            ("W/\"cid\"", false),
            ("\"x\"", false),
            ("\"cid\", \"x\"", false),
            ("*", false),
            ("cid", false),
            ("", false),
            ("Thu, 01 Jan 1970 00:00:00 GMT", false),
            ("Fri, 01 Jan 2100 00:00:00 GMT", false),
        ] {
            assert_eq!(
                get(&[range, ("if-range", value)]),
                if honoured { part(10, 20) } else { whole() },
                "{value:?}"
            );
        }
        assert_eq!(get(&[range, ("if-range", "\"cid\""), ("if-range", "\"cid\"")]), whole(), "repeated");
        assert_eq!(get(&[("if-range", "\"x\"")]), whole(), "without a range it says nothing");
        assert_eq!(
            get(&[("if-range", "\"x\""), ("range", "bytes=5000-")]),
            whole(),
            "no 416 for another version"
        );
    }

    #[test]
    fn range_is_for_get_and_stands_once() {
        assert_eq!(get(&[("range", "bytes=10-19")]), part(10, 20));
        assert_eq!(ask(&Method::HEAD, &[("range", "bytes=10-19")]), whole());
        assert_eq!(ask(&Method::HEAD, &[("range", "bytes=5000-")]), whole());
        assert_eq!(get(&[("range", "bytes=10-19"), ("range", "bytes=30-39")]), whole());
    }
}
