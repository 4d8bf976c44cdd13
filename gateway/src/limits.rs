//! Limits per client: a token bucket for requests, and counts of requests under way and of connections.
//!
//! The decisions are pure; [`ClientLimits`] is the one shared table, and a [`Permit`] its entry for one request.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Clients remembered at a time; more are turned away until one becomes idle.
const CLIENTS_MAX: usize = 16_384;

/// What one client (an IPv4 address, or an IPv6 /64) may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLimit {
    /// Requests per second in the long run.
    pub rate: u32,
    /// Requests at once after a pause.
    pub burst: u32,
    /// Requests under way, bodies included.
    pub concurrent: u32,
    /// Connections open, idle ones included.
    pub connections: u32,
}

impl Default for ClientLimit {
    /// Roomy for a person with a few players, and for a benchmark; too narrow to starve everybody else.
    fn default() -> Self {
        Self { rate: 5000, burst: 10_000, concurrent: 128, connections: 256 }
    }
}

/// Why a request is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LimitError {
    #[error("more than {0} requests per second")]
    Rate(u32),
    #[error("more than {0} requests at once")]
    Concurrency(u32),
    #[error("more than {0} connections at once")]
    Connections(u32),
    #[error("more than {CLIENTS_MAX} clients at once")]
    Table,
}

/// The limits of all clients.
#[derive(Debug, Clone)]
pub(crate) struct ClientLimits {
    started: Instant,
    clients: Arc<Mutex<Clients>>,
}

/// A request or connection that was admitted; it counts until this is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    what: Counted,
    client: Client,
    clients: Arc<Mutex<Clients>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Request,
    Connection,
}

impl ClientLimits {
    pub(crate) fn new(limit: ClientLimit) -> Self {
        Self { started: Instant::now(), clients: Arc::new(Mutex::new(Clients::new(limit))) }
    }

    /// Admits a request of this weight from `address`.
    pub(crate) fn admit(&self, address: IpAddr, cost: u32) -> Result<Permit, LimitError> {
        let client = Client::of(address);
        lock(&self.clients).admit(client, cost, self.started.elapsed())?;
        Ok(Permit { what: Counted::Request, client, clients: Arc::clone(&self.clients) })
    }

    /// Admits a connection from `address`.
    pub(crate) fn connect(&self, address: IpAddr) -> Result<Permit, LimitError> {
        let client = Client::of(address);
        lock(&self.clients).connect(client, self.started.elapsed())?;
        Ok(Permit { what: Counted::Connection, client, clients: Arc::clone(&self.clients) })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        lock(&self.clients).release(self.client, self.what);
    }
}

fn lock(clients: &Mutex<Clients>) -> MutexGuard<'_, Clients> {
    // Counters stay usable whatever panicked beside them.
    clients.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who counts as one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Client(IpAddr);

impl Client {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            // A household or a server has a /64 of its own: its addresses are free to make up.
            IpAddr::V6(v6) => Self(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into()),
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }

    /// The client as one of a site: of IPv6 the /48, which whoever rents a line or a server gets for the asking.
    pub(crate) fn site(self) -> Self {
        match self.0 {
            IpAddr::V6(v6) => Self(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 80)).into()),
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }
}

#[derive(Debug)]
struct Clients {
    limit: ClientLimit,
    table: HashMap<Client, State>,
}

/// Tokens are counted in thousandths, so that whole milliseconds refill whole units.
#[derive(Debug)]
struct State {
    milli_tokens: u64,
    refilled: Duration,
    under_way: u32,
    connections: u32,
}

impl Clients {
    fn new(limit: ClientLimit) -> Self {
        Self { limit, table: HashMap::new() }
    }

    /// Takes `cost` tokens and one place at `now` (time since the start), or nothing at all.
    fn admit(&mut self, client: Client, cost: u32, now: Duration) -> Result<(), LimitError> {
        let limit = self.limit;
        let state = self.state(client, now)?;
        // A request dearer than the whole bucket would never be admitted.
        let cost = u64::from(cost.min(limit.burst).max(1)) * 1000;
        if state.under_way >= limit.concurrent {
            return Err(LimitError::Concurrency(limit.concurrent));
        }
        state.milli_tokens = state.milli_tokens.checked_sub(cost).ok_or(LimitError::Rate(limit.rate))?;
        state.under_way += 1;
        Ok(())
    }

    fn connect(&mut self, client: Client, now: Duration) -> Result<(), LimitError> {
        let most = self.limit.connections;
        let state = self.state(client, now)?;
        if state.connections >= most {
            return Err(LimitError::Connections(most));
        }
        state.connections += 1;
        Ok(())
    }

    fn release(&mut self, client: Client, what: Counted) {
        let state =
            self.table.get_mut(&client).expect("a client of whom something is counted is not forgotten");
        match what {
            Counted::Request => state.under_way -= 1,
            Counted::Connection => state.connections -= 1,
        }
    }

    /// The client's state with its bucket filled up to `now`.
    fn state(&mut self, client: Client, now: Duration) -> Result<&mut State, LimitError> {
        let limit = self.limit;
        if !self.table.contains_key(&client) && self.table.len() >= CLIENTS_MAX {
            self.table.retain(|_, state| !state.is_idle(limit, now));
            if self.table.len() >= CLIENTS_MAX {
                return Err(LimitError::Table);
            }
        }
        let state = self.table.entry(client).or_insert_with(|| State::fresh(limit, now));
        state.refill(limit, now);
        Ok(state)
    }
}

impl State {
    fn fresh(limit: ClientLimit, now: Duration) -> Self {
        Self { milli_tokens: u64::from(limit.burst) * 1000, refilled: now, under_way: 0, connections: 0 }
    }

    fn refill(&mut self, limit: ClientLimit, now: Duration) {
        let elapsed = now.saturating_sub(self.refilled);
        let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let full = u64::from(limit.burst) * 1000;
        self.milli_tokens =
            self.milli_tokens.saturating_add(ms.saturating_mul(u64::from(limit.rate))).min(full);
        self.refilled = self.refilled.saturating_add(Duration::from_millis(ms));
    }

    /// Nothing is lost by forgetting it.
    fn is_idle(&mut self, limit: ClientLimit, now: Duration) -> bool {
        self.refill(limit, now);
        self.under_way == 0 && self.connections == 0 && self.milli_tokens == u64::from(limit.burst) * 1000
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: ClientLimit = ClientLimit { rate: 10, burst: 5, concurrent: 3, connections: 2 };

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn client(text: &str) -> Client {
        Client::of(text.parse().unwrap())
    }

    #[test]
    fn a_burst_then_the_rate() {
        let (mut clients, me) = (Clients::new(LIMIT), client("192.0.2.1"));
        let mut ask = |now| clients.admit(me, 1, now).map(|()| clients.release(me, Counted::Request));
        for _ in 0..5 {
            assert_eq!(ask(ms(0)), Ok(()));
        }
        assert_eq!(ask(ms(0)), Err(LimitError::Rate(10)));
        assert_eq!(ask(ms(99)), Err(LimitError::Rate(10)));
        assert_eq!(ask(ms(100)), Ok(()));
        assert_eq!(ask(ms(100)), Err(LimitError::Rate(10)));
        for _ in 0..5 {
            assert_eq!(ask(ms(10_000)), Ok(()), "never more than the burst");
        }
        assert_eq!(ask(ms(10_000)), Err(LimitError::Rate(10)));
    }

    #[test]
    fn dear_requests_take_more() {
        let (mut clients, me) = (Clients::new(LIMIT), client("192.0.2.1"));
        assert_eq!(clients.admit(me, 4, ms(0)), Ok(()));
        assert_eq!(clients.admit(me, 2, ms(0)), Err(LimitError::Rate(10)));
        assert_eq!(clients.admit(me, 1, ms(0)), Ok(()));
        assert_eq!(clients.admit(me, 1000, ms(500)), Ok(()), "a full bucket is enough for anything");
    }

    #[test]
    fn so_many_at_once() {
        let (mut clients, me, other) = (Clients::new(LIMIT), client("192.0.2.1"), client("192.0.2.2"));
        for _ in 0..3 {
            assert_eq!(clients.admit(me, 1, ms(0)), Ok(()));
        }
        assert_eq!(clients.admit(me, 1, ms(0)), Err(LimitError::Concurrency(3)));
        assert_eq!(clients.admit(other, 1, ms(0)), Ok(()), "clients do not share");
        clients.release(me, Counted::Request);
        assert_eq!(clients.admit(me, 1, ms(0)), Ok(()));
    }

    #[test]
    fn so_many_connections() {
        let limits = ClientLimits::new(LIMIT);
        let address = "192.0.2.1".parse().unwrap();
        let (first, _second) = (limits.connect(address).unwrap(), limits.connect(address).unwrap());
        assert_eq!(limits.connect(address).unwrap_err(), LimitError::Connections(2));
        assert!(limits.connect("192.0.2.2".parse().unwrap()).is_ok());
        drop(first);
        assert!(limits.connect(address).is_ok());
    }

    #[test]
    fn one_client_is_an_address_or_a_64() {
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:1"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_idle() {
        let mut clients = Clients::new(LIMIT);
        for n in 0..u32::try_from(CLIENTS_MAX).unwrap() {
            let one = Client(std::net::Ipv4Addr::from(n).into());
            clients.admit(one, 1, ms(0)).unwrap();
            if n > 0 {
                clients.release(one, Counted::Request);
            }
        }
        let late = client("203.0.113.1");
        assert_eq!(clients.admit(late, 1, ms(99)), Err(LimitError::Table));
        assert_eq!(clients.admit(late, 1, ms(100)), Ok(()));
        assert_eq!(clients.table.len(), 2, "the one with a request under way is remembered");
    }

    #[test]
    fn a_permit_gives_its_place_back() {
        let limits = ClientLimits::new(ClientLimit { concurrent: 1, ..LIMIT });
        let address = "192.0.2.1".parse().unwrap();
        let permit = limits.admit(address, 1).unwrap();
        assert_eq!(limits.admit(address, 1).unwrap_err(), LimitError::Concurrency(1));
        drop(permit);
        assert!(limits.admit(address, 1).is_ok());
    }

    proptest! {
        /// Whatever the pattern: in any stretch of time, no more than burst + rate · time.
        #[test]
        fn never_above_burst_plus_rate(steps in prop::collection::vec(0u64..400, 1..80)) {
            let (mut clients, me, mut now) = (Clients::new(LIMIT), client("192.0.2.1"), 0);
            let mut admitted = Vec::new();
            for step in steps {
                now += step;
                if clients.admit(me, 1, ms(now)).is_ok() {
                    clients.release(me, Counted::Request);
                    admitted.push(now);
                }
            }
            for (i, from) in admitted.iter().enumerate() {
                for (j, to) in admitted.iter().enumerate().skip(i) {
                    let count = (j - i + 1) as u64;
                    prop_assert!(count <= u64::from(LIMIT.burst) + (to - from) * u64::from(LIMIT.rate) / 1000);
                }
            }
        }
    }
}
