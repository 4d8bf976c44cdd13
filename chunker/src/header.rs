//! The sealed header of an object: what only a holder of the content key learns (spec §8).

use proofs::canonical;
use serde::{Deserialize, Serialize};

use crate::seal::header::PLAIN_LEN;

/// Bytes of a name.
pub const NAME_LEN_MAX: usize = 255;
/// Bytes of a media type.
pub const MEDIA_TYPE_LEN_MAX: usize = 127;
/// Bytes of the number in front of the CBOR.
const PREFIX_LEN: usize = 2;

/// Exact length, and perhaps name and media type of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectHeader {
    fields: Fields,
}

/// The CBOR map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Fields {
    len: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
}

/// Why something is no header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The name is empty, too long, `.` or `..`, or has a control character or a slash.
    #[error(
        "a name has 1 to {NAME_LEN_MAX} bytes without control characters and slashes, and is not . or .."
    )]
    Name,
    /// The media type is empty, too long, or not printable ASCII.
    #[error("a media type has 1 to {MEDIA_TYPE_LEN_MAX} printable ASCII characters")]
    MediaType,
    /// The CBOR is said to be longer than the header has room for.
    #[error("the header claims {claimed} bytes of CBOR, there is room for {}", PLAIN_LEN - PREFIX_LEN)]
    Length {
        /// Bytes claimed.
        claimed: u16,
    },
    /// There are other bytes than zeros after the CBOR.
    #[error("the header has non-zero padding")]
    Padding,
    /// The CBOR is not a canonical map of the known keys.
    #[error("the header is malformed: {0}")]
    Cbor(canonical::CanonicalError),
}

impl ObjectHeader {
    /// The header of an object of `len` bytes.
    pub fn new(len: u64, name: Option<String>, media_type: Option<String>) -> Result<Self, HeaderError> {
        Self::checked(Fields { len, name, media_type })
    }

    /// `L`: the exact length of the object in bytes.
    pub const fn object_len(&self) -> u64 {
        self.fields.len
    }

    /// The object's name, which is safe to be used as a file's.
    pub fn name(&self) -> Option<&str> {
        self.fields.name.as_deref()
    }

    /// The object's media type: safe to be sent as an HTTP field, not otherwise checked.
    pub fn media_type(&self) -> Option<&str> {
        self.fields.media_type.as_deref()
    }

    /// Whether an object may have this name: 1 to 255 bytes without control characters and slashes, not `.` or `..`.
    pub fn is_name(text: &str) -> bool {
        (1..=NAME_LEN_MAX).contains(&text.len())
            && !matches!(text, "." | "..")
            && !text.contains(|character: char| character == '/' || character.is_control())
    }

    /// Whether an object may have this media type: 1 to 127 printable ASCII characters.
    pub fn is_media_type(text: &str) -> bool {
        (1..=MEDIA_TYPE_LEN_MAX).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
    }

    fn checked(fields: Fields) -> Result<Self, HeaderError> {
        if !fields.name.as_deref().is_none_or(Self::is_name) {
            return Err(HeaderError::Name);
        }
        if !fields.media_type.as_deref().is_none_or(Self::is_media_type) {
            return Err(HeaderError::MediaType);
        }
        Ok(Self { fields })
    }

    /// `u16le(n) ‖ CBOR ‖ zeros`.
    pub(crate) fn to_plain(&self) -> [u8; PLAIN_LEN] {
        let cbor = canonical::to_vec(&self.fields);
        let len = u16::try_from(cbor.len()).expect("bounded fields take at most 410 bytes");
        let mut plain = [0; PLAIN_LEN];
        plain[..PREFIX_LEN].copy_from_slice(&len.to_le_bytes());
        plain[PREFIX_LEN..][..cbor.len()].copy_from_slice(&cbor);
        plain
    }

    pub(crate) fn from_plain(plain: &[u8; PLAIN_LEN]) -> Result<Self, HeaderError> {
        let claimed = u16::from_le_bytes([plain[0], plain[1]]);
        let (cbor, padding) =
            plain[PREFIX_LEN..].split_at_checked(claimed.into()).ok_or(HeaderError::Length { claimed })?;
        if padding.iter().any(|&byte| byte != 0) {
            return Err(HeaderError::Padding);
        }
        Self::checked(canonical::from_slice(cbor, PLAIN_LEN).map_err(HeaderError::Cbor)?)
    }
}
