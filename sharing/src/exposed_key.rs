//! Content keys that are written out: whoever may read the bundle, record or index around them may read the object.
//!
//! Secrets have no `Serialize`, so each field that gives one away says so with `#[serde(with = "exposed_key")]`.

use chunker::ContentKey;
use serde::{Deserialize, Deserializer, Serializer};
use serde_bytes::ByteArray;

/// Writes the key as a byte string.
pub(crate) fn serialize<S: Serializer>(key: &ContentKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(key.expose())
}

/// Reads a byte string of 32 bytes.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ContentKey, D::Error> {
    ByteArray::<32>::deserialize(deserializer).map(|bytes| ContentKey::from_bytes(bytes.into_array()))
}
