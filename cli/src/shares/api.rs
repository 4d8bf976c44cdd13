//! What this program asks of a gateway about sealed shares (spec §27).

use std::time::Duration;

use bytes::Bytes;
use chunker::MANIFEST_LEN_MAX;
use data_encoding::BASE64URL_NOPAD;
use futures_util::{Stream, TryStreamExt as _};
use proofs::Cid;
use protocol::Signed;
use reqwest::{Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};
use sharing::{LinkId, Share, ShareEnd, ShareKeys, ShareReader, Wrapped};

use crate::gateway_api::{self, GatewayError, Name, http, said, strange, unanswered, whole};

/// A gateway that sends nothing for so long has failed.
const STALL_WITHIN: Duration = Duration::from_secs(40);
/// Bytes of an answer in JSON.
const ANSWER_LEN_MAX: usize = 1 << 20;

/// Why a share did not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenShareError {
    #[error("the passcode is wrong; {}", left(*remaining))]
    WrongPasscode { remaining: u64 },
    #[error("{gateway} refuses: {detail} ({code})")]
    Refused { gateway: Name, code: String, detail: String },
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

/// How many attempts are left, in words.
fn left(attempts: u64) -> String {
    match attempts {
        0 => "no attempt is left, and the link is locked for everybody".to_owned(),
        1 => "1 attempt is left".to_owned(),
        many => format!("{many} attempts are left"),
    }
}

/// What a gateway hands out to whoever has link and passcode.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) wrapped: Wrapped,
    pub(crate) session: String,
}

#[derive(Deserialize)]
struct OpenedAnswer {
    wrapped: String,
    session: String,
}

#[derive(Deserialize)]
struct Handle {
    handle: String,
}

/// Registers a share, with the gateway's upload token where there is one.
pub(crate) async fn register(
    gateway: &Url,
    share: &Signed<Share>,
    token: Option<&str>,
) -> Result<(), GatewayError> {
    gateway_api::register(gateway, "/api/shares", share.encode(), token).await.map(drop)
}

/// Ends a share.
pub(crate) async fn end(gateway: &Url, end: &Signed<ShareEnd>) -> Result<(), GatewayError> {
    let path = format!("/api/shares/{}/end", end.body().id);
    gateway_api::register(gateway, &path, end.encode(), None).await.map(drop)
}

/// Shows link and passcode, and of a share for emergencies who opens it.
pub(crate) async fn open(
    gateway: &Url,
    keys: &ShareKeys,
    who: Option<&str>,
    shown: Option<&Signed<ShareReader>>,
) -> Result<Opened, OpenShareError> {
    let (knock, access) = (keys.knock().expose_text(), keys.access().expose_text());
    let mut question = json!({ "knock": *knock, "access": *access });
    if let Some(who) = who {
        question["who"] = json!(who);
    }
    if let Some(shown) = shown {
        question["shown"] = json!(BASE64URL_NOPAD.encode(&shown.encode()));
    }
    let request = http(gateway)?.post(at(gateway, &format!("/api/shares/{}/open", keys.id())));
    let answer = request.json(&question).send().await.map_err(|error| unanswered(gateway, &error))?;
    let answer: OpenedAnswer = typed(gateway, open_or_why(gateway, answer).await?)?;
    let wrapped = BASE64URL_NOPAD.decode(answer.wrapped.as_bytes()).ok();
    let wrapped = wrapped.and_then(|bytes| Wrapped::from_slice(&bytes).ok());
    let wrapped = wrapped.ok_or_else(|| strange(gateway, "what is wrapped has another length"))?;
    Ok(Opened { wrapped, session: answer.session })
}

/// The handle of an object of the share.
pub(crate) async fn hand_out(gateway: &Url, session: &str, object: &Cid) -> Result<String, OpenShareError> {
    let question = json!({ "session": session, "object": object.to_string() });
    let request = http(gateway)?.post(at(gateway, "/sealed")).json(&question);
    let answer = request.send().await.map_err(|error| unanswered(gateway, &error))?;
    let answer: Handle = typed(gateway, open_or_why(gateway, answer).await?)?;
    Ok(answer.handle)
}

/// The bytes that the gateway says are the manifest.
pub(crate) async fn manifest(gateway: &Url, handle: &str) -> Result<Vec<u8>, OpenShareError> {
    let request = http(gateway)?.get(at(gateway, &format!("/sealed/{handle}/manifest")));
    let answer = request.send().await.map_err(|error| unanswered(gateway, &error))?;
    let answer = succeeded(gateway, answer).await?;
    Ok(whole(gateway, answer, MANIFEST_LEN_MAX).await?)
}

/// The bytes that the gateway sends for the cells from `first` on, before `end`.
pub(crate) async fn sealed_cells(
    gateway: &Url,
    handle: &str,
    first: u64,
    end: u64,
) -> Result<impl Stream<Item = Result<Bytes, GatewayError>> + use<>, OpenShareError> {
    let client = reqwest::Client::builder().read_timeout(STALL_WITHIN).build();
    let client = client.map_err(|error| unanswered(gateway, &error))?;
    let request = client.get(at(gateway, &format!("/sealed/{handle}?cells={first}-{end}")));
    let answer = request.send().await.map_err(|error| unanswered(gateway, &error))?;
    let answer = succeeded(gateway, answer).await?;
    let gateway = gateway.clone();
    Ok(answer.bytes_stream().map_err(move |error| unanswered(&gateway, &error)))
}

async fn open_or_why(gateway: &Url, answer: Response) -> Result<Value, OpenShareError> {
    let answer = succeeded(gateway, answer).await?;
    Ok(said(gateway, answer).await?)
}

/// The answer, unless it is a refusal.
async fn succeeded(gateway: &Url, answer: Response) -> Result<Response, OpenShareError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body = whole(gateway, answer, ANSWER_LEN_MAX).await?;
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    // A terminal must not do what a gateway says.
    let text = |key: &str| said[key].as_str().unwrap_or("it does not say why").replace(char::is_control, " ");
    match (status, said["remaining"].as_u64()) {
        (StatusCode::UNAUTHORIZED, Some(remaining)) => Err(OpenShareError::WrongPasscode { remaining }),
        _ => Err(OpenShareError::Refused {
            gateway: gateway.into(),
            code: text("code"),
            detail: text("detail"),
        }),
    }
}

fn typed<T: for<'de> Deserialize<'de>>(gateway: &Url, answer: Value) -> Result<T, GatewayError> {
    serde_json::from_value(answer).map_err(|error| strange(gateway, &error.to_string()))
}

fn at(gateway: &Url, path: &str) -> Url {
    gateway.join(path).unwrap_or_else(|_| gateway.clone())
}

/// The id of a share as the user wrote it: the id itself, or a link that has it.
pub(crate) fn id_in(text: &str) -> Option<LinkId> {
    let id = text.split_once("/s/").map_or(text, |(_, rest)| rest.split('#').next().unwrap_or(rest));
    id.parse().ok()
}
