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
    if !keeps_secrets(&base) {
        bail!("a link opens its object to whoever sees it, so it is sent over https or to this machine only");
    }
    let answer = http()?.post(base.join("/open")?).body(link.to_string()).send().await?;
    if !answer.status().is_success() {
        bail!("it answered {}", answer.status());
    }
    let opened: Opened = answer.json().await?;
    Ok(base.join(&opened.url)?.into())
}

/// True when nobody between here and the gateway reads what is sent to it.
fn keeps_secrets(gateway: &Url) -> bool {
    let host = gateway.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here =
        host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    gateway.scheme() == "https" || is_here
}

fn http() -> anyhow::Result<reqwest::Client> {
    // Fails only where a provider is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
    Ok(reqwest::Client::builder().timeout(OPEN_TIMEOUT).build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_go_to_this_machine_or_over_https_only() {
        for (url, is_kept) in [
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://localhost", true),
            ("https://gateway.example", true),
            ("http://gateway.example", false),
            ("http://127.0.0.1.example", false),
            ("http://192.168.1.2:8080", false),
        ] {
            assert_eq!(keeps_secrets(&Url::parse(url).expect("a URL")), is_kept, "{url}");
        }
    }
}
