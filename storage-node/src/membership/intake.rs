//! How many announcements one address may make. Pure: the clock is handed in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

/// Announcements that one address may make at once.
const BURST: f64 = 256.0;
/// Announcements that one address may make per second in the long run.
const REFILL_PER_S: f64 = 32.0;
/// Addresses remembered; only one that has made more than it regained needs a place.
const ADDRESSES_MAX: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Intake {
    /// What each address may still announce, and when that was so.
    left: HashMap<IpAddr, (f64, Instant)>,
}

impl Intake {
    /// Whether one more announcement from this address is taken.
    pub(super) fn take(&mut self, from: IpAddr, now: Instant) -> bool {
        let filled = |(left, at): (f64, Instant)| {
            (left + now.saturating_duration_since(at).as_secs_f64() * REFILL_PER_S).min(BURST)
        };
        if self.left.len() >= ADDRESSES_MAX && !self.left.contains_key(&from) {
            self.left.retain(|_, bucket| filled(*bucket) < BURST);
            if self.left.len() >= ADDRESSES_MAX {
                return false;
            }
        }
        let bucket = self.left.entry(from).or_insert((BURST, now));
        let left = filled(*bucket);
        let is_allowed = left >= 1.0;
        *bucket = (if is_allowed { left - 1.0 } else { left }, now);
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_address_has_its_own_measure_and_gets_it_back() {
        let (mut intake, now) = (Intake::default(), Instant::now());
        let [one, other] = [[1, 1, 1, 1], [2, 2, 2, 2]].map(IpAddr::from);
        let all = |intake: &mut Intake, now| (0..1000).filter(|_| intake.take(one, now)).count();
        assert_eq!(all(&mut intake, now), 256);
        assert!(intake.take(other, now));
        assert_eq!(all(&mut intake, now + Duration::from_secs(2)), 64);
        assert_eq!(all(&mut intake, now + Duration::from_secs(1000)), 256);
    }

    #[test]
    fn a_crowd_of_addresses_is_forgotten_when_it_has_been_still() {
        let (mut intake, now) = (Intake::default(), Instant::now());
        let address = |number: usize| IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
        for number in 0..ADDRESSES_MAX {
            assert!(intake.take(address(number), now));
        }
        assert!(!intake.take(address(ADDRESSES_MAX), now));
        assert!(intake.take(address(ADDRESSES_MAX), now + Duration::from_secs(1)));
    }
}
