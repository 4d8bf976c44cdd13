//! What was delivered, segment by segment.

use serde::{Deserialize, Serialize};

use crate::Digest;

/// The segments that were delivered, as one hash: each is added to what came before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivered {
    /// How many segments.
    pub count: u64,
    /// The hash over their hashes.
    pub hash: Digest,
}

impl Delivered {
    /// No segment.
    pub const NOTHING: Self = Self { count: 0, hash: Digest::from_bytes([0; 32]) };

    /// And one more, whose BLAKE3 hash is `segment`.
    #[must_use]
    pub fn and(self, segment: &[u8; 32]) -> Self {
        Self {
            count: self.count.saturating_add(1),
            hash: self.hash.followed_by("headwater v1 delivered", segment),
        }
    }
}
