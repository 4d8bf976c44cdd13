//! Canonical CBOR: DAG-CBOR in which every value has exactly one encoding (spec section 1).

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_ipld_dagcbor::DecodeError;
use thiserror::Error;

/// The canonical encoding of `value`.
///
/// Types that are stored have no floats and only text keys; for them encoding cannot fail.
pub fn to_vec<T: Serialize>(value: &T) -> Vec<u8> {
    serde_ipld_dagcbor::to_vec(value).expect("memory does not fail, and stored types have text keys only")
}

/// The value that `bytes` encode, when they are its canonical encoding and at most `max_len` long.
///
/// The length is looked at first. Unknown keys need no `deny_unknown_fields`: a value with one does not
/// encode to the same bytes.
pub fn from_slice<T: DeserializeOwned + Serialize>(
    bytes: &[u8],
    max_len: usize,
) -> Result<T, CanonicalError> {
    if bytes.len() > max_len {
        return Err(CanonicalError::TooLong { len: bytes.len(), max_len });
    }
    let value = peek(bytes)?;
    if to_vec(&value) == bytes { Ok(value) } else { Err(CanonicalError::NotCanonical) }
}

/// The value that `bytes` encode, canonical or not: for a first look at what they claim to be.
pub fn peek<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CanonicalError> {
    serde_ipld_dagcbor::from_slice(bytes)
        .map_err(|error| CanonicalError::Malformed { reason: in_words(error) })
}

/// The decoder names its own types and states; people want to know what is wrong with the bytes.
fn in_words<E>(error: DecodeError<E>) -> String {
    match error {
        DecodeError::Msg(text) => text,
        DecodeError::Eof { .. } | DecodeError::RequireLength { .. } => "it ends too early".to_owned(),
        DecodeError::Mismatch { found, .. } | DecodeError::Unsupported { found, .. } => {
            format!("byte 0x{found:02x} stands where it may not")
        }
        DecodeError::RequireUtf8 { .. } => "a text is not UTF-8".to_owned(),
        DecodeError::DepthOverflow { .. } => "it is nested too deeply".to_owned(),
        DecodeError::TrailingData => "bytes follow its end".to_owned(),
        DecodeError::IndefiniteSize => "something of indefinite length is in it".to_owned(),
        DecodeError::NonMinimal { .. } => "a number is longer than it need be".to_owned(),
        DecodeError::UnorderedKey => "keys are not in order".to_owned(),
        DecodeError::LengthMismatch { expect, value, .. } => {
            format!("a list of {value} stands where one of {expect} belongs")
        }
        DecodeError::LengthOverflow { .. }
        | DecodeError::CastOverflow { .. }
        | DecodeError::ArithmeticOverflow { .. } => "a number is too large".to_owned(),
        DecodeError::Read(_) | DecodeError::RequireBorrowed { .. } => "it cannot be read".to_owned(),
    }
}

/// Why bytes are not the canonical encoding of a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CanonicalError {
    /// Longer than any value of the type may be.
    #[error("{len} bytes are more than the limit of {max_len}")]
    TooLong {
        /// Bytes found.
        len: usize,
        /// Bytes allowed.
        max_len: usize,
    },
    /// Not CBOR, or not a value of the type.
    #[error("malformed CBOR: {reason}")]
    Malformed {
        /// What the CBOR decoder or the type said.
        reason: String,
    },
    /// A value of the type, but written in another way than the canonical one.
    #[error("the CBOR is not in canonical form")]
    NotCanonical,
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        bb: u64,
        a: Option<bool>,
    }

    #[test]
    fn keys_are_sorted_by_their_encoding() {
        let cbor = to_vec(&Sample { bb: 1, a: None });
        assert_eq!(cbor, [0xa2, 0x61, b'a', 0xf6, 0x62, b'b', b'b', 0x01]);
        assert_eq!(from_slice(&cbor, 8), Ok(Sample { bb: 1, a: None }));
    }

    #[test]
    fn the_length_is_looked_at_first() {
        let result = from_slice::<Sample>(&[0xff; 9], 8);
        assert_eq!(result, Err(CanonicalError::TooLong { len: 9, max_len: 8 }));
    }

    #[test]
    fn what_is_malformed_is_said_in_words() {
        let cases: [(&[u8], &str); 6] = [
            (&[], "it ends too early"),
            (&[0xa2, 0x61], "it ends too early"),
            (&[0xa1, 0x61, b'a', 0xff], "byte 0xff stands where it may not"),
            (&[0x68, b'h', b'e'], "byte 0x68 stands where it may not"),
            (&[0xa2, 0x61, b'a', 0xf6, 0x62, b'b', b'b', 0x01, 0x00], "bytes follow its end"),
            (&[0xa1, 0x61, b'a', 0xf6], "missing field `bb`"),
        ];
        for (cbor, words) in cases {
            let reason = words.to_owned();
            assert_eq!(
                from_slice::<Sample>(cbor, 64),
                Err(CanonicalError::Malformed { reason }),
                "{cbor:x?}"
            );
        }
    }

    /// A decoder that went down for each of a million nested arrays would run out of stack.
    #[test]
    fn deep_nesting_under_an_unknown_key_is_refused() {
        for opener in [&[0x81][..], &[0xa1, 0x61, b'x'], &[0x9f]] {
            let mut cbor = vec![0xa3, 0x61, b'a', 0xf6, 0x61, b'z'];
            while cbor.len() < 1 << 20 {
                cbor.extend_from_slice(opener);
            }
            let result = from_slice::<Sample>(&cbor, usize::MAX);
            assert!(matches!(result, Err(CanonicalError::Malformed { .. })), "{result:?}");
        }
    }
}
