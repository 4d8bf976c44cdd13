//! Who grants and who reads: two public keys as one text.

use std::fmt;
use std::str::FromStr;

use chunker::AccountSecret;
use data_encoding::BASE64URL_NOPAD;
use protocol::{PublicKey, SecretKey, keys};

use super::wrap::ReadingKey;

const SCHEME: &str = "headwater-id:";

/// A person or an institution: the key that signs what they grant, and the key to which others wrap what they may read.
///
/// Written as `headwater-id:` and 86 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    signs: PublicKey,
    reads: [u8; 32],
}

/// The secret half of an identity: it follows from the account secret.
pub struct OwnIdentity {
    pub(super) signing: SecretKey,
    pub(super) reading: ReadingKey,
    public: Identity,
}

/// Why a text is no identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IdentityError {
    /// It begins otherwise.
    #[error("an identity begins with {SCHEME}")]
    Scheme,
    /// What follows is not two keys.
    #[error("the identity is not 86 characters of base64url: was it cut off?")]
    Length,
    /// The first one is no public key.
    #[error("the identity's first key is no point of its curve")]
    Key,
}

impl Identity {
    /// The key that signs their grants.
    pub const fn signs(&self) -> PublicKey {
        self.signs
    }

    /// The X25519 key to which others wrap.
    pub(super) const fn reads(&self) -> &[u8; 32] {
        &self.reads
    }

    /// The identity of these 64 bytes.
    pub fn from_bytes(bytes: &[u8; 64]) -> Result<Self, IdentityError> {
        let (signs, reads) = bytes.split_first_chunk::<32>().ok_or(IdentityError::Length)?;
        let reads = reads.first_chunk::<32>().ok_or(IdentityError::Length)?;
        Ok(Self { signs: keys::from_bytes(signs).map_err(|_| IdentityError::Key)?, reads: *reads })
    }

    /// Its 64 bytes.
    pub fn to_bytes(self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(self.signs.as_bytes());
        bytes[32..].copy_from_slice(&self.reads);
        bytes
    }
}

impl OwnIdentity {
    /// The identity of an account.
    pub fn of(account: &AccountSecret) -> Self {
        let signing = SecretKey::from_bytes(account.identity_seed().expose());
        let reading = ReadingKey::derive(account.reading_seed().expose());
        let public = Identity { signs: signing.public(), reads: reading.public() };
        Self { signing, reading, public }
    }

    /// The key that signs in its name.
    pub const fn signing_key(&self) -> &SecretKey {
        &self.signing
    }

    /// What others may know of it.
    pub const fn public(&self) -> Identity {
        self.public
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let keys = text.strip_prefix(SCHEME).ok_or(IdentityError::Scheme)?;
        let keys = BASE64URL_NOPAD.decode(keys.as_bytes()).map_err(|_| IdentityError::Length)?;
        Self::from_bytes(&keys.try_into().map_err(|_| IdentityError::Length)?)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", BASE64URL_NOPAD.encode(&self.to_bytes()))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.signs.fmt_short())
    }
}

impl fmt::Debug for OwnIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnIdentity({})", self.public.signs.fmt_short())
    }
}
