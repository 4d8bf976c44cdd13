//! How often one key may write. Keys that have never had money are free to make, so they have one allowance together; what
//! nobody has signed for as a whole has one of its own.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use ledger::KnownBy;

/// Records that one known key may hand in per second, in the long run.
const KNOWN_PER_S: f64 = 50.0;
/// And at once, after a pause.
const KNOWN_BURST: f64 = 500.0;
/// Records of all keys together that are not known.
const STRANGERS_PER_S: f64 = 50.0;
/// And at once, after a pause.
const STRANGERS_BURST: f64 = 500.0;
/// Attestations of all keys together that are not known: each makes the log longer for ever.
const ATTESTING_PER_S: f64 = 1.0;
/// And at once, after a pause.
const ATTESTING_BURST: f64 = 300.0;
/// Deposits with a code of this ledger: somebody has paid for each.
const TOP_UPS_PER_S: f64 = 20.0;
/// And at once, after a pause.
const TOP_UPS_BURST: f64 = 200.0;
/// Records in batches of all gateways: about what two cores verify.
const BATCHED_PER_S: f64 = 40_000.0;
/// And at once, after a pause: a hundred full batches.
const BATCHED_BURST: f64 = 409_600.0;
/// Keys that are remembered; when there are more, those that have their whole burst again are forgotten.
const KEYS_MAX: usize = 65_536;

/// Whose allowance it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Whose {
    /// A key's that has had money, or of all together whom one has made known.
    Known(KnownBy),
    /// All others'.
    Strangers,
    /// Of all others who attest to something.
    Attesting,
    /// Of all who have a code.
    TopUps,
    /// Of all batches together.
    Batches,
}

/// All allowances.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<Whose, Bucket>>);

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Rates {
    /// Takes so many from an allowance; false, and nothing taken, when not so many are left.
    pub(crate) fn admit(&self, whose: Whose, count: usize, now: Instant) -> bool {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= KEYS_MAX {
            buckets.retain(|whose, bucket| bucket.at(*whose, now) < whose.allowance().1);
            if buckets.len() >= KEYS_MAX {
                return false;
            }
        }
        let fresh = || Bucket { left: whose.allowance().1, at: now };
        buckets.entry(whose).or_insert_with(fresh).take(whose, count, now)
    }
}

impl Bucket {
    fn at(&self, whose: Whose, now: Instant) -> f64 {
        let (rate, burst) = whose.allowance();
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        since.mul_add(rate, self.left).min(burst)
    }

    fn take(&mut self, whose: Whose, count: usize, now: Instant) -> bool {
        (self.left, self.at) = (self.at(whose, now), now);
        let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let is_left = self.left >= count;
        if is_left {
            self.left -= count;
        }
        is_left
    }
}

impl Whose {
    /// How much comes per second, and how much there is at most.
    const fn allowance(self) -> (f64, f64) {
        match self {
            Self::Known(_) => (KNOWN_PER_S, KNOWN_BURST),
            Self::Strangers => (STRANGERS_PER_S, STRANGERS_BURST),
            Self::Attesting => (ATTESTING_PER_S, ATTESTING_BURST),
            Self::TopUps => (TOP_UPS_PER_S, TOP_UPS_BURST),
            Self::Batches => (BATCHED_PER_S, BATCHED_BURST),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protocol::SecretKey;

    use super::*;

    #[test]
    fn a_key_that_has_used_up_its_burst_waits_and_others_do_not() {
        let (rates, start) = (Rates::default(), Instant::now());
        let [one, other] =
            [1, 2].map(|seed| Whose::Known(KnownBy::Own(SecretKey::from_bytes(&[seed; 32]).public())));
        let admitted = (0..1000).filter(|_| rates.admit(one, 1, start)).count();
        assert_eq!(admitted, 500);
        assert!(rates.admit(other, 1, start) && rates.admit(Whose::Strangers, 1, start));
        let later = start + Duration::from_secs(1);
        assert_eq!((0..1000).filter(|_| rates.admit(one, 1, later)).count(), 50);
    }

    #[test]
    fn a_batch_counts_as_its_records() {
        let (rates, start) = (Rates::default(), Instant::now());
        assert_eq!((0..1000).filter(|_| rates.admit(Whose::Batches, 4096, start)).count(), 100);
        assert!(rates.admit(Whose::TopUps, 1, start), "who has paid does not wait for others");
    }
}
