//! What a gateway keeps for readers and cannot read: the contents of a share under its wrap key.

use std::fmt;

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce, Tag};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use zeroize::Zeroizing;

use super::{ShareContents, ShareContentsError, ShareKeys};

/// Bytes of what is wrapped, always: its length tells nothing.
pub const WRAPPED_LEN: usize = 3072;
const TAG_LEN: usize = 16;
const PLAIN_LEN: usize = WRAPPED_LEN - TAG_LEN;
const PREFIX_LEN: usize = 2;
/// Bytes of CBOR that there is room for.
pub(super) const CBOR_LEN_MAX: usize = PLAIN_LEN - PREFIX_LEN;

/// The contents of a share, sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ByteBuf", into = "ByteBuf")]
pub struct Wrapped(Box<[u8; WRAPPED_LEN]>);

/// Why something does not open, or opens to no contents of a share.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UnwrapError {
    /// Another length.
    #[error("{found} bytes are wrapped, it must be {WRAPPED_LEN}")]
    Size {
        /// Bytes found.
        found: usize,
    },
    /// Another share, secret or passcode, or somebody changed it.
    #[error("what the gateway gave does not open with this link: its authentication tag does not match")]
    Tag,
    /// The CBOR is said to be longer than there is room.
    #[error("what is wrapped claims {claimed} bytes of CBOR, there is room for {CBOR_LEN_MAX}")]
    Length {
        /// Bytes claimed.
        claimed: u16,
    },
    /// There are other bytes than zeros after the CBOR.
    #[error("what is wrapped has non-zero padding")]
    Padding,
    /// It opens to something else.
    #[error(transparent)]
    Contents(#[from] ShareContentsError),
}

impl Wrapped {
    /// Seals the contents of a share; `keys` are those of this share and of no other.
    pub fn seal(keys: &ShareKeys, contents: &ShareContents) -> Self {
        let cbor = Zeroizing::new(contents.encode());
        let len = u16::try_from(cbor.len()).expect("contents that do not fit are none");
        let mut sealed = Box::new([0; WRAPPED_LEN]);
        let (plain, tag) = sealed.split_at_mut(PLAIN_LEN);
        plain[..PREFIX_LEN].copy_from_slice(&len.to_le_bytes());
        plain[PREFIX_LEN..][..cbor.len()].copy_from_slice(&cbor);
        let computed = cipher(keys)
            .encrypt_inout_detached(&Nonce::default(), keys.id().as_bytes(), plain.into())
            .expect("it is far below the 256 GiB that one nonce can seal");
        tag.copy_from_slice(&computed);
        Self(sealed)
    }

    /// The contents of the share, when they were sealed with these keys.
    pub fn open(&self, keys: &ShareKeys) -> Result<ShareContents, UnwrapError> {
        let (sealed, tag) = self.0.split_at(PLAIN_LEN);
        let tag = Tag::try_from(tag).expect("what follows the sealed plaintext is the tag");
        let mut plain = Zeroizing::new(sealed.to_vec());
        cipher(keys)
            .decrypt_inout_detached(
                &Nonce::default(),
                keys.id().as_bytes(),
                plain.as_mut_slice().into(),
                &tag,
            )
            .map_err(|_| UnwrapError::Tag)?;
        let claimed = u16::from_le_bytes([plain[0], plain[1]]);
        let (cbor, padding) =
            plain[PREFIX_LEN..].split_at_checked(claimed.into()).ok_or(UnwrapError::Length { claimed })?;
        if padding.iter().any(|&byte| byte != 0) {
            return Err(UnwrapError::Padding);
        }
        Ok(ShareContents::decode(cbor)?)
    }

    /// The bytes, when there are as many as there must be.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, UnwrapError> {
        let found = bytes.len();
        let bytes = <[u8; WRAPPED_LEN]>::try_from(bytes).map_err(|_| UnwrapError::Size { found })?;
        Ok(Self(Box::new(bytes)))
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; WRAPPED_LEN] {
        &self.0
    }
}

impl TryFrom<ByteBuf> for Wrapped {
    type Error = UnwrapError;

    fn try_from(bytes: ByteBuf) -> Result<Self, UnwrapError> {
        Self::from_slice(&bytes)
    }
}

impl From<Wrapped> for ByteBuf {
    fn from(wrapped: Wrapped) -> Self {
        Self::from(wrapped.0.to_vec())
    }
}

impl fmt::Debug for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wrapped(…)")
    }
}

fn cipher(keys: &ShareKeys) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(keys.wrap_key().into())
}
