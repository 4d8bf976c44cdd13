//! `/sealed`: cells of shared objects, with the slices that prove them. The gateway cannot open them (spec §27).

use std::ops::Range;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use client::FetchError;
use proofs::Cid;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::gateway::{Gateway, now};
use crate::limits::Client;
use crate::problem::{Code, Problem};
use crate::sealed::{AnswerError, SealedAnswer, Served};
use crate::trouble::{ANSWER_TIMEOUT, no_answer, open_problem, read_code};

/// A session and an address, in bytes of JSON.
const QUESTION_LEN_MAX: usize = 1024;
const SEALED_TYPE: &str = "application/vnd.headwater.sealed";
const MANIFEST_TYPE: &str = "application/vnd.ipld.dag-cbor";

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    session: String,
    /// The address of one of the share's objects.
    object: String,
}

/// Where an object is read.
#[derive(Serialize, ToSchema)]
pub(super) struct HandleAnswer {
    handle: String,
    /// Unix time in seconds.
    expires: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    cells: Option<String>,
}

/// Opens one object of a share for whoever has a session.
#[utoipa::path(
    post, path = "/sealed", tag = "shares",
    request_body(content = Question),
    responses((status = 201, body = HandleAnswer), (status = 403, description = "no such session, or the object is not in the share"), (status = 404), (status = 410), (status = 503)),
)]
pub(super) async fn open(
    State(gateway): State<Gateway>,
    client: Client,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    let (name, object) = question(body).await?;
    let session = gateway.serving().session(&name, now())?;
    gateway.share_goes_on(session.share).await?;
    if !session.tags.contains(&session.access.tag(&object)) {
        return Err(Problem::new(Code::NotShared, "this object is not in the share"));
    }
    gateway.publications().check_link(object).await?;
    let fetching = timeout(ANSWER_TIMEOUT, gateway.client().sealed(&object)).await;
    let fetched = fetching.map_err(|_| no_answer())?;
    let (object, manifest) = fetched.map_err(|error: FetchError| open_problem(&error.into()))?;
    let served = Served { share: session.share, object, manifest };
    let (handle, expires) = gateway.serving().open(client, served, now());
    let answer = HandleAnswer { handle: handle.to_string(), expires: expires.get() };
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(answer)))
}

/// The manifest of an open object: whoever hashes it sees whether it is the one that was asked for.
#[utoipa::path(
    get, path = "/sealed/{handle}/manifest", tag = "shares",
    params(("handle" = String, Path, description = "32 hexadecimal digits")),
    responses((status = 200, content_type = "application/vnd.ipld.dag-cbor"), (status = 404), (status = 410)),
)]
pub(super) async fn manifest(
    State(gateway): State<Gateway>,
    Path(handle): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let served = gateway.serving().served(&handle, now())?.value;
    gateway.share_goes_on(served.share).await?;
    let fields = [(CONTENT_TYPE, MANIFEST_TYPE), (CACHE_CONTROL, "no-store")];
    Ok((fields, served.manifest.clone()))
}

/// Sealed cells in frames, batch by batch.
#[utoipa::path(
    get, path = "/sealed/{handle}", tag = "shares",
    params(("handle" = String, Path, description = "32 hexadecimal digits"), ("cells" = Option<String>, Query, description = "A-B: from cell A on, before cell B")),
    responses((status = 200, content_type = "application/vnd.headwater.sealed"), (status = 400), (status = 404), (status = 410), (status = 503)),
)]
pub(super) async fn cells(
    State(gateway): State<Gateway>,
    Path(handle): Path<String>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<impl IntoResponse, Problem> {
    let Query(wanted) = wanted.map_err(|error| Problem::new(Code::BadRequest, error.body_text()))?;
    let served = gateway.serving().served(&handle, now())?.value;
    gateway.share_goes_on(served.share).await?;
    let cells = wanted.range(served.object.cell_count())?;
    let answer = SealedAnswer::begin(gateway.clone(), served, cells).await.map_err(problem)?;
    let fields = [(CONTENT_TYPE, SEALED_TYPE), (CACHE_CONTROL, "no-store")];
    Ok((fields, Body::from_stream(answer.into_stream())))
}

impl Wanted {
    fn range(&self, cells: u64) -> Result<Range<u64>, Problem> {
        let Some(text) = &self.cells else { return Ok(0..cells) };
        let range = text.split_once('-').and_then(|(begin, end)| Some(number(begin)?..number(end)?));
        let bad = || Problem::new(Code::BadRequest, format!("cells=A-B with A < B ≤ {cells}"));
        range.filter(|range| range.start < range.end && range.end <= cells).ok_or_else(bad)
    }
}

/// Digits only: `u64::from_str` would also take a leading plus sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

async fn question(body: Body) -> Result<(String, Cid), Problem> {
    let reading = timeout(ANSWER_TIMEOUT, to_bytes(body, QUESTION_LEN_MAX)).await;
    let bytes =
        reading.map_err(|_| Problem::new(Code::BodyIncomplete, "the question did not arrive in time"))?;
    let too_long =
        |_| Problem::new(Code::TooLarge, format!("a question has at most {QUESTION_LEN_MAX} bytes"));
    let malformed =
        || Problem::new(Code::BadRequest, "the form is {\"session\": …, \"object\": \"bafyr4i…\"}");
    let question: Question = serde_json::from_slice(&bytes.map_err(too_long)?).map_err(|_| malformed())?;
    let object = question.object.parse().map_err(|_| malformed())?;
    Ok((question.session, object))
}

fn problem(error: AnswerError) -> Problem {
    match error {
        AnswerError::Closed(problem) => problem,
        AnswerError::Stalled => no_answer(),
        AnswerError::Busy(busy) => Problem::new(Code::Busy, busy.to_string()),
        AnswerError::Read(error) => Problem::new(read_code(&error), error.to_string()),
    }
}
