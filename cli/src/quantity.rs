//! Quantities as people write them: `20GiB`, `1.5MB`, `90d`.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// A number of bytes, written as `4096`, `64KiB` or `1.5GB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct ByteSize(u64);

/// A length of time in whole seconds, written as `90d`, `36h`, `15m` or `30s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct Duration(u64);

impl ByteSize {
    pub(crate) const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    pub(crate) const fn bytes(self) -> u64 {
        self.0
    }
}

impl Duration {
    pub(crate) const fn from_days(days: u64) -> Self {
        Self(days * 86_400)
    }

    pub(crate) const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    pub(crate) const fn seconds(self) -> u64 {
        self.0
    }
}

/// A text that is no quantity of the kind asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QuantityError {
    #[error("{0:?} does not begin with a number")]
    Number(String),
    #[error("{unit:?} is none of the units {known}")]
    Unit { unit: String, known: &'static str },
    #[error("{text:?} has no unit, such as one of {known}")]
    NoUnit { text: String, known: &'static str },
    #[error("{0:?} is too large")]
    Overflow(String),
}

const BYTE_UNITS: [(&str, u64); 12] = [
    ("", 1),
    ("B", 1),
    ("kB", 1000),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
];
const TIME_UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];

impl FromStr for ByteSize {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        quantity(text, &BYTE_UNITS, "B, kB, MB, GB, TB, KiB, MiB, GiB, TiB, PiB").map(Self)
    }
}

impl FromStr for Duration {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        quantity(text, &TIME_UNITS, "s, m, h, d").map(Self)
    }
}

/// `number unit` in whole units of the smallest one; a fraction may have up to six digits.
fn quantity(text: &str, units: &[(&str, u64)], known: &'static str) -> Result<u64, QuantityError> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..split], text[split..].trim());
    let (_, factor) = units.iter().find(|(name, _)| *name == unit).ok_or_else(|| match unit {
        "" if !number.is_empty() => QuantityError::NoUnit { text: text.to_owned(), known },
        _ => QuantityError::Unit { unit: unit.to_owned(), known },
    })?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let not_a_number = || QuantityError::Number(text.to_owned());
    if whole.is_empty() || fraction.len() > 6 {
        return Err(not_a_number());
    }
    let millionths: u128 = format!("{whole}{fraction:0<6}").parse().map_err(|_| not_a_number())?;
    let amount = millionths.checked_mul(u128::from(*factor)).map(|product| product / 1_000_000);
    amount.and_then(|n| u64::try_from(n).ok()).ok_or_else(|| QuantityError::Overflow(text.to_owned()))
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        indicatif::BinaryBytes(self.0).fmt(f)
    }
}

/// What a TOML file may say: a bare number or a text with a unit.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u64),
    Text(String),
}

impl TryFrom<Written> for ByteSize {
    type Error = QuantityError;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written::Number(bytes) => Ok(Self(bytes)),
            Written::Text(text) => text.parse(),
        }
    }
}

impl TryFrom<Written> for Duration {
    type Error = QuantityError;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written::Number(seconds) => Ok(Self(seconds)),
            Written::Text(text) => text.parse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read_exactly() {
        let bytes = |text: &str| text.parse::<ByteSize>().map(ByteSize::bytes);
        assert_eq!(bytes("0"), Ok(0));
        assert_eq!(bytes("4096"), Ok(4096));
        assert_eq!(bytes("1.5GiB"), Ok(3 << 29));
        assert_eq!(bytes("20 MB"), Ok(20_000_000));
        assert_eq!("90d".parse::<Duration>().map(Duration::seconds), Ok(90 * 86_400));
    }

    #[test]
    fn what_is_no_quantity_is_named() {
        for text in ["", "GiB", "1.2345678MB", "-3", "1..2", ".5kB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text:?} was taken for a size");
        }
        let unit = "5 parsecs".parse::<ByteSize>().unwrap_err();
        assert!(matches!(unit, QuantityError::Unit { .. }), "{unit:?}");
        assert_eq!("99999PiB".parse::<ByteSize>(), Err(QuantityError::Overflow("99999PiB".into())));
        // A duration without a unit would be a guess.
        let none = "90".parse::<Duration>().unwrap_err();
        assert!(matches!(none, QuantityError::NoUnit { .. }), "{none:?}");
    }
}
