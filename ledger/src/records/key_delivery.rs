//! Key delivery: the buyer has what was bought.

use std::fmt;

use protocol::{Digest, Record, UnixSeconds};
use serde::{Deserialize, Serialize};

/// Says that the key was sealed to the buyer; signed by the seller (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyDelivery {
    /// When it was said.
    pub issued: UnixSeconds,
    /// The purchase, by the name of its record.
    pub purchase: Digest,
    /// The sealed key, by its hash.
    pub sealed: Digest,
}

impl Record for KeyDelivery {
    const TYPE: &'static str = "key_delivery";
}

impl fmt::Display for KeyDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "issued      {}", self.issued)?;
        writeln!(f, "purchase    {}", self.purchase)?;
        write!(f, "sealed key  {}", self.sealed)
    }
}
