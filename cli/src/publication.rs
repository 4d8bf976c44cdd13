//! A publication as people name it: by its id, or by the address at which it plays.

use std::str::FromStr;

use publishing::download::WatchAddress;
use reqwest::Url;
use sharing::PublicationId;

/// A publication, and the gateway that the text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) id: PublicationId,
    /// Where it plays, when it was named by its address.
    pub(crate) gateway: Option<Url>,
}

/// A text that names no publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither the id of a publication nor the address at which one plays (https://…/watch/ID)")]
pub(crate) struct NamedError;

impl FromStr for Named {
    type Err = NamedError;

    fn from_str(text: &str) -> Result<Self, NamedError> {
        if let Ok(address) = text.parse::<WatchAddress>() {
            return Ok(Self { id: address.id(), gateway: Some(address.gateway().clone()) });
        }
        let id = text.strip_prefix("/watch/").unwrap_or(text).parse().map_err(|_| NamedError)?;
        Ok(Self { id, gateway: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_addresses_name_the_same() {
        let id = PublicationId::of(b"a bundle");
        let named = |text: String| text.parse::<Named>();
        assert_eq!(named(id.to_string()), Ok(Named { id, gateway: None }));
        assert_eq!(named(format!("/watch/{id}")), Ok(Named { id, gateway: None }));
        for rest in ["", "/", "?t=5", "#t", "/master.m3u8"] {
            let found = named(format!("https://media.example:8443/watch/{id}{rest}")).unwrap();
            assert_eq!(found.id, id, "{rest:?}");
            assert_eq!(found.gateway.unwrap().as_str(), "https://media.example:8443/");
        }
    }

    #[test]
    fn other_texts_name_nothing() {
        let id = PublicationId::of(b"a bundle");
        for text in [
            "",
            "film",
            "/watch/",
            "https://media.example",
            &format!("ftp://x/watch/{id}"),
            &format!("x/watch/{id}"),
        ] {
            assert_eq!(text.parse::<Named>(), Err(NamedError), "{text:?}");
        }
    }
}
