//! How many fetches may be under way, and whose turn ends when there are too many.
//!
//! Each fetch holds buffers of its own, so there is a limit. A player that has enough for now stops reading and keeps its connection: its
//! fetch is then given up in favour of a reader that is waiting, and begun anew when the player reads on.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// A fetch that nobody has read from for this long may be given up.
const IDLE: Duration = Duration::from_secs(1);

/// A reader that has to wait looks this often whether a fetch has become idle.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A reader that looked this often in vain (4 s) is told that the gateway is busy.
const LOOKS_MAX: usize = 16;

/// All fetches of one kind of a gateway. Each holds its [`Place`].
pub(crate) struct Fetches<F> {
    places: Arc<Semaphore>,
    parked: Mutex<Vec<Weak<Parked<F>>>>,
}

/// The right to one fetch.
#[derive(Debug)]
pub(crate) struct Place(#[expect(dead_code, reason = "it is held, not used")] OwnedSemaphorePermit);

/// Where a reader leaves its fetch between two cells, and where it may be taken from.
pub(crate) struct Parked<F>(Mutex<Option<(Instant, F)>>);

/// All places are taken by readers that are reading.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("as many objects are being fetched as this gateway fetches at once")]
pub(crate) struct Busy;

impl<F> Fetches<F> {
    /// At most `max` fetches.
    pub(crate) fn new(max: usize) -> Self {
        assert!(max > 0, "a gateway that may not fetch serves nothing");
        Self { places: Arc::new(Semaphore::new(max)), parked: Mutex::default() }
    }

    /// A place for a fetch that is left in `parked` between two cells.
    pub(crate) async fn place(&self, parked: &Arc<Parked<F>>) -> Result<Place, Busy> {
        self.remember(parked);
        for _ in 0..LOOKS_MAX {
            if self.places.available_permits() == 0 {
                self.reclaim();
            }
            if let Ok(place) = timeout(LOOK_EVERY, Arc::clone(&self.places).acquire_owned()).await {
                return Ok(Place(place.expect("the semaphore is never closed")));
            }
        }
        Err(Busy)
    }

    /// Gives up the fetch that has been idle for the longest time, when that is long enough.
    fn reclaim(&self) {
        let parked: Vec<Arc<Parked<F>>> = self.lock().iter().filter_map(Weak::upgrade).collect();
        let idlest =
            parked.iter().filter_map(|one| Some((one.since()?, one))).min_by_key(|(since, _)| *since);
        if let Some((since, one)) = idlest
            && since.elapsed() >= IDLE
        {
            drop(one.take());
        }
    }

    fn remember(&self, parked: &Arc<Parked<F>>) {
        let mut all = self.lock();
        all.retain(|one| one.strong_count() > 0 && !std::ptr::eq(one.as_ptr(), Arc::as_ptr(parked)));
        all.push(Arc::downgrade(parked));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Parked<F>>>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> Parked<F> {
    pub(crate) fn leave(&self, fetch: F) {
        *self.lock() = Some((Instant::now(), fetch));
    }

    /// The fetch that was left here, unless it was given up.
    pub(crate) fn take(&self) -> Option<F> {
        self.lock().take().map(|(_, fetch)| fetch)
    }

    fn since(&self) -> Option<Instant> {
        self.lock().as_ref().map(|(since, _)| *since)
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Instant, F)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> fmt::Debug for Fetches<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fetches({} places free)", self.places.available_permits())
    }
}

impl<F> Default for Parked<F> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<F> fmt::Debug for Parked<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parked(since {:?})", self.since())
    }
}
