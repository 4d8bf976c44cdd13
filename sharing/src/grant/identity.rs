//! Who grants and who reads: two public keys as one text.

use std::fmt;
use std::str::FromStr;

use chunker::AccountSecret;
use data_encoding::BASE64URL_NOPAD;
use protocol::{PublicKey, SecretKey, keys};

use super::wrap::{HYBRID_KEY_LEN, PublicReadingKey, ReadingKeys};

const SCHEME: &str = "headwater-id:";
/// Characters of base64url that the key which signs has for itself: the next one has bits of the other key, too.
const SIGNS_CHARS: usize = 42;

/// A person or an institution: the key that signs what they grant, and the key to which others wrap what they may read.
///
/// Written as `headwater-id:` and base64url: 86 characters, or 1664 of a hybrid one, to which what is wrapped stays closed for whoever has a
/// quantum computer one day.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    signs: PublicKey,
    reads: PublicReadingKey,
}

/// The secret half of an identity: it follows from the account secret.
pub struct OwnIdentity {
    pub(super) signing: SecretKey,
    pub(super) reading: ReadingKeys,
    public: Identity,
    hybrid: Identity,
}

/// Why a text is no identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IdentityError {
    /// It begins otherwise.
    #[error("an identity begins with {SCHEME}")]
    Scheme,
    /// What follows is not two keys.
    #[error("the identity is not 86 characters of base64url, nor 1664 of a hybrid one: was it cut off?")]
    Length,
    /// The first one is no public key.
    #[error("the identity's first key is no point of its curve")]
    Key,
    /// The second one is no public key of X-Wing.
    #[error("the identity's second key is none of ML-KEM-768 and X25519")]
    HybridKey,
}

impl Identity {
    /// The key that signs their grants.
    pub const fn signs(&self) -> PublicKey {
        self.signs
    }

    /// Whether what is wrapped to it needs more than a quantum computer.
    pub const fn is_hybrid(&self) -> bool {
        matches!(self.reads, PublicReadingKey::Hybrid(_))
    }

    /// How the text of every identity with this key begins, whatever its other key is: 252 of the key's 256 bits.
    pub fn beginning(signs: PublicKey) -> String {
        format!("{SCHEME}{}", &BASE64URL_NOPAD.encode(signs.as_bytes())[..SIGNS_CHARS])
    }

    /// The key to which others wrap.
    pub(super) const fn reads(&self) -> &PublicReadingKey {
        &self.reads
    }

    /// The identity of these 64 or 1248 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IdentityError> {
        let (signs, reads) = bytes.split_first_chunk::<32>().ok_or(IdentityError::Length)?;
        let signs = keys::from_bytes(signs).map_err(|_| IdentityError::Key)?;
        let reads = match reads.len() {
            32 => PublicReadingKey::X25519(reads.try_into().expect("it has 32 bytes")),
            HYBRID_KEY_LEN => {
                let key = reads.try_into().expect("it has as many bytes");
                PublicReadingKey::hybrid(key).ok_or(IdentityError::HybridKey)?
            }
            _ => return Err(IdentityError::Length),
        };
        Ok(Self { signs, reads })
    }

    /// Its 64 or 1248 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.signs.as_bytes().as_slice(), self.reads.as_bytes()].concat()
    }
}

impl OwnIdentity {
    /// The identity of an account.
    pub fn of(account: &AccountSecret) -> Self {
        let signing = SecretKey::from_bytes(account.identity_seed().expose());
        let reading =
            ReadingKeys::derive(account.reading_seed().expose(), account.hybrid_reading_seed().expose());
        let public = Identity { signs: signing.public(), reads: reading.public() };
        let hybrid = Identity { signs: signing.public(), reads: reading.hybrid() };
        Self { signing, reading, public, hybrid }
    }

    /// The key that signs in its name.
    pub const fn signing_key(&self) -> &SecretKey {
        &self.signing
    }

    /// What others may know of it.
    pub const fn public(&self) -> &Identity {
        &self.public
    }

    /// The same with a hybrid key, under which more is safe for longer, and whose text is longer.
    pub const fn hybrid(&self) -> &Identity {
        &self.hybrid
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let keys = text.strip_prefix(SCHEME).ok_or(IdentityError::Scheme)?;
        let keys = BASE64URL_NOPAD.decode(keys.as_bytes()).map_err(|_| IdentityError::Length)?;
        Self::from_bytes(&keys)
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
