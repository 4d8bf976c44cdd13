//! Handles: short-lived stand-ins for links, so that no key ever stands in a URL.
//!
//! They live in memory only and may be forgotten at any time: the holder of the link opens another. Whoever has a handle can read the object
//! until it expires, so it is never logged.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// 128 random bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Handle(u128);

/// The open handles and what they stand for: at most `max`, each for `lifetime_s`.
///
/// What is forgotten is dropped, and so are the keys in it as soon as the last reader is done.
#[derive(Debug)]
pub(crate) struct Handles<T> {
    open: HashMap<Handle, Entry<T>>,
    max: usize,
    lifetime_s: u64,
}

/// What a handle stands for.
#[derive(Debug)]
pub(crate) struct Opened<T> {
    pub(crate) value: Arc<T>,
    /// Unix time in seconds.
    pub(crate) expires: u64,
}

#[derive(Debug)]
struct Entry<T> {
    value: Arc<T>,
    expires: u64,
    used: u64,
}

impl<T> Handles<T> {
    pub(crate) fn new(max: usize, lifetime_s: u64) -> Self {
        assert!(max > 0, "a gateway without handles serves nothing");
        Self { open: HashMap::new(), max, lifetime_s }
    }

    /// Keeps `value` under `handle` from `now` on; returns the time at which it expires. When there is no room, the handle
    /// that was used least recently makes it: a viewer who is watching keeps theirs.
    pub(crate) fn insert(&mut self, handle: Handle, value: T, now: u64) -> u64 {
        if self.open.len() >= self.max {
            self.sweep(now);
        }
        if self.open.len() >= self.max {
            let idle = self.open.iter().min_by_key(|(_, entry)| entry.used).map(|(handle, _)| *handle);
            idle.map(|handle| self.open.remove(&handle));
        }
        let expires = now.saturating_add(self.lifetime_s);
        self.open.insert(handle, Entry { value: Arc::new(value), expires, used: now });
        expires
    }

    /// What `handle` stands for at `now`, when it has not expired.
    pub(crate) fn get(&mut self, handle: Handle, now: u64) -> Option<Opened<T>> {
        let entry = self.open.get_mut(&handle)?;
        if entry.expires <= now {
            self.open.remove(&handle);
            return None;
        }
        entry.used = entry.used.max(now);
        Some(Opened { value: Arc::clone(&entry.value), expires: entry.expires })
    }

    /// Forgets what has expired.
    pub(crate) fn sweep(&mut self, now: u64) {
        self.open.retain(|_, entry| entry.expires > now);
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
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

    fn handle(n: u128) -> Handle {
        Handle::from_random(n)
    }

    #[test]
    fn lives_until_it_expires() {
        let mut handles = Handles::new(8, 60);
        assert_eq!(handles.insert(handle(1), "a", 1000), 1060);
        assert_eq!(*handles.get(handle(1), 1059).unwrap().value, "a");
        assert!(handles.get(handle(2), 1000).is_none());
        assert!(handles.get(handle(1), 1060).is_none());
        assert_eq!(handles.len(), 0, "an expired handle is forgotten when it is met");
    }

    #[test]
    fn drops_what_it_forgets() {
        let (mut handles, value) = (Handles::new(8, 60), Arc::new(()));
        handles.insert(handle(1), Arc::clone(&value), 0);
        handles.sweep(59);
        assert_eq!(Arc::strong_count(&value), 2);
        handles.sweep(60);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn the_idle_one_makes_room() {
        let mut handles = Handles::new(2, 60);
        handles.insert(handle(1), 1, 0);
        handles.insert(handle(2), 2, 1);
        assert!(handles.get(handle(1), 2).is_some());
        handles.insert(handle(3), 3, 3);
        assert_eq!(handles.len(), 2);
        assert!(handles.get(handle(1), 3).is_some() && handles.get(handle(2), 3).is_none());
        // Expired ones go first, whoever used them last.
        handles.insert(handle(4), 4, 61);
        assert!(handles.get(handle(3), 61).is_some() && handles.get(handle(4), 61).is_some());
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
            let mut handles = Handles::new(5, 50);
            for (n, now) in (0u128..).zip(times) {
                handles.insert(handle(n), (), now);
                prop_assert!(handles.len() <= 5);
                prop_assert!(handles.get(handle(n), now).is_some(), "a new handle is never the one to go");
            }
        }
    }
}
