//! Record links: the read capability of one record of a pack, as text.

use std::fmt;
use std::str::FromStr;

use chunker::{ContentKey, Link, OwnKey};
use data_encoding::BASE64URL_NOPAD;
use proofs::CidError;

use super::error::check_len;
use super::seal::{self, Sealed};
use super::{PACK_RECORDS_LEN_MAX, PackError, RecordPlace};

const SCHEME: &str = "headwater-record:";
/// Two keys, a place and a length.
const SECRET_LEN: usize = 32 + 32 + 8 + 4;

/// Reads one record, and tells nothing of the others in its pack. Displaying one gives the key away; `Debug` does not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordLink {
    pack: Link,
    key: OwnKey,
    place: RecordPlace,
}

/// Why a text is no record link. No variant says what the text was: it might be a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordLinkError {
    /// It begins otherwise.
    #[error("a record link begins with {SCHEME}")]
    Scheme,
    /// Nothing separates address and keys.
    #[error("the record link has no key: it ends without # and 102 characters")]
    NoKey,
    /// The address is no CID of a manifest.
    #[error("the record link's address is not valid: {0}")]
    Cid(CidError),
    /// What follows is not 76 bytes in base64url.
    #[error("the record link's keys are not 102 characters of base64url: was it cut off?")]
    Key,
    /// The record would lie outside of any pack.
    #[error("the record would lie outside of any pack")]
    Place,
}

impl RecordLink {
    pub(super) const fn new(pack: Link, key: OwnKey, place: RecordPlace) -> Self {
        Self { pack, key, place }
    }

    /// Whether this text was meant as one.
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// The read capability of the pack's object: it opens the cells, and no record.
    pub const fn pack(&self) -> &Link {
        &self.pack
    }

    /// Where the record lies in the pack.
    pub const fn place(&self) -> RecordPlace {
        self.place
    }

    /// Opens the record, as its bytes were read from the range of its place.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, PackError> {
        check_len(sealed, &self.place.range())?;
        seal::open(&self.key, Sealed::Record, sealed).ok_or(PackError::Key)
    }
}

impl FromStr for RecordLink {
    type Err = RecordLinkError;

    fn from_str(text: &str) -> Result<Self, RecordLinkError> {
        let rest = text.strip_prefix(SCHEME).ok_or(RecordLinkError::Scheme)?;
        let (cid, secret) = rest.split_once('#').ok_or(RecordLinkError::NoKey)?;
        let cid = cid.parse().map_err(RecordLinkError::Cid)?;
        let secret = BASE64URL_NOPAD.decode(secret.as_bytes()).map_err(|_| RecordLinkError::Key)?;
        let secret: [u8; SECRET_LEN] = secret.try_into().map_err(|_| RecordLinkError::Key)?;
        let (content, rest) = secret.split_first_chunk::<32>().ok_or(RecordLinkError::Key)?;
        let (key, rest) = rest.split_first_chunk::<32>().ok_or(RecordLinkError::Key)?;
        let (at, len) = rest.split_first_chunk::<8>().ok_or(RecordLinkError::Key)?;
        let len = len.first_chunk::<4>().ok_or(RecordLinkError::Key)?;
        let place = RecordPlace { at: u64::from_le_bytes(*at), len: u32::from_le_bytes(*len) };
        if place.at > PACK_RECORDS_LEN_MAX || place.range().end > PACK_RECORDS_LEN_MAX {
            return Err(RecordLinkError::Place);
        }
        let pack = Link::new(cid, ContentKey::from_bytes(*content));
        Ok(Self { pack, key: OwnKey::from_bytes(*key), place })
    }
}

impl fmt::Display for RecordLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RecordPlace { at, len } = self.place;
        let keys = [self.pack.key().expose().as_slice(), self.key.expose()].concat();
        let secret = [keys.as_slice(), &at.to_le_bytes(), &len.to_le_bytes()].concat();
        write!(f, "{SCHEME}{}#{}", self.pack.cid(), BASE64URL_NOPAD.encode(&secret))
    }
}
