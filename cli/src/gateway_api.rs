//! What this program asks of a gateway: to open a link, to take a publication, to say what it lists.

use std::time::Duration;

use anyhow::{Context, bail};
use chunker::Link;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;
use sharing::PublicationId;

/// How long a gateway may take to open a link; it fetches a manifest for it.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Pages of a list that are asked for, of 100 publications each.
const PAGES_MAX: usize = 1000;

pub(crate) const RECORD_TYPE: &str = "application/vnd.headwater.record+cbor";

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

/// Offers a signed record; the path under which a publication plays. A record that is not for everybody goes
/// only where nobody listens: it holds the key to what it is about.
pub(crate) async fn offer(gateway: &Url, record: Vec<u8>, is_secret: bool) -> anyhow::Result<String> {
    if is_secret && !keeps_secrets(gateway) {
        bail!(
            "an unlisted publication is readable by whoever sees its record, so it is sent over https or to this machine only"
        );
    }
    let request = http()?.post(gateway.join("/api/publications")?).header(CONTENT_TYPE, RECORD_TYPE);
    let answer = request.body(record).send().await?;
    if answer.status() == StatusCode::NO_CONTENT {
        return Ok(String::new());
    }
    let summary = json(answer).await?;
    let watch = summary["watch"].as_str().filter(|path| path.starts_with("/watch/"));
    Ok(watch.context("it did not say where it plays")?.to_owned())
}

/// All that a gateway lists, newest first.
pub(crate) async fn publications(gateway: &Url) -> anyhow::Result<Vec<Value>> {
    let (mut all, mut after) = (Vec::new(), None::<String>);
    for _ in 0..PAGES_MAX {
        let mut url = gateway.join("/api/publications?limit=100")?;
        if let Some(after) = &after {
            url.query_pairs_mut().append_pair("after", after);
        }
        let mut page = json(http()?.get(url).send().await?).await?;
        if let Value::Array(list) = page["publications"].take() {
            all.extend(list);
        }
        let Some(next) = page["next"].as_str() else { return Ok(all) };
        after = Some(next.to_owned());
    }
    bail!("it lists more than {} publications", 100 * PAGES_MAX)
}

/// What a gateway says of one publication.
pub(crate) async fn publication(gateway: &Url, id: PublicationId) -> anyhow::Result<Value> {
    let url = gateway.join(&format!("/api/publications/{id}"))?;
    json(http()?.get(url).send().await?).await
}

/// The answer, or what the gateway says is wrong.
pub(crate) async fn json(answer: Response) -> anyhow::Result<Value> {
    let status = answer.status();
    let said: Value = answer.json().await.with_context(|| format!("it answered {status}"))?;
    if !status.is_success() {
        let detail = said["detail"].as_str().unwrap_or_default();
        // A terminal must not do what a gateway says.
        bail!("it answered {status}: {}", detail.replace(char::is_control, " "));
    }
    Ok(said)
}

/// True when nobody between here and the gateway reads what is sent to it.
pub(crate) fn keeps_secrets(gateway: &Url) -> bool {
    let host = gateway.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here =
        host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    gateway.scheme() == "https" || is_here
}

pub(crate) fn http() -> anyhow::Result<reqwest::Client> {
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
