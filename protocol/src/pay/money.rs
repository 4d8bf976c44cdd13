//! Money: integers of one unit's millionth parts, and shares in millionths (spec §25).

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount of money that is not negative: 0 to 2^63 − 1 micro-units.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Amount(u64);

/// No amount is so large.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{micro} micro-units, at most {} are allowed", i64::MAX)]
pub struct AmountError {
    micro: u128,
}

impl Amount {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// The largest amount.
    pub const MAX: Self = Self(i64::MAX.unsigned_abs());

    /// So many micro-units.
    pub const fn new(micro: u64) -> Result<Self, AmountError> {
        if micro > Self::MAX.0 { Err(AmountError { micro: micro as u128 }) } else { Ok(Self(micro)) }
    }

    /// The number of micro-units.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// True when there is no money.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, when it is an amount.
    pub const fn plus(self, other: Self) -> Result<Self, AmountError> {
        Self::new(self.0 + other.0)
    }

    /// What is left when `other` is taken away; `None` when there is not so much.
    pub const fn minus(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(micro) => Some(Self(micro)),
            None => None,
        }
    }
}

impl TryFrom<u64> for Amount {
    type Error = AmountError;

    fn try_from(micro: u64) -> Result<Self, AmountError> {
        Self::new(micro)
    }
}

impl TryFrom<u128> for Amount {
    type Error = AmountError;

    fn try_from(micro: u128) -> Result<Self, AmountError> {
        u64::try_from(micro).map_err(|_| AmountError { micro }).and_then(Self::new)
    }
}

impl From<Amount> for u64 {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

impl From<Amount> for u128 {
    fn from(amount: Amount) -> Self {
        amount.0.into()
    }
}

/// In whole units with six decimals, as `12.000345`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / MICRO, self.0 % MICRO)
    }
}

/// Micro-units of one unit.
const MICRO: u64 = 1_000_000;

/// A share: 0 to 1 000 000 millionths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Ppm(u32);

/// No share is more than the whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("share of {ppm} millionths, at most {} are allowed", Ppm::WHOLE.0)]
pub struct PpmError {
    ppm: u64,
}

impl Ppm {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Everything.
    pub const WHOLE: Self = Self(1_000_000);

    /// So many millionths.
    pub const fn new(ppm: u32) -> Result<Self, PpmError> {
        if ppm > Self::WHOLE.0 { Err(PpmError { ppm: ppm as u64 }) } else { Ok(Self(ppm)) }
    }

    /// The number of millionths.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The sum, when it is a share.
    pub fn sum(shares: impl IntoIterator<Item = Self>) -> Result<Self, PpmError> {
        let ppm: u64 = shares.into_iter().map(|share| u64::from(share.0)).sum();
        u32::try_from(ppm).map_err(|_| PpmError { ppm }).and_then(Self::new)
    }

    /// What is left of the whole.
    #[must_use]
    pub const fn rest(self) -> Self {
        Self(Self::WHOLE.0 - self.0)
    }
}

impl TryFrom<u32> for Ppm {
    type Error = PpmError;

    fn try_from(ppm: u32) -> Result<Self, PpmError> {
        Self::new(ppm)
    }
}

impl From<Ppm> for u32 {
    fn from(share: Ppm) -> Self {
        share.0
    }
}

/// In per cent, as `12.5000 %`.
impl fmt::Display for Ppm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:04} %", self.0 / 10_000, self.0 % 10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_end_at_the_largest_signed_number() {
        assert_eq!(
            Amount::new(1 << 63).unwrap_err().to_string(),
            format!("{} micro-units, at most {} are allowed", 1_u64 << 63, i64::MAX)
        );
        assert_eq!(Amount::MAX.plus(Amount::ZERO), Ok(Amount::MAX));
        assert!(Amount::MAX.plus(Amount::new(1).unwrap()).is_err());
        assert!(Amount::MAX.plus(Amount::MAX).is_err());
        assert_eq!(Amount::ZERO.minus(Amount::new(1).unwrap()), None);
        assert!(Amount::try_from(u128::MAX).is_err());
    }

    #[test]
    fn amounts_and_shares_are_shown_in_decimals() {
        let shown = [0, 1, 1_000_000, 12_000_345].map(|micro| Amount::new(micro).unwrap().to_string());
        assert_eq!(shown, ["0.000000", "0.000001", "1.000000", "12.000345"]);
        assert_eq!(Ppm::new(125_001).unwrap().to_string(), "12.5001 %");
    }

    #[test]
    fn shares_add_up_to_the_whole_at_most() {
        let [half, more] = [500_000, 500_001].map(|ppm| Ppm::new(ppm).unwrap());
        assert_eq!(Ppm::sum([half, half]), Ok(Ppm::WHOLE));
        assert_eq!(Ppm::sum([half, more]), Err(PpmError { ppm: 1_000_001 }));
        assert_eq!(more.rest().get(), 499_999);
        assert!(Ppm::sum(std::iter::repeat_n(Ppm::WHOLE, 5000)).is_err(), "a sum above 2^32 does not wrap");
    }
}
