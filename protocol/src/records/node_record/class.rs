//! How much a node can hold.

use serde::{Deserialize, Serialize};

use crate::limits::CAPACITY_CLASS_MAX;

/// How much a node can hold: floor of log2 of its capacity in GiB, 0 to 24. Its weight in placement is 2^class.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct CapacityClass(u8);

/// A capacity class above the highest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("capacity class {0}, at most {CAPACITY_CLASS_MAX} is allowed")]
pub struct CapacityClassError(u8);

impl CapacityClass {
    /// The class with this number.
    pub const fn new(class: u8) -> Result<Self, CapacityClassError> {
        if class > CAPACITY_CLASS_MAX { Err(CapacityClassError(class)) } else { Ok(Self(class)) }
    }

    /// The class of a node that can hold so many bytes; a node of less than 1 GiB is in class 0.
    pub fn of_capacity(bytes: u64) -> Self {
        let class = (bytes >> 30).checked_ilog2().unwrap_or(0);
        Self(u8::try_from(class).map_or(CAPACITY_CLASS_MAX, |class| class.min(CAPACITY_CLASS_MAX)))
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for CapacityClass {
    type Error = CapacityClassError;

    fn try_from(class: u8) -> Result<Self, CapacityClassError> {
        Self::new(class)
    }
}

impl From<CapacityClass> for u8 {
    fn from(class: CapacityClass) -> Self {
        class.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_the_floor_of_log2_in_gibibytes() {
        const GIB: u64 = 1 << 30;
        let cases =
            [(0, 0), (GIB - 1, 0), (GIB, 0), (2 * GIB - 1, 0), (2 * GIB, 1), (1023 * GIB, 9), (u64::MAX, 24)];
        for (bytes, class) in cases {
            assert_eq!(CapacityClass::of_capacity(bytes).get(), class, "{bytes} bytes");
        }
        assert_eq!(CapacityClass::new(25), Err(CapacityClassError(25)));
    }
}
