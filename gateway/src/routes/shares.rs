//! `/api/shares`: sealed shares, as their owners register and end them, and as their readers open them (spec §27).

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use data_encoding::BASE64URL_NOPAD;
use protocol::limits::CLOCK_SKEW_MAX_S;
use protocol::{Signed, UnixSeconds, Unverified};
use serde::{Deserialize, Serialize};
use sharing::{AccessToken, Knock, LinkEvent, LinkEventKind, LinkId, Reader, Share, ShareEnd, ShareReader};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::links::{admit_link, check_end, check_owner, check_time, record_of};
use crate::gateway::{Gateway, now};
use crate::limits::Client;
use crate::links::{Guess, LinkKind, NewLink, Noted, Placed};
use crate::problem::{Code, Problem};
use crate::sealed::Session;
use crate::trouble::ANSWER_TIMEOUT;

/// What a reader shows, in bytes of JSON.
const QUESTION_LEN_MAX: usize = 4096;
const NO_STORE: [(axum::http::HeaderName, &str); 1] = [(CACHE_CONTROL, "no-store")];

/// A share that is registered.
#[derive(Serialize, ToSchema)]
pub(super) struct Registered {
    id: String,
    /// Unix time in seconds.
    expires: Option<u64>,
}

/// What everybody may know of a share.
#[derive(Serialize, ToSchema)]
pub(super) struct About {
    /// Whether a passcode is needed.
    passcode: bool,
    /// Whether it is for emergencies alone.
    emergency: bool,
    /// Unix time in seconds.
    expires: Option<u64>,
    /// Unix time in seconds.
    issued: u64,
}

/// What a reader gets who has link and passcode.
#[derive(Serialize, ToSchema)]
pub(super) struct OpenedShare {
    /// 3072 bytes in base64url, which only the reader can open.
    wrapped: String,
    session: String,
    /// Unix time in seconds.
    expires: u64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// 32 bytes in base64url.
    knock: String,
    /// 32 bytes in base64url.
    access: String,
    /// Who reads, by their own word; the owner learns it.
    who: Option<String>,
    /// Of a share for emergencies: a `share_reader` record in base64url.
    shown: Option<String>,
}

/// Keeps a share, durably.
#[utoipa::path(
    post, path = "/api/shares", tag = "shares",
    request_body(content = Vec<u8>, content_type = "application/vnd.headwater.record+cbor", description = "a `share` record"),
    responses((status = 201, body = Registered), (status = 200, body = Registered, description = "it was known"), (status = 400), (status = 403, description = "no links here, or without the upload token an end too far off"), (status = 409, description = "another share has this id"), (status = 429, description = "too many from this client today")),
)]
pub(super) async fn register(
    State(gateway): State<Gateway>,
    client: Client,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    let store = gateway.links()?.store();
    let record: Signed<Share> = record_of(&gateway, body).await?;
    let share = record.body();
    check_begins(share)?;
    let room = admit_link(&gateway, client, &headers)?;
    check_end(room, share.expires())?;
    let attempts = share.has_passcode().then(|| u32::from(share.attempts().get()));
    let link = NewLink {
        kind: LinkKind::Share,
        owner: record.by(),
        record: record.encode(),
        attempts,
        expires: share.expires(),
        room,
    };
    let status = match store.put(share.id(), link, now()).await? {
        Placed::New => StatusCode::CREATED,
        Placed::Known => StatusCode::OK,
        Placed::Other => return Err(Problem::new(Code::Settled, "another share has this id")),
        Placed::Full => return Err(Problem::new(Code::Busy, "this gateway keeps as many links as it may")),
    };
    let expires = share.expires().map(UnixSeconds::get);
    Ok((status, NO_STORE, Json(Registered { id: share.id().to_string(), expires })))
}

fn check_begins(share: &Share) -> Result<(), Problem> {
    if share.expires().is_some_and(|expires| expires.has_passed(now())) {
        return Err(Problem::new(Code::ShareExpired, "its time was over before it was registered"));
    }
    if share.issued() > now().plus(CLOCK_SKEW_MAX_S) {
        return Err(Problem::new(
            Code::BadRecord,
            format!("it is issued at {}, ahead of time", share.issued()),
        ));
    }
    Ok(())
}

/// Ends a share for good, durably; answers under way end at their next batch.
#[utoipa::path(
    post, path = "/api/shares/{id}/end", tag = "shares",
    params(("id" = String, Path, description = "43 characters of base64url")),
    request_body(content = Vec<u8>, content_type = "application/vnd.headwater.record+cbor", description = "a `share_end` record"),
    responses((status = 204), (status = 400), (status = 403, description = "another key signed it"), (status = 404)),
)]
pub(super) async fn end(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    let store = gateway.links()?.store();
    let record: Signed<ShareEnd> = record_of(&gateway, body).await?;
    let id = named(&id)?;
    let link = store.get(id).await?.filter(|link| link.terms.kind == LinkKind::Share);
    let link = link.ok_or_else(no_share)?;
    check_owner(&link, id, &record, record.body().id)?;
    if link.ended.is_none() {
        store.end(id, now()).await?;
        // That it has ended is kept whether or not there is room to note it.
        store.note(id, event(LinkEventKind::Ended, None)).await?;
    }
    Ok((StatusCode::NO_CONTENT, NO_STORE))
}

/// Whether a share opens, and what it takes.
#[utoipa::path(
    get, path = "/api/shares/{id}", tag = "shares",
    params(("id" = String, Path, description = "43 characters of base64url")),
    responses((status = 200, body = About), (status = 404), (status = 410, description = "ended, over, or locked")),
)]
pub(super) async fn about(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let share = gateway.open_share(named(&id)?).await?;
    let (passcode, expires) = (share.has_passcode(), share.expires().map(UnixSeconds::get));
    let emergency = share.is_for_emergencies();
    Ok((NO_STORE, Json(About { passcode, emergency, expires, issued: share.issued().get() })))
}

/// Hands out what is wrapped to whoever has link and passcode, and a session for the objects.
#[utoipa::path(
    post, path = "/api/shares/{id}/open", tag = "shares",
    params(("id" = String, Path, description = "43 characters of base64url")),
    request_body(content = Question),
    responses((status = 200, body = OpenedShare), (status = 401, description = "the passcode is wrong; `remaining` attempts are left"), (status = 403, description = "the link is damaged"), (status = 404), (status = 410, description = "ended, over, or locked")),
)]
pub(super) async fn open(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    client: Client,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    let id = named(&id)?;
    let share = gateway.open_share(id).await?;
    let question = question(body).await?;
    let (knock, access) = (Knock::from_text(&question.knock), AccessToken::from_text(&question.access));
    let (Some(knock), Some(access)) = (knock, access) else {
        return Err(Problem::new(Code::BadRequest, "knock and access have 43 characters of base64url each"));
    };
    if !share.is_knock(&knock) {
        return Err(wrong_link());
    }
    let who = question.who.as_deref().and_then(Reader::stated);
    let is_emergency = share.is_for_emergencies();
    let shown = if is_emergency { Some(shown(&gateway, id, who.as_ref(), question.shown)?) } else { None };
    guess(&gateway, id, &share, &access, who.clone()).await?;
    // Whoever gets to read is on record before.
    let what = if is_emergency { LinkEventKind::BreakGlass } else { LinkEventKind::Opened };
    if gateway.links()?.store().note(id, LinkEvent { shown, ..event(what, who) }).await? == Noted::Full {
        return Err(Problem::new(
            Code::Busy,
            "no more accesses can be recorded until the owner fetches them",
        ));
    }
    let wrapped = BASE64URL_NOPAD.encode(share.wrapped().as_bytes());
    let session = Session { share: id, access, tags: share.tags().clone() };
    let (session, ends) = gateway.serving().begin(client, session, now());
    let expires = share.expires().map_or(ends, |expires| expires.min(ends)).get();
    Ok((NO_STORE, Json(OpenedShare { wrapped, session: session.to_string(), expires })))
}

/// What somebody shows who opens a share for emergencies: their signed word about this share, which says what `who` says. Whose it is only its
/// owner knows.
fn shown(
    gateway: &Gateway,
    id: LinkId,
    who: Option<&Reader>,
    record: Option<String>,
) -> Result<Unverified<ShareReader>, Problem> {
    let refused = |why: &str| Problem::new(Code::BadRequest, format!("this is for emergencies: {why}"));
    let who = who.ok_or_else(|| refused("`who` has to say why you read it, and who you are if you like"))?;
    let bytes = record.and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok());
    let bytes =
        bytes.ok_or_else(|| refused("`shown` has to be the word of somebody to whom it was granted"))?;
    let record = Signed::<ShareReader>::decode(&bytes, &gateway.client().network());
    let record = record.map_err(|error| Problem::new(Code::BadRecord, error.to_string()))?;
    let ShareReader { id: about, issued, who: says } = record.body();
    if *about != id || says != who {
        return Err(refused("`shown` is about another share, or says another name or reason"));
    }
    check_time(*issued)?;
    Ok(Unverified::from(&record))
}

/// Succeeds when the token is right. An attempt is taken before it is compared.
async fn guess(
    gateway: &Gateway,
    id: LinkId,
    share: &Share,
    access: &AccessToken,
    who: Option<Reader>,
) -> Result<(), Problem> {
    let links = gateway.links()?;
    let (share, access) = (share.clone(), access.clone());
    let remaining = match links.guess(id, async move { share.is_access(&access) }).await? {
        Guess::Right => return Ok(()),
        Guess::Wrong { remaining: None } => return Err(wrong_link()),
        Guess::Wrong { remaining: Some(remaining) } => remaining,
        Guess::Locked => return Err(share_locked()),
    };
    let store = links.store();
    store.note(id, event(LinkEventKind::Refused, who)).await?;
    if remaining == 0 {
        store.note(id, event(LinkEventKind::Locked, None)).await?;
    }
    Err(Problem::new(Code::WrongPasscode, format!("{remaining} attempts are left"))
        .with_member("remaining", remaining))
}

async fn question(body: Body) -> Result<Question, Problem> {
    let reading = timeout(ANSWER_TIMEOUT, to_bytes(body, QUESTION_LEN_MAX)).await;
    let bytes =
        reading.map_err(|_| Problem::new(Code::BodyIncomplete, "the question did not arrive in time"))?;
    let too_long =
        |_| Problem::new(Code::TooLarge, format!("a question has at most {QUESTION_LEN_MAX} bytes"));
    // What is wrong with it is not repeated: a secret may stand in it.
    serde_json::from_slice(&bytes.map_err(too_long)?)
        .map_err(|_| Problem::new(Code::BadRequest, "the form is {\"knock\": …, \"access\": …}"))
}

pub(crate) fn no_share() -> Problem {
    Problem::new(Code::NoShare, "it was never made here, or ended long ago")
}

pub(crate) fn share_locked() -> Problem {
    Problem::new(Code::ShareLocked, "too many wrong passcodes were tried; only its owner can share it again")
}

pub(crate) fn share_revoked(at: UnixSeconds) -> Problem {
    Problem::new(Code::ShareRevoked, format!("its owner took it back at {at}"))
}

pub(crate) fn share_expired() -> Problem {
    Problem::new(Code::ShareExpired, "its time is over")
}

fn wrong_link() -> Problem {
    Problem::new(Code::WrongLink, "the part of the link behind # is another one, or damaged")
}

fn named(id: &str) -> Result<LinkId, Problem> {
    id.parse().map_err(|_| no_share())
}

fn event(what: LinkEventKind, who: Option<Reader>) -> LinkEvent {
    LinkEvent { at: now(), shown: None, what, who }
}
