//! What owners of health links ask for: to make one, to change one, to end one.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use protocol::limits::CLOCK_SKEW_MAX_S;
use protocol::{PublicKey, Signed};
use serde_json::json;
use sharing::{HealthLink, HealthLinkEnd, LinkEvent, LinkEventKind, LinkId};

use crate::gateway::{Gateway, now};
use crate::limits::Client;
use crate::links::{Link, LinkKind, LinkRoom, LinkStore, NewLink, Placed};
use crate::problem::{Code, Problem};
use crate::routes::links::{admit_link, check_end, named, no_link, not_the_owner, record_of};

/// Makes a health link, or changes one that may change.
#[utoipa::path(
    post, path = "/api/health-links", tag = "links",
    request_body(content = Vec<u8>, content_type = "application/vnd.headwater.record+cbor", description = "a `health_link` record"),
    responses((status = 201, description = "kept"), (status = 200, description = "known"), (status = 400),
        (status = 403, description = "another key's link"), (status = 409, description = "what is there is as new, or ended"), (status = 503)),
)]
pub(in crate::routes) async fn offer(
    State(gateway): State<Gateway>,
    client: Client,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let record: Signed<HealthLink> = record_of(&gateway, body).await?;
    let room = admit_link(&gateway, client, &headers)?;
    let fields = record.body().fields();
    if fields.issued > now().plus(CLOCK_SKEW_MAX_S) {
        let why = format!("it is dated {}, and it is {} here", fields.issued, now());
        return Err(Problem::new(Code::BadRecord, why));
    }
    // Whoever asked may go: what was begun is done.
    let stopping = |_| Err(Problem::new(Code::Internal, "the gateway is stopping"));
    tokio::spawn(async move { keep(&gateway, &record, room).await }).await.unwrap_or_else(stopping)
}

async fn keep(gateway: &Gateway, record: &Signed<HealthLink>, room: LinkRoom) -> Result<Response, Problem> {
    let (store, id) = (gateway.links()?.store(), record.body().fields().id);
    // What has its room among others than guests keeps it, whoever changes it.
    let known = store.get(id).await?.map(|link| link.terms.room);
    let room = if known == Some(LinkRoom::Own) { LinkRoom::Own } else { room };
    check_end(room, record.body().fields().expires)?;
    let status = match store.put(id, kept(record, room), now()).await? {
        Placed::New => StatusCode::CREATED,
        Placed::Known => StatusCode::OK,
        Placed::Full => return Err(Problem::new(Code::Busy, "it keeps as many links as it can")),
        Placed::Other => {
            change(gateway, store, id, (record, room)).await?;
            StatusCode::CREATED
        }
    };
    Ok((status, Json(json!({ "id": id.to_string() }))).into_response())
}

/// Puts a later record in the place of the one that is known.
async fn change(
    gateway: &Gateway,
    store: &dyn LinkStore,
    id: LinkId,
    (record, room): (&Signed<HealthLink>, LinkRoom),
) -> Result<(), Problem> {
    let settled = |why| Problem::new(Code::Settled, why);
    let known = owned(store, id, record.by()).await?;
    if !known.has_record() {
        return Err(settled("it has ended"));
    }
    let before = known_record(gateway, &known)?;
    if !record.body().follows(before.body()) {
        return Err(settled(
            "its number is not above that of the record that is kept, or its flags are others",
        ));
    }
    if !store.replace(id, &known.terms.record, kept(record, room)).await? {
        return Err(settled("it was ended, or changed at the same time"));
    }
    let event = LinkEvent { at: now(), shown: None, what: LinkEventKind::Changed, who: None };
    store.note(id, event).await?;
    Ok(())
}

/// Ends a health link for ever.
#[utoipa::path(
    post, path = "/api/health-links/{id}/end", tag = "links",
    params(("id" = String, Path, description = "43 characters of base64url")),
    request_body(content = Vec<u8>, content_type = "application/vnd.headwater.record+cbor", description = "a `health_link_end` record"),
    responses((status = 204), (status = 400), (status = 403, description = "another key's link"), (status = 404)),
)]
pub(in crate::routes) async fn end(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    body: Body,
) -> Result<StatusCode, Problem> {
    let record: Signed<HealthLinkEnd> = record_of(&gateway, body).await?;
    let (store, id) = (gateway.links()?.store(), named(&id)?);
    if record.body().id != id {
        return Err(not_the_owner());
    }
    let known = owned(store, id, record.by()).await?;
    store.end(id, now()).await?;
    if known.ended.is_none() {
        let event = LinkEvent { at: now(), shown: None, what: LinkEventKind::Ended, who: None };
        store.note(id, event).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn owned(store: &dyn LinkStore, id: LinkId, by: PublicKey) -> Result<Link, Problem> {
    let known = store.get(id).await?.filter(|link| link.terms.kind == LinkKind::Health);
    let known = known.ok_or_else(no_link)?;
    if known.terms.owner == by { Ok(known) } else { Err(not_the_owner()) }
}

/// The record of a link that is kept: it was verified before it was.
pub(super) fn known_record(gateway: &Gateway, link: &Link) -> Result<Signed<HealthLink>, Problem> {
    Signed::decode(&link.terms.record, &gateway.client().network()).map_err(|error| {
        tracing::error!(%error, "the record of a health link that is kept");
        Problem::new(Code::Internal, "what is kept of the link is damaged")
    })
}

fn kept(record: &Signed<HealthLink>, room: LinkRoom) -> NewLink {
    let fields = record.body().fields();
    NewLink {
        kind: LinkKind::Health,
        owner: record.by(),
        record: record.encode(),
        attempts: fields.passcode.map(|_| fields.attempts.get().into()),
        expires: fields.expires,
        room,
    }
}
