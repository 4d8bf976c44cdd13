//! The flags of a health link.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The flags of a health link: `L`, `P` and `U`, in this order, and never `P` with `U`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HealthFlags {
    long_term: bool,
    passcode: bool,
    single: bool,
}

/// No health link has these flags.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{found:?} are no flags of a health link: L, P, LP, U or LU are, or none")]
pub struct HealthFlagsError {
    found: String,
}

impl HealthFlags {
    /// These flags; a single file has no passcode, since whoever fetches it could not show one.
    pub fn new(long_term: bool, passcode: bool, single: bool) -> Result<Self, HealthFlagsError> {
        let flags = Self { long_term, passcode, single };
        if passcode && single { Err(HealthFlagsError { found: flags.to_string() }) } else { Ok(flags) }
    }

    /// `L`: its files may change.
    pub const fn is_long_term(self) -> bool {
        self.long_term
    }

    /// `P`: it asks for a passcode.
    pub const fn has_passcode(self) -> bool {
        self.passcode
    }

    /// `U`: it is one file, without a manifest.
    pub const fn is_single(self) -> bool {
        self.single
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        !self.long_term && !self.passcode && !self.single
    }

    /// The flags that a reader understands in this text: it ignores those that it does not know.
    pub fn read(text: &str) -> Result<Self, HealthFlagsError> {
        let has = |flag| text.contains(flag);
        Self::new(has('L'), has('P'), has('U'))
    }
}

impl FromStr for HealthFlags {
    type Err = HealthFlagsError;

    fn from_str(text: &str) -> Result<Self, HealthFlagsError> {
        let flags = Self::read(text)?;
        if flags.to_string() == text { Ok(flags) } else { Err(HealthFlagsError { found: text.to_owned() }) }
    }
}

impl fmt::Display for HealthFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (is_set, flag) in [(self.long_term, "L"), (self.passcode, "P"), (self.single, "U")] {
            if is_set {
                f.write_str(flag)?;
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for HealthFlags {
    type Error = HealthFlagsError;

    fn try_from(text: String) -> Result<Self, HealthFlagsError> {
        text.parse()
    }
}

impl From<HealthFlags> for String {
    fn from(flags: HealthFlags) -> Self {
        flags.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_stand_in_order_each_once() {
        for text in ["", "L", "P", "LP", "U", "LU"] {
            assert_eq!(text.parse::<HealthFlags>().unwrap().to_string(), text);
        }
        for text in ["PL", "PU", "LPU", "LL", "X", "l", "L "] {
            assert!(text.parse::<HealthFlags>().is_err(), "{text:?}");
        }
        assert_eq!(
            HealthFlags::read("LXP").unwrap().to_string(),
            "LP",
            "what a reader does not know, it ignores"
        );
        assert!(HealthFlags::read("UP").is_err());
    }
}
