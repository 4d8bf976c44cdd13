//! How many links each client has registered lately: in memory, and lost when the gateway ends.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use protocol::UnixSeconds;

use crate::limits::Client;

/// Links that one client (an IPv4 address, or an IPv6 /48) without the upload token registers in [`WINDOW_S`].
const LINKS_OF_CLIENT_MAX: u32 = 500;
/// Links are counted for so long, in seconds.
const WINDOW_S: u64 = 86_400;
/// Clients that are counted at a time; whoever has registered least is forgotten for the next, so that nobody is turned away because of others.
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
        let client = client.site();
        // Counts stay usable whatever panicked beside them.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !counts.contains_key(&client) && counts.len() >= CLIENTS_MAX {
            counts.retain(|_, count| !count.is_over(now));
            let least = counts.iter().min_by_key(|(_, count)| count.links).map(|(client, _)| *client);
            if counts.len() >= CLIENTS_MAX
                && let Some(least) = least
            {
                counts.remove(&least);
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
    fn a_site_of_many_networks_is_one_client() {
        let registrations = Registrations::default();
        let of = |text: String| Client::of(text.parse().unwrap());
        let admitted = |n: u32| registrations.admit(of(format!("2001:db8:1:{n:x}::1")), at(5));
        assert_eq!((0..2 * LINKS_OF_CLIENT_MAX).filter(|n| admitted(*n)).count(), 500);
        assert!(registrations.admit(of("2001:db8:2::1".to_owned()), at(5)));
    }

    #[test]
    fn many_clients_turn_nobody_away_and_who_has_registered_most_stays_counted() {
        let registrations = Registrations::default();
        let most = u32::try_from(CLIENTS_MAX).unwrap();
        assert!((0..LINKS_OF_CLIENT_MAX).all(|_| registrations.admit(client(0), at(5))));
        assert!((1..most + 50).all(|number| registrations.admit(client(number), at(5))));
        assert!(!registrations.admit(client(0), at(5)));
        assert_eq!(registrations.0.lock().unwrap().len(), CLIENTS_MAX);
        assert!(registrations.admit(client(0), at(WINDOW_S + 5)));
    }
}
