//! Reversal: the ledger takes an entry back by another one.

use std::fmt;

use protocol::{Digest, Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::Remark;

/// Takes back what an entry has moved, by the opposite; signed by the ledger (spec §11, §25).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reversal {
    /// The entry, by its hash.
    pub entry: Digest,
    /// Why, for people.
    pub reason: Remark,
    /// When it was said.
    pub issued: UnixSeconds,
}

impl Record for Reversal {
    const TYPE: &'static str = "reversal";
}

impl fmt::Display for Reversal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "entry       {}", self.entry)?;
        writeln!(f, "reason      {}", self.reason)?;
        write!(f, "issued      {}", self.issued)
    }
}
