//! The address at which a gateway plays a publication: `http(s)://gateway/watch/ID`, as people copy it; or a live stream:
//! `http(s)://gateway/live/ID`.

use std::str::FromStr;

use proofs::CidError;
use reqwest::Url;
use sharing::{LiveId, PublicationId};

const WATCH: &str = "/watch/";
const LIVE: &str = "/live/";

/// A gateway, and a publication that it plays.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WatchAddress {
    gateway: Url,
    id: PublicationId,
}

/// A gateway, and a live stream that it plays.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveAddress {
    gateway: Url,
    id: LiveId,
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
    #[error("there is no {0}ID in its path")]
    Path(&'static str),
    /// What stands there names nothing that can be played.
    #[error("no id stands behind {0}: {1}")]
    Id(&'static str, CidError),
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

impl LiveAddress {
    /// Whether a text is meant to be one, well written or not.
    pub fn is_meant_by(text: &str) -> bool {
        Url::parse(text).is_ok_and(|url| url.path().contains(LIVE) && !url.path().contains(WATCH))
    }

    /// The gateway.
    pub const fn gateway(&self) -> &Url {
        &self.gateway
    }

    /// The live stream.
    pub const fn id(&self) -> LiveId {
        self.id
    }
}

impl FromStr for WatchAddress {
    type Err = WatchAddressError;

    fn from_str(text: &str) -> Result<Self, WatchAddressError> {
        split(text, WATCH).map(|(gateway, id)| Self { gateway, id })
    }
}

impl FromStr for LiveAddress {
    type Err = WatchAddressError;

    fn from_str(text: &str) -> Result<Self, WatchAddressError> {
        split(text, LIVE).map(|(gateway, id)| Self { gateway, id })
    }
}

/// The gateway in front of `mark`, and the id behind it.
fn split<T: FromStr<Err = CidError>>(text: &str, mark: &'static str) -> Result<(Url, T), WatchAddressError> {
    let mut gateway = WatchAddress::gateway_at(text)?;
    let path = gateway.path().to_owned();
    let (before, after) = path.split_once(mark).ok_or(WatchAddressError::Path(mark))?;
    let id = after.split('/').next().unwrap_or_default().parse();
    gateway.set_path(before);
    Ok((gateway, id.map_err(|error| WatchAddressError::Id(mark, error))?))
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
    fn a_live_stream_has_an_address_of_its_own() {
        let id = LiveId::of(b"prelude");
        let text = format!("https://gateway.example/live/{id}/master.m3u8");
        let address: LiveAddress = text.parse().unwrap();
        assert_eq!((address.gateway().as_str(), address.id()), ("https://gateway.example/", id));
        assert!(LiveAddress::is_meant_by(&text) && text.parse::<WatchAddress>().is_err());
        assert!(!LiveAddress::is_meant_by(&format!("https://gateway.example/watch/{id}")));
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
