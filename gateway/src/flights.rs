//! Who is fetching what: readers that miss the same cells at the same time share one fetch.
//!
//! The reader that misses first leads; it fetches on and puts the cells into the cache. Those close behind it wait for it, but not for long: a
//! leader whose own client is slow must not set the pace for others.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::cache::ObjectId;

/// A cell at most this far ahead of a leader is worth waiting for.
const NEAR_CELLS: u64 = 16;

/// How long the leader's first cell is waited for: it has to be asked for all over the network.
const FIRST_PATIENCE: Duration = Duration::from_millis(500);

/// How long each later cell is waited for: 3 MB/s, or the reader goes on by itself.
const PATIENCE: Duration = Duration::from_millis(5);

/// The fetches under way.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    under_way: Mutex<HashMap<ObjectId, Vec<Arc<Progress>>>>,
}

/// A fetch that others may follow; it is over when this is dropped.
#[derive(Debug)]
pub(crate) struct Flight {
    flights: Arc<Flights>,
    id: ObjectId,
    progress: Arc<Progress>,
}

#[derive(Debug)]
struct Progress {
    first: u64,
    /// The next cell to arrive; `end` when nothing more will.
    next: AtomicU64,
    end: u64,
    changed: Notify,
}

impl Flights {
    /// Announces a fetch of the cells `first..end`.
    pub(crate) fn lead(self: &Arc<Self>, id: ObjectId, first: u64, end: u64) -> Flight {
        let progress = Arc::new(Progress { first, next: AtomicU64::new(first), end, changed: Notify::new() });
        self.lock().entry(id).or_default().push(Arc::clone(&progress));
        Flight { flights: Arc::clone(self), id, progress }
    }

    /// Waits for `cell` when somebody is about to fetch it; true when it has arrived and is worth looking for.
    pub(crate) async fn follow(&self, id: ObjectId, cell: u64) -> bool {
        let leader = self.lock().get(&id).and_then(|all| all.iter().find(|one| one.is_near(cell)).cloned());
        match leader {
            Some(leader) => leader.wait_for(cell).await,
            None => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectId, Vec<Arc<Progress>>>> {
        // Lists of fetches stay usable whatever panicked beside them.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    /// The cell before `next` is in the cache.
    pub(crate) fn arrived(&self, next: u64) {
        self.progress.next.store(next, Ordering::Release);
        self.progress.changed.notify_waiters();
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        if let Some(all) = flights.get_mut(&self.id) {
            all.retain(|one| !Arc::ptr_eq(one, &self.progress));
            if all.is_empty() {
                flights.remove(&self.id);
            }
        }
        drop(flights);
        self.arrived(self.progress.end);
    }
}

impl Progress {
    fn is_near(&self, cell: u64) -> bool {
        let next = self.next.load(Ordering::Acquire);
        cell < self.end && (next..next.saturating_add(NEAR_CELLS)).contains(&cell)
    }

    async fn wait_for(&self, cell: u64) -> bool {
        let deadline = Instant::now() + if self.has_begun() { PATIENCE } else { FIRST_PATIENCE };
        loop {
            // Asked for before the look, so that what happens in between is not missed.
            let changed = self.changed.notified();
            if self.next.load(Ordering::Acquire) > cell {
                return true;
            }
            if timeout_at(deadline, changed).await.is_err() {
                return false;
            }
        }
    }

    fn has_begun(&self) -> bool {
        self.next.load(Ordering::Acquire) > self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> ObjectId {
        ObjectId::new([n; 36])
    }

    #[tokio::test(start_paused = true)]
    async fn waits_for_the_leader() {
        let flights = Arc::new(Flights::default());
        let flight = flights.lead(id(1), 10, 20);
        let (followed, ()) = tokio::join!(flights.follow(id(1), 11), async {
            flight.arrived(11);
            tokio::task::yield_now().await;
            flight.arrived(12);
        });
        assert!(followed);
    }

    #[tokio::test(start_paused = true)]
    async fn does_not_wait_for_what_nobody_fetches() {
        let flights = Arc::new(Flights::default());
        let flight = flights.lead(id(1), 10, 100);
        flight.arrived(12);
        let start = Instant::now();
        for (object, cell) in [(1, 9), (1, 11), (1, 12 + NEAR_CELLS), (1, 100), (2, 12)] {
            assert!(!flights.follow(id(object), cell).await, "object {object}, cell {cell}");
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_leader_is_left_behind() {
        let flights = Arc::new(Flights::default());
        let flight = flights.lead(id(1), 0, 100);
        let start = Instant::now();
        assert!(!flights.follow(id(1), 0).await);
        assert_eq!(start.elapsed(), FIRST_PATIENCE);
        flight.arrived(1);
        let start = Instant::now();
        assert!(!flights.follow(id(1), 1).await);
        assert_eq!(start.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_that_gives_up_wakes_its_followers() {
        let flights = Arc::new(Flights::default());
        let flight = flights.lead(id(1), 0, 100);
        let start = Instant::now();
        tokio::join!(flights.follow(id(1), 5), async { drop(flight) });
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert!(!flights.follow(id(1), 5).await, "and is not followed any more");
        assert!(flights.lock().is_empty());
    }
}
