//! How many bytes of parts lie in the spool: counted by whoever writes and removes them, so that no part waits until all
//! folders have been looked through.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::SpoolError;

/// Room for parts on the disk.
#[derive(Debug)]
pub(super) struct Room {
    max: u64,
    count: Mutex<Count>,
}

#[derive(Debug, Default)]
struct Count {
    used: u64,
    /// Files that are being written.
    shares: usize,
    /// How often anything changed.
    changes: u64,
}

/// What a file takes that is being written; dropped before it is kept, it is given back.
#[derive(Debug)]
pub(super) struct Share {
    room: Arc<Room>,
    len: u64,
}

impl Room {
    /// Room for `max` bytes, of which none are taken.
    pub(super) fn new(max: u64) -> Arc<Self> {
        Arc::new(Self { max, count: Mutex::default() })
    }

    /// Begins a file, when there is room for `expected` bytes; it takes room as it grows.
    pub(super) fn share(self: &Arc<Self>, expected: u64) -> Result<Share, SpoolError> {
        let mut count = self.count();
        self.check(&count, expected)?;
        count.shares += 1;
        count.changes += 1;
        drop(count);
        Ok(Share { room: self.clone(), len: 0 })
    }

    /// Files that were kept are removed.
    pub(super) fn give_back(&self, len: u64) {
        let mut count = self.count();
        count.used = count.used.saturating_sub(len);
        count.changes += 1;
    }

    /// Believes the disk, where nobody has written or removed anything while it was looked at.
    pub(super) fn recount(&self, look: impl FnOnce() -> io::Result<u64>) -> io::Result<()> {
        let before = self.count().changes;
        let found = look()?;
        let mut count = self.count();
        if count.shares == 0 && count.changes == before {
            count.used = found;
        }
        Ok(())
    }

    fn check(&self, count: &Count, more: u64) -> Result<(), SpoolError> {
        if count.used.saturating_add(more) > self.max {
            return Err(SpoolError::Full { used: count.used, max: self.max });
        }
        Ok(())
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Takes room for `more` bytes, before they are written.
    pub(super) fn grow(&mut self, more: u64) -> Result<(), SpoolError> {
        let mut count = self.room.count();
        self.room.check(&count, more)?;
        count.used += more;
        drop(count);
        self.len += more;
        Ok(())
    }

    /// The file stays, once `place` has put it where it belongs: that says how many bytes it has replaced there. One at a time, since
    /// two files may replace the same one.
    pub(super) fn keep(mut self, place: impl FnOnce() -> io::Result<u64>) -> io::Result<()> {
        let room = self.room.clone();
        let mut count = room.count();
        let replaced = place();
        if let Ok(replaced) = replaced {
            count.used = count.used.saturating_sub(replaced);
            self.len = 0;
        }
        drop(count);
        replaced.map(drop)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut count = self.room.count();
        count.used = count.used.saturating_sub(self.len);
        count.shares -= 1;
        count.changes += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_full<T>(outcome: &Result<T, SpoolError>) -> bool {
        matches!(outcome, Err(SpoolError::Full { max: 100, .. }))
    }

    #[test]
    fn all_shares_count_together() {
        let room = Room::new(100);
        let (mut one, mut two) = (room.share(60).unwrap(), room.share(60).unwrap());
        one.grow(60).unwrap();
        two.grow(40).unwrap();
        assert!(is_full(&two.grow(1)) && is_full(&one.grow(1)));
        drop(one);
        two.grow(60).unwrap();
        two.keep(|| Ok(0)).unwrap();
        assert!(is_full(&room.share(1)));
        room.give_back(100);
        let mut three = room.share(100).unwrap();
        three.grow(70).unwrap();
        three.keep(|| Ok(50)).unwrap();
        assert!(room.share(80).is_ok(), "what was replaced is gone");
        let mut four = room.share(0).unwrap();
        four.grow(80).unwrap();
        assert!(four.keep(|| Err(io::Error::other("no"))).is_err());
        assert!(room.share(80).is_ok(), "what was not put in its place is gone");
    }

    #[test]
    fn the_disk_is_believed_when_nobody_writes() {
        let room = Room::new(100);
        room.recount(|| Ok(90)).unwrap();
        assert!(is_full(&room.share(11)));
        let mut share = room.share(10).unwrap();
        share.grow(10).unwrap();
        room.recount(|| Ok(0)).unwrap();
        assert!(is_full(&share.grow(1)), "somebody writes");
        share.keep(|| Ok(0)).unwrap();
        room.recount(|| {
            room.give_back(0);
            Ok(0)
        })
        .unwrap();
        assert!(is_full(&room.share(1)), "somebody removed something meanwhile");
        room.recount(|| Ok(0)).unwrap();
        assert!(room.share(100).is_ok());
    }
}
