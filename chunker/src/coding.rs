//! How many columns a stripe has: `k` for data and `m` for parity (spec §3).

use std::fmt;
use std::str::FromStr;

/// Data and parity columns together: GF(2^8) has no room for more (spec §3).
pub const COLUMNS_MAX: u8 = 255;

/// `k` data and `m` parity columns, written `k+m`: any `k` of the `k + m` give a stripe back.
///
/// `1 ≤ k`, `1 ≤ m`, `k + m ≤ 255` (spec §3).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Coding {
    data: u8,
    parity: u8,
}

/// Why two numbers are no [`Coding`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodingError {
    /// No data column.
    #[error("a coding needs at least one data column")]
    NoData,
    /// No parity column.
    #[error("a coding needs at least one parity column")]
    NoParity,
    /// More columns than the field has room for.
    #[error("{data}+{parity} are {} columns, at most {COLUMNS_MAX} are possible", u16::from(*.data) + u16::from(*.parity))]
    TooManyColumns {
        /// Data columns asked for.
        data: u8,
        /// Parity columns asked for.
        parity: u8,
    },
    /// Not of the form `k+m`.
    #[error("a coding is written as data+parity, for example 5+3")]
    NotSumOfTwo,
}

impl Coding {
    /// A coding of `data` and `parity` columns.
    pub const fn new(data: u8, parity: u8) -> Result<Self, CodingError> {
        if data == 0 {
            return Err(CodingError::NoData);
        }
        if parity == 0 {
            return Err(CodingError::NoParity);
        }
        if data.checked_add(parity).is_none() {
            return Err(CodingError::TooManyColumns { data, parity });
        }
        Ok(Self { data, parity })
    }

    /// `k`: data columns.
    pub const fn data(self) -> u8 {
        self.data
    }

    /// `m`: parity columns, and how many columns may be lost.
    pub const fn parity(self) -> u8 {
        self.parity
    }

    /// `k + m`.
    pub const fn total(self) -> u8 {
        self.data + self.parity
    }

    /// All columns, data first.
    pub fn columns(self) -> impl DoubleEndedIterator<Item = Column> + ExactSizeIterator {
        (0..self.total()).map(Column)
    }

    /// The data columns.
    pub fn data_columns(self) -> impl DoubleEndedIterator<Item = Column> + ExactSizeIterator {
        (0..self.data).map(Column)
    }

    /// The parity columns.
    pub fn parity_columns(self) -> impl DoubleEndedIterator<Item = Column> + ExactSizeIterator {
        (self.data..self.total()).map(Column)
    }

    /// Whether `column` holds data.
    pub const fn is_data(self, column: Column) -> bool {
        column.0 < self.data
    }

    /// Whether `column` is one of these columns at all.
    pub const fn contains(self, column: Column) -> bool {
        column.0 < self.total()
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.data, self.parity)
    }
}

impl fmt::Debug for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Coding({self})")
    }
}

impl FromStr for Coding {
    type Err = CodingError;

    fn from_str(text: &str) -> Result<Self, CodingError> {
        let (data, parity) = text.split_once('+').ok_or(CodingError::NotSumOfTwo)?;
        Self::new(columns(data)?, columns(parity)?)
    }
}

/// Digits only: `u8::from_str` would also take a leading plus sign.
fn columns(text: &str) -> Result<u8, CodingError> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(CodingError::NotSumOfTwo);
    }
    text.parse().map_err(|_| CodingError::NotSumOfTwo)
}

/// The number of a column in its coding: data columns from 0 on, parity columns from `k` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Column(u8);

impl Column {
    /// Column `number`.
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its number, for indexing.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_it_reads() {
        for text in ["1+1", "5+3", "4+2", "254+1", "1+254", "10+4"] {
            assert_eq!(text.parse::<Coding>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_no_coding() {
        for text in
            ["", "+", "5", "5+", "+3", "5+3+1", "0+1", "1+0", "5 + 3", "-5+3", "5++3", "255+1", "300+2"]
        {
            assert!(text.parse::<Coding>().is_err(), "{text:?}");
        }
        assert_eq!(Coding::new(200, 56), Err(CodingError::TooManyColumns { data: 200, parity: 56 }));
        assert!(Coding::new(200, 55).is_ok());
    }

    #[test]
    fn every_column_is_data_or_parity() {
        let coding = Coding::new(5, 3).unwrap();
        assert_eq!(coding.columns().filter(|&column| coding.is_data(column)).count(), 5);
        assert_eq!(coding.parity_columns().map(Column::number).collect::<Vec<_>>(), [5, 6, 7]);
        assert!(!coding.contains(Column::new(8)));
    }
}
