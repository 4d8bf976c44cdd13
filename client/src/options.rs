//! What callers choose.

use std::collections::HashSet;

use chunker::{AccountSecret, Coding, ContentKey, Padding, RequiredTags, Salt};
use protocol::{Mandate, PublicKey, SecretKey, Signed, UnixSeconds};

use crate::report::{Part, PartReport};

/// Settings of a client.
#[derive(Debug, Clone, Copy)]
pub struct ClientOptions {
    /// Bytes of cells that one reader may have asked for ahead of what it has taken.
    pub read_ahead: u64,
    /// Bytes per second that audits and repairs may read and send in the long run, each counted; `None`: no limit.
    pub care_rate: Option<u64>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self { read_ahead: 12 << 20, care_rate: None }
    }
}

/// How an object is put.
#[derive(Debug)]
pub struct PutOptions {
    /// Data and parity columns.
    pub coding: Coding,
    /// Whether the exact length is hidden.
    pub padding: Padding,
    /// The object's name, sealed into the manifest.
    pub name: Option<String>,
    /// The object's media type, sealed into the manifest.
    pub media_type: Option<String>,
    /// Until when nodes are to keep the shards.
    pub expires: UnixSeconds,
    /// Tags that nodes must have to be given a part.
    pub required: RequiredTags,
    /// Keys for this object alone.
    pub secrets: ObjectSecrets,
}

/// The secrets of one object; never to be used for another one.
#[derive(Debug)]
pub struct ObjectSecrets {
    /// What the cells are sealed with.
    pub content_key: ContentKey,
    /// What distinguishes this object's keys from those of others of the same account.
    pub salt: Salt,
    /// Who may release the object and delegate its care.
    pub control: SecretKey,
}

impl ObjectSecrets {
    /// The keys that an account has for its object with this salt. A new object takes a fresh random salt.
    pub fn new(account: &AccountSecret, salt: Salt) -> Self {
        Self {
            content_key: account.content_key(&salt),
            control: SecretKey::from_bytes(account.control_seed(&salt).expose()),
            salt,
        }
    }
}

/// What it takes to repair an object: the care capability, and how long to keep what is put.
#[derive(Debug, Clone)]
pub struct RepairAuthority {
    /// Signed by the object's control key; its holder must be the payer of the client's pool.
    pub mandate: Signed<Mandate>,
    /// Until when nodes are to keep what is put.
    pub expires: UnixSeconds,
}

/// What a carer wants done to one segment, or to the copies of a manifest.
#[derive(Debug)]
pub struct RepairOrder<'a> {
    /// What an audit has just found of it.
    pub found: &'a [PartReport],
    /// What is to be made again, of that which was not proved. Of copies all that are lost are made again.
    pub wanted: &'a [Part],
    /// Nodes that get a part only when no other takes it.
    pub avoid: &'a HashSet<PublicKey>,
    /// Under whose leave, and for how long.
    pub authority: &'a RepairAuthority,
}

/// A part that is to be copied from the node that has it to another one.
#[derive(Debug, Clone, Copy)]
pub struct Move<'a> {
    /// The part.
    pub part: Part,
    /// Who has it.
    pub from: PublicKey,
    /// Who is to have it.
    pub to: PublicKey,
    /// Under whose leave, and for how long.
    pub authority: &'a RepairAuthority,
}
