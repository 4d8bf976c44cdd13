//! Why an operation did not succeed: one enum per operation.

use chunker::{GeometryError, HeaderError, ManifestError, OpenError, OpenManifestError};
use proofs::Cid;

use crate::compliance::TagCensus;
use crate::report::Inconsistency;

/// Why there is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Every node that should know it was asked and answered that it has nothing like this.
    #[error("no node has the manifest {cid}: {asked} nodes were asked and all answered")]
    NotHeld {
        /// What was asked for.
        cid: Cid,
        /// How many nodes answered.
        asked: usize,
    },
    /// Not found, but not all nodes could be asked.
    #[error(
        "manifest {cid} cannot be had now: of {asked} nodes asked, {silent} did not answer as they should"
    )]
    Unavailable {
        /// What was asked for.
        cid: Cid,
        /// How many nodes were asked.
        asked: usize,
        /// How many of them did not answer, refused, or lied.
        silent: usize,
    },
    /// What lies at this address is no manifest.
    #[error("what lies at {cid} is no manifest: {source}")]
    Invalid {
        /// What was asked for.
        cid: Cid,
        /// What is wrong.
        source: ManifestError,
    },
    /// The network has no nodes.
    #[error("the network file names no nodes")]
    NoNodes,
}

impl FetchError {
    /// True when waiting does not help: nothing is there, or nothing usable.
    pub fn is_definite(&self) -> bool {
        matches!(self, Self::NotHeld { .. } | Self::Invalid { .. })
    }
}

/// Why a link does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenObjectError {
    /// There is no manifest.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The manifest does not open with the link's key.
    #[error(transparent)]
    Manifest(#[from] OpenManifestError),
}

/// Why the bytes of an object do not come.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// So many shards of a segment are gone that it cannot be read any more.
    #[error("segment {segment} is lost: {required} columns are needed, and all nodes say they hold fewer")]
    NotHeld {
        /// The segment.
        segment: u32,
        /// Columns needed.
        required: usize,
    },
    /// Too few nodes answer just now.
    #[error("segment {segment} cannot be read now: {required} columns are needed, {available} could be had")]
    Unavailable {
        /// The segment.
        segment: u32,
        /// Columns needed.
        required: usize,
        /// Columns that could be had.
        available: usize,
    },
    /// The object was put wrongly: what is stored is what was put, and it does not open.
    #[error("the object is broken: {0}")]
    Broken(#[from] OpenError),
}

/// Why an object could not be put. Nothing of it stays behind.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The pool has no payer, so no node would take anything.
    #[error("nobody pays: the connection pool was made without a payer's key")]
    NoPayer,
    /// Too few nodes for this coding.
    #[error("{needed} nodes in different failure domains are needed at least, the network has {domains}")]
    TooFewNodes {
        /// Shards of a segment that must find a place.
        needed: usize,
        /// Failure domains there are.
        domains: usize,
    },
    /// Too few nodes say of themselves what the object is to require.
    #[error(
        "{needed} nodes in different failure domains are needed at least, and {domains} have what is required: {census}"
    )]
    TooFewComply {
        /// Parts that must find a place.
        needed: usize,
        /// Failure domains, or nodes, in which they may.
        domains: usize,
        /// How many nodes have the tags.
        census: TagCensus,
    },
    /// Too few nodes took their shard.
    #[error("{what}: {leased} of {wanted} nodes took it, {needed} are needed at least; {reason}")]
    TooFewLeases {
        /// The segment, or the manifest.
        what: String,
        /// How many took it.
        leased: usize,
        /// How many were wanted.
        wanted: usize,
        /// How many are needed at least.
        needed: usize,
        /// What the last node that refused said.
        reason: String,
    },
    /// The bytes to put could not be read.
    #[error("reading what is to be put: {0}")]
    Input(#[from] std::io::Error),
    /// The object is too long.
    #[error(transparent)]
    TooLong(#[from] GeometryError),
    /// Name or media type cannot be written.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The manifest could not be put together.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// Why an object could not be repaired.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// There is no manifest.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The mandate is not for this object, or not for the pool's payer.
    #[error("the mandate does not allow it: {0}")]
    Mandate(String),
    /// Too few columns of a segment are left.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The object was put wrongly; a repair would hide that.
    #[error("the object was put wrongly and is not repaired: {0}")]
    Inconsistent(Box<Inconsistency>),
}

/// Why a part could not be copied to another node.
#[derive(Debug, thiserror::Error)]
pub enum RelocateError {
    /// The mandate is not for this object, or not for the pool's payer; or the node may not have it.
    #[error("it is not allowed: {0}")]
    Forbidden(String),
    /// The node that has it does not give it out.
    #[error("the node that has it: {0}")]
    Source(String),
    /// The other node does not take it, or does not give it back.
    #[error("the node that is to have it: {0}")]
    Target(String),
}

/// Why the member list is no newer than it was.
#[derive(Debug, thiserror::Error)]
#[error("no node gave its list of nodes: {reason}")]
pub struct RefreshError {
    pub(crate) reason: String,
}
