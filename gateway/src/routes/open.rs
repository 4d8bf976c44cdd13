//! `POST /open`: a link in the body becomes a handle, so that keys never stand in a URL.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::response::IntoResponse;
use chunker::Link;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::gateway::Gateway;
use crate::object::ServedObject;
use crate::problem::{Code, Problem};
use crate::trouble::{ANSWER_TIMEOUT, no_answer, open_problem};

/// A link has 113 characters.
const BODY_LEN_MAX: usize = 4096;

/// What `POST /open` answers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Answer {
    handle: String,
    url: String,
    /// Unix time in seconds.
    expires: u64,
    cid: String,
    size: u64,
    name: Option<String>,
    r#type: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    link: String,
}

/// Opens the link; the key is checked against the manifest's commitment before anything is answered.
#[utoipa::path(
    post, path = "/open", tag = "objects",
    request_body(content = String, content_type = "text/plain", description = "a link, or {\"link\": …} as JSON"),
    responses((status = 201, body = Answer), (status = 400), (status = 403, description = "the key does not open it"), (status = 404), (status = 503)),
)]
pub(super) async fn open(State(gateway): State<Gateway>, body: Body) -> Result<impl IntoResponse, Problem> {
    let link = timeout(ANSWER_TIMEOUT, read_link(body)).await.map_err(|_| stalled())??;
    gateway.publications().check_link(link.cid()).await?;
    let opening = timeout(ANSWER_TIMEOUT, gateway.client().open(&link)).await;
    let object = opening.map_err(|_| no_answer())?.map_err(|error| open_problem(&error))?;
    let answer = hand_out(&gateway, ServedObject::new(object));
    let headers = [(CACHE_CONTROL, "no-store".to_owned()), (LOCATION, answer.url.clone())];
    Ok((StatusCode::CREATED, headers, Json(answer)))
}

fn hand_out(gateway: &Gateway, object: ServedObject) -> Answer {
    let (cid, size) = (object.cid().to_string(), object.len());
    let (name, media_type) = (object.name().map(str::to_owned), object.media_type().to_owned());
    let (handle, expires) = gateway.hand_out(object);
    let (url, handle) = (gateway.url(handle), handle.to_string());
    Answer { handle, url, expires: expires.get(), cid, size, name, r#type: media_type }
}

async fn read_link(body: Body) -> Result<Link, Problem> {
    let too_long = |_| Problem::new(Code::TooLarge, format!("a link fits into {BODY_LEN_MAX} bytes"));
    let body = to_bytes(body, BODY_LEN_MAX).await.map_err(too_long)?;
    let text = std::str::from_utf8(&body).map_err(|_| bad_link("it is not text"))?.trim();
    // JSON and links are told apart by their first character, whatever the client calls them.
    let link = Zeroizing::new(if text.starts_with('{') { link_in_json(text)? } else { text.to_owned() });
    link.parse().map_err(|error: chunker::LinkError| bad_link(&error.to_string()))
}

fn link_in_json(text: &str) -> Result<String, Problem> {
    let question: Question =
        serde_json::from_str(text).map_err(|_| bad_link("the JSON form is {\"link\": \"headwater:…\"}"))?;
    Ok(question.link)
}

fn bad_link(why: &str) -> Problem {
    Problem::new(Code::BadLink, why)
}

fn stalled() -> Problem {
    Problem::new(Code::BodyIncomplete, "the link did not arrive in time")
}
