//! `/api/live` and `/live/{id}/…`: streams that are watched while they are made.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use sharing::{LiveId, SharingRecord};
use utoipa::ToSchema;

use super::publications::record_of;
use crate::gateway::Gateway;
use crate::live::{LiveShow, LiveSummary};
use crate::pay::{Asked, Fare, carried_on};
use crate::problem::{Code, Problem};
use crate::publications::nothing;

/// What runs changes; who asks again shortly gets what they had.
const FOR_A_MOMENT: (HeaderName, &str) = (CACHE_CONTROL, "public, max-age=1");

/// The streams that run here and are listed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LiveList {
    live: Vec<LiveSummary>,
}

/// What a record is about.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LiveTaken {
    /// The live id.
    id: String,
    /// Path of the page that plays it.
    watch: String,
}

/// The live streams that run and are listed.
#[utoipa::path(
    get, path = "/api/live", tag = "live",
    responses((status = 200, description = "newest first", body = LiveList)),
)]
pub(super) async fn list(State(gateway): State<Gateway>) -> Response {
    let live = gateway.live().list(gateway.publications()).await;
    ([FOR_A_MOMENT], Json(LiveList { live })).into_response()
}

/// A live stream, whether it runs or has ended, listed or not.
#[utoipa::path(
    get, path = "/api/live/{id}", tag = "live",
    params(("id" = String, Path, description = "live id")),
    responses((status = 200, body = LiveSummary), (status = 404), (status = 410, description = "withdrawn"),
        (status = 451, description = "denied, with the reason")),
)]
pub(super) async fn one(State(gateway): State<Gateway>, Path(id): Path<String>) -> Result<Response, Problem> {
    let show = LiveShow::open(gateway.live(), gateway.publications(), parse(&id)?).await?;
    Ok(([FOR_A_MOMENT], Json(show.summary())).into_response())
}

/// Takes a signed `live`, `live_segment` or `live_end` record, or a `withdrawal` that names a live stream.
#[utoipa::path(
    post, path = "/api/live", tag = "live",
    request_body(content = Vec<u8>, content_type = "application/vnd.headwater.record+cbor"),
    responses((status = 201, description = "taken", body = LiveTaken), (status = 200, description = "known already", body = LiveTaken),
        (status = 400), (status = 403, description = "this key may not do that here"), (status = 404, description = "the stream is unknown"),
        (status = 409, description = "out_of_order: another segment comes first; settled: it has ended, or another record is there")),
)]
pub(super) async fn offer(State(gateway): State<Gateway>, body: Body) -> Result<Response, Problem> {
    let record = record_of(&gateway, body).await?;
    // Whoever asked may go: what was begun is done on the disk and in memory.
    let stopping = |_| Err(Problem::new(Code::Internal, "the gateway is stopping"));
    tokio::spawn(take(gateway, record)).await.unwrap_or_else(stopping)
}

async fn take(gateway: Gateway, record: SharingRecord) -> Result<Response, Problem> {
    let (live, publications) = (gateway.live(), gateway.publications());
    let (id, is_new) = match record {
        SharingRecord::Live(record) => {
            (record.body().live, live.announce(publications, gateway.client(), record).await?)
        }
        SharingRecord::LiveSegment(record) => {
            let (id, place) = (record.body().live, (record.body().track.clone(), record.body().n.get()));
            live.hold(publications, &record).await?;
            let is_new = live.segment(record).await?;
            if is_new {
                let fetch = fetch_ahead(gateway.clone(), id, place.0.to_string(), place.1);
                publications.ahead.look_up(fetch);
            }
            (id, is_new)
        }
        SharingRecord::LiveEnd(record) => (record.body().live, live.end(publications, record).await?),
        SharingRecord::Withdrawal(record) => (live.withdraw(record).await?, false),
        SharingRecord::Publication(_) | SharingRecord::Denial(_) => {
            return Err(Problem::new(Code::BadRecord, "this record belongs to POST /api/publications"));
        }
    };
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let taken = LiveTaken { id: id.to_string(), watch: format!("/live/{id}") };
    Ok((status, [(LOCATION, format!("/api/live/{id}"))], Json(taken)).into_response())
}

/// Prelude, records and playlists.
#[utoipa::path(
    get, path = "/live/{id}/{file}", tag = "live",
    params(
        ("id" = String, Path, description = "live id"),
        ("file" = String, Path, description = "prelude, record, end, master.m3u8, or a track's id followed by .m3u8"),
    ),
    responses((status = 200, description = "it; playlists grow"), (status = 206, description = "a part of it"), (status = 404),
        (status = 410, description = "withdrawn"), (status = 451, description = "denied, with the reason"), (status = 503, description = "no segment yet")),
)]
pub(super) async fn file(
    State(gateway): State<Gateway>,
    Path((id, file)): Path<(String, String)>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let show = LiveShow::open(gateway.live(), gateway.publications(), parse(&id)?).await?;
    let representation = match (file.as_str(), file.strip_suffix(".m3u8")) {
        ("prelude", _) => show.prelude(),
        ("record", _) => show.record(),
        ("end", _) => show.end()?,
        (_, Some("master")) => show.master()?,
        (_, Some(track)) => show.playlist(track)?,
        _ => return Err(nothing(format!("a live stream has no {file:?}"))),
    };
    let representation = carried_on(representation, show.ledger(), &uri);
    representation.answer(&method, &headers, gateway.shelf()).await
}

/// The init section, the segments and their records.
#[utoipa::path(
    get, path = "/live/{id}/{track}/{part}", tag = "live",
    params(
        ("id" = String, Path, description = "live id"),
        ("track" = String, Path, description = "a track's id"),
        ("part" = String, Path, description = "init.mp4, or the number of a segment followed by .m4s or .record"),
    ),
    responses((status = 200, description = "it, immutable"), (status = 206, description = "a part of it"), (status = 404),
        (status = 402, description = "it is shown for money: see `code`"),
        (status = 410, description = "withdrawn"), (status = 451, description = "denied, with the reason")),
)]
pub(super) async fn part(
    State(gateway): State<Gateway>,
    Path((id, track, part)): Path<(String, String, String)>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = parse(&id)?;
    let show = LiveShow::open(gateway.live(), gateway.publications(), id).await?;
    let mut fare = Fare::Free;
    let representation = match numbered(&part) {
        Some((number, "m4s")) => {
            let asked = Asked::Segment(show.piece(&track, number)?);
            fare = Fare::of(&gateway, show.shown(), &uri, &headers, asked)?;
            let run = show.segment(&track, number).await?;
            gateway.publications().ahead.asked(run.source().id, run.range);
            if method == Method::GET {
                let next = fetch_ahead(gateway.clone(), id, track, number + 1);
                gateway.publications().ahead.look_up(next);
            }
            run.representation()
        }
        Some((number, "record")) => show.segment_record(&track, number).await?,
        _ if part == "init.mp4" => show.init(&track)?,
        _ => return Err(nothing(format!("a track has no part {part:?}"))),
    };
    Ok(fare.counted(representation.answer(&method, &headers, gateway.shelf()).await?))
}

/// Fetches a segment that is likely to be asked for next. A failure is told when somebody does ask.
async fn fetch_ahead(gateway: Gateway, id: LiveId, track: String, number: u32) {
    let publications = gateway.publications();
    let Ok(show) = LiveShow::open(gateway.live(), publications, id).await else { return };
    if let Ok(run) = show.segment(&track, number).await {
        publications.ahead.fetch(gateway.shelf(), run.source(), run.range);
    }
}

/// A number and what follows it: decimal, without signs or leading zeros, so that each has one URL.
fn numbered(part: &str) -> Option<(u32, &str)> {
    let (digits, ending) = part.split_once('.')?;
    let number: u32 = digits.parse().ok()?;
    (number.to_string() == digits).then_some((number, ending))
}

/// The live id in a path.
fn parse(id: &str) -> Result<LiveId, Problem> {
    id.parse().map_err(|error| nothing(format!("this is no live id: {error}")))
}
