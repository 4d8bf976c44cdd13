//! Denial: the keeper of a denylist asks not to serve something.

use std::fmt;

use proofs::Cid;
use protocol::{Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::Reason;

/// Asks those who trust its signer not to serve a publication or an object (spec §11).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Denial {
    /// When it was said.
    pub issued: UnixSeconds,
    /// Why, for people.
    pub reason: Reason,
    /// What is denied: a publication id, or the address of an object.
    pub target: Cid,
}

impl Record for Denial {
    const TYPE: &'static str = "denial";
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "target      {}", self.target)?;
        writeln!(f, "reason      {}", self.reason)?;
        write!(f, "issued      {}", self.issued)
    }
}
