//! Links: the read capability of an object as text (spec §9).

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use proofs::{Cid, CidError};
use zeroize::Zeroizing;

use crate::ContentKey;

const SCHEME: &str = "headwater:";

/// Address and content key of an object. Displaying one gives the key away; `Debug` does not.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    cid: Cid,
    key: ContentKey,
}

/// Why a text is no link. No variant says what the text was: it might be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It begins otherwise.
    #[error("a link begins with {SCHEME}")]
    Scheme,
    /// Nothing separates address and key.
    #[error("the link has no key: it ends without # and 43 characters")]
    NoKey,
    /// The address is no CID of a manifest.
    #[error("the link's address is not valid: {0}")]
    Cid(CidError),
    /// The key is not 32 bytes in base64url.
    #[error("the link's key is not 43 characters of base64url: was the link cut off?")]
    Key,
}

impl Link {
    /// The link to the object at `cid`.
    pub const fn new(cid: Cid, key: ContentKey) -> Self {
        Self { cid, key }
    }

    /// The address.
    pub const fn cid(&self) -> Cid {
        self.cid
    }

    /// The key that opens what is there.
    pub const fn key(&self) -> &ContentKey {
        &self.key
    }
}

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let rest = text.strip_prefix(SCHEME).ok_or(LinkError::Scheme)?;
        let (cid, key) = rest.split_once('#').ok_or(LinkError::NoKey)?;
        let cid = cid.parse().map_err(LinkError::Cid)?;
        let key = Zeroizing::new(BASE64URL_NOPAD.decode(key.as_bytes()).map_err(|_| LinkError::Key)?);
        let key = key.as_slice().try_into().map_err(|_| LinkError::Key)?;
        Ok(Self { cid, key: ContentKey::from_bytes(key) })
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = Zeroizing::new(BASE64URL_NOPAD.encode(self.key.expose()));
        write!(f, "{SCHEME}{}#{}", self.cid, key.as_str())
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({SCHEME}{}#…)", self.cid)
    }
}
