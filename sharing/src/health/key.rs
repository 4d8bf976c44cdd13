//! The key of a health link's files.

use chunker::{AccountSecret, KeySeed};
use data_encoding::BASE64URL_NOPAD;
use protocol::SecretKey;
use zeroize::Zeroizing;

use crate::LinkId;

/// The key that encrypts the files of one health link. It stands in the link, and nowhere else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HealthKey(KeySeed);

impl HealthKey {
    /// The key of the account's health link with this id.
    pub fn derive(account: &AccountSecret, id: LinkId) -> Self {
        Self(account.health_file_key(id.as_bytes()))
    }

    /// The key that these bytes are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(KeySeed::from_bytes(bytes))
    }

    /// The key that this text is: 43 characters of base64url.
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
        bytes.as_slice().try_into().ok().map(Self::from_bytes)
    }

    /// The key itself: hand it to nothing that prints or keeps it.
    pub const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// The key as it stands in a link.
    pub fn expose_text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64URL_NOPAD.encode(self.expose()))
    }
}

/// The key that signs the records of the account's link with this id.
pub fn link_key(account: &AccountSecret, id: LinkId) -> SecretKey {
    SecretKey::from_bytes(account.share_key_seed(id.as_bytes()).expose())
}
