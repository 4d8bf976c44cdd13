//! The address at which a gateway plays a publication: `http(s)://gateway/watch/ID`, as people copy it.

use std::str::FromStr;

use proofs::CidError;
use reqwest::Url;
use sharing::PublicationId;

/// A gateway, and a publication that it plays.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WatchAddress {
    gateway: Url,
    id: PublicationId,
}

/// Why a text is no such address.
#[derive(Debug, thiserror::Error)]
pub enum WatchAddressError {
    /// It is no URL.
    #[error("it is no URL: {0}")]
    Url(String),
    /// It is a URL of another kind.
    #[error("a gateway is asked over http or https, without a name and a password in its URL")]
    Scheme,
    /// Nothing plays there.
    #[error("there is no /watch/ID in its path")]
    Path,
    /// What stands behind `/watch/` names no publication.
    #[error("no publication id stands behind /watch/: {0}")]
    Id(#[from] CidError),
}

impl WatchAddress {
    /// The gateway.
    pub const fn gateway(&self) -> &Url {
        &self.gateway
    }

    /// The publication.
    pub const fn id(&self) -> PublicationId {
        self.id
    }

    /// The gateway at this URL; what follows its path does not count.
    pub fn gateway_at(text: &str) -> Result<Url, WatchAddressError> {
        let mut url = Url::parse(text).map_err(|error| WatchAddressError::Url(error.to_string()))?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !is_plain {
            return Err(WatchAddressError::Scheme);
        }
        url.set_query(None);
        url.set_fragment(None);
        Ok(url)
    }
}

impl FromStr for WatchAddress {
    type Err = WatchAddressError;

    fn from_str(text: &str) -> Result<Self, WatchAddressError> {
        let mut gateway = Self::gateway_at(text)?;
        let path = gateway.path().to_owned();
        let (before, after) = path.split_once("/watch/").ok_or(WatchAddressError::Path)?;
        let id = after.split('/').next().unwrap_or_default().parse()?;
        gateway.set_path(before);
        Ok(Self { gateway, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_gateway_and_publication() {
        let id = PublicationId::of(b"bundle");
        for (before, after) in [
            ("http://127.0.0.1:8080/", ""),
            ("https://gateway.example/", "/master.m3u8"),
            ("https://example.org/films/", "/?gateways=http://other.example#t=10"),
        ] {
            let text = format!("{before}watch/{id}{after}");
            let address: WatchAddress = text.parse().unwrap();
            let gateway = address.gateway().as_str().trim_end_matches('/');
            assert_eq!((gateway, address.id()), (before.trim_end_matches('/'), id), "{text}");
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        let id = PublicationId::of(b"bundle");
        for text in [
            String::new(),
            id.to_string(),
            format!("ftp://gateway.example/watch/{id}"),
            format!("http://name:word@gateway.example/watch/{id}"),
            format!("http://gateway.example/{id}"),
            "http://gateway.example/watch/".to_owned(),
            "http://gateway.example/watch/river".to_owned(),
        ] {
            assert!(text.parse::<WatchAddress>().is_err(), "{text:?}");
        }
    }
}
