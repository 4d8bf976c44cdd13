//! Headers as bytes: `u32le(n) ‖ postcard`, n at most [`HEADER_LEN_MAX`] (spec §13).

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits::HEADER_LEN_MAX;
use crate::{Request, Response};

/// Bytes in front of a header that say how long it is.
pub const PREFIX_LEN: usize = 4;

/// What may stand at the head of a stream: a [`Request`] or a [`Response`].
pub trait Header: Serialize + DeserializeOwned + sealed::Sealed {}

impl Header for Request {}
impl Header for Response {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::Request {}
    impl Sealed for crate::Response {}
}

/// A header that was decoded, and where the bytes after it begin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Framed<H> {
    /// The header.
    pub header: H,
    /// Bytes that it took, the prefix included.
    pub consumed: usize,
}

/// The bytes of a header, its length in front. Fails only for a `Read` of more ranges than are allowed.
pub fn encode_header<H: Header>(header: &H) -> Result<Vec<u8>, EncodeHeaderError> {
    let mut bytes = postcard::to_extend(header, vec![0; PREFIX_LEN]).map_err(EncodeHeaderError::Invalid)?;
    let len = bytes.len() - PREFIX_LEN;
    if len > HEADER_LEN_MAX {
        return Err(EncodeHeaderError::TooLong { len });
    }
    let prefix = u32::try_from(len).expect("the limit of a header is far below 2^32").to_le_bytes();
    bytes[..PREFIX_LEN].copy_from_slice(&prefix);
    Ok(bytes)
}

/// The header at the start of `bytes`, or `None` when more bytes are needed.
pub fn decode_header<H: Header>(bytes: &[u8]) -> Result<Option<Framed<H>>, DecodeHeaderError> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX_LEN>() else {
        return Ok(None);
    };
    let len = header_len(*prefix)?;
    let Some(body) = rest.get(..len) else {
        return Ok(None);
    };
    Ok(Some(Framed { header: decode_body(body)?, consumed: PREFIX_LEN + len }))
}

/// The length that a prefix announces, in bytes: looked at before anything is allocated for it.
pub fn header_len(prefix: [u8; PREFIX_LEN]) -> Result<usize, DecodeHeaderError> {
    let len = u32::from_le_bytes(prefix);
    match usize::try_from(len) {
        Ok(len) if len <= HEADER_LEN_MAX => Ok(len),
        _ => Err(DecodeHeaderError::TooLong { len }),
    }
}

/// The header that these bytes, without the prefix, encode; the only encoding it has.
pub fn decode_body<H: Header>(body: &[u8]) -> Result<H, DecodeHeaderError> {
    let (header, rest) = postcard::take_from_bytes::<H>(body).map_err(DecodeHeaderError::Malformed)?;
    if !rest.is_empty() {
        return Err(DecodeHeaderError::Trailing { bytes: rest.len() });
    }
    // Integers can be padded and so spelled in several ways; one spelling is enough.
    match postcard::to_allocvec(&header) {
        Ok(again) if again == body => Ok(header),
        _ => Err(DecodeHeaderError::NotCanonical),
    }
}

/// Why a header has no bytes.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EncodeHeaderError {
    /// A list in the header is longer than the receiver would take.
    #[error("header cannot be encoded: {0}")]
    Invalid(postcard::Error),
    /// The header as a whole is longer.
    #[error("header of {len} bytes, at most {HEADER_LEN_MAX} are allowed")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
}

/// Why bytes are no header.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeHeaderError {
    /// The prefix announces more than [`HEADER_LEN_MAX`] bytes.
    #[error("header of {len} bytes, at most {HEADER_LEN_MAX} are allowed")]
    TooLong {
        /// The length announced, in bytes.
        len: u32,
    },
    /// The bytes are not one of the messages, or break a limit.
    #[error("malformed header: {0}")]
    Malformed(postcard::Error),
    /// The message ends before the header does.
    #[error("{bytes} bytes behind the message in its header")]
    Trailing {
        /// Bytes left over.
        bytes: usize,
    },
    /// The message is spelled in another way than the shortest.
    #[error("header is not in its canonical form")]
    NotCanonical,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_once_it_is_complete() {
        let bytes = encode_header(&Request::Status).unwrap();
        assert_eq!(bytes, [1, 0, 0, 0, 10]);
        for end in 0..bytes.len() {
            assert_eq!(decode_header::<Request>(&bytes[..end]), Ok(None), "{end} bytes");
        }
        let followed = [&bytes[..], b"body"].concat();
        let framed = decode_header(&followed).unwrap().unwrap();
        assert_eq!(framed, Framed { header: Request::Status, consumed: 5 });
    }

    #[test]
    fn a_length_above_the_limit_is_refused_at_once() {
        let limit = u32::try_from(HEADER_LEN_MAX).unwrap();
        assert_eq!(decode_header::<Request>(&limit.to_le_bytes()), Ok(None));
        for len in [limit + 1, u32::MAX] {
            assert_eq!(decode_header::<Request>(&len.to_le_bytes()), Err(DecodeHeaderError::TooLong { len }));
        }
    }

    #[test]
    fn nothing_may_follow_the_message_inside_its_header() {
        let refused = decode_header::<Request>(&[2, 0, 0, 0, 10, 0]);
        assert_eq!(refused, Err(DecodeHeaderError::Trailing { bytes: 1 }));
    }

    #[test]
    fn a_padded_number_is_refused() {
        let refused = decode_header::<Request>(&[2, 0, 0, 0, 0x8a, 0]);
        assert_eq!(refused, Err(DecodeHeaderError::NotCanonical));
    }

    #[test]
    fn unknown_messages_are_refused() {
        for number in [17, 0x7f] {
            assert!(matches!(decode_body::<Request>(&[number]), Err(DecodeHeaderError::Malformed(_))));
        }
        assert!(matches!(decode_body::<Response>(&[18]), Err(DecodeHeaderError::Malformed(_))));
        assert!(matches!(decode_body::<Response>(&[]), Err(DecodeHeaderError::Malformed(_))));
    }
}
