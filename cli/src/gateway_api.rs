//! What this program asks of a gateway: to open a link, so that any browser can read it.

use std::time::Duration;

use anyhow::{Context, bail};
use chunker::Link;
use reqwest::Url;
use serde::Deserialize;

/// How long a gateway may take to open a link; it fetches a manifest for it.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Opened {
    url: String,
}

/// The URL under which the gateway at `base` serves the object, until its handle expires.
pub(crate) async fn open(base: &str, link: &Link) -> anyhow::Result<String> {
    let base = Url::parse(base).with_context(|| format!("{base:?} is no URL"))?;
    let answer = http()?.post(base.join("/open")?).body(link.to_string()).send().await?;
    if !answer.status().is_success() {
        bail!("it answered {}", answer.status());
    }
    let opened: Opened = answer.json().await?;
    Ok(base.join(&opened.url)?.into())
}

fn http() -> anyhow::Result<reqwest::Client> {
    // Fails only where a provider is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
    Ok(reqwest::Client::builder().timeout(OPEN_TIMEOUT).build()?)
}
