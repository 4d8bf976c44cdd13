//! When something is next to be done with each of many things.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use protocol::UnixSeconds;

/// One time for each key, and which is first.
#[derive(Debug)]
pub(super) struct Agenda<K> {
    times: HashMap<K, UnixSeconds>,
    order: BTreeSet<(UnixSeconds, K)>,
}

impl<K: Copy + Eq + Hash + Ord> Agenda<K> {
    pub(super) fn new() -> Self {
        Self { times: HashMap::new(), order: BTreeSet::new() }
    }

    /// Sets the time of a key; `None` takes it off.
    pub(super) fn set(&mut self, key: K, at: Option<UnixSeconds>) {
        if let Some(old) = self.times.remove(&key) {
            self.order.remove(&(old, key));
        }
        if let Some(at) = at {
            self.times.insert(key, at);
            self.order.insert((at, key));
        }
    }

    /// The time of a key.
    pub(super) fn at(&self, key: &K) -> Option<UnixSeconds> {
        self.times.get(key).copied()
    }

    /// When the first of all is due.
    pub(super) fn first(&self) -> Option<UnixSeconds> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes off the first that is due.
    pub(super) fn take_due(&mut self, now: UnixSeconds) -> Option<K> {
        let (_, key) = *self.order.first().filter(|(at, _)| at.has_passed(now))?;
        self.set(key, None);
        Some(key)
    }
}
