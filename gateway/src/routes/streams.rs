//! `/api/streams` and `/append`: readings of devices, as they come and as their owners fetch them (spec §32).

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use protocol::Signed;
use protocol::limits::CLOCK_SKEW_MAX_S;
use serde::Serialize;
use sharing::{
    AppendSignature, BatchNumber, DeviceStream, DeviceStreamEnd, KeptBatch, KeptBatches, LinkId,
    STREAM_ANSWER_LEN_MAX, STREAM_BATCH_LEN_MAX, STREAM_NUMBER_AHEAD_MAX, StreamInquiry, StreamToken,
};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::blob::authorized;
use super::links::{check_owner, check_time, record_of};
use crate::gateway::{Gateway, now};
use crate::links::{Link, LinkKind, LinkRoom, NewLink, Placed};
use crate::problem::{Code, Problem};
use crate::streams::Appended;
use crate::trouble::ANSWER_TIMEOUT;

const NUMBER: &str = "headwater-number";
const SIGNATURE: &str = "headwater-signature";
const NO_STORE: [(axum::http::HeaderName, &str); 1] = [(CACHE_CONTROL, "no-store")];

/// A stream that is registered.
#[derive(Serialize, ToSchema)]
pub(super) struct RegisteredStream {
    id: String,
}

/// A batch that is kept.
#[derive(Serialize, ToSchema)]
pub(super) struct AppendedBatch {
    number: u64,
}

/// Makes a stream, durably. The gateway keeps what comes by it, so its owner shows the upload token.
#[utoipa::path(
    post, path = "/api/streams", tag = "streams",
    request_body(content = Vec<u8>, content_type = "application/vnd.headwater.record+cbor", description = "a `stream` record"),
    responses((status = 201, body = RegisteredStream), (status = 200, body = RegisteredStream, description = "it was known"), (status = 400), (status = 401), (status = 403, description = "no uploads here"), (status = 409, description = "another stream has this id")),
)]
pub(super) async fn register(
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    authorized(&gateway, &headers)?;
    let store = gateway.links()?.store();
    let record: Signed<DeviceStream> = record_of(&gateway, body).await?;
    let stream = record.body();
    if stream.issued > now().plus(CLOCK_SKEW_MAX_S) {
        let why = format!("it is issued at {}, ahead of time", stream.issued);
        return Err(Problem::new(Code::BadRecord, why));
    }
    let link = NewLink {
        kind: LinkKind::Stream,
        owner: record.by(),
        record: record.encode(),
        attempts: None,
        expires: None,
        room: LinkRoom::Own,
    };
    let status = match store.put(stream.id, link, now()).await? {
        Placed::New => StatusCode::CREATED,
        Placed::Known => StatusCode::OK,
        Placed::Other => return Err(Problem::new(Code::Settled, "another stream has this id")),
        Placed::Full => return Err(Problem::new(Code::Busy, "this gateway keeps as many links as it may")),
    };
    Ok((status, NO_STORE, Json(RegisteredStream { id: stream.id.to_string() })))
}

/// Ends a stream for good, durably. What waits can still be fetched.
#[utoipa::path(
    post, path = "/api/streams/{id}/end", tag = "streams",
    params(("id" = String, Path, description = "43 characters of base64url")),
    request_body(content = Vec<u8>, content_type = "application/vnd.headwater.record+cbor", description = "a `stream_end` record"),
    responses((status = 204), (status = 400), (status = 403, description = "another key signed it"), (status = 404)),
)]
pub(super) async fn end(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    let record: Signed<DeviceStreamEnd> = record_of(&gateway, body).await?;
    let (id, link) = known(&gateway, &id).await?;
    check_owner(&link, id, &record, record.body().id)?;
    gateway.links()?.store().end(id, now()).await?;
    Ok((StatusCode::NO_CONTENT, NO_STORE))
}

/// The batches that wait, for the holder of the stream's key. Those that it keeps are forgotten here.
#[utoipa::path(
    post, path = "/api/streams/{id}/batches", tag = "streams",
    params(("id" = String, Path, description = "43 characters of base64url")),
    request_body(content = Vec<u8>, content_type = "application/vnd.headwater.record+cbor", description = "a `stream_inquiry` record"),
    responses((status = 200, description = "a list of batches, application/cbor"), (status = 400), (status = 403, description = "another key signed it"), (status = 404)),
)]
pub(super) async fn batches(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    let inquiry: Signed<StreamInquiry> = record_of(&gateway, body).await?;
    let (id, link) = known(&gateway, &id).await?;
    check_owner(&link, id, &inquiry, inquiry.body().id)?;
    check_time(inquiry.body().issued)?;
    let store = gateway.links()?.batches();
    let StreamInquiry { after, kept, .. } = *inquiry.body();
    if let Some(kept) = kept {
        store.forget(id, kept).await?;
    }
    let waiting = store.waiting(id, after, STREAM_ANSWER_LEN_MAX as u64).await?;
    let answer = KeptBatches::new(waiting).map_err(|error| {
        tracing::error!(%error, "batches that are kept");
        Problem::new(Code::Internal, "what is kept of this stream is damaged")
    })?;
    Ok((NO_STORE, [(CONTENT_TYPE, "application/cbor")], answer.encode()))
}

/// Keeps a batch of a device, durably and unread.
#[utoipa::path(
    post, path = "/append/{id}", tag = "streams",
    params(
        ("id" = String, Path, description = "43 characters of base64url"),
        ("Headwater-Number" = String, Header, description = "a decimal number above those before"),
        ("Headwater-Signature" = String, Header, description = "64 bytes in base64 with padding, by the device's key"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "a file of age"),
    responses((status = 201, body = AppendedBatch), (status = 400), (status = 401), (status = 403, description = "the device did not sign it"), (status = 404), (status = 409, description = "the number is taken, or too far ahead"), (status = 410, description = "the stream was ended"), (status = 413), (status = 429), (status = 507, description = "the owner has to fetch what waits")),
)]
pub(super) async fn append(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let (id, link) = known(&gateway, &id).await?;
    // Of a stream that was ended no record is left to check a token by.
    if let Some(at) = link.ended {
        return Err(Problem::new(Code::StreamEnded, format!("its owner ended it at {at}")));
    }
    let stream = record(&gateway, &link)?;
    check_token(&stream, &headers)?;
    if !gateway.streams().admits(id) {
        return Err(Problem::new(Code::TooManyRequests, "batches of this stream come too often"));
    }
    let number: BatchNumber = field(&headers, NUMBER)?;
    let signature: AppendSignature = field(&headers, SIGNATURE)?;
    let batch = whole(body).await?;
    gateway.metrics().received.inc_by(batch.len() as u64);
    let checked = signature.check(stream.device, id, number, &batch);
    checked.map_err(|error| Problem::new(Code::BadSignature, error.to_string()))?;
    // Whoever asked may go: what was begun is done.
    let keeping =
        tokio::spawn(async move { keep(&gateway, id, KeptBatch { number, signature, batch }).await });
    let stopping = |_| Err(Problem::new(Code::Internal, "the gateway is stopping"));
    keeping.await.unwrap_or_else(stopping)
}

async fn keep(gateway: &Gateway, id: LinkId, batch: KeptBatch) -> Result<Response, Problem> {
    let number = batch.number;
    match gateway.links()?.batches().append(id, batch).await? {
        Appended::New | Appended::Known => {
            let answer = AppendedBatch { number: number.get() };
            Ok((StatusCode::CREATED, NO_STORE, Json(answer)).into_response())
        }
        Appended::Settled { last } => {
            let why = format!("batch {number} is taken, and was another one; the last is {last}");
            Err(Problem::new(Code::Settled, why).with_member("last", last.get()))
        }
        Appended::Ahead { next } => {
            let why = format!(
                "batch {number} is more than {STREAM_NUMBER_AHEAD_MAX} ahead: {next} is the next one"
            );
            Err(Problem::new(Code::NumberAhead, why).with_member("next", next.get()))
        }
        Appended::StreamFull => {
            Err(Problem::new(Code::StreamFull, "as much of it waits as is kept; send this batch again later"))
        }
        Appended::Full => Err(Problem::new(Code::Busy, "as much of all streams waits as is kept here")),
    }
}

/// The stream in a path, whether or not it was ended.
async fn known(gateway: &Gateway, id: &str) -> Result<(LinkId, Link), Problem> {
    let no_stream = || Problem::new(Code::NoStream, "it was never made here");
    let id: LinkId = id.parse().map_err(|_| no_stream())?;
    let link = gateway.links()?.store().get(id).await?;
    let link = link.filter(|link| link.terms.kind == LinkKind::Stream).ok_or_else(no_stream)?;
    Ok((id, link))
}

/// The record of a stream that is kept: it was verified before it was.
fn record(gateway: &Gateway, link: &Link) -> Result<DeviceStream, Problem> {
    let record = Signed::<DeviceStream>::decode(&link.terms.record, &gateway.client().network());
    record.map(Signed::into_body).map_err(|error| {
        tracing::error!(%error, "the record of a stream that is kept");
        Problem::new(Code::Internal, "what is kept of the stream is damaged")
    })
}

fn check_token(stream: &DeviceStream, headers: &HeaderMap) -> Result<(), Problem> {
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| value.split_at_checked(7));
    let token = shown.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer "));
    let token = token.and_then(|(_, token)| StreamToken::from_text(token.trim()));
    if token.is_some_and(|token| token.has_digest(&stream.token)) {
        return Ok(());
    }
    let challenge = HeaderValue::from_static("Bearer realm=\"headwater streams\"");
    Err(Problem::new(Code::BadToken, "send Authorization: Bearer and the token of this stream")
        .with_header(WWW_AUTHENTICATE, challenge))
}

fn field<T: std::str::FromStr<Err: ToString>>(headers: &HeaderMap, name: &str) -> Result<T, Problem> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    let value = value.ok_or_else(|| Problem::new(Code::BadRequest, format!("send one field {name}")))?;
    value.parse().map_err(|error: T::Err| Problem::new(Code::BadRequest, error.to_string()))
}

async fn whole(body: Body) -> Result<Vec<u8>, Problem> {
    let reading = timeout(ANSWER_TIMEOUT, to_bytes(body, STREAM_BATCH_LEN_MAX)).await;
    let bytes =
        reading.map_err(|_| Problem::new(Code::BodyIncomplete, "the batch did not arrive in time"))?;
    let too_long =
        |_| Problem::new(Code::TooLarge, format!("a batch has at most {STREAM_BATCH_LEN_MAX} bytes"));
    let bytes = bytes.map_err(too_long)?;
    if bytes.is_empty() {
        return Err(Problem::new(Code::BadRequest, "a batch has a byte at least"));
    }
    Ok(bytes.into())
}
