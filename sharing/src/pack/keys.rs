//! The keys of a pack: one opens all of it, and each record has one that follows from it.

use chunker::{ContentKey, OwnKey};

const CONTENT_CONTEXT: &str = "headwater v1 pack content key";
const INDEX_CONTEXT: &str = "headwater v1 pack index key";
const RECORD_CONTEXT: &str = "headwater v1 pack record key";

/// Whoever has it reads every record of a pack. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackKey(OwnKey);

impl PackKey {
    /// The key that these bytes are: random ones, for one pack only.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(OwnKey::from_bytes(bytes))
    }

    /// The key itself: hand it to nothing that prints or keeps it.
    pub const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// The content key of the object that the pack is. It opens the cells, and of what is in them nothing.
    pub fn content_key(&self) -> ContentKey {
        ContentKey::from_bytes(self.derive(CONTENT_CONTEXT, &[]))
    }

    /// Seals index blocks and the top.
    pub(super) fn index_key(&self) -> OwnKey {
        OwnKey::from_bytes(self.derive(INDEX_CONTEXT, &[]))
    }

    /// Seals the record that begins at `at`, and no other one.
    pub(super) fn record_key(&self, at: u64) -> OwnKey {
        OwnKey::from_bytes(self.derive(RECORD_CONTEXT, &at.to_le_bytes()))
    }

    fn derive(&self, context: &str, material: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        hasher.update(self.0.expose());
        hasher.update(material);
        *hasher.finalize().as_bytes()
    }
}
