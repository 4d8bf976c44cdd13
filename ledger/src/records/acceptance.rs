//! Acceptance: a second signature under a record.

use std::fmt;

use protocol::{Digest, Record, UnixSeconds};
use serde::{Deserialize, Serialize};

/// Its signer agrees to a record of somebody else: the ledger to a deposit, who receives a licence to its transfer
/// (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// When it was said.
    pub issued: UnixSeconds,
    /// The record, by its name.
    pub name: Digest,
}

impl Record for Acceptance {
    const TYPE: &'static str = "acceptance";
}

impl fmt::Display for Acceptance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "record      {}", self.name)?;
        write!(f, "issued      {}", self.issued)
    }
}
