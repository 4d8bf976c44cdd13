//! What a client asks: the header of each stream that it opens (spec §13).

use iroh_base::PublicKey;
use proofs::{Challenge, LeafSet, Root, ShardLen};
use serde::{Deserialize, Serialize};

use crate::limits::{MEMBERS_PAGE_MAX, STAT_ROOTS_MAX};
use crate::{
    Admission, AuditCommitment, AuditRequest, AuditVerdict, BoundedList, Mandate, NetworkId, NodeRecord,
    Payment, Pointer, Release, Renewal, UnixSeconds, Unverified, keys,
};

/// One request. The order of the variants is their number on the wire, and only ever grows at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// The first stream of every connection: which network, and who pays.
    Hello {
        /// The network that the client means.
        network: NetworkId,
        /// Binds the client's endpoint to a payer; readers need none.
        admission: Option<Unverified<Admission>>,
    },
    /// Keep a shard; its bytes follow after the answer `Go`.
    Put {
        /// The most bytes that will follow.
        max_len: ShardLen,
        /// Until when the shard is to be kept.
        expires: UnixSeconds,
        /// The leave of the control key under which the shard is put.
        mandate: Unverified<Mandate>,
    },
    /// Send the slice of some leaves of a shard.
    Read {
        /// The shard.
        root: Root,
        /// The leaves, and the length that the reader trusts.
        #[serde(with = "leaf_set")]
        leaves: LeafSet,
    },
    /// Send a whole short shard of unknown length: a manifest.
    Fetch {
        /// The shard.
        root: Root,
    },
    /// Send the slice of the challenged leaves.
    Prove {
        /// Shard, trusted length and leaves.
        #[serde(with = "challenge")]
        challenge: Challenge,
    },
    /// Say which of these shards are kept for a control key. An answer without proof.
    Stat {
        /// The shards.
        roots: BoundedList<Root, STAT_ROOTS_MAX>,
        /// The control key of their leases.
        #[serde(with = "keys")]
        control: PublicKey,
    },
    /// Prolong a lease.
    Renew {
        /// The wish of the control key or of the holder of a mandate.
        renewal: Unverified<Renewal>,
        /// The mandate, when its holder asks.
        mandate: Option<Unverified<Mandate>>,
    },
    /// End a lease.
    Release {
        /// The wish of the control key.
        release: Unverified<Release>,
    },
    /// Keep a pointer.
    SetPointer {
        /// The new version of one slot.
        pointer: Unverified<Pointer>,
    },
    /// Send all pointers of an account.
    GetPointers {
        /// The key that signs them.
        #[serde(with = "keys")]
        owner: PublicKey,
    },
    /// Say how the node is.
    Status,
    /// Acknowledge an audit before anything is drawn for it.
    CommitAudit {
        /// The auditor's commitment.
        commitment: Unverified<AuditCommitment>,
    },
    /// Prove what was drawn.
    Audit(AuditRequest),
    /// Keep what an auditor says of an audit that was not passed.
    Verdict {
        /// The auditor's reason.
        verdict: Unverified<AuditVerdict>,
    },
    /// Let nobody else claim a repair for a while.
    Claim {
        /// What is to be repaired: the placement seed of a segment, or the hash of a manifest.
        subject: Root,
        /// For how long, at most [`CLAIM_DURATION_MAX_S`](crate::limits::CLAIM_DURATION_MAX_S); 0 gives it back.
        seconds: u16,
        /// The leave of the control key to care for it.
        mandate: Unverified<Mandate>,
    },
    /// Send records of nodes that are known, by ascending id.
    Members {
        /// Only ids above this one; all of them without it.
        #[serde(with = "keys::optional")]
        after: Option<PublicKey>,
        /// The most records wanted.
        limit: PageLimit,
    },
    /// Take note of a node.
    Announce {
        /// What it says about itself.
        record: Unverified<NodeRecord>,
    },
    /// Take what is owed for reads, so that more may be read.
    Pay(Payment),
}

impl Request {
    /// True when bytes follow the header on the client's side of the stream.
    pub const fn has_body(&self) -> bool {
        matches!(self, Self::Put { .. })
    }

    /// A name for logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Put { .. } => "put",
            Self::Read { .. } => "read",
            Self::Fetch { .. } => "fetch",
            Self::Prove { .. } => "prove",
            Self::Stat { .. } => "stat",
            Self::Renew { .. } => "renew",
            Self::Release { .. } => "release",
            Self::SetPointer { .. } => "set_pointer",
            Self::GetPointers { .. } => "get_pointers",
            Self::Status => "status",
            Self::CommitAudit { .. } => "commit_audit",
            Self::Audit(_) => "audit",
            Self::Verdict { .. } => "verdict",
            Self::Claim { .. } => "claim",
            Self::Members { .. } => "members",
            Self::Announce { .. } => "announce",
            Self::Pay(_) => "pay",
        }
    }
}

/// How many records one `Members` asks for: 1 to 128.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct PageLimit(u32);

/// A number of records that no page has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("page of {0} records, 1 to {MEMBERS_PAGE_MAX} are allowed")]
pub struct PageLimitError(u32);

impl PageLimit {
    /// As many as a page may have.
    #[expect(clippy::cast_possible_truncation, reason = "a page has 128 records")]
    pub const MAX: Self = Self(MEMBERS_PAGE_MAX as u32);

    /// So many records at most.
    pub const fn new(records: u32) -> Result<Self, PageLimitError> {
        if records == 0 || records > Self::MAX.0 { Err(PageLimitError(records)) } else { Ok(Self(records)) }
    }

    /// The number.
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

impl TryFrom<u32> for PageLimit {
    type Error = PageLimitError;

    fn try_from(records: u32) -> Result<Self, PageLimitError> {
        Self::new(records)
    }
}

impl From<PageLimit> for u32 {
    fn from(limit: PageLimit) -> Self {
        limit.0
    }
}

/// `len, ranges` on the wire; ascending, not touching and inside the shard once decoded.
mod leaf_set {
    use serde::{Deserializer, Serializer, de, ser};

    use super::{Deserialize, LeafSet, Serialize, ShardLen};
    use crate::BoundedList;
    use crate::limits::READ_RANGES_MAX;

    type Ranges = BoundedList<(u32, u32), READ_RANGES_MAX>;

    pub(super) fn serialize<S: Serializer>(set: &LeafSet, serializer: S) -> Result<S::Ok, S::Error> {
        let ranges = set.ranges().iter().map(|range| (range.start, range.end)).collect();
        let ranges = Ranges::new(ranges).map_err(ser::Error::custom)?;
        (set.len(), ranges).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LeafSet, D::Error> {
        let (len, ranges) = <(ShardLen, Ranges)>::deserialize(deserializer)?;
        let ranges: Vec<_> = ranges.iter().map(|&(start, end)| start..end).collect();
        LeafSet::new(len, &ranges).map_err(de::Error::custom)
    }
}

/// `root, len, leaves` on the wire; ascending and inside the shard once decoded.
mod challenge {
    use serde::{Deserializer, Serializer, de, ser};

    use super::{Challenge, Deserialize, Root, Serialize, ShardLen};
    use crate::BoundedList;
    use crate::limits::CHALLENGE_LEAVES_MAX;

    type Leaves = BoundedList<u32, CHALLENGE_LEAVES_MAX>;

    pub(super) fn serialize<S: Serializer>(challenge: &Challenge, serializer: S) -> Result<S::Ok, S::Error> {
        let leaves = Leaves::new(challenge.leaves().collect()).map_err(ser::Error::custom)?;
        (challenge.root(), challenge.leaf_set().len(), leaves).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Challenge, D::Error> {
        let (root, len, leaves) = <(Root, ShardLen, Leaves)>::deserialize(deserializer)?;
        Challenge::new(root, len, &leaves).map_err(de::Error::custom)
    }
}
