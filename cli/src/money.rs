//! Amounts as people write them.

use std::str::FromStr;

use protocol::Amount;
use serde::Deserialize;

/// An amount in whole units, with at most six decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Money(pub(crate) Amount);

/// A text is no amount.
#[derive(Debug, thiserror::Error)]
#[error("an amount is written as 12 or 12.50, with at most six decimals")]
pub(crate) struct MoneyError;

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        parse(text).map(Self).ok_or(MoneyError)
    }
}

impl TryFrom<String> for Money {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

const DECIMALS: usize = 6;

fn parse(text: &str) -> Option<Amount> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(whole) && is_number(part) && part.len() <= DECIMALS).then_some(())?;
    let part: u64 = format!("{part:0<DECIMALS$}").parse().ok()?;
    let micro = whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(part)?;
    Amount::new(micro).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_to_the_micro_unit() {
        for (text, micro) in [("12", 12_000_000), ("0.000001", 1), ("3.5", 3_500_000), ("0", 0)] {
            assert_eq!(text.parse::<Money>().unwrap().0.get(), micro, "{text}");
        }
        for text in ["", ".", "1.", ".5", "1.0000001", "-1", "+1", "1e3", "1,5", "9223372036855"] {
            assert!(text.parse::<Money>().is_err(), "{text}");
        }
    }
}
