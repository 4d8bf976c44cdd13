//! Storage report: what a node was seen to keep.

use std::fmt;

use protocol::{Digest, PublicKey, Record, UnixSeconds, keys};
use serde::{Deserialize, Serialize};

use crate::BudgetRef;

/// Says what a node has proved to keep under a prepayment, and what it has lost; signed by the auditor whom that names (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageReport {
    /// How many bytes it has proved to keep all the time.
    pub bytes: u64,
    /// The first hour, counted from 1970.
    pub from: u64,
    /// When it was said.
    pub issued: UnixSeconds,
    /// How many shards it has lost.
    pub lost: u64,
    /// The node.
    #[serde(with = "keys")]
    pub node: PublicKey,
    /// Who pays.
    pub prepayment: BudgetRef,
    /// The hour after the last one.
    pub to: u64,
    /// The evidence: the hash of the audit's transcript.
    pub transcript: Digest,
}

impl Record for StorageReport {
    const TYPE: &'static str = "storage_report";
}

impl fmt::Display for StorageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "bytes       {}", self.bytes)?;
        writeln!(f, "from hour   {}", self.from)?;
        writeln!(f, "issued      {}", self.issued)?;
        writeln!(f, "lost shards {}", self.lost)?;
        writeln!(f, "node        {}", self.node)?;
        writeln!(f, "paid by     {} of {}", self.prepayment.id, self.prepayment.payer)?;
        writeln!(f, "to hour     {}", self.to)?;
        write!(f, "transcript  {}", self.transcript)
    }
}
