//! Reading ahead along a playlist: who has asked for one segment will ask for the next.
//!
//! What is fetched ahead may take only a part of the cache, counted until it is asked for or too old: with many viewers at different
//! places and little memory, it would otherwise push itself out before anybody came for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::body::{ObjectBody, Source};
use crate::cache::ObjectId;
use crate::cells::Shelf;
use crate::rfc9110::{ByteRange, Segment};

/// The part of the cache, one in so many, that may hold what nobody has asked for yet.
const CACHE_PARTS: u64 = 4;

/// What nobody has come for by then is no longer expected.
const EXPECTED_FOR: Duration = Duration::from_secs(20);

/// Runs fetched ahead at a time; viewers' own requests have the other places.
const FETCHES_MAX: usize = 4;

/// Requests whose next segment is being looked up at a time, which may take a manifest.
const LOOKUPS_MAX: usize = 32;

/// Fetches into the cache what is likely to be asked for next.
#[derive(Debug)]
pub(crate) struct Ahead {
    budget: Mutex<Budget>,
    places: Arc<Semaphore>,
    lookups: Arc<Semaphore>,
}

/// What was fetched ahead and not asked for yet, oldest first.
#[derive(Debug)]
struct Budget {
    expected: VecDeque<Expected>,
    len: u64,
    len_max: u64,
}

#[derive(Debug)]
struct Expected {
    since: Instant,
    run: (ObjectId, u64),
    len: u64,
}

impl Ahead {
    /// For a cache of `cache_len` bytes.
    pub(crate) fn new(cache_len: u64) -> Self {
        let budget = Budget { expected: VecDeque::new(), len: 0, len_max: cache_len / CACHE_PARTS };
        let [places, lookups] = [FETCHES_MAX, LOOKUPS_MAX].map(|places| Arc::new(Semaphore::new(places)));
        Self { budget: Mutex::new(budget), places, lookups }
    }

    /// Finds out in the background what comes next, unless many are at it already: nobody's requests leave more behind.
    pub(crate) fn look_up(&self, lookup: impl Future<Output = ()> + Send + 'static) {
        let Ok(place) = Arc::clone(&self.lookups).try_acquire_owned() else { return };
        tokio::spawn(async move {
            lookup.await;
            drop(place);
        });
    }

    /// Somebody asks for these bytes: they are no longer ahead.
    pub(crate) fn asked(&self, id: ObjectId, range: ByteRange) {
        self.budget().settle((id, range.start()));
    }

    /// Fetches these bytes in the background, when there is room and they are not here.
    pub(crate) fn fetch(&self, cells: &Shelf, source: Source, range: ByteRange) {
        let cell_of = |byte| byte / source.cell_len;
        let is_here = [range.start(), range.end() - 1].iter().all(|at| cells.has(source.id, cell_of(*at)));
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        if is_here || !self.budget().expect((source.id, range.start()), range.len(), Instant::now()) {
            return;
        }
        let body = ObjectBody::new(cells.clone(), source, vec![Segment::Content(range)]);
        tokio::spawn(async move {
            // A failure is met again, and told, when somebody asks.
            let mut pieces = std::pin::pin!(body.into_stream());
            while let Some(Ok(_)) = pieces.next().await {}
            drop(place);
        });
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        // A list of places stays usable whatever panicked beside it.
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Budget {
    /// Notes a run of `len` bytes; false when it is noted already, or there is no room for it.
    fn expect(&mut self, run: (ObjectId, u64), len: u64, now: Instant) -> bool {
        while self.expected.front().is_some_and(|oldest| now - oldest.since >= EXPECTED_FOR) {
            self.len -= self.expected.pop_front().map_or(0, |oldest| oldest.len);
        }
        if self.len + len > self.len_max || self.expected.iter().any(|expected| expected.run == run) {
            return false;
        }
        self.expected.push_back(Expected { since: now, run, len });
        self.len += len;
        true
    }

    fn settle(&mut self, run: (ObjectId, u64)) {
        if let Some(at) = self.expected.iter().position(|expected| expected.run == run) {
            self.len -= self.expected.remove(at).map_or(0, |expected| expected.len);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(n: u8) -> (ObjectId, u64) {
        (ObjectId::new([n; 36]), 0)
    }

    fn budget(len_max: u64) -> Budget {
        Budget { expected: VecDeque::new(), len: 0, len_max }
    }

    #[test]
    fn keeps_to_its_part_of_the_cache() {
        let (mut budget, now) = (budget(100), Instant::now());
        assert!(budget.expect(run(1), 60, now));
        assert!(!budget.expect(run(1), 10, now), "it is on its way already");
        assert!(!budget.expect(run(2), 41, now));
        assert!(budget.expect(run(2), 40, now));
        budget.settle(run(1));
        budget.settle(run(3));
        assert_eq!(budget.len, 40);
        assert!(budget.expect(run(1), 60, now));
    }

    #[test]
    fn forgets_what_nobody_came_for() {
        let (mut budget, now) = (budget(100), Instant::now());
        assert!(budget.expect(run(1), 100, now));
        assert!(!budget.expect(run(2), 1, now + EXPECTED_FOR / 2));
        assert!(budget.expect(run(2), 100, now + EXPECTED_FOR));
        assert_eq!((budget.len, budget.expected.len()), (100, 1));
    }
}
