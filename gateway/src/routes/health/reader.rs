//! What readers of health links ask for: the manifest, the single file, the files behind a manifest.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header::{ALLOW, CACHE_CONTROL};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::{IntoResponse as _, Response};
use client::Object;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use sharing::{
    HEALTH_EMBEDDED_DEFAULT_LEN, HealthFile, HealthLink, HealthLinkFields, HealthManifest, HealthQuestion,
    LinkEvent, LinkEventKind, LinkId, ManifestFile, ManifestStatus, Passcode, Reader,
};
use tokio::time::{Instant, timeout};

use super::owner::known_record;
use crate::gateway::{Gateway, now};
use crate::health::Location;
use crate::links::{Guess, Link, LinkKind, LinkState, Noted};
use crate::object::ServedObject;
use crate::problem::{Code, Problem};
use crate::representation::Representation;
use crate::routes::links::{named, no_link};
use crate::trouble::{ANSWER_TIMEOUT, no_answer, open_problem};

/// A question names a recipient, a passcode and a number.
const QUESTION_LEN_MAX: usize = 16 << 10;
/// The longest JWE that stands in a manifest, in bytes, whatever a reader asks for.
const HEALTH_EMBEDDED_LEN_MAX: u64 = 1 << 20;
const JWE_TYPE: &str = "application/jose";
/// How often it is looked, while a file is sent, whether its link has ended meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Why a file breaks off.
#[derive(Debug, thiserror::Error)]
#[error("the link opens no more: {0}")]
struct Ended(String);

/// What a reader of a single file says in the query.
#[derive(Deserialize)]
pub(in crate::routes) struct Asked {
    recipient: Option<String>,
}

/// What a link has, for whoever says who they are and shows the passcode where one is asked for.
#[utoipa::path(
    post, path = "/shl/{id}", tag = "links",
    params(("id" = String, Path, description = "43 characters of base64url")),
    request_body(content = String, content_type = "application/json", description = "{ recipient, passcode, embeddedLengthMax }"),
    responses((status = 200, description = "a manifest: status, and files with contentType and embedded or location"), (status = 400),
        (status = 401, description = "a wrong passcode, or none; remainingAttempts says how many are left"), (status = 404), (status = 405), (status = 429)),
)]
pub(in crate::routes) async fn manifest(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    let mut question = question(body).await?;
    let (id, link, record) = active(&gateway, &id).await?;
    let reader = reader(&question.recipient)?;
    if record.fields().flags.is_single() {
        return Err(other_method("GET, HEAD, OPTIONS", "it is one file, which is fetched by GET"));
    }
    if record.fields().flags.has_passcode() {
        let passcode = question.take_passcode().and_then(|text| Passcode::new(&text).ok());
        admit(&gateway, id, &link, &record, passcode, &reader).await?;
    }
    note(&gateway, id, LinkEventKind::Opened, &reader).await?;
    let most = question.embedded_length_max.unwrap_or(HEALTH_EMBEDDED_DEFAULT_LEN);
    let making = manifest_of(&gateway, record.fields(), most.min(HEALTH_EMBEDDED_LEN_MAX));
    let manifest = timeout(ANSWER_TIMEOUT, making).await.map_err(|_| no_answer())??;
    // It may have been ended while its files were fetched.
    check_goes_on(&gateway, id).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(manifest)).into_response())
}

/// The one file of a link with the flag U.
#[utoipa::path(
    get, path = "/shl/{id}", tag = "links",
    params(("id" = String, Path, description = "43 characters of base64url"), ("recipient" = String, Query, description = "who reads")),
    responses((status = 200, description = "a JWE"), (status = 400), (status = 404), (status = 405), (status = 429), (status = 503)),
)]
pub(in crate::routes) async fn single(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (id, _, record) = active(&gateway, &id).await?;
    let asked = asked.ok().and_then(|Query(asked)| asked.recipient);
    let reader = reader(asked.as_deref().unwrap_or_default())?;
    let [file] = record.fields().files.as_slice() else { return Err(manifest_is_posted()) };
    if !record.fields().flags.is_single() {
        return Err(manifest_is_posted());
    }
    note(&gateway, id, LinkEventKind::Opened, &reader).await?;
    send(&gateway, id, file, &method, &headers).await
}

/// A file behind a manifest, as long as its link opens.
#[utoipa::path(
    get, path = "/shl/files/{handle}", tag = "links",
    params(("handle" = String, Path, description = "from a manifest")),
    responses((status = 200, description = "a JWE"), (status = 404), (status = 503)),
)]
pub(in crate::routes) async fn location(
    State(gateway): State<Gateway>,
    Path(handle): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let unknown = || Problem::new(Code::UnknownHandle, "ask for the manifest again");
    let location = gateway.health().location(&handle, now()).ok_or_else(unknown)?.value;
    check_goes_on(&gateway, location.id).await?;
    send(&gateway, location.id, &location.file, &method, &headers).await
}

/// Whether who was let in may read on. That others have used up the attempts of the link meanwhile takes nothing from them.
async fn check_goes_on(gateway: &Gateway, id: LinkId) -> Result<(), Problem> {
    let link = gateway.links()?.store().get(id).await?.ok_or_else(no_link)?;
    match link.state(now()) {
        LinkState::Open | LinkState::Locked => Ok(()),
        LinkState::Revoked { .. } | LinkState::Expired => Err(no_link()),
    }
}

/// A body that breaks off when its link has ended.
fn while_open(gateway: Gateway, id: LinkId, body: Body) -> Body {
    let begun = (gateway, body.into_data_stream(), Instant::now());
    let pieces = stream::try_unfold(begun, move |(gateway, mut pieces, mut looked)| async move {
        if looked.elapsed() >= LOOK_EVERY {
            check_goes_on(&gateway, id)
                .await
                .map_err(|ended| axum::Error::new(Ended(ended.detail().to_owned())))?;
            looked = Instant::now();
        }
        let piece = pieces.try_next().await?;
        Ok::<_, axum::Error>(piece.map(|piece| (piece, (gateway, pieces, looked))))
    });
    Body::from_stream(pieces)
}

async fn question(body: Body) -> Result<HealthQuestion, Problem> {
    let reading = timeout(ANSWER_TIMEOUT, to_bytes(body, QUESTION_LEN_MAX)).await;
    let stalled = |_| Problem::new(Code::BodyIncomplete, "the question did not arrive in time");
    let too_long = |_| Problem::new(Code::TooLarge, format!("at most {QUESTION_LEN_MAX} bytes are read"));
    let bytes = reading.map_err(stalled)?.map_err(too_long)?;
    // What the parser says could repeat the passcode.
    serde_json::from_slice(&bytes).map_err(|_| {
        Problem::new(
            Code::BadRequest,
            "it is JSON with recipient, and perhaps passcode and embeddedLengthMax",
        )
    })
}

fn reader(text: &str) -> Result<Reader, Problem> {
    Reader::stated(text).ok_or_else(|| Problem::new(Code::BadRequest, "recipient says who reads"))
}

/// A health link that opens, and is not asked for too often.
async fn active(gateway: &Gateway, id: &str) -> Result<(LinkId, Link, HealthLink), Problem> {
    let id = named(id)?;
    let link = gateway.links()?.store().get(id).await?;
    let is_open = |link: &Link| link.terms.kind == LinkKind::Health && link.state(now()) == LinkState::Open;
    let link = link.filter(is_open).ok_or_else(no_link)?;
    if !gateway.health().admits(id) {
        return Err(Problem::new(
            Code::TooManyRequests,
            "this link was asked for too often in the last minute",
        ));
    }
    let record = known_record(gateway, &link)?.into_body();
    Ok((id, link, record))
}

/// Lets a reader pass who shows the passcode.
async fn admit(
    gateway: &Gateway,
    id: LinkId,
    link: &Link,
    record: &HealthLink,
    passcode: Option<Passcode>,
    reader: &Reader,
) -> Result<(), Problem> {
    let Some(passcode) = passcode else { return Err(wrong_passcode(link.remaining.unwrap_or(0))) };
    let busy = || Problem::new(Code::Busy, "too many passcodes wait to be compared; no attempt was used");
    let waiting = gateway.health().guess_place().ok_or_else(busy)?;
    let comparison = gateway.health().compare(record.clone(), passcode, waiting);
    match gateway.links()?.guess(id, comparison).await? {
        Guess::Right => Ok(()),
        Guess::Locked => Err(no_link()),
        Guess::Wrong { remaining } => {
            let remaining = remaining.unwrap_or(0);
            let what = if remaining == 0 { LinkEventKind::Locked } else { LinkEventKind::Refused };
            let event = LinkEvent { at: now(), shown: None, what, who: Some(reader.clone()) };
            // Of what anybody can cause, not all is kept.
            let _kept_or_full = gateway.links()?.store().note(id, event).await?;
            Err(wrong_passcode(remaining))
        }
    }
}

/// Keeps an access on record, before anything is handed out.
async fn note(gateway: &Gateway, id: LinkId, what: LinkEventKind, reader: &Reader) -> Result<(), Problem> {
    let event = LinkEvent { at: now(), shown: None, what, who: Some(reader.clone()) };
    match gateway.links()?.store().note(id, event).await? {
        Noted::Kept => Ok(()),
        Noted::Full => Err(Problem::new(
            Code::Busy,
            "so many accesses wait to be fetched by the owner that no more are kept",
        )),
    }
}

async fn manifest_of(
    gateway: &Gateway,
    link: &HealthLinkFields,
    embedded_len_max: u64,
) -> Result<HealthManifest, Problem> {
    let mut files = Vec::with_capacity(link.files.len());
    for file in &link.files {
        let embedded = if file.len <= embedded_len_max { Some(jwe(gateway, file).await?) } else { None };
        let location = embedded.is_none().then(|| {
            let handle = gateway.health().hand_out(Location { id: link.id, file: file.clone() }, now());
            format!("{}/shl/files/{handle}", gateway.config().public_url)
        });
        let last_updated = link.issued.to_string();
        files.push(ManifestFile { content_type: file.kind, last_updated, embedded, location });
    }
    let status =
        if link.flags.is_long_term() { ManifestStatus::CanChange } else { ManifestStatus::Finalized };
    Ok(HealthManifest { status, files })
}

/// The JWE of a file, as its owner put it.
async fn jwe(gateway: &Gateway, file: &HealthFile) -> Result<String, Problem> {
    let object = opened(gateway, file).await?;
    let pieces = object.read(0..object.len());
    let bytes = pieces.map(|piece| piece.map(|piece| piece.to_vec())).try_concat().await;
    let bytes = bytes.map_err(|error| Problem::new(Code::Unavailable, error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| not_a_jwe())
}

async fn send(
    gateway: &Gateway,
    id: LinkId,
    file: &HealthFile,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let opening = timeout(ANSWER_TIMEOUT, opened(gateway, file)).await;
    let object = ServedObject::new(opening.map_err(|_| no_answer())??);
    let representation = Representation {
        tag: object.tag().clone(),
        media_type: JWE_TYPE.to_owned(),
        cache_control: HeaderValue::from_static("no-store"),
        content: object.content(),
    };
    let answer = representation.answer(method, headers, gateway.shelf()).await?;
    let gateway = gateway.clone();
    Ok(answer.map(|body| while_open(gateway, id, body)))
}

/// The object of a file, which is as long as its owner said.
async fn opened(gateway: &Gateway, file: &HealthFile) -> Result<Object, Problem> {
    gateway.publications().check_link(file.object).await?;
    let object = gateway.client().open(&file.link()).await.map_err(|error| open_problem(&error))?;
    if object.len() == file.len { Ok(object) } else { Err(not_a_jwe()) }
}

fn not_a_jwe() -> Problem {
    Problem::new(Code::Broken, "the object is not what the record of the link says")
}

fn wrong_passcode(remaining: u32) -> Problem {
    Problem::new(Code::WrongPasscode, format!("{remaining} attempts are left"))
        .with_member("remainingAttempts", remaining)
}

fn manifest_is_posted() -> Problem {
    other_method("POST, OPTIONS", "it has a manifest, which is asked for by POST")
}

fn other_method(allowed: &'static str, why: &'static str) -> Problem {
    Problem::new(Code::MethodNotAllowed, why).with_header(ALLOW, HeaderValue::from_static(allowed))
}
