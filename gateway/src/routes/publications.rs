//! `/api/publications`: the catalogue, and how something comes into it.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use protocol::RecordError;
use protocol::limits::RECORD_LEN_MAX;
use serde::{Deserialize, Serialize};
use sharing::SharingRecord;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::watch::parse;
use crate::gateway::Gateway;
use crate::problem::{Code, Problem};
use crate::publications::{Cursor, Details, Summary};
use crate::trouble::ANSWER_TIMEOUT;

/// Publications in one answer, unless the request says otherwise, and at most.
const LIMIT: usize = 50;
const LIMIT_MAX: usize = 100;

/// Lists change; who asks again shortly gets what they had.
const FOR_A_MOMENT: (HeaderName, &str) = (CACHE_CONTROL, "public, max-age=5");

/// Which part of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// `next` of the answer before.
    after: Option<String>,
    /// 1 to 100; 50 if nothing is said.
    limit: Option<usize>,
}

/// A part of the list, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct List {
    publications: Vec<Summary>,
    /// What to ask for next; null at the end.
    next: Option<String>,
}

/// The publications that are listed here.
#[utoipa::path(
    get, path = "/api/publications", tag = "publications", params(
        ("after" = Option<String>, Query, description = "`next` of the answer before"),
        ("limit" = Option<u32>, Query, description = "1 to 100; 50 if nothing is said"),
    ),
    responses((status = 200, description = "newest first", body = List)),
)]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    part: Result<Query<Part>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(part) = part.map_err(|error| Problem::new(Code::BadRequest, error.body_text()))?;
    let limit = part.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::new(Code::BadRequest, format!("limit is 1 to {LIMIT_MAX}, not {limit}")));
    }
    let after = part.after.as_deref().map(cursor).transpose()?;
    let mut publications = gateway.publications().list(after, limit + 1).await?;
    let is_more = publications.len() > limit;
    publications.truncate(limit);
    let next = publications.last().filter(|_| is_more);
    let next = next.map(|last| format!("{}-{}", last.created, last.id));
    Ok(([FOR_A_MOMENT], Json(List { publications, next })).into_response())
}

/// A publication with its tracks, chapters, attachments and items, listed or not.
#[utoipa::path(
    get, path = "/api/publications/{id}", tag = "publications",
    params(("id" = String, Path, description = "publication id")),
    responses((status = 200, body = Details), (status = 404), (status = 410, description = "withdrawn"),
        (status = 451, description = "denied, with the reason")),
)]
pub(super) async fn one(State(gateway): State<Gateway>, Path(id): Path<String>) -> Result<Response, Problem> {
    let show = gateway.publications().show(parse(&id)?).await?;
    let bundle = show.bundle.bundle();
    let summary = Summary::new(bundle, show.bundle.record().body().listed);
    let items = bundle.parts().items.iter().map(|item| item.bundle).collect();
    let withdrawn = gateway.publications().withdrawn(items).await?;
    Ok(([FOR_A_MOMENT], Json(Details::new(bundle, summary, &withdrawn))).into_response())
}

/// Takes a signed `publication`, `withdrawal` or `denial` record.
#[utoipa::path(
    post, path = "/api/publications", tag = "publications",
    request_body(content = Vec<u8>, content_type = "application/vnd.headwater.record+cbor"),
    responses((status = 201, description = "published", body = Summary), (status = 200, description = "known already, or withdrawn", body = Summary),
        (status = 204, description = "a denial was kept, or a live stream withdrawn"), (status = 400),
        (status = 403, description = "this key may not do that here, or has published enough"),
        (status = 409, description = "published again since it was withdrawn"), (status = 410, description = "withdrawn at the time of this record or later")),
)]
pub(super) async fn offer(State(gateway): State<Gateway>, body: Body) -> Result<Response, Problem> {
    let record = record_of(&gateway, body).await?;
    // Whoever asked may go: what was begun is done on the disk and in memory.
    let stopping = |_| Err(Problem::new(Code::Internal, "the gateway is stopping"));
    tokio::spawn(take(gateway, record)).await.unwrap_or_else(stopping)
}

async fn take(gateway: Gateway, record: SharingRecord) -> Result<Response, Problem> {
    let publications = gateway.publications();
    match record {
        SharingRecord::Publication(record) => {
            let (summary, is_new) = publications.offer(gateway.live(), record).await?;
            let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
            let location = format!("/api/publications/{}", summary.id);
            Ok((status, [(LOCATION, location)], Json(summary)).into_response())
        }
        SharingRecord::Live(_) | SharingRecord::LiveSegment(_) | SharingRecord::LiveEnd(_) => {
            Err(Problem::new(Code::BadRecord, "this record belongs to POST /api/live"))
        }
        SharingRecord::Withdrawal(record) if gateway.live().knows(&record).await => {
            gateway.live().withdraw(record).await?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        SharingRecord::Withdrawal(record) => {
            let summary = publications.withdraw(record).await?;
            Ok(Json(summary).into_response())
        }
        SharingRecord::Denial(record) => {
            publications.deny(record).await?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
    }
}

/// The verified record of this network that a request brings.
pub(super) async fn record_of(gateway: &Gateway, body: Body) -> Result<SharingRecord, Problem> {
    let reading = timeout(ANSWER_TIMEOUT, to_bytes(body, RECORD_LEN_MAX)).await;
    let bytes =
        reading.map_err(|_| Problem::new(Code::BodyIncomplete, "the record did not arrive in time"))?;
    let too_long = |_| Problem::new(Code::TooLarge, format!("a record has at most {RECORD_LEN_MAX} bytes"));
    let bytes = bytes.map_err(too_long)?;
    let network = gateway.client().network();
    let record = SharingRecord::decode(&bytes).map_err(|error| bad_record(&error))?;
    if record.network() != network {
        return Err(bad_record(&RecordError::Network { expected: network, found: record.network() }));
    }
    Ok(record)
}

fn bad_record(error: &RecordError) -> Problem {
    Problem::new(Code::BadRecord, error.to_string())
}

fn cursor(text: &str) -> Result<Cursor, Problem> {
    let parsed = text
        .split_once('-')
        .and_then(|(created, id)| Some(Cursor { created: created.parse().ok()?, id: id.parse().ok()? }));
    parsed.ok_or_else(|| Problem::new(Code::BadRequest, "after is the `next` of an answer"))
}
