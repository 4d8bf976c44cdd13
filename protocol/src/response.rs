//! What a node answers: the header in front of whatever bytes follow (spec §13).

use proofs::ShardLen;
use serde::{Deserialize, Serialize};

use crate::limits::{
    MANIFEST_LEN_MAX, MEMBERS_PAGE_MAX, POINTER_SLOTS_MAX, STAT_ROOTS_MAX, STATUS_VERDICTS_MAX,
    VERSION_TEXT_LEN_MAX,
};
use crate::{
    AuditAnswer, AuditReceipt, AuditVerdict, BoundedList, Counted, Lease, LeaseEnd, LeaseId, NodeRecord,
    Pointer, Refusal, Sequence, UnixSeconds, Unverified,
};

/// One answer. The order of the variants is their number on the wire, and only ever grows at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Response {
    /// To any request.
    Refused(Refusal),
    /// To `Hello`.
    Welcome {
        /// What the node says about itself.
        node_record: Unverified<NodeRecord>,
    },
    /// To `Put`: send the shard.
    Go,
    /// To the body of a `Put`, once it is durable, and to `Renew`.
    Leased {
        /// The node's promise.
        lease: Unverified<Lease>,
    },
    /// To `Read`; the slice follows.
    Slice,
    /// To `Fetch`; the shard follows.
    Whole {
        /// The length of the shard.
        len: WholeLen,
    },
    /// To `Prove`; the slice of the leaves follows.
    Proof,
    /// To `Stat`: one item per root, in its order.
    Held {
        /// What the node has of each, or nothing.
        shards: BoundedList<Option<HeldShard>, STAT_ROOTS_MAX>,
    },
    /// To `Release`, once the lease has ended durably.
    Released {
        /// The node's word for it.
        end: Unverified<LeaseEnd>,
    },
    /// To `SetPointer`.
    PointerKept,
    /// To `GetPointers`.
    Pointers {
        /// One per slot.
        records: BoundedList<Unverified<Pointer>, POINTER_SLOTS_MAX>,
    },
    /// To `Status`.
    Status(NodeStatus),
    /// To `CommitAudit`.
    AuditCommitted {
        /// The node's word that it has seen the commitment.
        receipt: Unverified<AuditReceipt>,
    },
    /// To `Audit`; the slices of the picks that did not fail follow, one behind the other.
    Audited {
        /// The node's signature over them.
        answer: Unverified<AuditAnswer>,
    },
    /// To `Verdict`.
    VerdictKept,
    /// To `Claim`.
    Claimed,
    /// To `Members`.
    Members {
        /// The records, by ascending id of their nodes.
        records: BoundedList<Unverified<NodeRecord>, MEMBERS_PAGE_MAX>,
        /// Whether there are further ones behind the last of these.
        more: bool,
    },
    /// To `Announce`.
    Announced {
        /// Whether the record was news to the node.
        is_news: bool,
    },
    /// To `Pay`.
    Paid(Counted),
}

impl Response {
    /// A name for logs and errors.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Welcome { .. } => "welcome",
            Self::Go => "go",
            Self::Leased { .. } => "leased",
            Self::Slice => "slice",
            Self::Whole { .. } => "whole",
            Self::Proof => "proof",
            Self::Held { .. } => "held",
            Self::Released { .. } => "released",
            Self::PointerKept => "pointer_kept",
            Self::Pointers { .. } => "pointers",
            Self::Status(_) => "status",
            Self::AuditCommitted { .. } => "audit_committed",
            Self::Audited { .. } => "audited",
            Self::VerdictKept => "verdict_kept",
            Self::Claimed => "claimed",
            Self::Members { .. } => "members",
            Self::Announced { .. } => "announced",
            Self::Paid(_) => "paid",
        }
    }
}

/// What a node says it keeps under one root for one control key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HeldShard {
    /// Length of the shard.
    pub len: ShardLen,
    /// The end of its lease.
    pub expires: UnixSeconds,
    /// The name of its lease.
    pub id: LeaseId,
    /// The version of its lease.
    pub seq: Sequence,
}

/// How a node is, by its own word.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Shards kept.
    pub shards: u64,
    /// Bytes stored.
    pub stored: u64,
    /// Bytes that it is ready to store in all.
    pub capacity: u64,
    /// The version of its program.
    pub version: VersionText,
    /// What auditors said last of audits that it did not pass, the newest first.
    pub verdicts: BoundedList<Unverified<AuditVerdict>, STATUS_VERDICTS_MAX>,
}

/// The length of a shard that is sent whole: 1 byte to 1 MiB.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct WholeLen(u64);

/// A length that no whole shard has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("whole shard of {0} bytes, 1 to {MANIFEST_LEN_MAX} are allowed")]
pub struct WholeLenError(u64);

impl WholeLen {
    /// The length of `bytes`.
    pub const fn new(bytes: u64) -> Result<Self, WholeLenError> {
        if bytes == 0 || bytes > MANIFEST_LEN_MAX { Err(WholeLenError(bytes)) } else { Ok(Self(bytes)) }
    }

    /// Bytes.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for WholeLen {
    type Error = WholeLenError;

    fn try_from(bytes: u64) -> Result<Self, WholeLenError> {
        Self::new(bytes)
    }
}

impl From<WholeLen> for u64 {
    fn from(len: WholeLen) -> Self {
        len.0
    }
}

/// The name of a program's version: up to 64 bytes without control characters.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VersionText(String);

/// A text that names no version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("version text of {len} bytes, at most {VERSION_TEXT_LEN_MAX} without control characters are allowed")]
pub struct VersionTextError {
    len: usize,
}

impl VersionText {
    /// The version with this name.
    pub fn new(text: impl Into<String>) -> Result<Self, VersionTextError> {
        let text = text.into();
        if text.len() > VERSION_TEXT_LEN_MAX || text.contains(char::is_control) {
            return Err(VersionTextError { len: text.len() });
        }
        Ok(Self(text))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for VersionText {
    type Error = VersionTextError;

    fn try_from(text: String) -> Result<Self, VersionTextError> {
        Self::new(text)
    }
}

impl From<VersionText> for String {
    fn from(text: VersionText) -> Self {
        text.0
    }
}
