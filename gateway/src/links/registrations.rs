//! How many links each client has registered lately: in memory, and lost when the gateway ends.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use protocol::UnixSeconds;

use crate::limits::Client;

/// Links that one client without the upload token registers in [`WINDOW_S`].
const LINKS_OF_CLIENT_MAX: u32 = 2000;
/// Links are counted for so long, in seconds.
const WINDOW_S: u64 = 86_400;
/// Clients that are counted at a time; others are turned away until some have been quiet for [`WINDOW_S`].
const CLIENTS_MAX: usize = 16_384;

/// The counts of all clients.
#[derive(Debug, Default)]
pub(crate) struct Registrations(Mutex<HashMap<Client, Count>>);

#[derive(Debug, Clone, Copy)]
struct Count {
    since: UnixSeconds,
    links: u32,
}

impl Registrations {
    /// Counts a link of this client; false where it is one too many.
    pub(crate) fn admit(&self, client: Client, now: UnixSeconds) -> bool {
        // Counts stay usable whatever panicked beside them.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !counts.contains_key(&client) && counts.len() >= CLIENTS_MAX {
            counts.retain(|_, count| !count.is_over(now));
            if counts.len() >= CLIENTS_MAX {
                return false;
            }
        }
        let count = counts.entry(client).or_insert(Count { since: now, links: 0 });
        if count.is_over(now) {
            *count = Count { since: now, links: 0 };
        }
        if count.links >= LINKS_OF_CLIENT_MAX {
            return false;
        }
        count.links += 1;
        true
    }
}

impl Count {
    fn is_over(&self, now: UnixSeconds) -> bool {
        self.since.plus(WINDOW_S).has_passed(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixSeconds {
        UnixSeconds::new(seconds)
    }

    fn client(number: u32) -> Client {
        Client::of(std::net::Ipv4Addr::from(number).into())
    }

    #[test]
    fn a_client_uses_up_its_own_places_alone() {
        let registrations = Registrations::default();
        assert!((0..LINKS_OF_CLIENT_MAX).all(|_| registrations.admit(client(1), at(5))));
        assert!(!registrations.admit(client(1), at(5)));
        assert!(registrations.admit(client(2), at(5)));
        assert!(!registrations.admit(client(1), at(WINDOW_S + 4)));
        assert!(registrations.admit(client(1), at(WINDOW_S + 5)));
    }

    #[test]
    fn so_many_clients_are_counted_and_the_quiet_are_forgotten() {
        let registrations = Registrations::default();
        let most = u32::try_from(CLIENTS_MAX).unwrap();
        assert!((0..most).all(|number| registrations.admit(client(number), at(5))));
        assert!(!registrations.admit(client(most), at(5)));
        assert!(registrations.admit(client(0), at(5)), "who is counted already goes on");
        assert!(registrations.admit(client(most), at(WINDOW_S + 5)));
    }
}
