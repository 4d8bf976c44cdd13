//! How often one key may write. Keys that have neither money nor a title are free to make, so they have one allowance together.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use protocol::PublicKey;

/// Records that one known key may hand in per second, in the long run; a batch of its receipts counts as one.
const KNOWN_PER_S: f64 = 50.0;
/// And at once, after a pause.
const KNOWN_BURST: f64 = 500.0;
/// Records of all keys together that are not known.
const STRANGERS_PER_S: f64 = 50.0;
/// And at once, after a pause.
const STRANGERS_BURST: f64 = 500.0;
/// Keys that are remembered; when there are more, those that have their whole burst again are forgotten.
const KEYS_MAX: usize = 65_536;

/// The allowances of all keys.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<Option<PublicKey>, Bucket>>);

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Rates {
    /// Takes one from the allowance of a key that is known, or of all that are not; false when nothing is left.
    pub(crate) fn admit(&self, known: Option<PublicKey>, now: Instant) -> bool {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= KEYS_MAX {
            buckets.retain(|key, bucket| bucket.at(key.is_some(), now) < burst(key.is_some()));
            if buckets.len() >= KEYS_MAX {
                return false;
            }
        }
        let fresh = || Bucket { left: burst(known.is_some()), at: now };
        buckets.entry(known).or_insert_with(fresh).take(known.is_some(), now)
    }
}

impl Bucket {
    fn at(&self, is_known: bool, now: Instant) -> f64 {
        let rate = if is_known { KNOWN_PER_S } else { STRANGERS_PER_S };
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        since.mul_add(rate, self.left).min(burst(is_known))
    }

    fn take(&mut self, is_known: bool, now: Instant) -> bool {
        (self.left, self.at) = (self.at(is_known, now), now);
        let is_left = self.left >= 1.0;
        if is_left {
            self.left -= 1.0;
        }
        is_left
    }
}

const fn burst(is_known: bool) -> f64 {
    if is_known { KNOWN_BURST } else { STRANGERS_BURST }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protocol::SecretKey;

    use super::*;

    #[test]
    fn a_key_that_has_used_up_its_burst_waits_and_others_do_not() {
        let (rates, start) = (Rates::default(), Instant::now());
        let [one, other] = [1, 2].map(|seed| Some(SecretKey::from_bytes(&[seed; 32]).public()));
        let admitted = (0..1000).filter(|_| rates.admit(one, start)).count();
        assert_eq!(admitted, 500);
        assert!(rates.admit(other, start) && rates.admit(None, start));
        let later = start + Duration::from_secs(1);
        assert_eq!((0..1000).filter(|_| rates.admit(one, later)).count(), 50);
    }
}
