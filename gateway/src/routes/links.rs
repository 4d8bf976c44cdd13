//! `POST /api/links/{id}/events`: what happened to a link, told to whoever holds its key (spec §27).

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use data_encoding::BASE64URL_NOPAD;
use protocol::limits::RECORD_LEN_MAX;
use protocol::{Record, Signed, UnixSeconds};
use serde::Serialize;
use sharing::{GUEST_LINK_S, LinkEventKind, LinkId, LinkInquiry};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::blob::authorized;
use crate::gateway::{Gateway, now};
use crate::limits::Client;
use crate::links::{Link, LinkRoom, NumberedEvent};
use crate::problem::{Code, Problem};
use crate::trouble::ANSWER_TIMEOUT;

/// How far the time in an inquiry may be from the gateway's, in seconds: one that was overheard is of no use for long.
const INQUIRY_AGE_MAX_S: u64 = 300;

/// Events of a link, oldest first. Where there are as many as one answer gives, there may be more.
#[derive(Serialize, ToSchema)]
pub(super) struct EventsAnswer {
    events: Vec<EventAnswer>,
}

/// Something that happened to a link.
#[derive(Serialize, ToSchema)]
struct EventAnswer {
    /// Its number among those of the link.
    number: u64,
    /// Unix time in seconds.
    at: u64,
    #[schema(value_type = String)]
    what: LinkEventKind,
    /// Who, by their own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<String>,
    /// A `share_reader` record in base64url, by which its owner knows whose word it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    shown: Option<String>,
}

/// What happened to a link after an event, for the holder of its key. What was fetched before may be forgotten here.
#[utoipa::path(
    post, path = "/api/links/{id}/events", tag = "links",
    params(("id" = String, Path, description = "43 characters of base64url")),
    request_body(content = Vec<u8>, content_type = "application/vnd.headwater.record+cbor", description = "a `link_inquiry` record"),
    responses((status = 200, body = EventsAnswer), (status = 400), (status = 403, description = "another key signed it"), (status = 404)),
)]
pub(super) async fn events(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    let store = gateway.links()?.store();
    let inquiry: Signed<LinkInquiry> = record_of(&gateway, body).await?;
    let id = named(&id)?;
    let link = store.get(id).await?.ok_or_else(no_link)?;
    check_owner(&link, id, &inquiry, inquiry.body().id)?;
    check_time(inquiry.body().issued)?;
    let after = inquiry.body().after;
    store.forget_events(id, after).await?;
    let events = store.events(id, after).await?.into_iter().map(EventAnswer::from).collect();
    Ok(([(CACHE_CONTROL, "no-store")], Json(EventsAnswer { events })))
}

impl From<NumberedEvent> for EventAnswer {
    fn from(NumberedEvent { number, event }: NumberedEvent) -> Self {
        let shown = event.shown.map(|record| BASE64URL_NOPAD.encode(record.as_bytes()));
        Self { number, at: event.at.get(), what: event.what, who: event.who.map(String::from), shown }
    }
}

/// Admits a link that a client registers, and says whose room it takes up. Who shows the upload token is not counted: this gateway
/// keeps what they want.
pub(super) fn admit_link(
    gateway: &Gateway,
    client: Client,
    headers: &HeaderMap,
) -> Result<LinkRoom, Problem> {
    if authorized(gateway, headers).is_ok() {
        return Ok(LinkRoom::Own);
    }
    if gateway.registrations().admit(client, now()) {
        return Ok(LinkRoom::Guests);
    }
    Err(Problem::new(Code::TooManyRequests, "this client has registered as many links as it may in a day"))
}

/// Succeeds when a link in this room may end then, or not at all.
pub(super) fn check_end(room: LinkRoom, expires: Option<UnixSeconds>) -> Result<(), Problem> {
    if room == LinkRoom::Own || expires.is_some_and(|end| end <= now().plus(GUEST_LINK_S)) {
        return Ok(());
    }
    let days = GUEST_LINK_S / 86_400;
    let why = format!("without the gateway's upload token a link has an end within {days} days");
    Err(Problem::new(Code::EndsTooLate, why))
}

/// Succeeds when a record about this link is its owner's, and names no other one.
pub(super) fn check_owner<T: Record>(
    link: &Link,
    id: LinkId,
    record: &Signed<T>,
    names: LinkId,
) -> Result<(), Problem> {
    if record.by() == link.terms.owner && names == id { Ok(()) } else { Err(not_the_owner()) }
}

/// The verified record of this type and network that a request brings.
pub(super) async fn record_of<T: Record>(gateway: &Gateway, body: Body) -> Result<Signed<T>, Problem> {
    let reading = timeout(ANSWER_TIMEOUT, to_bytes(body, RECORD_LEN_MAX)).await;
    let bytes =
        reading.map_err(|_| Problem::new(Code::BodyIncomplete, "the record did not arrive in time"))?;
    let too_long = |_| Problem::new(Code::TooLarge, format!("a record has at most {RECORD_LEN_MAX} bytes"));
    Signed::decode(&bytes.map_err(too_long)?, &gateway.client().network())
        .map_err(|error| Problem::new(Code::BadRecord, error.to_string()))
}

/// The id in a path.
pub(super) fn named(id: &str) -> Result<LinkId, Problem> {
    id.parse().map_err(|_| no_link())
}

pub(super) fn no_link() -> Problem {
    Problem::new(Code::NoLink, "it was never made here, or ended long ago")
}

pub(super) fn not_the_owner() -> Problem {
    Problem::new(
        Code::NotTheOwner,
        "the record is not signed by the key that made the link, or names another link",
    )
}

/// A record that was signed just now.
pub(super) fn check_time(issued: UnixSeconds) -> Result<(), Problem> {
    let now = now();
    let apart = now.seconds_since(issued).max(issued.seconds_since(now));
    if apart <= INQUIRY_AGE_MAX_S {
        return Ok(());
    }
    Err(Problem::new(Code::BadRecord, format!("it was signed at {issued}, and it is {now} here")))
}
