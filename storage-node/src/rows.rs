//! The rows of the index: what the store knows without looking at its files.

use proofs::{Root, ShardLen};
use protocol::limits::LEASE_OVERHEAD_LEN;
use protocol::{ByteHours, Lease, PublicKey, Sequence, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::entry;
use crate::layout::PackId;

/// A shard that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShardRow {
    pub(crate) len: ShardLen,
    pub(crate) place: Place,
    pub(crate) state: State,
}

/// Where a shard's entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Place {
    /// In a file of its own, which is in use up to `end`; its trailer grows there.
    File { end: u64 },
    /// In a pack, from this byte on.
    Pack { pack: PackId, offset: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Sound,
    /// What is on the disk no longer matches the root.
    Corrupt,
}

impl ShardRow {
    /// Length of the trailer of its own file; 0 in a pack.
    pub(crate) fn trailer_len(&self) -> u64 {
        match self.place {
            Place::File { end } => end.saturating_sub(entry::shard_entry_len(self.len)),
            Place::Pack { .. } => 0,
        }
    }

    pub(crate) fn is_sound(&self) -> bool {
        self.state == State::Sound
    }

    /// Offset of the shard's first byte in its file or pack.
    pub(crate) fn data_offset(&self) -> u64 {
        let entry = match self.place {
            Place::File { .. } => 0,
            Place::Pack { offset, .. } => offset,
        };
        entry + entry::SHARD_PREFIX_LEN as u64
    }
}

/// A run of bytes in a pack that is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spot {
    pub(crate) pack: PackId,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// A lease in force, or in its days of grace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LeaseRow {
    pub(crate) lease: Lease,
    /// Its newest entry; `None` when that stands in the trailer of the shard's own file.
    pub(crate) spot: Option<Spot>,
}

/// A pointer; the record itself is in the pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PointerRow {
    pub(crate) seq: Sequence,
    pub(crate) expires: UnixSeconds,
    pub(crate) payer: PublicKey,
    pub(crate) spot: Spot,
}

impl PointerRow {
    /// What counts against the payer's quota.
    pub(crate) fn usage(&self) -> u64 {
        self.spot.len - entry::POINTER_PREFIX_LEN as u64 + LEASE_OVERHEAD_LEN
    }
}

/// What a holder has spent under a control key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SpentRow {
    pub(crate) byte_hours: ByteHours,
    /// Until when that may still count: no mandate or lease of theirs is longer.
    pub(crate) until: UnixSeconds,
}

/// A lease that was released while packs still hold its entry and its shard's.
///
/// As long as the pack with the shard exists and the lease would not have ended by itself, compaction carries the
/// release entry along: otherwise a rebuilt index would bring the lease back to life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GraveRow {
    pub(crate) shard_pack: PackId,
    pub(crate) until: UnixSeconds,
    pub(crate) spot: Spot,
}

/// How much of a pack is written and durable, and how much of that still counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackRow {
    pub(crate) end: u64,
    pub(crate) live: u64,
}

/// The key of a lease: there is one per shard and control key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeaseKey {
    pub(crate) root: Root,
    pub(crate) control: PublicKey,
}

/// What a lease counts against its payer's quota.
pub(crate) fn usage_of(lease: &Lease) -> u64 {
    lease.len().get() + LEASE_OVERHEAD_LEN
}

impl LeaseKey {
    pub(crate) fn of(lease: &Lease) -> Self {
        Self { root: lease.root(), control: lease.control() }
    }
}
