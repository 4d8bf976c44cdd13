//! What a node asks for what is read from it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Amount, PublicKey, keys};

/// Micro-units for one GiB that is read, paid by vouchers of one ledger (spec §11, §13).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadPrice {
    /// The ledger.
    #[serde(with = "keys")]
    pub ledger: PublicKey,
    /// For 2^30 bytes.
    pub micro: Amount,
}

impl ReadPrice {
    /// What so many bytes cost, rounded down; the largest amount where they would cost more.
    pub fn of(&self, bytes: u64) -> Amount {
        Amount::try_from(self.product(bytes) >> GIB_BITS).unwrap_or(Amount::MAX)
    }

    /// The same, rounded up.
    pub fn of_at_least(&self, bytes: u64) -> Amount {
        Amount::try_from(self.product(bytes).div_ceil(1 << GIB_BITS)).unwrap_or(Amount::MAX)
    }

    fn product(&self, bytes: u64) -> u128 {
        u128::from(bytes) * u128::from(self.micro)
    }
}

impl fmt::Display for ReadPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} µ per GiB that is read, by ledger {}", self.micro.get(), self.ledger.fmt_short())
    }
}

/// A GiB has 2^30 bytes.
const GIB_BITS: u32 = 30;

#[cfg(test)]
mod tests {
    use fuzzing::fuzz;

    use super::*;
    use crate::SecretKey;

    fn price(micro: u64) -> ReadPrice {
        let ledger = SecretKey::from_bytes(&[1; 32]).public();
        ReadPrice { ledger, micro: Amount::new(micro).unwrap() }
    }

    #[test]
    fn a_gib_costs_the_price_and_less_is_rounded() {
        assert_eq!(price(1000).of(1 << 30).get(), 1000);
        assert_eq!(price(1000).of((1 << 30) - 1).get(), 999);
        assert_eq!(price(1000).of_at_least((1 << 30) - 1).get(), 1000);
        assert_eq!(price(1000).of_at_least(0), Amount::ZERO);
        assert_eq!(price(Amount::MAX.get()).of(u64::MAX), Amount::MAX);
    }

    /// Whoever pays each step rounded up has never paid less than all of it rounded down, and little more.
    #[test]
    fn steps_rounded_up_cover_the_whole() {
        fuzz(|random| {
            let price = price(random.below(1 << 40));
            let steps: Vec<u64> = (0..random.index(20)).map(|_| random.below(1 << 32)).collect();
            let paid: u64 = steps.iter().map(|bytes| price.of_at_least(*bytes).get()).sum();
            let whole = price.of(steps.iter().sum()).get();
            assert!(paid >= whole && paid <= whole + steps.len() as u64 + 1, "{price:?} {steps:?}");
        });
    }
}
