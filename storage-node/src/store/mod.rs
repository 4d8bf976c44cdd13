//! The store: shards, leases and pointers on one [`Disk`], durable before they are acknowledged.
//!
//! Everything here is synchronous and takes the time as an argument. Changes are [`Job`]s, carried out in
//! groups by one writer ([`Store::commit`]); reads go past it.
//!
//! The order that makes a crash harmless: contents synced, then names, then one transaction of the index, then
//! the answer. What a crash leaves without a row is adopted at the next start when a lease in force says so,
//! and removed otherwise; see [`replay`](self::replay).

mod collect;
mod compact;
mod durable;
mod error;
mod group;
mod job;
mod leases;
mod open_files;
mod pack_writer;
mod reading;
mod receiving;
mod replay;
mod rewrite;
mod room;
mod scan;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use protocol::{NetworkId, PublicKey, UnixSeconds};

use crate::disk::Disk;
use crate::index::{Counter, Index, IndexError, Lookup as _};
use crate::layout::{FileName, Folder};
use crate::rows::{LeaseKey, LeaseRow};

pub(crate) use error::StoreError;
pub(crate) use job::{Done, Job, Put, Renew, SetPointer, Verdict};
pub(crate) use reading::{HeldShard, Lookup, shows_corruption};
pub(crate) use receiving::{Receiving, Staged};
pub(crate) use replay::Replayed;
pub(crate) use room::{Capacity, Reservation};

use open_files::OpenFiles;
use room::Room;

/// Shards up to this length lie in packs, longer ones in files of their own (spec §16).
pub(crate) const SMALL_SHARD_LEN_MAX: u64 = 64 * 1024;

/// Length of a pack when it is left for the next one, in bytes.
pub(crate) const PACK_LEN_MAX: u64 = 256 << 20;

/// Length of a trailer from which on the file of its shard is written anew, in bytes: about 200 renewals.
pub(crate) const TRAILER_LEN_MAX: u64 = 64 << 10;

/// Who and what the store works for.
#[derive(Clone, Debug)]
pub(crate) struct StoreRules {
    pub(crate) network: NetworkId,
    pub(crate) node: PublicKey,
    /// The identities that the node had before; renewals and releases may name them.
    pub(crate) formerly: Vec<PublicKey>,
    pub(crate) capacity: Capacity,
    /// Most bytes that may count for one payer; `None`: no limit.
    pub(crate) quota_per_payer: Option<u64>,
    /// A pack that would grow beyond this is left, and the next one begun.
    pub(crate) pack_len_max: u64,
    /// The file of a large shard whose trailer has grown beyond this is written anew, when that makes it short.
    pub(crate) trailer_len_max: u64,
}

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Store {
    disk: Arc<dyn Disk>,
    index: Index,
    rules: StoreRules,
    room: Arc<Room>,
    files: OpenFiles,
    next_tmp: AtomicU64,
    /// Held by the one who changes files and index.
    writer: Mutex<()>,
}

impl StoreRules {
    /// The identity of this node that `named` is: a renewal or release has to name one of them.
    fn known_as(&self, named: &PublicKey) -> PublicKey {
        self.formerly.iter().find(|former| *former == named).copied().unwrap_or(self.node)
    }
}

impl Store {
    /// Opens the folder, and brings the index up to what the files say.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        rules: StoreRules,
        now: UnixSeconds,
    ) -> Result<(Self, Replayed), StoreError> {
        empty_tmp(disk.as_ref())?;
        let (index, is_new) = open_index(&disk)?;
        let store = Self {
            room: Arc::new(Room::new(rules.capacity)),
            files: OpenFiles::new(disk.clone()),
            next_tmp: AtomicU64::new(0),
            writer: Mutex::new(()),
            disk,
            index,
            rules,
        };
        let replayed = store.replay(is_new, now)?;
        store.room.set_stored(store.index.view()?.stored()?);
        Ok((store, replayed))
    }

    /// Takes room for an upload of at most `max_len` bytes, or says that there is none.
    pub(crate) fn reserve(&self, max_len: u64) -> Result<Reservation, StoreError> {
        Room::reserve(&self.room, max_len, self.free_space()?)
    }

    /// Bytes that are free on the file system.
    pub(crate) fn free_space(&self) -> Result<u64, StoreError> {
        self.disk.free_space().map_err(|source| StoreError::disk("measure", FileName::Index, source))
    }

    /// Begins to receive a shard.
    pub(crate) fn receive(&self) -> Receiving {
        Receiving::new(self.disk.clone(), self.tmp_name())
    }

    fn tmp_name(&self) -> FileName {
        FileName::Tmp(self.next_tmp.fetch_add(1, Ordering::Relaxed))
    }

    /// The lease for this shard and control key, in force or in its days of grace.
    pub(crate) fn lease(&self, key: &LeaseKey) -> Result<Option<LeaseRow>, StoreError> {
        Ok(self.index.view()?.lease(key)?)
    }

    /// Whether anything is under a lease that has not ended.
    pub(crate) fn has_live_lease(&self, now: UnixSeconds) -> Result<bool, StoreError> {
        Ok(self.index.view()?.has_lease_ending_after(now)?)
    }

    pub(crate) fn shard_count(&self) -> Result<u64, StoreError> {
        Ok(self.index.view()?.shard_count()?)
    }

    /// Shards known to be corrupt.
    pub(crate) fn corrupt_count(&self) -> Result<u64, StoreError> {
        Ok(self.index.view()?.counter(Counter::Corrupt)?)
    }

    /// Bytes on the disk.
    pub(crate) fn stored(&self) -> u64 {
        self.room.stored()
    }

    /// Months since 1970 and the bytes sent in that month, as last written down.
    pub(crate) fn egress(&self) -> Result<(u64, u64), StoreError> {
        let view = self.index.view()?;
        Ok((view.counter(Counter::EgressMonth)?, view.counter(Counter::EgressBytes)?))
    }

    fn lock_writer(&self) -> std::sync::MutexGuard<'_, ()> {
        // A panic in the writer leaves nothing half done that the next group would not notice.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn empty_tmp(disk: &dyn Disk) -> Result<(), StoreError> {
    let list = disk.list(Folder::Tmp).map_err(|source| StoreError::folder("list", Folder::Tmp, source))?;
    for name in list {
        disk.remove(name).map_err(|source| StoreError::disk("remove", name, source))?;
    }
    Ok(())
}

/// The index, and whether it is a new one. One that was not completed when it was new is begun again.
fn open_index(disk: &Arc<dyn Disk>) -> Result<(Index, bool), StoreError> {
    let exists = disk.open(FileName::Index).is_ok();
    match open_complete(disk) {
        Ok(Some(index)) => return Ok((index, false)),
        Ok(None) if !exists => {}
        Ok(None) => tracing::warn!("the index was not completed and is built again"),
        Err(error) if error.is_of_the_disk() => return Err(error.into()),
        Err(error) => tracing::warn!(%error, "the index cannot be read and is rebuilt from the files"),
    }
    let discarded = Index::discard(disk.as_ref());
    discarded.map_err(|source| StoreError::disk("remove", FileName::Index, source))?;
    Ok((Index::open(disk.clone())?, true))
}

fn open_complete(disk: &Arc<dyn Disk>) -> Result<Option<Index>, IndexError> {
    let index = Index::open(disk.clone())?;
    let is_complete = index.view()?.counter(Counter::Complete)? == 1;
    Ok(is_complete.then_some(index))
}
