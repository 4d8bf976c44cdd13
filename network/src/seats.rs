//! How many connections one peer has: counted by key, and by address.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Seats of which one holder may have `each`.
#[derive(Debug)]
pub(crate) struct Seats<K> {
    each: usize,
    taken: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Hash + Eq + Copy> Seats<K> {
    pub(crate) fn new(each: usize) -> Self {
        Self { each, taken: Arc::default() }
    }

    /// A seat, unless the holder has all that it may have.
    pub(crate) fn take(&self, holder: K) -> Option<Seat<K>> {
        let mut taken = locked(&self.taken);
        let count = taken.entry(holder).or_default();
        if *count >= self.each {
            return None;
        }
        *count += 1;
        Some(Seat { taken: self.taken.clone(), holder })
    }
}

/// One seat; given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat<K: Hash + Eq> {
    taken: Arc<Mutex<HashMap<K, usize>>>,
    holder: K,
}

impl<K: Hash + Eq> Drop for Seat<K> {
    fn drop(&mut self) {
        let mut taken = locked(&self.taken);
        let count = taken.get_mut(&self.holder).expect("whoever has a seat is counted");
        *count -= 1;
        if *count == 0 {
            taken.remove(&self.holder);
        }
    }
}

fn locked<K>(taken: &Mutex<HashMap<K, usize>>) -> MutexGuard<'_, HashMap<K, usize>> {
    // Nothing is done under this lock that could leave the map half changed.
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_holder_has_its_own_seats_and_gets_them_back() {
        let seats = Seats::new(2);
        let first = seats.take('a').unwrap();
        let second = seats.take('a').unwrap();
        assert!(seats.take('a').is_none());
        let other = seats.take('b').unwrap();
        drop(first);
        let third = seats.take('a').unwrap();
        assert!(seats.take('a').is_none());
        drop((second, third, other));
        assert!(locked(&seats.taken).is_empty(), "nobody is remembered without a seat");
    }
}
