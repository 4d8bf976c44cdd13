//! Promise: the ledger has taken a record, and says until when what follows from it is public.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Digest, Record, UnixSeconds};

/// A record is in the journal, and what follows from it is in the log in time; signed by the ledger (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// The record, by its name ([`Signed::name`](crate::Signed::name)).
    pub name: Digest,
    /// When it was taken.
    pub taken: UnixSeconds,
    /// When what follows from it is in the log at the latest.
    pub until: UnixSeconds,
}

impl Record for Promise {
    const TYPE: &'static str = "promise";
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "record      {}", self.name)?;
        writeln!(f, "taken       {}", self.taken)?;
        write!(f, "in the log  {}", self.until)
    }
}
