//! What a node may fail together with.

use serde::{Deserialize, Serialize};

use crate::limits::DOMAIN_NAME_LEN_MAX;

/// The declared name of a failure domain: 1 to 64 bytes of text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(String);

/// A name that no failure domain can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "failure domain with a name of {len} bytes, 1 to {DOMAIN_NAME_LEN_MAX} without control characters are allowed"
)]
pub struct DomainNameError {
    len: usize,
}

impl DomainName {
    /// The domain with this name.
    pub fn new(name: impl Into<String>) -> Result<Self, DomainNameError> {
        let name = name.into();
        if name.is_empty() || name.len() > DOMAIN_NAME_LEN_MAX || name.contains(char::is_control) {
            return Err(DomainNameError { len: name.len() });
        }
        Ok(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for DomainName {
    type Error = DomainNameError;

    fn try_from(name: String) -> Result<Self, DomainNameError> {
        Self::new(name)
    }
}

impl From<DomainName> for String {
    fn from(name: DomainName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_has_a_printable_name() {
        assert!(DomainName::new("x".repeat(64)).is_ok());
        for name in ["", "a\nb", &"x".repeat(65)] {
            assert!(DomainName::new(name).is_err(), "{name:?}");
        }
    }
}
