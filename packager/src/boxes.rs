//! The boxes of ISO/IEC 14496-12 as they lie: a header, and whatever it encloses.
//!
//! Files of QuickTime bend the tree in places, so containers are walked here and only leaves are decoded by
//! `shiguredo_mp4`.

use shiguredo_mp4::{Decode, Encode};
use thiserror::Error;

/// The four characters that name a box.
pub(crate) type FourCc = [u8; 4];

/// Length of a header with a 64-bit size; a shorter one is 8 bytes long.
pub(crate) const HEADER_LEN_MAX: usize = 16;

/// A box header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BoxHeader {
    pub(crate) name: FourCc,
    pub(crate) header_len: u64,
    /// Length of the box with its header; `None`: up to the end of the file.
    pub(crate) len: Option<u64>,
}

impl BoxHeader {
    /// The header at the beginning of `bytes`, or `None` when more bytes are needed.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>, BoxError> {
        let Some((start, rest)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
        let [a, b, c, d, name @ ..] = *start;
        let short = u64::from(u32::from_be_bytes([a, b, c, d]));
        let (len, header_len) = match short {
            0 => return Ok(Some(Self { name, header_len: 8, len: None })),
            1 => match rest.first_chunk::<8>() {
                Some(long) => (u64::from_be_bytes(*long), 16),
                None => return Ok(None),
            },
            _ => (short, 8),
        };
        if len < header_len {
            return Err(BoxError::TooShort { name: BoxName(name), len });
        }
        Ok(Some(Self { name, header_len, len: Some(len) }))
    }
}

/// A box inside another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawBox<'a> {
    pub(crate) name: FourCc,
    /// With its header.
    pub(crate) whole: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl RawBox<'_> {
    /// Decodes the box as one of the library's.
    pub(crate) fn decode<T: Decode>(&self) -> Result<T, BoxError> {
        match T::decode(self.whole) {
            Ok((decoded, _)) => Ok(decoded),
            Err(error) if error.reason.is_empty() => {
                Err(BoxError::Invalid { name: BoxName(self.name), why: "it ends early".to_owned() })
            }
            Err(error) => Err(BoxError::Invalid { name: BoxName(self.name), why: error.reason }),
        }
    }
}

/// The boxes that lie in `bytes` one after the other. The zeros with which QuickTime ends a list are passed over.
pub(crate) fn children(bytes: &[u8]) -> impl Iterator<Item = Result<RawBox<'_>, BoxError>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let next = next_child(rest);
        rest = match next {
            Ok(Some((_, tail))) => tail,
            _ => &[],
        };
        next.map(|found| found.map(|(child, _)| child)).transpose()
    })
}

/// The first box named `name` in `bytes`.
pub(crate) fn child(bytes: &[u8], name: FourCc) -> Result<Option<RawBox<'_>>, BoxError> {
    children(bytes).find(|found| found.as_ref().map_or(true, |child| child.name == name)).transpose()
}

/// The first box named `name` in `bytes`, which must be there.
pub(crate) fn required_child(bytes: &[u8], name: FourCc) -> Result<RawBox<'_>, BoxError> {
    child(bytes, name)?.ok_or(BoxError::Missing { name: BoxName(name) })
}

/// The bytes of a box of our own making.
pub(crate) fn encode(of_ours: &impl Encode) -> Vec<u8> {
    of_ours.encode_to_vec().expect("a box that we built within its limits can be written")
}

fn next_child(bytes: &[u8]) -> Result<Option<(RawBox<'_>, &[u8])>, BoxError> {
    let Some(header) = BoxHeader::parse(bytes)? else { return Ok(None) };
    let Some(len) = header.len else { return Ok(None) };
    let cut = usize::try_from(len).ok().and_then(|len| bytes.split_at_checked(len));
    let Some((whole, rest)) = cut else {
        return Err(BoxError::TooLong { name: BoxName(header.name), len, room: bytes.len() });
    };
    let body = whole.get(usize::from(header.header_len == 16) * 8 + 8..).unwrap_or_default();
    Ok(Some((RawBox { name: header.name, whole, body }, rest)))
}

/// A box's name as it is shown: what is not printable ASCII becomes `?`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BoxName(pub(crate) FourCc);

impl std::fmt::Display for BoxName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|&byte| {
            let shown = if byte == b' ' || byte.is_ascii_graphic() { char::from(byte) } else { '?' };
            write!(f, "{shown}")
        })
    }
}

impl std::fmt::Debug for BoxName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// What is wrong with a box.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BoxError {
    /// The length that a box declares is less than its header's.
    #[error("box {name} declares a length of {len} bytes, less than its header")]
    TooShort {
        /// The box.
        name: BoxName,
        /// What it declares.
        len: u64,
    },
    /// A box reaches beyond the box around it.
    #[error("box {name} declares a length of {len} bytes where {room} are left")]
    TooLong {
        /// The box.
        name: BoxName,
        /// What it declares.
        len: u64,
        /// What the box around it has left.
        room: usize,
    },
    /// A box that must be there is not.
    #[error("box {name} is missing")]
    Missing {
        /// The box.
        name: BoxName,
    },
    /// The content of a box cannot be decoded.
    #[error("box {name} cannot be decoded: {why}")]
    Invalid {
        /// The box.
        name: BoxName,
        /// What the decoder says.
        why: String,
    },
}
