//! Whose turn it is: a named number of requests of each kind at a time, and fewer for any one peer, so that whoever
//! is slow or patient keeps only itself waiting.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use protocol::{Code, PublicKey, Refusal};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Caller;

/// Requests in flight, over all connections. Beyond that the answer is `busy`.
const REQUESTS_MAX: usize = 512;
/// Requests in flight of one endpoint.
const REQUESTS_PER_ENDPOINT_MAX: usize = 256;
/// Requests in flight of all endpoints at one address.
const REQUESTS_PER_ADDRESS_MAX: usize = 384;
/// Shards received at one time: they hold two buffers of 256 KiB each.
const UPLOADS_MAX: usize = 64;
/// Shards received at one time from one payer: it takes three of them to take all places, …
const UPLOADS_PER_PAYER_MAX: usize = 24;
/// … and two addresses. Where everybody may pay, keys cost nothing.
const UPLOADS_PER_ADDRESS_MAX: usize = 48;
/// Slices read at one time: they hold a thread and up to four pieces of 128 KiB each.
const READS_MAX: usize = 64;
/// Slices read at one time for one endpoint.
const READS_PER_ENDPOINT_MAX: usize = 32;
/// Slices read at one time for all endpoints at one address: keys cost nothing.
const READS_PER_ADDRESS_MAX: usize = 48;
/// How long a request waits for its turn, in milliseconds, before the answer is `busy`.
const TURN_TIMEOUT_MS: u64 = 2000;
/// Peers remembered before those are forgotten that have nothing under way.
const PEERS_KEPT: usize = 1024;

/// How many requests of each kind may run.
#[derive(Debug)]
pub(crate) struct Turns {
    requests: Line,
    uploads: Line,
    reads: Line,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            requests: Line::new(REQUESTS_MAX),
            uploads: Line::new(UPLOADS_MAX),
            reads: Line::new(READS_MAX),
        }
    }
}

impl Turns {
    /// Requests in flight.
    pub(crate) fn requests_in_flight(&self) -> usize {
        REQUESTS_MAX - self.requests.all.available_permits()
    }

    /// A place among the requests in flight, if there is one at once.
    pub(super) fn request(&self, caller: Caller) -> Result<Turn, Refusal> {
        self.requests.take_now([
            (Peer::Endpoint(caller.endpoint), REQUESTS_PER_ENDPOINT_MAX),
            (Peer::Address(caller.address), REQUESTS_PER_ADDRESS_MAX),
        ])
    }

    /// Waits for the turn to upload.
    pub(super) async fn upload(&self, caller: Caller, payer: PublicKey) -> Result<Turn, Refusal> {
        let shares = [
            (Peer::Payer(payer), UPLOADS_PER_PAYER_MAX),
            (Peer::Address(caller.address), UPLOADS_PER_ADDRESS_MAX),
        ];
        self.uploads.take(shares).await
    }

    /// Waits for the turn to read.
    pub(super) async fn read(&self, caller: Caller) -> Result<Turn, Refusal> {
        let shares = [
            (Peer::Endpoint(caller.endpoint), READS_PER_ENDPOINT_MAX),
            (Peer::Address(caller.address), READS_PER_ADDRESS_MAX),
        ];
        self.reads.take(shares).await
    }
}

/// A turn, over when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _permits: Vec<OwnedSemaphorePermit>,
}

/// What is counted as one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Peer {
    Payer(PublicKey),
    Endpoint(PublicKey),
    Address(IpAddr),
}

/// Turns of one kind.
#[derive(Debug)]
struct Line {
    all: Arc<Semaphore>,
    /// The share of each peer that has something under way.
    shares: Mutex<HashMap<Peer, Weak<Semaphore>>>,
}

impl Line {
    fn new(all: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), shares: Mutex::default() }
    }

    /// Waits for a place in the shares first: a peer that has used up its own takes none of the others'.
    async fn take<const N: usize>(&self, shares: [(Peer, usize); N]) -> Result<Turn, Refusal> {
        let all = async {
            let mut permits = Vec::with_capacity(N + 1);
            for (peer, most) in shares {
                permits.push(self.share(peer, most).acquire_owned().await?);
            }
            permits.push(self.all.clone().acquire_owned().await?);
            Ok::<_, AcquireError>(Turn { _permits: permits })
        };
        let waited = timeout(Duration::from_millis(TURN_TIMEOUT_MS), all).await;
        waited.ok().and_then(Result::ok).ok_or_else(busy)
    }

    fn take_now<const N: usize>(&self, shares: [(Peer, usize); N]) -> Result<Turn, Refusal> {
        let mut permits = Vec::with_capacity(N + 1);
        for (peer, most) in shares {
            permits.push(self.share(peer, most).try_acquire_owned().map_err(|_| busy())?);
        }
        permits.push(self.all.clone().try_acquire_owned().map_err(|_| busy())?);
        Ok(Turn { _permits: permits })
    }

    fn share(&self, peer: Peer, most: usize) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(&peer).and_then(Weak::upgrade) {
            return share;
        }
        if shares.len() >= PEERS_KEPT {
            shares.retain(|_, share| share.strong_count() > 0);
        }
        let share = Arc::new(Semaphore::new(most));
        shares.insert(peer, Arc::downgrade(&share));
        share
    }
}

fn busy() -> Refusal {
    Refusal::new(Code::Busy, "too many requests in flight")
}

#[cfg(test)]
mod tests {
    use protocol::SecretKey;

    use super::*;

    fn caller(key: u8, address: [u8; 4]) -> Caller {
        let endpoint = SecretKey::from_bytes(&[key; 32]).public();
        Caller { endpoint, address: IpAddr::from(address), payer: Some(endpoint) }
    }

    /// Takes turns to upload until one is refused.
    async fn uploads_of(turns: &Turns, caller: Caller) -> Vec<Turn> {
        let mut held = Vec::new();
        while let Ok(turn) = turns.upload(caller, caller.endpoint).await {
            held.push(turn);
        }
        held
    }

    /// Takes turns until one is refused.
    fn all_of(turns: &Turns, caller: Caller) -> Vec<Turn> {
        std::iter::from_fn(|| turns.request(caller).ok()).collect()
    }

    #[test]
    fn one_endpoint_and_one_address_leave_room_for_others() {
        let turns = Turns::default();
        let first = all_of(&turns, caller(1, [1, 1, 1, 1]));
        assert_eq!(first.len(), REQUESTS_PER_ENDPOINT_MAX);
        let second = all_of(&turns, caller(2, [1, 1, 1, 1]));
        assert_eq!(first.len() + second.len(), REQUESTS_PER_ADDRESS_MAX);
        assert!(turns.request(caller(3, [1, 1, 1, 1])).is_err(), "a new key is no new address");
        let third = all_of(&turns, caller(3, [1, 1, 1, 2]));
        assert_eq!(turns.requests_in_flight(), REQUESTS_MAX);
        drop((first, second, third));
        assert_eq!(turns.requests_in_flight(), 0);
        assert!(turns.request(caller(1, [1, 1, 1, 1])).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_payer_with_all_its_uploads_under_way_waits_and_takes_nobodys_turn() {
        let (turns, greedy) = (Turns::default(), caller(1, [1, 1, 1, 1]));
        let mut held = uploads_of(&turns, greedy).await;
        assert_eq!(held.len(), UPLOADS_PER_PAYER_MAX);
        let elsewhere = Caller { address: IpAddr::from([1, 1, 1, 2]), ..greedy };
        let refusal = turns.upload(elsewhere, greedy.endpoint).await.unwrap_err();
        assert_eq!(refusal.code(), Code::Busy, "it is the same payer from wherever it calls");
        drop(held.swap_remove(0));
        assert!(turns.upload(greedy, greedy.endpoint).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn neither_two_payers_nor_one_address_take_all_uploads() {
        let turns = Turns::default();
        let mut held = Vec::new();
        for (key, address) in [(1, [1, 1, 1, 1]), (2, [1, 1, 1, 2])] {
            held.extend(uploads_of(&turns, caller(key, address)).await);
        }
        assert!(held.len() < UPLOADS_MAX);
        assert!(!uploads_of(&turns, caller(3, [1, 1, 1, 3])).await.is_empty(), "a third one has its turn");
        drop(held);
        let mut held = Vec::new();
        for key in 1..5 {
            held.extend(uploads_of(&turns, caller(key, [1, 1, 1, 1])).await);
        }
        assert_eq!(held.len(), UPLOADS_PER_ADDRESS_MAX, "new payers at an old address have no new turns");
        assert!(!uploads_of(&turns, caller(5, [1, 1, 1, 2])).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn reads_are_shared_by_endpoint_and_by_address() {
        let turns = Turns::default();
        let mut held = Vec::new();
        for key in [1, 2] {
            while let Ok(turn) = turns.read(caller(key, [1, 1, 1, 1])).await {
                held.push(turn);
            }
        }
        assert_eq!(held.len(), READS_PER_ADDRESS_MAX);
        assert!(turns.read(caller(1, [1, 1, 1, 2])).await.is_err(), "its endpoint has its share already");
        assert!(turns.read(caller(3, [1, 1, 1, 2])).await.is_ok());
    }

    #[test]
    fn peers_with_nothing_under_way_are_forgotten() {
        let turns = Turns::default();
        for number in 0..3000_u16 {
            let [high, low] = number.to_be_bytes();
            turns.request(caller(1, [1, 1, high, low])).unwrap();
        }
        assert!(turns.requests.shares.lock().unwrap().len() <= PEERS_KEPT);
    }
}
