//! What a title costs, by how much of it was delivered (spec §25).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Amount, Usage};

/// So much for so many bytes or seconds, or for one view.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TitlePrice {
    /// What is paid; nothing for a free title.
    pub micro: Amount,
    /// For how many bytes or seconds, or after how many seconds a view counts.
    pub of: Quantity,
    /// What is counted.
    pub per: Per,
}

/// What a price counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Bytes delivered.
    Byte,
    /// Seconds played, of which every millisecond counts.
    Second,
    /// Views: one for each viewer in an epoch, of however many grants.
    View,
}

/// A number of bytes or seconds: 1 to 2^32.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Quantity(u64);

/// No price is for so many.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a price for {0}, 1 to {QUANTITY_MAX} are allowed")]
pub struct QuantityError(u64);

const QUANTITY_MAX: u64 = 1 << 32;

impl TitlePrice {
    /// What this usage costs, rounded down to whole micro-units, and at most `limit`.
    pub fn charge(&self, usage: Usage, limit: Amount) -> Amount {
        let of = u128::from(self.of.0);
        let (quantity, unit) = match self.per {
            Per::Byte => (u128::from(usage.bytes), of),
            Per::Second => (u128::from(usage.ms), MS_PER_S * of),
            Per::View => (u128::from(u128::from(usage.ms) >= MS_PER_S * of), 1),
        };
        // Both factors are below 2^64.
        let micro = quantity * u128::from(self.micro) / unit;
        Amount::try_from(micro).map_or(limit, |charge: Amount| charge.min(limit))
    }

    /// Whether `charge` is enough for this usage; of views, for one from its beginning.
    pub fn is_covered(&self, usage: Usage, charge: Amount) -> bool {
        match self.per {
            Per::View => self.micro <= charge,
            Per::Byte | Per::Second => self.charge(usage, Amount::MAX) <= charge,
        }
    }

    /// Whether more milliseconds than these would cost more: not for free titles, bytes, or views that count already.
    pub fn counts_time_after(&self, ms: u64) -> bool {
        let counts = match self.per {
            Per::Byte => false,
            Per::Second => true,
            Per::View => u128::from(ms) < MS_PER_S * u128::from(self.of.0),
        };
        counts && self.micro > Amount::ZERO
    }
}

const MS_PER_S: u128 = 1000;

impl Quantity {
    /// So many.
    pub const fn new(number: u64) -> Result<Self, QuantityError> {
        if number == 0 || number > QUANTITY_MAX { Err(QuantityError(number)) } else { Ok(Self(number)) }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for Quantity {
    type Error = QuantityError;

    fn try_from(number: u64) -> Result<Self, QuantityError> {
        Self::new(number)
    }
}

impl From<Quantity> for u64 {
    fn from(quantity: Quantity) -> Self {
        quantity.0
    }
}

impl fmt::Display for TitlePrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (micro, of) = (self.micro, self.of.0);
        match self.per {
            Per::Byte => write!(f, "{micro} for {of} bytes"),
            Per::Second => write!(f, "{micro} for {of} s"),
            Per::View => write!(f, "{micro} for a view of {of} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(micro: u64, of: u64, per: Per, bytes: u64, ms: u64) -> u64 {
        let price = TitlePrice { micro: Amount::new(micro).unwrap(), of: Quantity::new(of).unwrap(), per };
        price.charge(Usage { bytes, ms }, Amount::MAX).get()
    }

    #[test]
    fn charges_are_rounded_down() {
        assert_eq!(charge(3, 2, Per::Byte, 1, 0), 1);
        assert_eq!(charge(3, 2, Per::Byte, 3, 0), 4);
        assert_eq!(charge(10, 1, Per::Second, 0, 1999), 19);
        assert_eq!(charge(10, 60, Per::Second, 0, 5999), 0);
        assert_eq!([29_999, 30_000, u64::MAX].map(|ms| charge(7, 30, Per::View, 0, ms)), [0, 7, 7]);
    }

    #[test]
    fn a_charge_covers_what_costs_no_more() {
        let price = |micro, per| TitlePrice {
            micro: Amount::new(micro).unwrap(),
            of: Quantity::new(30).unwrap(),
            per,
        };
        let [nothing, some] = [0, 7].map(|micro| Amount::new(micro).unwrap());
        let usage = |bytes, ms| Usage { bytes, ms };
        assert!(price(0, Per::Byte).is_covered(usage(u64::MAX, u64::MAX), nothing), "it is free");
        assert!(!price(1, Per::Byte).is_covered(usage(30, 0), nothing));
        assert!(price(1, Per::Byte).is_covered(usage(239, 0), some));
        assert!(!price(1, Per::Byte).is_covered(usage(240, 0), some));
        assert!(!price(1, Per::Second).is_covered(usage(0, 240_000), some));
        assert!(!price(8, Per::View).is_covered(usage(0, 0), some), "from its beginning");
        assert!(price(7, Per::View).is_covered(usage(0, u64::MAX), some));
        assert_eq!([29_999, 30_000].map(|ms| price(7, Per::View).counts_time_after(ms)), [true, false]);
        assert!(price(7, Per::Second).counts_time_after(u64::MAX));
        assert!(![price(0, Per::Second), price(7, Per::Byte)].iter().any(|price| price.counts_time_after(0)));
    }

    #[test]
    fn no_charge_is_above_its_limit() {
        let price = TitlePrice { micro: Amount::MAX, of: Quantity::new(1).unwrap(), per: Per::Byte };
        let limit = Amount::new(5).unwrap();
        assert_eq!(price.charge(Usage { bytes: u64::MAX, ms: 0 }, limit), limit);
        assert_eq!(price.charge(Usage::default(), limit), Amount::ZERO);
    }
}
