//! Handles: short-lived stand-ins for links, so that no key ever stands in a URL.
//!
//! They live in memory only and may be forgotten at any time: the holder of the link opens another. Whoever has a handle can read the object
//! until it expires, so it is never logged.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::sync::Arc;

use protocol::UnixSeconds;

use crate::limits::Client;

/// 128 random bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Handle(u128);

/// The open handles and what they stand for: at most `limits.count`, together at most `limits.weight`, each for a limited time.
///
/// What is forgotten is dropped, and so are the keys in it as soon as the last reader is done.
#[derive(Debug)]
pub(crate) struct Handles<T> {
    open: HashMap<Handle, Entry<T>>,
    weight: u64,
    limits: HandleLimits,
}

/// How many handles there may be, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandleLimits {
    /// Handles open at a time.
    pub count: usize,
    /// Bytes of memory that the objects behind them take together, manifests above all.
    pub weight: u64,
    /// How long a handle lives, in seconds.
    pub lifetime_s: u64,
}

impl Default for HandleLimits {
    /// 16 384 handles, 64 MiB, half a day.
    fn default() -> Self {
        Self { count: 16_384, weight: 64 << 20, lifetime_s: 12 * 3600 }
    }
}

/// What a handle stands for.
#[derive(Debug)]
pub(crate) struct Opened<T> {
    pub(crate) value: Arc<T>,
    pub(crate) expires: UnixSeconds,
}

#[derive(Debug)]
struct Entry<T> {
    value: Arc<T>,
    weight: u64,
    expires: UnixSeconds,
    used: UnixSeconds,
    client: Client,
}

impl<T> Handles<T> {
    pub(crate) fn new(limits: HandleLimits) -> Self {
        assert!(limits.count > 0, "a gateway without handles serves nothing");
        Self { open: HashMap::new(), weight: 0, limits }
    }

    /// Keeps `value`, which takes `weight` bytes, under `handle` from `now` on; returns the time at which it expires.
    ///
    /// The handles that were used least recently make room: a viewer who is watching keeps theirs.
    pub(crate) fn insert(&mut self, handle: Handle, value: T, weight: u64, now: UnixSeconds) -> UnixSeconds {
        self.insert_for(Client::of(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), handle, value, weight, now)
    }

    /// The same for a client. Whoever has most of what is short, handles or bytes, makes room with what they used least recently: nobody puts
    /// others out by having much.
    pub(crate) fn insert_for(
        &mut self,
        client: Client,
        handle: Handle,
        value: T,
        weight: u64,
        now: UnixSeconds,
    ) -> UnixSeconds {
        if self.is_too_full_for(weight) {
            self.sweep(now);
        }
        while self.is_too_full_for(weight) && self.make_room(client, weight) {}
        let expires = now.plus(self.limits.lifetime_s);
        self.weight += weight;
        self.open.insert(handle, Entry { value: Arc::new(value), weight, expires, used: now, client });
        expires
    }

    /// What `handle` stands for at `now`, when it has not expired.
    pub(crate) fn get(&mut self, handle: Handle, now: UnixSeconds) -> Option<Opened<T>> {
        let entry = self.open.get_mut(&handle)?;
        if entry.expires.has_passed(now) {
            self.forget(handle);
            return None;
        }
        entry.used = entry.used.max(now);
        Some(Opened { value: Arc::clone(&entry.value), expires: entry.expires })
    }

    /// Forgets what has expired.
    pub(crate) fn sweep(&mut self, now: UnixSeconds) {
        self.open.retain(|_, entry| !entry.expires.has_passed(now));
        self.weight = self.open.values().map(|entry| entry.weight).sum();
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    fn is_too_full_for(&self, weight: u64) -> bool {
        self.open.len() >= self.limits.count || self.weight.saturating_add(weight) > self.limits.weight
    }

    /// Forgets the idlest handle of whoever has most, when one of `weight` comes for a client. False when there is none.
    fn make_room(&mut self, client: Client, weight: u64) -> bool {
        let is_short_of_bytes = self.weight.saturating_add(weight) > self.limits.weight;
        let takes = |weight| if is_short_of_bytes { weight } else { 1 };
        let greatest = self.greatest(client, takes(weight), |entry| takes(entry.weight));
        let own = self.open.iter().filter(|(_, entry)| Some(entry.client) == greatest);
        let idlest = own.min_by_key(|(_, entry)| entry.used).map(|(handle, _)| *handle);
        idlest.is_some_and(|handle| self.forget(handle))
    }

    /// Who has most of those who have something, what comes for a client included.
    fn greatest(&self, client: Client, comes: u64, takes: impl Fn(&Entry<T>) -> u64) -> Option<Client> {
        let mut sums = HashMap::new();
        for entry in self.open.values() {
            *sums.entry(entry.client).or_insert(0_u64) += takes(entry);
        }
        sums.entry(client).and_modify(|sum| *sum = sum.saturating_add(comes));
        sums.into_iter().max_by_key(|(_, sum)| *sum).map(|(client, _)| client)
    }

    fn forget(&mut self, handle: Handle) -> bool {
        let Some(entry) = self.open.remove(&handle) else { return false };
        self.weight -= entry.weight;
        true
    }
}

impl Handle {
    /// A handle from 128 bits of the operating system's randomness.
    pub(crate) fn from_random(bits: u128) -> Self {
        Self(bits)
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle(..)")
    }
}

/// The text is not 32 hexadecimal digits in lower case.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a handle")]
pub(crate) struct HandleError;

impl FromStr for Handle {
    type Err = HandleError;

    fn from_str(text: &str) -> Result<Self, HandleError> {
        let digits = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !digits {
            return Err(HandleError);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| HandleError)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> UnixSeconds {
        UnixSeconds::new(seconds)
    }

    fn handles<T>(count: usize, lifetime_s: u64) -> Handles<T> {
        Handles::new(HandleLimits { count, weight: 100, lifetime_s })
    }

    fn handle(n: u128) -> Handle {
        Handle::from_random(n)
    }

    #[test]
    fn lives_until_it_expires() {
        let mut handles = handles(8, 60);
        assert_eq!(handles.insert(handle(1), "a", 1, at(1000)), at(1060));
        assert_eq!(*handles.get(handle(1), at(1059)).unwrap().value, "a");
        assert!(handles.get(handle(2), at(1000)).is_none());
        assert!(handles.get(handle(1), at(1060)).is_none());
        assert_eq!(handles.len(), 0, "an expired handle is forgotten when it is met");
    }

    #[test]
    fn drops_what_it_forgets() {
        let (mut handles, value) = (handles(8, 60), Arc::new(()));
        handles.insert(handle(1), Arc::clone(&value), 1, at(0));
        handles.sweep(at(59));
        assert_eq!(Arc::strong_count(&value), 2);
        handles.sweep(at(60));
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn the_idle_one_makes_room() {
        let mut handles = handles(2, 60);
        handles.insert(handle(1), 1, 1, at(0));
        handles.insert(handle(2), 2, 1, at(1));
        assert!(handles.get(handle(1), at(2)).is_some());
        handles.insert(handle(3), 3, 1, at(3));
        assert_eq!(handles.len(), 2);
        assert!(handles.get(handle(1), at(3)).is_some() && handles.get(handle(2), at(3)).is_none());
        // Expired ones go first, whoever used them last.
        handles.insert(handle(4), 4, 1, at(61));
        assert!(handles.get(handle(3), at(61)).is_some() && handles.get(handle(4), at(61)).is_some());
    }

    #[test]
    fn the_heavy_make_room_too() {
        let mut handles = handles(8, 60);
        for n in 1..=3 {
            handles.insert(handle(n), n, 30, at(u64::try_from(n).unwrap()));
        }
        handles.insert(handle(4), 4, 50, at(4));
        assert!(handles.get(handle(1), at(4)).is_none() && handles.get(handle(2), at(4)).is_none());
        assert!(handles.get(handle(3), at(4)).is_some() && handles.get(handle(4), at(4)).is_some());
        handles.insert(handle(5), 5, 1000, at(5));
        assert_eq!(handles.len(), 1, "one that is heavier than all the room stands alone");
        assert!(handles.get(handle(5), at(64)).is_some() && handles.get(handle(5), at(65)).is_none());
        assert_eq!(handles.weight, 0);
    }

    #[test]
    fn whoever_has_most_makes_room() {
        let (one, many) = (Client::of([192, 0, 2, 1].into()), Client::of([192, 0, 2, 2].into()));
        let mut handles = handles(4, 60);
        handles.insert_for(one, handle(1), "theirs", 1, at(0));
        for n in 2..=40 {
            handles.insert_for(many, handle(n), "many", 1, at(u64::try_from(n).unwrap()));
        }
        assert_eq!(handles.len(), 4);
        assert!(handles.get(handle(1), at(41)).is_some(), "the oldest, which others do not put out");
        assert!(handles.get(handle(37), at(41)).is_none() && handles.get(handle(38), at(41)).is_some());
    }

    #[test]
    fn a_few_heavy_ones_put_out_no_light_ones_of_others() {
        let (many, heavy) = (Client::of([192, 0, 2, 1].into()), Client::of([192, 0, 2, 2].into()));
        let mut handles = handles(64, 600);
        for n in 1..=20 {
            handles.insert_for(many, handle(n), "light", 2, at(u64::try_from(n).unwrap()));
        }
        for n in 101..=140 {
            handles.insert_for(heavy, handle(n), "heavy", 30, at(u64::try_from(n).unwrap()));
        }
        assert!((1..=20).all(|n| handles.get(handle(n), at(150)).is_some()));
        assert!(handles.get(handle(140), at(150)).is_some() && handles.get(handle(138), at(150)).is_none());
        assert_eq!((handles.len(), handles.weight), (22, 100));
        // Who has least bytes may have most handles: these are short then.
        for n in 201..=260 {
            handles.insert_for(many, handle(n), "light", 0, at(u64::try_from(n).unwrap()));
        }
        assert_eq!(handles.len(), 64);
        assert!([139, 140].iter().all(|n| handles.get(handle(*n), at(300)).is_some()));
    }

    #[test]
    fn text_form() {
        assert_eq!(handle(0xab).to_string(), "000000000000000000000000000000ab");
        assert_eq!(format!("{:?}", handle(0xab)), "Handle(..)");
        for bad in [
            "",
            "ab",
            &"A".repeat(32),
            &"g".repeat(32),
            &"0".repeat(31),
            &"0".repeat(33),
            "+0000000000000000000000000000001",
        ] {
            assert_eq!(bad.parse::<Handle>(), Err(HandleError), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn text_goes_round(n: u128) {
            prop_assert_eq!(handle(n).to_string().parse::<Handle>(), Ok(handle(n)));
        }

        #[test]
        fn never_more_than_max(times in prop::collection::vec(0u64..200, 1..60)) {
            let mut handles = handles(5, 50);
            for (n, now) in (0u128..).zip(times) {
                handles.insert(handle(n), (), 1, at(now));
                prop_assert!(handles.len() <= 5);
                prop_assert!(handles.get(handle(n), at(now)).is_some(), "a new handle is never the one to go");
            }
        }
    }
}
