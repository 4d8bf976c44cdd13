//! Dispute: somebody contradicts a document.

use std::fmt;

use protocol::{Amount, Digest, PublicKey, Record, UnixSeconds, keys};
use serde::{Deserialize, Serialize};

use crate::Remark;

/// Its signer says that something in the journal or the log is wrong, and who has what is the signer's (spec §11, §25).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dispute {
    /// How much of what the party has earned is disputed.
    pub amount: Amount,
    /// Against whom.
    #[serde(with = "keys")]
    pub party: PublicKey,
    /// Why, for people.
    pub reason: Remark,
    /// The document, by its hash.
    pub subject: Digest,
    /// When it was said.
    pub issued: UnixSeconds,
}

impl Record for Dispute {
    const TYPE: &'static str = "dispute";
}

impl fmt::Display for Dispute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "amount      {}", self.amount)?;
        writeln!(f, "party       {}", self.party)?;
        writeln!(f, "reason      {}", self.reason)?;
        writeln!(f, "subject     {}", self.subject)?;
        write!(f, "issued      {}", self.issued)
    }
}
