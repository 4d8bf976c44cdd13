//! Who may begin a handshake: a bucket of tokens per address, and proof of address when many begin at once.
//! Pure: the clock is handed in.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

/// Handshakes that one address may begin at once.
const BURST: f64 = 256.0;
/// Handshakes that one address may begin per second in the long run.
const REFILL_PER_S: f64 = 64.0;
/// Addresses remembered; only one that has begun more than it regained needs a place.
const ADDRESSES_MAX: usize = 4096;
/// Handshakes under way from which on a client must first prove that it has the address it writes from.
pub(crate) const RETRY_FROM_HANDSHAKES: usize = 32;
/// Handshakes under way at most.
pub(crate) const HANDSHAKES_MAX: usize = 256;

/// What to do with the first packet of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Begin the handshake.
    Accept,
    /// Have the client repeat it with a token (QUIC Retry).
    Retry,
    /// Say no at once.
    Refuse,
}

/// What is known about a client before the handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Knock {
    pub(crate) address: IpAddr,
    /// It has answered a Retry, so the address is its own.
    pub(crate) is_validated: bool,
    pub(crate) handshakes: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Gate {
    buckets: HashMap<IpAddr, Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl Gate {
    pub(crate) fn decide(&mut self, knock: Knock, now: Instant) -> Verdict {
        if knock.handshakes >= HANDSHAKES_MAX {
            return Verdict::Refuse;
        }
        let must_validate = knock.handshakes >= RETRY_FROM_HANDSHAKES || self.is_crowded(now);
        if must_validate && !knock.is_validated {
            return Verdict::Retry;
        }
        let Some(bucket) = self.bucket(network_of(knock.address), now) else {
            return Verdict::Refuse;
        };
        // Whoever forges an address can drain only half of the tokens of its owner.
        if !knock.is_validated && bucket.tokens < BURST / 2.0 {
            return Verdict::Retry;
        }
        if bucket.tokens < 1.0 {
            return Verdict::Refuse;
        }
        bucket.tokens -= 1.0;
        Verdict::Accept
    }

    fn is_crowded(&mut self, now: Instant) -> bool {
        if self.buckets.len() >= ADDRESSES_MAX {
            self.buckets.retain(|_, bucket| bucket.filled(now).tokens < BURST);
        }
        self.buckets.len() >= ADDRESSES_MAX
    }

    /// The refilled bucket of an address, unless it is a new one and there is no place left.
    fn bucket(&mut self, address: IpAddr, now: Instant) -> Option<&mut Bucket> {
        if self.buckets.len() >= ADDRESSES_MAX && !self.buckets.contains_key(&address) {
            return None;
        }
        let bucket = self.buckets.entry(address).or_insert(Bucket { tokens: BURST, filled_at: now });
        *bucket = bucket.filled(now);
        Some(bucket)
    }
}

impl Bucket {
    fn filled(self, now: Instant) -> Self {
        let gained = now.saturating_duration_since(self.filled_at).as_secs_f64() * REFILL_PER_S;
        Self { tokens: (self.tokens + gained).min(BURST), filled_at: now }
    }
}

/// An IPv6 customer has a /64 at least, so its addresses count together.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        IpAddr::V4(v4) => IpAddr::V4(v4),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn knock(address: &str) -> Knock {
        Knock { address: address.parse().unwrap(), is_validated: false, handshakes: 0 }
    }

    fn validated(address: &str) -> Knock {
        Knock { is_validated: true, ..knock(address) }
    }

    /// Knocks until the answer changes from `Accept`; gives how often it was accepted, and the other answer.
    fn accepted(gate: &mut Gate, knock: Knock, now: Instant) -> (usize, Verdict) {
        for count in 0.. {
            match gate.decide(knock, now) {
                Verdict::Accept => {}
                other => return (count, other),
            }
        }
        unreachable!("a bucket is finite")
    }

    #[test]
    fn half_of_a_bucket_needs_no_proof_and_the_other_half_does() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        assert_eq!(accepted(&mut gate, knock("1.2.3.4"), now), (129, Verdict::Retry));
        assert_eq!(accepted(&mut gate, validated("1.2.3.4"), now), (127, Verdict::Refuse));
        assert_eq!(gate.decide(knock("1.2.3.5"), now), Verdict::Accept, "another address has its own");
    }

    #[test]
    fn a_bucket_fills_again_but_not_over() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        accepted(&mut gate, validated("1.2.3.4"), now);
        let later = now + Duration::from_secs(1);
        assert_eq!(accepted(&mut gate, validated("1.2.3.4"), later), (64, Verdict::Refuse));
        let much_later = later + Duration::from_secs(1000);
        assert_eq!(accepted(&mut gate, validated("1.2.3.4"), much_later), (256, Verdict::Refuse));
    }

    #[test]
    fn many_handshakes_ask_for_proof_and_too_many_close_the_gate() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        let at = |handshakes, knock: Knock| Knock { handshakes, ..knock };
        assert_eq!(gate.decide(at(31, knock("1.2.3.4")), now), Verdict::Accept);
        assert_eq!(gate.decide(at(32, knock("1.2.3.4")), now), Verdict::Retry);
        assert_eq!(gate.decide(at(32, validated("1.2.3.4")), now), Verdict::Accept);
        assert_eq!(gate.decide(at(256, validated("1.2.3.4")), now), Verdict::Refuse);
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_a_bucket() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        accepted(&mut gate, validated("2001:db8::1"), now);
        assert_eq!(gate.decide(validated("2001:db8::ffff:1"), now), Verdict::Refuse);
        assert_eq!(gate.decide(validated("2001:db8:0:1::1"), now), Verdict::Accept);
        accepted(&mut gate, validated("::ffff:9.9.9.9"), now);
        assert_eq!(gate.decide(validated("9.9.9.9"), now), Verdict::Refuse, "IPv4 within IPv6 is IPv4");
    }

    #[test]
    fn a_crowd_of_addresses_must_prove_itself_until_places_are_free() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        for number in 0..u32::try_from(ADDRESSES_MAX).unwrap() {
            let address = std::net::Ipv4Addr::from_bits(number).to_string();
            assert_eq!(gate.decide(knock(&address), now), Verdict::Accept);
        }
        assert_eq!(gate.decide(knock("9.9.9.9"), now), Verdict::Retry);
        assert_eq!(gate.decide(validated("9.9.9.9"), now), Verdict::Refuse);
        let later = now + Duration::from_secs(1);
        assert_eq!(gate.decide(knock("9.9.9.9"), later), Verdict::Accept);
        assert!(gate.buckets.len() < ADDRESSES_MAX);
    }
}
