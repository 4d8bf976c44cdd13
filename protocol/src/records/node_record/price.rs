//! What a node asks for keeping bytes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Micro-units of the network's currency for one GiB kept over one month of 30 days; 0 is free of charge.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Price(u64);

impl Price {
    /// Nothing.
    pub const FREE: Self = Self(0);

    /// So many micro-units per GiB and month.
    pub const fn new(micro_units: u64) -> Self {
        Self(micro_units)
    }

    /// Micro-units per GiB and month.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("free"),
            price => write!(f, "{price} µ per GiB and month"),
        }
    }
}
