//! How much room there is, and who has been promised some of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proofs::{SHARD_LEN_MAX, ShardLen};

use super::StoreError;

/// Room for what is stored beside the shard: header and lease, rows of the index.
const OVERHEAD_LEN: u64 = 16 * 1024;

/// What the operator grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// Most bytes that shards and packs may take.
    pub(crate) total: u64,
    /// Bytes of the file system that stay free.
    pub(crate) reserve: u64,
}

#[derive(Debug)]
pub(crate) struct Room {
    capacity: Capacity,
    stored: AtomicU64,
    promised: AtomicU64,
}

impl Room {
    pub(crate) fn new(capacity: Capacity) -> Self {
        Self { capacity, stored: AtomicU64::new(0), promised: AtomicU64::new(0) }
    }

    pub(crate) fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    pub(crate) fn set_stored(&self, bytes: u64) {
        self.stored.store(bytes, Ordering::Relaxed);
    }

    /// Promises room for a shard of at most `max_len` bytes, of `free_space` on the file system.
    pub(crate) fn reserve(
        room: &Arc<Self>,
        max_len: u64,
        free_space: u64,
    ) -> Result<Reservation, StoreError> {
        let len = ShardLen::new(max_len.clamp(1, SHARD_LEN_MAX)).expect("clamped to what a shard may have");
        let needed = len.get() + len.outboard_len() + OVERHEAD_LEN;
        let promised = room.promised.fetch_add(needed, Ordering::AcqRel);
        let reservation = Reservation { room: room.clone(), len: needed };
        let on_disk = free_space.saturating_sub(room.capacity.reserve);
        let granted = room.capacity.total.saturating_sub(room.stored());
        let free = on_disk.min(granted).saturating_sub(promised);
        if needed > free { Err(StoreError::Full { needed, free }) } else { Ok(reservation) }
    }
}

/// Room that nobody else is promised, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Reservation {
    room: Arc<Room>,
    len: u64,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.room.promised.fetch_sub(self.len, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_count_until_they_are_dropped() {
        let needed = 100_000 + 64 * 6 + OVERHEAD_LEN;
        let room = Arc::new(Room::new(Capacity { total: 2 * needed, reserve: 10 }));
        let first = Room::reserve(&room, 100_000, u64::MAX).unwrap();
        let second = Room::reserve(&room, 100_000, u64::MAX).unwrap();
        assert!(Room::reserve(&room, 1, u64::MAX).is_err());
        drop(first);
        drop(Room::reserve(&room, 100_000, u64::MAX).unwrap());
        room.set_stored(needed);
        assert!(Room::reserve(&room, 100_000, u64::MAX).is_err());
        drop(second);
        drop(Room::reserve(&room, 100_000, u64::MAX).unwrap());
        assert!(Room::reserve(&room, 100_000, needed + 9).is_err());
        drop(Room::reserve(&room, 100_000, needed + 10).unwrap());
    }
}
