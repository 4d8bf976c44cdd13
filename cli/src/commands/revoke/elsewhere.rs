//! Links of the account that another machine has made: what is in the link itself, and what its gateway has.

use std::time::Duration;

use anyhow::{Context, bail};
use chunker::AccountSecret;
use protocol::UnixSeconds;
use reqwest::Url;
use sharing::{HealthKey, HealthLinkText, LinkId, ShareContents, ShareKeys, ShareLink};

use crate::arguments::Globals;
use crate::shares::{self, KeptFile, KeptShare};
use crate::{failure, gateway_api};

/// How long the gateway may take to tell what is in a share before it is ended.
const OPEN_WITHIN: Duration = Duration::from_secs(5);

/// The id and gateway of a health link of this account, if that is what the text is.
pub(super) fn health_link(text: &str, secret: &AccountSecret) -> anyhow::Result<Option<(LinkId, Url)>> {
    let Ok(link) = text.trim().parse::<HealthLinkText>() else { return Ok(None) };
    let id = link.id().context("this health link is not at a gateway of this kind")?;
    if *link.key() != HealthKey::derive(secret, id) {
        bail!("this account has not made this health link");
    }
    let mut gateway = Url::parse(link.url()).context("the link names no gateway")?;
    gateway.set_path("");
    Ok(Some((id, gateway)))
}

/// What can be known of a share of this account from its link, and whether that is what it shares: not where a passcode hides it, or its
/// gateway does not tell.
pub(super) async fn share(
    globals: &Globals,
    text: &str,
    secret: &AccountSecret,
) -> anyhow::Result<(KeptShare, bool)> {
    let link: ShareLink = text.trim().parse().map_err(|_| {
        anyhow::anyhow!(
            "this machine knows of no such share: say the whole link, or revoke it where it was made"
        )
    })?;
    if *link.secret() != shares::secret(secret, link.id()) {
        bail!("this account has not made this share");
    }
    let contents = contents(&link).await;
    if let Err(error) = &contents {
        globals.output().note(format_args!(
            "what it shared is not known here, and keeps its keys; `headwater rm` removes it by name: {}",
            failure::one_line(error)
        ));
    }
    Ok((kept(&link, contents.as_ref().ok()), contents.is_ok()))
}

async fn contents(link: &ShareLink) -> anyhow::Result<ShareContents> {
    if link.has_passcode() {
        bail!("it has a passcode");
    }
    let gateway = gateway_api::address(link.origin())?;
    let keys = ShareKeys::derive(link.id(), link.secret(), None);
    let opened = tokio::time::timeout(OPEN_WITHIN, shares::open(&gateway, &keys, Some("its owner"), None));
    let opened = opened.await.context("its gateway does not answer")??;
    Ok(opened.wrapped.open(&keys)?)
}

fn kept(link: &ShareLink, contents: Option<&ShareContents>) -> KeptShare {
    let files = contents.map(ShareContents::files).unwrap_or_default().iter().map(KeptFile::from);
    let issued = contents.map_or(UnixSeconds::new(0), ShareContents::issued);
    KeptShare {
        passcode: link.has_passcode(),
        label: contents.and_then(ShareContents::label).map(ToString::to_string),
        ..KeptShare::new(link.id(), link.origin().to_owned(), issued, files)
    }
}

#[cfg(test)]
mod tests {
    use sharing::HealthFlags;

    use super::*;

    #[test]
    fn a_link_says_at_which_gateway_it_ends_and_whose_it_is() {
        let (own, other) = (AccountSecret::from_bytes([1; 32]), AccountSecret::from_bytes([2; 32]));
        let id = LinkId::from_bytes([7; 32]);
        let flags = HealthFlags::new(false, false, false).unwrap();
        let key = HealthKey::derive(&own, id);
        let link = HealthLinkText::new("http://127.0.0.1:8080", id, key, flags, None, None).unwrap();
        let (found, gateway) = health_link(&link.expose(), &own).unwrap().unwrap();
        assert_eq!((found, gateway.as_str()), (id, "http://127.0.0.1:8080/"));
        assert!(health_link(&link.expose(), &other).is_err());
        assert!(health_link("https://g.example/s/x#y", &own).unwrap().is_none());
    }
}
