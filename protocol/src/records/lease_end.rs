//! Lease end: a node says that it owes a lease no more.

use std::fmt;

use iroh_base::PublicKey;
use proofs::Root;
use serde::{Deserialize, Serialize};

use crate::{LeaseId, Record, Release, Sequence, Signed, UnixSeconds, keys};

/// The node's word that a lease has ended because its owner wanted it; signed by the node (spec §11). It does not say that the bytes
/// are gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseEnd {
    /// When it ended.
    pub at: UnixSeconds,
    /// The control key of the lease, which signed the release.
    #[serde(with = "keys")]
    pub control: PublicKey,
    /// The lease.
    pub id: LeaseId,
    /// The shard.
    pub root: Root,
    /// That of the release.
    pub seq: Sequence,
}

impl Record for LeaseEnd {
    const TYPE: &'static str = "lease_end";
}

impl LeaseEnd {
    /// What a node says when it has followed this release.
    pub fn of(release: &Signed<Release>, at: UnixSeconds) -> Self {
        let Release { id, root, seq, .. } = *release.body();
        Self { at, control: release.by(), id, root, seq }
    }
}

impl Signed<LeaseEnd> {
    /// Whether it says that the lease has ended that this release names. That it is by the node of the release, or by one that has
    /// taken its place, is for the caller to see.
    pub fn answers(&self, release: &Signed<Release>) -> bool {
        *self.body() == LeaseEnd::of(release, self.body().at)
    }
}

impl fmt::Display for LeaseEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "lease       {}", self.id)?;
        writeln!(f, "shard       {}", self.root)?;
        writeln!(f, "control     {}", self.control)?;
        writeln!(f, "sequence    {}", self.seq)?;
        write!(f, "ended       {}", self.at)
    }
}
