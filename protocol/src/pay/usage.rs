//! How much was delivered and played.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What was delivered, as a viewer acknowledges it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Bytes.
    pub bytes: u64,
    /// Milliseconds played.
    pub ms: u64,
}

impl Usage {
    /// Both together; what cannot be counted any more stays at the largest number.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { bytes: self.bytes.saturating_add(other.bytes), ms: self.ms.saturating_add(other.ms) }
    }

    /// The greater of both numbers each.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self { bytes: self.bytes.max(other.bytes), ms: self.ms.max(other.ms) }
    }

    /// The lesser of both numbers each.
    #[must_use]
    pub fn capped(self, limit: Self) -> Self {
        Self { bytes: self.bytes.min(limit.bytes), ms: self.ms.min(limit.ms) }
    }

    /// True when both numbers are within the limit's.
    pub const fn is_within(self, limit: Self) -> bool {
        self.bytes <= limit.bytes && self.ms <= limit.ms
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, {} ms", self.bytes, self.ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_beyond_all_numbers_stays_at_the_largest() {
        let most = Usage { bytes: u64::MAX, ms: u64::MAX };
        assert_eq!(most.plus(Usage { bytes: 1, ms: 1 }), most);
        assert_eq!(most.plus(most).capped(Usage { bytes: 3, ms: 4 }), Usage { bytes: 3, ms: 4 });
    }
}
