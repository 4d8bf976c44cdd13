//! What the store can be asked to change.

use proofs::Root;
use protocol::{Lease, Mandate, Pointer, PublicKey, Release, Renewal, Signed, UnixSeconds};

use super::Staged;
use crate::layout::PackId;
use crate::rows::{LeaseKey, Place};

/// One change. Jobs of one group become durable together.
#[derive(Debug)]
pub(crate) enum Job {
    Put(Put),
    Renew(Renew),
    Release(Signed<Release>),
    SetPointer(SetPointer),
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
    /// Writes the file of a large shard anew, with those entries of its trailer that count.
    Rewrite {
        root: Root,
    },
    /// Removes pointers, graves and sums of what was spent that have ended at `now`, a bounded number of them.
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

impl Job {
    /// The shard to whose trailer the job may have written.
    pub(super) fn root(&self) -> Option<Root> {
        match self {
            Self::Put(put) => Some(put.staged.root()),
            Self::Renew(renew) => Some(renew.renewal.body().root),
            Self::Release(release) => Some(release.body().root),
            _ => None,
        }
    }
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
pub(crate) struct SetPointer {
    pub(crate) pointer: Signed<Pointer>,
    pub(crate) payer: PublicKey,
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
