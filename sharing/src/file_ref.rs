//! Files of a publication that are objects of their own: pictures and attachments.

use bytes::Bytes;
use chunker::{ContentKey, Link};
use proofs::Cid;
use serde::{Deserialize, Serialize};

use crate::{ContentHash, MediaType, VerifiedBytes, exposed_key};

/// A whole object, and how to check what comes out of it (spec §17).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileRef {
    /// BLAKE3 of the plaintext.
    pub hash: ContentHash,
    /// The key that opens the object.
    #[serde(with = "exposed_key")]
    pub key: ContentKey,
    /// Length of the plaintext in bytes.
    pub len: u64,
    /// The address of the object.
    pub object: Cid,
    /// What the bytes are.
    #[serde(rename = "type")]
    pub media_type: MediaType,
}

impl FileRef {
    /// The read capability of the object.
    pub fn link(&self) -> Link {
        Link::new(self.object, self.key.clone())
    }

    /// The bytes, when they are the file's; `None` when they are not.
    pub fn verify(&self, bytes: Bytes) -> Option<VerifiedBytes> {
        VerifiedBytes::check(bytes, self.len, &self.hash)
    }
}
