//! Numbers about a running node.

use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::serve::Service;

/// What a node has done since it was started, and what it keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it; lengths are in bytes")]
pub struct NodeStats {
    pub connections: u64,
    pub requests: u64,
    pub requests_in_flight: u64,
    pub refused: u64,
    pub received: u64,
    pub sent: u64,
    /// Sent to readers who have to pay and have not yet.
    pub unpaid: u64,
    /// Paid for by vouchers.
    pub paid: u64,
    pub leases_signed: u64,
    pub proofs: u64,
    /// Audits that it did not pass, as their auditors say.
    pub failed_audits: u64,
    pub scrubbed: u64,
    pub scrub_rounds: u64,
    pub collected: u64,
    pub shards: u64,
    /// Shards known not to match their roots.
    pub corrupt: u64,
    pub stored: u64,
    pub capacity: u64,
    /// What is free on its file system; 0 when that is not known.
    pub free: u64,
    /// Nodes that it knows, itself among them.
    pub members: u64,
}

/// Reads the numbers of a node, without keeping it from ending.
#[derive(Clone, Debug)]
pub struct StatsReader(pub(crate) Weak<Service>);

impl StatsReader {
    /// The numbers, or `None` when the node has ended. Waits for the disk.
    pub fn read(&self) -> Option<NodeStats> {
        Some(self.0.upgrade()?.stats())
    }
}

/// A number that many tasks raise.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) connections: Count,
    pub(crate) requests: Count,
    pub(crate) refused: Count,
    pub(crate) received: Count,
    pub(crate) sent: Count,
    pub(crate) leases_signed: Count,
    pub(crate) proofs: Count,
    pub(crate) failed_audits: Count,
    pub(crate) scrubbed: Count,
    pub(crate) scrub_rounds: Count,
    pub(crate) collected: Count,
}
