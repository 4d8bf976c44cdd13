//! The texts of agreements and records: each has a type, which is checked once.

use std::net::IpAddr;

/// Why a text is not what it is meant to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not {what}: {rule}, found {len} bytes")]
pub struct TextError {
    what: &'static str,
    rule: &'static str,
    len: usize,
}

impl TextError {
    pub(crate) fn new(what: &'static str, rule: &'static str, len: usize) -> Self {
        Self { what, rule, len }
    }
}

/// Declares a text with its rule: `Name, "what it is", "the rule in words", |text| whether it keeps to it`.
macro_rules! text {
    ($(#[$docs:meta])* $name:ident, $what:literal, $rule:literal, $keeps:expr) => {
        $(#[$docs])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("The text, when it keeps to its rule: ", $rule, ".")]
            pub fn new(text: impl Into<String>) -> Result<Self, $crate::TextError> {
                let text = text.into();
                let keeps: fn(&str) -> bool = $keeps;
                if keeps(&text) {
                    Ok(Self(text))
                } else {
                    Err($crate::TextError::new($what, $rule, text.len()))
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::TextError;

            fn try_from(text: String) -> Result<Self, $crate::TextError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use text;

text! {
    /// The unit in which a network counts money, as `EUR` or `CREDIT`.
    Unit, "a unit of money", "1 to 12 of A-Z",
    |text| (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase())
}
text! {
    /// What somebody says about a payment or a dispute, for people.
    Remark, "a remark", "1 to 200 bytes without control characters",
    |text| (1..=200).contains(&text.len()) && !text.contains(char::is_control)
}
text! {
    /// Where somebody reaches a ledger: the host of its address as URLs write it, and the port unless it is the scheme's own.
    LedgerHost, "the host of a ledger", "1 to 255 of a-z, 0-9 and .-_:[]",
    |text| (1..=255).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_:[]".contains(&b))
}

impl LedgerHost {
    /// Whether it is the reader's own machine, with whatever port.
    pub fn is_loopback(&self) -> bool {
        let host = match self.0.strip_prefix('[').and_then(|text| text.split_once(']')) {
            Some((host, _)) => host,
            None => self.0.split(':').next().unwrap_or_default(),
        };
        host == "localhost" || host.parse().is_ok_and(|addr: IpAddr| addr.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_to_their_rules() {
        for good in ["E", "EUR", "CREDITCREDIT"] {
            assert!(Unit::new(good).is_ok(), "{good:?}");
        }
        for bad in ["", "eur", "EU1", "CREDITCREDITC", "EUR "] {
            assert!(Unit::new(bad).is_err(), "{bad:?}");
        }
        assert!(Remark::new("é".repeat(100)).is_ok() && Remark::new("é".repeat(101)).is_err());
        assert!(Remark::new("a\nb").is_err() && Remark::new("").is_err());
        for bad in ["", "Ledger.example", "ledger.example/", "a b", "user@ledger.example"] {
            assert!(LedgerHost::new(bad).is_err(), "{bad:?}");
        }
        assert!(LedgerHost::new("l".repeat(255)).is_ok() && LedgerHost::new("l".repeat(256)).is_err());
    }

    #[test]
    fn the_own_machine_is_known_by_its_addresses() {
        let is_loopback = |text: &str| LedgerHost::new(text).unwrap().is_loopback();
        for own in ["localhost", "localhost:8700", "127.0.0.1", "127.9.9.9:1", "[::1]:8700", "[::1]"] {
            assert!(is_loopback(own), "{own}");
        }
        for other in
            ["ledger.example", "localhost.example", "127.0.0.1.example:1", "[::2]:1", "10.0.0.1:8700", "::1"]
        {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
