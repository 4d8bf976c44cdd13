//! What a plan is told, and what it wants done.

use std::collections::HashSet;

use proofs::Cid;
use protocol::{PublicKey, UnixSeconds};

use super::{Fault, Found, Misplaced, Nodes, Object, Place, Warned};

/// What was found of one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// The unit.
    pub unit: u32,
    /// The part.
    pub part: u8,
    /// The node that has it, or was asked last.
    pub node: Option<PublicKey>,
    /// What was found.
    pub found: Found,
}

/// How a repair ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepairEnd {
    /// The unit was audited anew, whether anything was put or not: all its parts, as they are now.
    Audited {
        /// What was found last.
        findings: Vec<Finding>,
        /// Parts that were made again, and where.
        built: Vec<(u8, PublicKey)>,
        /// True when every part proved itself by all the leaves that a whole unit takes.
        is_whole: bool,
    },
    /// Another steward has the claim.
    Taken,
    /// Too few voters answered to decide a claim.
    NoVotes,
    /// The claim could not be kept until the end; what was begun was dropped.
    ClaimLost,
    /// It did not work.
    Failed(String),
    /// The object was put wrongly: the proof, in words.
    Inconsistent(String),
}

/// How a move ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoveEnd {
    /// The unit was audited anew, whether anything was copied or not: all its parts, as they are now.
    Audited(Vec<Finding>),
    /// Nothing was copied, since the parts are not where they were believed to be, but there.
    Surprised(Vec<Finding>),
    /// Another steward has the claim, or too few voters decided about it.
    PutOff,
    /// It did not work.
    Failed,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// Nothing but time passing.
    Wake,
    /// These nodes are known now.
    Nodes(Box<Nodes>),
    /// Look after this object from now on, or under new terms.
    Added(Cid, Box<Object>),
    /// No longer.
    Removed(Cid),
    /// An object audit is over.
    ObjectAudited(Cid, Vec<Finding>),
    /// A node audit is over: what was found of each part that was drawn, and how long the answer took.
    NodeAudited {
        /// The node.
        node: PublicKey,
        /// What was found.
        found: Vec<(Place, Found)>,
        /// Milliseconds.
        slowest_ms: u64,
    },
    /// A repair is over.
    Repaired(Cid, u32, RepairEnd),
    /// A move is over.
    Moved {
        /// The object.
        cid: Cid,
        /// The unit.
        unit: u32,
        /// Nodes that did not take the part, or did not give it back.
        refused: Vec<PublicKey>,
        /// How it ended.
        end: MoveEnd,
    },
    /// The leases of an object were looked at.
    Renewed {
        /// The object.
        cid: Cid,
        /// When the first of them ends now.
        ends: Option<UnixSeconds>,
        /// How many could not be seen or renewed, of parts that are where they should be.
        failed: u32,
    },
}

/// Why something ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The mandate, or the time that the owner asked for.
    Care,
    /// Leases that cannot be renewed.
    Leases,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Look at every part; answer with `ObjectAudited`.
    AuditObject(Cid),
    /// Have a node prove some leaves out of these parts; answer with `NodeAudited`.
    AuditNode(PublicKey, Vec<Place>),
    /// Claim a unit, audit it anew, make these parts again if they are still lost; answer with `Repaired`.
    Repair {
        /// The object.
        cid: Cid,
        /// The unit.
        unit: u32,
        /// The parts.
        wanted: Vec<u8>,
        /// Nodes that get a part only when no other takes it.
        avoid: HashSet<PublicKey>,
        /// Until when what is put is to be kept.
        until: UnixSeconds,
        /// False when it is this steward's turn to do without a claim.
        claimed: bool,
    },
    /// Claim a unit, audit it anew, and if its parts are where they are believed to be, copy one of them from its node to
    /// the first of others that takes it, and read it back; answer with `Moved`. The old copy stays under its lease, which
    /// nobody renews any more: care never releases.
    Move {
        /// The object.
        cid: Cid,
        /// The unit.
        unit: u32,
        /// Which part, and where it may go.
        misplaced: Misplaced,
        /// The nodes of all parts.
        at: Vec<PublicKey>,
        /// Until when the new copy is to be kept.
        until: UnixSeconds,
    },
    /// Look at all leases and renew those that end before `below`; answer with `Renewed`.
    Renew {
        /// The object.
        cid: Cid,
        /// Leases that end before this are renewed …
        below: UnixSeconds,
        /// … until then.
        until: UnixSeconds,
    },
    /// Tell the operator that something ends. No answer.
    Warn {
        /// The object.
        cid: Cid,
        /// How soon, and when.
        warned: Warned,
        /// What.
        ending: Ending,
    },
    /// Write down that a node was at fault. No answer.
    NoteFault(PublicKey, Fault),
    /// Write down that a node that was offline answers again. No answer.
    NoteReturn(PublicKey),
}
