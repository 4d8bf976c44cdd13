//! The number of a batch.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{IndexPath, NameError};

/// Greatest number, so that every language can count to it.
const MAX: u64 = (1 << 53) - 1;

/// The number of a batch in its stream: 1 … 2^53 − 1, each greater than those before. In text it is decimal, without zeros before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct BatchNumber(u64);

/// A number is none of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the number of a batch is a decimal between 1 and {MAX}, without zeros before it")]
pub struct BatchNumberError;

impl BatchNumber {
    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Where a record of this batch lies in the folder of records.
    pub fn path_of(self, name: &IndexPath) -> Result<IndexPath, NameError> {
        IndexPath::new(format!("{:016}/{}", self.0, name.as_str()))
    }

    /// Where this batch lies in the folder of records, as it came, when it does not open.
    pub fn path_unopened(self) -> IndexPath {
        IndexPath::new(format!("{:016}.age", self.0)).expect("digits are a name")
    }
}

impl TryFrom<u64> for BatchNumber {
    type Error = BatchNumberError;

    fn try_from(number: u64) -> Result<Self, BatchNumberError> {
        if (1..=MAX).contains(&number) { Ok(Self(number)) } else { Err(BatchNumberError) }
    }
}

impl From<BatchNumber> for u64 {
    fn from(number: BatchNumber) -> Self {
        number.0
    }
}

impl FromStr for BatchNumber {
    type Err = BatchNumberError;

    fn from_str(text: &str) -> Result<Self, BatchNumberError> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        let number: u64 = text.parse().map_err(|_| BatchNumberError)?;
        if is_plain { Self::try_from(number) } else { Err(BatchNumberError) }
    }
}

impl fmt::Display for BatchNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
