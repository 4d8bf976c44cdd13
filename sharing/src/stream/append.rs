//! What comes with a batch: the token, and the signature of the device.

use std::fmt;
use std::str::FromStr;

use chunker::AccountSecret;
use data_encoding::{BASE64, HEXLOWER};
use protocol::PublicKey;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;
use sha2::{Digest as _, Sha256};

use super::BatchNumber;
use crate::LinkId;

/// Bytes of the longest batch, encrypted as it is.
pub const STREAM_BATCH_LEN_MAX: usize = 1 << 20;

secret_text! {
    /// What a device shows: a gateway knows its hash.
    StreamToken
}

impl StreamToken {
    /// The token of an account's stream.
    pub fn derive(account: &AccountSecret, id: LinkId) -> Self {
        Self(*account.stream_token(id.as_bytes()).expose())
    }
}

/// What a device signs: stream, number, and the SHA-256 of the batch, a line each.
pub fn signed_text(id: LinkId, number: BatchNumber, batch: &[u8]) -> String {
    format!("headwater/1 append\n{id}\n{number}\n{}\n", HEXLOWER.encode(&Sha256::digest(batch)))
}

/// The signature of a device under a batch. Whether it is one, [`AppendSignature::check`] tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AppendSignature(ByteArray<64>);

/// Why a signature does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AppendSignatureError {
    /// It is no text of 64 bytes.
    #[error("the signature of a batch is 64 bytes in base64 with padding: 88 characters")]
    Text,
    /// The device did not sign this.
    #[error("the device of this stream did not sign this batch under this number")]
    Wrong,
}

impl AppendSignature {
    /// The signature that these bytes are.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(ByteArray::new(bytes))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// Succeeds when this device has signed this batch under this number for this stream.
    pub fn check(
        &self,
        device: PublicKey,
        id: LinkId,
        number: BatchNumber,
        batch: &[u8],
    ) -> Result<(), AppendSignatureError> {
        let signature = protocol::Signature::from_bytes(&self.0);
        let text = signed_text(id, number, batch);
        device.verify(text.as_bytes(), &signature).map_err(|_| AppendSignatureError::Wrong)
    }
}

impl FromStr for AppendSignature {
    type Err = AppendSignatureError;

    fn from_str(text: &str) -> Result<Self, AppendSignatureError> {
        let bytes = BASE64.decode(text.as_bytes()).map_err(|_| AppendSignatureError::Text)?;
        bytes.try_into().map(Self::from_bytes).map_err(|_| AppendSignatureError::Text)
    }
}

impl fmt::Display for AppendSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(&*self.0))
    }
}
