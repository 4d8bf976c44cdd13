//! The relay of a node that cannot be dialled directly.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::RELAY_URL_LEN_MAX;

/// The address of a relay: `https://` or `http://`, a host and perhaps a port, and `/` at the end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelayUrl(String);

/// A text that is no address of a relay.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("relay {0:?} is not http(s)://host[:port]/ in lower case, of at most {RELAY_URL_LEN_MAX} bytes")]
pub struct RelayUrlError(String);

impl RelayUrl {
    /// The relay at this address, which is in its usual form: no user, path, query or fragment.
    pub fn new(url: impl Into<String>) -> Result<Self, RelayUrlError> {
        let url = url.into();
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.strip_suffix('/'));
        let is_host =
            |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:[]".contains(byte);
        match host {
            Some(host)
                if !host.is_empty()
                    && url.len() <= RELAY_URL_LEN_MAX
                    && host.as_bytes().iter().all(is_host) =>
            {
                Ok(Self(url))
            }
            _ => Err(RelayUrlError(url)),
        }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RelayUrl {
    type Err = RelayUrlError;

    fn from_str(text: &str) -> Result<Self, RelayUrlError> {
        Self::new(text)
    }
}

impl TryFrom<String> for RelayUrl {
    type Error = RelayUrlError;

    fn try_from(url: String) -> Result<Self, RelayUrlError> {
        Self::new(url)
    }
}

impl From<RelayUrl> for String {
    fn from(url: RelayUrl) -> Self {
        url.0
    }
}

impl fmt::Display for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_are_relays() {
        for url in ["https://relay.example/", "http://127.0.0.1:3340/", "https://[2001:db8::1]:443/"] {
            assert_eq!(RelayUrl::new(url).unwrap().as_str(), url);
        }
        let long = format!("https://{}/", "r".repeat(RELAY_URL_LEN_MAX));
        for url in [
            "",
            "https:///",
            "https://relay.example",
            "https://Relay.example/",
            "ftp://relay.example/",
            "https://user@relay.example/",
            "https://relay.example/path/",
            "https://relay.example/?q",
            " https://relay.example/",
            &long,
        ] {
            assert!(RelayUrl::new(url).is_err(), "{url:?}");
        }
    }
}
