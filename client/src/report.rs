//! What operations tell their callers.

use std::fmt;

use chunker::{Coding, Column, Link, Manifest, RequiredTags};
use proofs::{Cid, Root};
use protocol::{Lease, LeaseEnd, PublicKey, Signed, UnixSeconds};
use serde::Serialize;

/// Which of the parts of an object that lie on nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The shard of a column of a segment.
    Shard {
        /// The segment.
        segment: u32,
        /// The column.
        column: Column,
    },
    /// A copy of the manifest, by its number.
    Manifest(u8),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shard { segment, column } => write!(f, "shard {column} of segment {segment}"),
            Self::Manifest(copy) => write!(f, "copy {copy} of the manifest"),
        }
    }
}

/// What a put came to. The object can be read; it is as safe as was asked for only when nothing is missing.
#[derive(Debug, Clone)]
pub struct PutReport {
    /// Address and key.
    pub link: Link,
    /// The address.
    pub cid: Cid,
    /// Exact length of the object in bytes.
    pub size: u64,
    /// Data and parity columns.
    pub coding: Coding,
    /// The number of shards that the object has, copies of the manifest not counted.
    pub shards: usize,
    /// Bytes of shards and manifests for which there are leases.
    pub stored_bytes: u64,
    /// The nodes' promises, in no particular order.
    pub leases: Vec<Signed<Lease>>,
    /// What no node could be found for.
    pub missing: Vec<MissingPart>,
}

impl PutReport {
    /// True when everything found its place.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

/// A part that is not stored anywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingPart {
    /// Which.
    pub part: Part,
    /// What the last node that was asked said, for people.
    pub reason: String,
}

/// How far a put is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PutProgress {
    /// Bytes of the object that were read.
    pub read: u64,
    /// Shards for which there is a lease.
    pub leased: usize,
}

/// What an audit found out about one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartState {
    /// The node proved just now that it can produce it.
    Proved,
    /// No node that was asked has it, and all answered.
    Gone,
    /// A node has it, but not as it should be, or could not prove it.
    Damaged,
    /// The node that should have it did not answer, and nobody else has it.
    Unavailable,
}

impl PartState {
    /// A name for output that machines read.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Gone => "gone",
            Self::Damaged => "damaged",
            Self::Unavailable => "unavailable",
        }
    }
}

/// The state of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartReport {
    /// Which.
    pub part: Part,
    /// Its root; for a copy of the manifest the hash in the CID.
    pub root: Root,
    /// The node that holds it, or the last one that was asked for it.
    pub node: Option<PublicKey>,
    /// What was found.
    pub state: PartState,
    /// Leaves that were proved.
    pub leaves: u32,
}

/// What an audit found.
#[derive(Debug, Clone)]
pub struct AuditReport {
    /// The object.
    pub cid: Cid,
    /// Data and parity columns.
    pub coding: Coding,
    /// Tags that the manifest requires of nodes with a part.
    pub required: RequiredTags,
    /// All shards in the order of the manifest, then the copies of the manifest.
    pub parts: Vec<PartReport>,
}

impl AuditReport {
    /// True when every part was proved.
    pub fn is_whole(&self) -> bool {
        self.parts.iter().all(|part| part.state == PartState::Proved)
    }

    /// The parts that were not proved.
    pub fn lost(&self) -> impl Iterator<Item = &PartReport> {
        self.parts.iter().filter(|part| part.state != PartState::Proved)
    }
}

/// What a repair did.
#[derive(Debug, Clone)]
pub struct RepairReport {
    /// The object.
    pub cid: Cid,
    /// What was lost and is stored again, and where.
    pub repaired: Vec<(Part, PublicKey)>,
    /// The promises of the nodes that took it.
    pub leases: Vec<Signed<Lease>>,
    /// What is still lost.
    pub missing: Vec<MissingPart>,
}

impl RepairReport {
    /// True when nothing is lost any more.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty()
    }
}

/// What became of the leases of an object that its owner ends.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseReport {
    /// The object.
    pub cid: Cid,
    /// Its manifest, by which anybody sees what the ended leases were for.
    pub manifest: Box<Manifest>,
    /// What each node said that may have a part of it.
    pub nodes: Vec<(PublicKey, NodeRelease)>,
}

/// What a node said when it was asked to end its leases of an object.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeRelease {
    /// These leases ended, by its signed word.
    Ended(Vec<Signed<LeaseEnd>>),
    /// It has none for this control key.
    HeldNothing,
    /// It did not answer, or not to the point: for people.
    Unconfirmed(String),
}

impl ReleaseReport {
    /// Leases that nodes say they ended.
    pub fn ended(&self) -> usize {
        self.ends().count()
    }

    /// The signed words of nodes that a lease has ended.
    pub fn ends(&self) -> impl Iterator<Item = &Signed<LeaseEnd>> {
        let ends = self.nodes.iter().map(|(_, said)| match said {
            NodeRelease::Ended(ends) => ends.as_slice(),
            NodeRelease::HeldNothing | NodeRelease::Unconfirmed(_) => &[],
        });
        ends.flatten()
    }

    /// The nodes that may still hold a part, and why that is not known.
    pub fn unconfirmed(&self) -> impl Iterator<Item = (PublicKey, &str)> {
        self.nodes.iter().filter_map(|(node, said)| match said {
            NodeRelease::Unconfirmed(reason) => Some((*node, reason.as_str())),
            NodeRelease::Ended(_) | NodeRelease::HeldNothing => None,
        })
    }
}

/// Until when an object is kept, now that its leases were renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepReport {
    /// The object.
    pub cid: Cid,
    /// When the first lease ends of those that there are; none when no part was found.
    pub until: Option<UnixSeconds>,
    /// Parts over which no node is known to have a lease.
    pub missing: Vec<MissingPart>,
}

/// The proof that an object was put wrongly: what its columns give is not what its manifest says.
///
/// Anyone can check it: reading the columns named, verified, and coding them gives `computed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inconsistency {
    /// The object.
    pub cid: Cid,
    /// The segment.
    pub segment: u32,
    /// The column whose root does not match.
    pub column: Column,
    /// The root in the manifest.
    pub expected: Root,
    /// The root of what the other columns give.
    pub computed: Root,
    /// The columns that were read, each verified against its root.
    pub read: Vec<Column>,
}

impl fmt::Display for Inconsistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, column, expected, computed, .. } = self;
        write!(
            f,
            "column {column} of segment {segment} should have root {expected}, the others give {computed}"
        )
    }
}

/// What asking nodes for their lists of nodes brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refreshed {
    /// How many nodes gave their lists.
    pub lists: usize,
    /// How many records in them were news.
    pub news: usize,
}
