//! What the store can be asked to change.

use proofs::Root;
use protocol::{Lease, Mandate, Pointer, Release, Renewal, Signed, UnixSeconds};

use super::Staged;
use crate::layout::PackId;
use crate::rows::{LeaseKey, Place};

/// One change. Jobs of one group become durable together.
#[derive(Debug)]
pub(crate) enum Job {
    Put(Put),
    Renew(Renew),
    Release(Signed<Release>),
    SetPointer(Signed<Pointer>),
    /// A shard was found to match its root, or not to.
    Judge {
        root: Root,
        place: Place,
        verdict: Verdict,
    },
    /// Ends a lease whose days of grace are over at `now`.
    Collect {
        lease: LeaseKey,
        now: UnixSeconds,
    },
    /// Removes pointers and graves that have ended at `now`, a bounded number of them.
    Forget {
        now: UnixSeconds,
    },
    /// Writes down what was sent in a month, counted from 1970.
    NoteEgress {
        month: u64,
        bytes: u64,
    },
    /// Moves what is in use out of a pack, from this byte on, a bounded part of it.
    Compact {
        pack: PackId,
        from: u64,
    },
}

/// A shard received completely, and the lease that is asked for it.
#[derive(Debug)]
pub(crate) struct Put {
    pub(crate) staged: Staged,
    /// As it is to be when there is none yet: new id, first sequence number, starting now.
    pub(crate) lease: Lease,
    pub(crate) mandate: Signed<Mandate>,
}

#[derive(Debug)]
pub(crate) struct Renew {
    pub(crate) renewal: Signed<Renewal>,
    pub(crate) mandate: Option<Signed<Mandate>>,
    pub(crate) now: UnixSeconds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Sound,
    Corrupt,
}

/// What was done, durably.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Done {
    Leased(Lease),
    Released,
    PointerKept,
    /// Upkeep.
    Kept,
    /// The pack was read up to this byte; `None`: to its end.
    Compacted {
        next: Option<u64>,
    },
}
