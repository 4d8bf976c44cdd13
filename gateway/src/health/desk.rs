//! Where readers of health links are served: places at the comparison, and addresses that expire.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use protocol::UnixSeconds;
use sharing::{HealthFile, HealthLink, LinkId, Passcode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::polls::Polls;
use crate::handles::{Handle, HandleLimits, Handles, Opened};

/// Passcodes that are compared at a time; each takes 64 MiB.
const COMPARISONS_MAX: usize = 2;
/// Passcodes that are compared or wait for it: more are turned away before an attempt is taken. Those that wait, wait some seconds.
const GUESSES_MAX: usize = 64;
/// Addresses of files: how many, their bytes of memory, and how long each is good for.
const LOCATIONS: HandleLimits = HandleLimits { count: 16_384, weight: 16 << 20, lifetime_s: 3600 };
/// About how many bytes of memory an address takes.
const LOCATION_LEN: u64 = 256;

/// What a gateway keeps in memory of health links.
#[derive(Debug)]
pub(crate) struct HealthDesk {
    started: Instant,
    polls: Mutex<Polls>,
    locations: Mutex<Handles<Location>>,
    comparing: Arc<Semaphore>,
    guesses: Arc<Semaphore>,
}

/// A file that a reader may fetch.
#[derive(Debug)]
pub(crate) struct Location {
    pub(crate) id: LinkId,
    pub(crate) file: HealthFile,
}

impl HealthDesk {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            polls: Mutex::default(),
            locations: Mutex::new(Handles::new(LOCATIONS)),
            comparing: Arc::new(Semaphore::new(COMPARISONS_MAX)),
            guesses: Arc::new(Semaphore::new(GUESSES_MAX)),
        }
    }

    /// Whether a link may be asked for again already.
    pub(crate) fn admits(&self, id: LinkId) -> bool {
        let mut polls = self.polls.lock().unwrap_or_else(PoisonError::into_inner);
        polls.admit(id, self.started.elapsed())
    }

    /// Opens an address for a file.
    pub(crate) fn hand_out(&self, location: Location, now: UnixSeconds) -> Handle {
        let handle = Handle::from_random(rand::random());
        let mut locations = self.locations.lock().unwrap_or_else(PoisonError::into_inner);
        locations.insert(handle, location, LOCATION_LEN, now);
        handle
    }

    /// What an address stands for.
    pub(crate) fn location(&self, handle: &str, now: UnixSeconds) -> Option<Opened<Location>> {
        let mut locations = self.locations.lock().unwrap_or_else(PoisonError::into_inner);
        locations.get(handle.parse().ok()?, now)
    }

    /// A place among those whose passcode is compared, unless too many wait already.
    pub(crate) fn guess_place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.guesses).try_acquire_owned().ok()
    }

    /// Whether this is the link's passcode, compared when it is its turn. `waiting` is held as long.
    pub(crate) fn compare(
        &self,
        link: HealthLink,
        passcode: Passcode,
        waiting: OwnedSemaphorePermit,
    ) -> impl Future<Output = bool> + Send + use<> {
        let places = Arc::clone(&self.comparing);
        async move {
            let _waiting = waiting;
            let place = places.acquire_owned().await.expect("nobody closes it");
            let comparison = tokio::task::spawn_blocking(move || {
                let _place = place;
                link.is_passcode(&passcode)
            });
            comparison.await.expect("a comparison does not panic")
        }
    }
}
