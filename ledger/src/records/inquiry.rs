//! Inquiry: somebody asks what a ledger knows of them.

use std::fmt;

use protocol::{Epoch, Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::LedgerHost;

/// Asks what concerns its signer, who alone is told (spec §11, §25).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inquiry {
    /// The only epoch that is meant; without it, all that are settled, of a statement, or open, of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// Where its signer has reached the ledger: whoever else is handed it cannot ask with it.
    pub host: LedgerHost,
    /// When it was said: it is answered for five minutes.
    pub issued: UnixSeconds,
    /// What is asked.
    pub what: Inquired,
}

/// What a ledger is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inquired {
    /// What is on the accounts.
    Balance,
    /// Which grants are open, and what came under them.
    Sessions,
    /// What was earned and paid in settled epochs.
    Statement,
}

impl Record for Inquiry {
    const TYPE: &'static str = "inquiry";
}

impl fmt::Display for Inquired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Balance => "balance",
            Self::Sessions => "sessions",
            Self::Statement => "statement",
        })
    }
}

impl fmt::Display for Inquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "asks for    {}", self.what)?;
        if let Some(epoch) = self.epoch {
            writeln!(f, "epoch       {epoch}")?;
        }
        writeln!(f, "at          {}", self.host)?;
        write!(f, "issued      {}", self.issued)
    }
}
