//! `multipart/byteranges` (RFC 9110 section 14.6): several parts of a representation in one answer, of known length.

use std::fmt::Write as _;

use bytes::Bytes;

use super::range::ByteRange;

/// The plan of a multipart body.
#[derive(Debug)]
pub(crate) struct Multipart {
    boundary: String,
    segments: Vec<Segment>,
    len: u64,
}

/// A piece of the body, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Delimiters and heads of parts.
    Literal(Bytes),
    /// Bytes of the representation.
    Content(ByteRange),
}

impl Multipart {
    /// Plans the body for these parts of a representation of `complete` bytes.
    ///
    /// `boundary` is random and new for each answer: a content that holds the delimiter cannot be written in advance.
    pub(crate) fn new(parts: &[ByteRange], media_type: &str, complete: u64, boundary: u128) -> Self {
        let boundary = format!("{boundary:032x}");
        let mut segments = Vec::with_capacity(2 * parts.len() + 1);
        for (i, part) in parts.iter().enumerate() {
            let mut head = String::new();
            write!(
                head,
                "{}--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: {}\r\n\r\n",
                if i == 0 { "" } else { "\r\n" },
                part.content_range(complete),
            )
            .expect("writing to a string does not fail");
            segments.push(Segment::Literal(head.into()));
            segments.push(Segment::Content(*part));
        }
        segments.push(Segment::Literal(format!("\r\n--{boundary}--\r\n").into()));
        let len = segments.iter().map(Segment::len).sum();
        Self { boundary, segments, len }
    }

    /// The value of `Content-Type`.
    pub(crate) fn content_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    /// The exact length of the body.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn into_segments(self) -> Vec<Segment> {
        self.segments
    }
}

impl Segment {
    /// The same segment of a representation that lies `by` bytes behind the beginning of another one.
    pub(crate) fn shifted(self, by: u64) -> Self {
        match self {
            Self::Content(range) => Self::Content(range.shifted(by)),
            literal @ Self::Literal(_) => literal,
        }
    }

    /// Its bytes, when those of the representation are in memory.
    pub(crate) fn of(self, content: &Bytes) -> Bytes {
        let at = |position| usize::try_from(position).expect("it lies inside of what is in memory");
        match self {
            Self::Content(range) => content.slice(at(range.start())..at(range.end())),
            Self::Literal(text) => text,
        }
    }

    fn len(&self) -> u64 {
        match self {
            Self::Literal(text) => text.len() as u64,
            Self::Content(range) => range.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(start: u64, end: u64) -> ByteRange {
        ByteRange::new(start, end).unwrap()
    }

    fn render(plan: Multipart, content: &[u8]) -> Vec<u8> {
        let content = Bytes::copy_from_slice(content);
        plan.into_segments().into_iter().flat_map(|segment| segment.of(&content)).collect()
    }

    #[test]
    fn has_the_form_of_section_14_6() {
        let plan = Multipart::new(&[range(0, 3), range(7, 10)], "text/plain", 10, 0xab);
        let boundary = "000000000000000000000000000000ab";
        assert_eq!(plan.content_type(), format!("multipart/byteranges; boundary={boundary}"));
        let body = String::from_utf8(render(plan, b"0123456789")).unwrap();
        assert_eq!(
            body,
            format!(
                "--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-2/10\r\n\r\n012\r\n\
                 --{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 7-9/10\r\n\r\n789\r\n\
                 --{boundary}--\r\n"
            )
        );
    }

    proptest! {
        #[test]
        fn the_length_is_exact(ends in prop::collection::btree_set(1u64..500, 2..12), boundary: u128) {
            let content: Vec<u8> = (0..500u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let ends: Vec<u64> = ends.into_iter().collect();
            let parts: Vec<ByteRange> = ends.windows(2).map(|pair| range(pair[0], pair[1])).collect();
            let plan = Multipart::new(&parts, "video/mp4", 500, boundary);
            let len = plan.len();
            prop_assert_eq!(render(plan, &content).len() as u64, len);
        }
    }
}
