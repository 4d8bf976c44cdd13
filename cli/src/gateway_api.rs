//! What this program asks of a gateway: to open a link, to take a publication, to say what it lists.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

use chunker::Link;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sharing::PublicationId;

/// How long a gateway may take to answer; it fetches a manifest or a bundle first.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Pages of a list that are asked for, of 100 publications each.
const PAGES_MAX: usize = 1000;

/// Bytes of an answer: a page of publications with all their tracks is the longest.
const ANSWER_LEN_MAX: usize = 16 << 20;

pub(crate) const RECORD_TYPE: &str = "application/vnd.headwater.record+cbor";

/// Why a gateway did not do what it was asked. Every message names the gateway.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    #[error("{gateway} cannot be reached: {reason}")]
    Unreachable { gateway: Name, reason: String },
    #[error("{gateway} did not answer within {} s", ANSWER_WITHIN.as_secs())]
    Silent { gateway: Name },
    #[error("{gateway} refuses: {detail} (status {})", .status.as_u16())]
    Refused { gateway: Name, status: StatusCode, detail: String },
    #[error("{gateway} answers as no gateway does: {what}")]
    Strange { gateway: Name, what: String },
    #[error(
        "{0} is reached over a line that others can read: what opens to whoever sees it is sent over https or to \
         this machine only"
    )]
    Overheard(Name),
}

impl GatewayError {
    /// Whether the gateway has certainly not done what it was asked to: it has said so, or was not asked. Where an answer is
    /// lost on its way, or comes from a gateway in trouble, nobody knows.
    pub(crate) fn is_definite(&self) -> bool {
        match self {
            Self::Refused { status, .. } => {
                status.is_client_error() && *status != StatusCode::REQUEST_TIMEOUT
            }
            Self::Overheard(_) => true,
            Self::Unreachable { .. } | Self::Silent { .. } | Self::Strange { .. } => false,
        }
    }
}

/// A gateway as it stands in messages.
#[derive(Debug)]
pub(crate) struct Name(String);

impl From<&Url> for Name {
    fn from(gateway: &Url) -> Self {
        Self(gateway.as_str().trim_end_matches('/').to_owned())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no address of a gateway.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no address of a gateway, such as https://media.example or http://127.0.0.1:8080")]
pub(crate) struct AddressError(String);

/// The address of a gateway that the user wrote.
pub(crate) fn address(text: &str) -> Result<Url, AddressError> {
    let url = Url::parse(text).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| AddressError(text.to_owned()))
}

/// Fails where nothing answers at the address of a gateway.
pub(crate) async fn answers(gateway: &Url) -> Result<(), GatewayError> {
    let asked = http(gateway)?.get(at(gateway, "/api/shares/terms")).send().await;
    asked.map(drop).map_err(|error| unanswered(gateway, &error))
}

#[derive(Deserialize)]
struct Opened {
    url: String,
}

/// The URL under which the gateway serves the object, until its handle expires.
pub(crate) async fn open(gateway: &Url, link: &Link) -> Result<String, GatewayError> {
    if !keeps_secrets(gateway) {
        return Err(GatewayError::Overheard(gateway.into()));
    }
    let request = http(gateway)?.post(at(gateway, "/open")).body(link.to_string());
    let opened: Opened = serde_json::from_value(answered(gateway, request).await?)
        .map_err(|_| strange(gateway, "it did not say where"))?;
    Ok(at(gateway, &opened.url).into())
}

/// Offers a signed record; the path under which a publication plays, empty for other records. A record that is not for
/// everybody goes only where nobody listens: it holds the key to what it is about.
pub(crate) async fn offer(gateway: &Url, record: Vec<u8>, is_secret: bool) -> Result<String, GatewayError> {
    if is_secret && !keeps_secrets(gateway) {
        return Err(GatewayError::Overheard(gateway.into()));
    }
    let request = http(gateway)?.post(at(gateway, "/api/publications")).header(CONTENT_TYPE, RECORD_TYPE);
    let summary = answered(gateway, request.body(record)).await?;
    if summary.is_null() {
        return Ok(String::new());
    }
    let watch = summary["watch"].as_str().filter(|path| path.starts_with("/watch/"));
    Ok(watch.ok_or_else(|| strange(gateway, "it did not say where it plays"))?.to_owned())
}

/// Whether a browser sees a page at this address; a gateway that was started without one answers that there is nothing.
pub(crate) async fn serves_page(gateway: &Url, path: &str) -> Result<bool, GatewayError> {
    let request = http(gateway)?.get(at(gateway, path)).header(ACCEPT, "text/html");
    let answer = request.send().await.map_err(|error| unanswered(gateway, &error))?;
    Ok(answer.status() != StatusCode::NOT_FOUND)
}

/// Hands in a signed record about a link of the account's own, which opens something to whoever overhears it.
pub(crate) async fn post_record(gateway: &Url, path: &str, record: Vec<u8>) -> Result<Value, GatewayError> {
    if !keeps_secrets(gateway) {
        return Err(GatewayError::Overheard(gateway.into()));
    }
    register(gateway, path, record, None).await
}

/// Hands in a signed record, with the gateway's upload token where there is one: that goes only where nobody listens.
pub(crate) async fn register(
    gateway: &Url,
    path: &str,
    record: Vec<u8>,
    token: Option<&str>,
) -> Result<Value, GatewayError> {
    let mut request = http(gateway)?.post(at(gateway, path)).header(CONTENT_TYPE, RECORD_TYPE);
    if let Some(token) = token {
        if !keeps_secrets(gateway) {
            return Err(GatewayError::Overheard(gateway.into()));
        }
        request = request.bearer_auth(token);
    }
    answered(gateway, request.body(record)).await
}

/// All that a gateway lists, newest first.
pub(crate) async fn publications(gateway: &Url) -> Result<Vec<Value>, GatewayError> {
    let (mut all, mut after) = (Vec::new(), None::<String>);
    for _ in 0..PAGES_MAX {
        let mut url = at(gateway, "/api/publications?limit=100");
        if let Some(after) = &after {
            url.query_pairs_mut().append_pair("after", after);
        }
        let mut page = answered(gateway, http(gateway)?.get(url)).await?;
        if let Value::Array(list) = page["publications"].take() {
            all.extend(list);
        }
        let Some(next) = page["next"].as_str() else { return Ok(all) };
        after = Some(next.to_owned());
    }
    Err(strange(gateway, &format!("it lists more than {} publications", 100 * PAGES_MAX)))
}

/// What a gateway says of one publication.
pub(crate) async fn publication(gateway: &Url, id: PublicationId) -> Result<Value, GatewayError> {
    answered(gateway, http(gateway)?.get(at(gateway, &format!("/api/publications/{id}")))).await
}

/// What a gateway says of the nodes of its network, as far as `T` reads it.
pub(crate) async fn nodes<T: DeserializeOwned>(gateway: &Url) -> Result<T, GatewayError> {
    let answer = answered(gateway, http(gateway)?.get(at(gateway, "/api/nodes"))).await?;
    serde_json::from_value(answer).map_err(|error| strange(gateway, &error.to_string()))
}

/// Where a path is at a gateway.
fn at(gateway: &Url, path: &str) -> Url {
    gateway.join(path).unwrap_or_else(|_| gateway.clone())
}

/// The gateway's answer, null where it says no more than that it is done.
async fn answered(gateway: &Url, request: RequestBuilder) -> Result<Value, GatewayError> {
    let answer = request.send().await.map_err(|error| unanswered(gateway, &error))?;
    said(gateway, answer).await
}

/// What an answer says, or what the gateway says is wrong.
pub(crate) async fn said(gateway: &Url, answer: Response) -> Result<Value, GatewayError> {
    let status = answer.status();
    if status == StatusCode::NO_CONTENT {
        return Ok(Value::Null);
    }
    let body = whole(gateway, answer, ANSWER_LEN_MAX).await?;
    let said: Option<Value> = serde_json::from_slice(&body).ok();
    if status.is_success() {
        return said.ok_or_else(|| strange(gateway, "its answer is no JSON"));
    }
    let detail = said.as_ref().and_then(|said| said["detail"].as_str()).unwrap_or("it does not say why");
    // A terminal must not do what a gateway says.
    let detail = detail.replace(char::is_control, " ");
    Err(GatewayError::Refused { gateway: gateway.into(), status, detail })
}

/// The bytes of an answer, which may be up to `max` long.
pub(crate) async fn whole(gateway: &Url, mut answer: Response, max: usize) -> Result<Vec<u8>, GatewayError> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| unanswered(gateway, &error))? {
        if body.len() + piece.len() > max {
            return Err(strange(gateway, &format!("its answer is longer than {max} bytes")));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// Why there is no answer.
pub(crate) fn unanswered(gateway: &Url, error: &reqwest::Error) -> GatewayError {
    if error.is_timeout() {
        return GatewayError::Silent { gateway: gateway.into() };
    }
    let reason = innermost(error);
    if error.is_body() || error.is_decode() {
        return strange(gateway, &format!("its answer breaks off: {reason}"));
    }
    GatewayError::Unreachable { gateway: gateway.into(), reason }
}

/// The last cause of an error: what the operating system or the other side said, without all that was being done.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let causes = anyhow::Chain::new(error);
    let system = causes.clone().filter_map(|cause| cause.downcast_ref::<io::Error>()).last();
    match (system.filter(|error| error.raw_os_error().is_some()), causes.last()) {
        (Some(error), _) => error.kind().to_string(),
        (None, last) => last.map_or_else(String::new, ToString::to_string),
    }
}

pub(crate) fn strange(gateway: &Url, what: &str) -> GatewayError {
    GatewayError::Strange { gateway: gateway.into(), what: what.to_owned() }
}

/// True when nobody between here and the gateway reads what is sent to it.
pub(crate) fn keeps_secrets(gateway: &Url) -> bool {
    let host = gateway.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here =
        host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    gateway.scheme() == "https" || is_here
}

/// What asks a gateway.
pub(crate) fn http(gateway: &Url) -> Result<reqwest::Client, GatewayError> {
    // Fails only where a provider is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().timeout(ANSWER_WITHIN).build();
    client.map_err(|error| unanswered(gateway, &error))
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

    #[test]
    fn an_answer_that_is_lost_is_no_refusal() {
        let gateway = || Name("http://127.0.0.1:1".to_owned());
        let refused = |status| GatewayError::Refused { gateway: gateway(), status, detail: String::new() };
        for (error, is_definite) in [
            (refused(StatusCode::CONFLICT), true),
            (refused(StatusCode::NOT_FOUND), true),
            (GatewayError::Overheard(gateway()), true),
            (refused(StatusCode::REQUEST_TIMEOUT), false),
            (refused(StatusCode::SERVICE_UNAVAILABLE), false),
            (refused(StatusCode::BAD_GATEWAY), false),
            (GatewayError::Silent { gateway: gateway() }, false),
            (GatewayError::Unreachable { gateway: gateway(), reason: String::new() }, false),
            (GatewayError::Strange { gateway: gateway(), what: String::new() }, false),
        ] {
            assert_eq!(error.is_definite(), is_definite, "{error}");
        }
    }

    #[test]
    fn addresses_of_gateways_are_those_of_http() {
        for text in ["http://127.0.0.1:8080", "https://media.example/", "http://[::1]:80"] {
            assert!(address(text).is_ok(), "{text}");
        }
        for text in ["", "media.example", "localhost:8080", "ftp://media.example", "http://", "file:///x"] {
            assert!(address(text).unwrap_err().to_string().contains("is no address of a gateway"), "{text}");
        }
    }

    #[test]
    fn the_last_cause_is_told() {
        let refused = anyhow::Error::new(io::Error::from_raw_os_error(111)).context("connecting");
        assert_eq!(innermost(refused.as_ref()), "connection refused");
        let unknown = anyhow::Error::new(io::Error::other("no such host")).context("connecting");
        assert_eq!(innermost(unknown.as_ref()), "no such host");
    }
}
