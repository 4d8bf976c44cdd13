//! The name of a link at a gateway.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

/// The name of a link at a gateway: 32 random bytes, written as 43 characters of base64url (spec §27, §28).
///
/// Of a health link it is the path by which it is found, and so half a secret: `Debug` shows the beginning alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "ByteArray<32>", into = "ByteArray<32>")]
pub struct LinkId([u8; 32]);

/// A text that is no link's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a link has 43 characters of base64url")]
pub struct LinkIdError;

impl LinkId {
    /// The id that these 32 bytes are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for LinkId {
    type Err = LinkIdError;

    fn from_str(text: &str) -> Result<Self, LinkIdError> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| LinkIdError)?;
        bytes.try_into().map(Self).map_err(|_| LinkIdError)
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkId({}…)", BASE64URL_NOPAD.encode(&self.0[..3]))
    }
}

impl From<ByteArray<32>> for LinkId {
    fn from(bytes: ByteArray<32>) -> Self {
        Self(bytes.into_array())
    }
}

impl From<LinkId> for ByteArray<32> {
    fn from(id: LinkId) -> Self {
        Self::new(id.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_what_it_writes_and_nothing_else() {
        let id = LinkId::from_bytes([0xfb; 32]);
        let text = id.to_string();
        assert_eq!((text.len(), text.parse()), (43, Ok(id)));
        for other in ["", &text[1..], &format!("{text}A"), &format!("{text}="), &text.replace('-', "+"), "é"]
        {
            assert_eq!(other.parse::<LinkId>(), Err(LinkIdError), "{other:?}");
        }
        // The last character carries two bits that are no part of the id.
        assert_eq!(format!("{}t", &text[..42]).parse::<LinkId>(), Err(LinkIdError));
        assert!(!format!("{id:?}").contains(&text));
    }
}
