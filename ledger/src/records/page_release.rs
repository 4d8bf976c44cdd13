//! Page release: the page that watches, pays and verifies, by its hash.

use std::fmt;

use protocol::{Digest, Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::Remark;

/// This is the page as it is served from now on; signed by the ledger (spec §11, §25).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageRelease {
    /// The SHA-256 of the list of its files.
    pub hash: Digest,
    /// When it was said.
    pub issued: UnixSeconds,
    /// What it is called, for people.
    pub name: Remark,
}

impl Record for PageRelease {
    const TYPE: &'static str = "page_release";
}

impl fmt::Display for PageRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "page        {}", self.hash)?;
        writeln!(f, "name        {}", self.name)?;
        write!(f, "issued      {}", self.issued)
    }
}
