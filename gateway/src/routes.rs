//! What can be asked for.

mod blob;
mod care;
mod health;
mod links;
mod live;
mod nodes;
mod open;
mod openapi;
mod pay;
mod publications;
mod publish;
mod read;
mod sealed;
mod sealed_uploads;
mod shares;
mod sources;
mod status;
mod streams;
mod watch;

use axum::Router;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, HeaderName,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};

pub(crate) use self::shares::{no_share, share_expired, share_locked, share_revoked};
use crate::gateway::Gateway;
use crate::observe::observe;
use crate::page::{nothing_here, page};
use crate::problem::{Code, Problem};

const OPEN: &str = "/open";
const READ: &str = "/b/{handle}";
const BLOB: &str = "/blob";
const PUBLICATIONS: &str = "/api/publications";
const PUBLICATION: &str = "/api/publications/{id}";
const PUBLISH: &str = "/api/publish";
const SOURCES: &str = "/api/sources/{id}/{track}/{n}";
const NODES: &str = "/api/nodes";
const AUDITS: &str = "/api/audits";
const CARE: &str = "/api/care";
const OPENAPI: &str = "/api/openapi.json";
const FILE: &str = "/watch/{id}/{file}";
const PART: &str = "/watch/{id}/{track}/{part}";
const LIVE: &str = "/api/live";
const LIVE_ONE: &str = "/api/live/{id}";
const LIVE_FILE: &str = "/live/{id}/{file}";
const LIVE_PART: &str = "/live/{id}/{track}/{part}";
const ATTACHMENT: &str = "/watch/{id}/attachments/{name}";
const SHARES: &str = "/api/shares";
const SHARE: &str = "/api/shares/{id}";
const SHARE_END: &str = "/api/shares/{id}/end";
const SHARE_OPEN: &str = "/api/shares/{id}/open";
const SHARE_TERMS: &str = "/api/shares/terms";
const SEALED_UPLOADS: &str = "/sealed/uploads";
const SEALED: &str = "/sealed";
const SEALED_CELLS: &str = "/sealed/{handle}";
const SEALED_MANIFEST: &str = "/sealed/{handle}/manifest";
const LEDGER: &str = "/api/ledger";
const SESSIONS: &str = "/api/sessions";
const RECEIPTS: &str = "/api/sessions/{session}/receipts";
const LINK_EVENTS: &str = "/api/links/{id}/events";
const STREAMS: &str = "/api/streams";
const STREAM_END: &str = "/api/streams/{id}/end";
const STREAM_BATCHES: &str = "/api/streams/{id}/batches";
const APPEND: &str = "/append/{id}";
const HEALTH_LINKS: &str = "/api/health-links";
const HEALTH_LINK_END: &str = "/api/health-links/{id}/end";
const HEALTH_LINK: &str = "/shl/{id}";
const HEALTH_LINK_FILE: &str = "/shl/files/{handle}";
const HEALTH: &str = "/health";
const READY: &str = "/health/ready";
const METRICS: &str = "/metrics";

/// Every path that the OpenAPI document has to describe.
#[cfg(test)]
const PATHS: [&str; 41] = [
    STREAMS,
    STREAM_END,
    STREAM_BATCHES,
    APPEND,
    SHARE_TERMS,
    SEALED_UPLOADS,
    SHARES,
    SHARE,
    SHARE_END,
    SHARE_OPEN,
    SEALED,
    SEALED_CELLS,
    SEALED_MANIFEST,
    LINK_EVENTS,
    HEALTH_LINKS,
    HEALTH_LINK_END,
    HEALTH_LINK,
    HEALTH_LINK_FILE,
    LEDGER,
    SESSIONS,
    RECEIPTS,
    PUBLICATIONS,
    PUBLICATION,
    PUBLISH,
    SOURCES,
    NODES,
    AUDITS,
    CARE,
    FILE,
    PART,
    ATTACHMENT,
    LIVE,
    LIVE_ONE,
    LIVE_FILE,
    LIVE_PART,
    OPEN,
    READ,
    BLOB,
    HEALTH,
    READY,
    METRICS,
];

/// What a page of another origin may read of an answer.
const EXPOSED: &str = "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Retry-After";

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const TIMING_ALLOW_ORIGIN: HeaderName = HeaderName::from_static("timing-allow-origin");

/// All routes of a gateway, with limits, counting and tracing around them.
pub fn router(gateway: Gateway) -> Router {
    let page = gateway.config().page.as_deref().map(page).unwrap_or_default();
    Router::new()
        .merge(publication_routes())
        .merge(live_routes())
        .merge(node_routes())
        .merge(pay_routes())
        .merge(link_routes())
        .merge(share_routes())
        .merge(stream_routes())
        .merge(page)
        .route(OPEN, shared(post(open::open), "POST, OPTIONS"))
        .route(READ, shared(get(read::read).head(read::read), "GET, HEAD, OPTIONS"))
        .route(BLOB, post(blob::upload))
        .route(HEALTH, get(status::health))
        .route(READY, get(status::ready))
        .route(METRICS, get(status::metrics))
        .fallback(nothing_here)
        .method_not_allowed_fallback(|| async {
            Problem::new(Code::MethodNotAllowed, "see the Allow header")
        })
        .layer(from_fn_with_state(gateway.clone(), observe))
        .with_state(gateway)
}

fn publication_routes() -> Router<Gateway> {
    let reading = "GET, HEAD, OPTIONS";
    Router::new()
        .route(PUBLICATIONS, shared(get(publications::list).post(publications::offer), "GET, POST, OPTIONS"))
        .route(PUBLICATION, shared(get(publications::one), reading))
        .route(PUBLISH, get(publish::offered).post(publish::publish))
        .route(SOURCES, shared(get(sources::sources), reading))
        .route(OPENAPI, shared(get(openapi::document), reading))
        .route(FILE, shared(get(watch::file), reading))
        .route(PART, shared(get(watch::part), reading))
        .route(ATTACHMENT, shared(get(watch::attachment), reading))
}

fn live_routes() -> Router<Gateway> {
    let reading = "GET, HEAD, OPTIONS";
    Router::new()
        .route(LIVE, shared(get(live::list).post(live::offer), "GET, POST, OPTIONS"))
        .route(LIVE_ONE, shared(get(live::one), reading))
        .route(LIVE_FILE, shared(get(live::file), reading))
        .route(LIVE_PART, shared(get(live::part), reading))
}

fn pay_routes() -> Router<Gateway> {
    Router::new()
        .route(LEDGER, shared(get(pay::ledger), "GET, HEAD, OPTIONS"))
        .route(SESSIONS, shared(post(pay::open), "POST, OPTIONS"))
        .route(RECEIPTS, shared(post(pay::receipt), "POST, OPTIONS"))
}

fn link_routes() -> Router<Gateway> {
    Router::new()
        .route(LINK_EVENTS, shared(post(links::events), "POST, OPTIONS"))
        .route(HEALTH_LINKS, shared(post(health::offer), "POST, OPTIONS"))
        .route(HEALTH_LINK_END, shared(post(health::end), "POST, OPTIONS"))
        .route(HEALTH_LINK, shared(get(health::single).post(health::manifest), "GET, HEAD, POST, OPTIONS"))
        .route(HEALTH_LINK_FILE, shared(get(health::location), "GET, HEAD, OPTIONS"))
}

fn stream_routes() -> Router<Gateway> {
    Router::new()
        .route(STREAMS, post(streams::register))
        .route(STREAM_END, post(streams::end))
        .route(STREAM_BATCHES, post(streams::batches))
        .route(APPEND, post(streams::append))
}

fn share_routes() -> Router<Gateway> {
    let (reading, asking) = ("GET, HEAD, OPTIONS", "POST, OPTIONS");
    Router::new()
        .route(SHARES, shared(post(shares::register), asking))
        .route(SHARE, shared(get(shares::about), reading))
        .route(SHARE_END, shared(post(shares::end), asking))
        .route(SHARE_OPEN, shared(post(shares::open), asking))
        .route(SHARE_TERMS, shared(get(sealed_uploads::terms), reading))
        .route(SEALED_UPLOADS, shared(post(sealed_uploads::upload), asking))
        .route(SEALED, shared(post(sealed::open), asking))
        .route(SEALED_CELLS, shared(get(sealed::cells), reading))
        .route(SEALED_MANIFEST, shared(get(sealed::manifest), reading))
}

fn node_routes() -> Router<Gateway> {
    let reading = "GET, HEAD, OPTIONS";
    Router::new()
        .route(NODES, shared(get(nodes::list), reading))
        .route(AUDITS, shared(get(nodes::audits), reading))
        .route(CARE, get(care::care))
}

/// What a request to this route takes from its client's bucket: opening and uploading make work on many nodes, a passcode of a
/// health link takes 64 MiB and a tenth of a second, and a link that is registered is kept.
pub(crate) fn cost(route: &str) -> u32 {
    match route {
        HEALTH | READY | METRICS => 0,
        SHARES | HEALTH_LINKS | HEALTH_LINK => 500,
        OPEN | BLOB | SEALED_UPLOADS | STREAMS | STREAM_BATCHES | SHARE_OPEN | SHARE_END | SEALED
        | SESSIONS | PUBLICATIONS | PUBLISH | NODES | AUDITS => 10,
        _ => 1,
    }
}

/// A route for pages of any origin: nothing here rests on cookies or on where a request comes from, only on what it shows.
fn shared(route: MethodRouter<Gateway>, methods: &'static str) -> MethodRouter<Gateway> {
    route.options(move || async move { preflight(methods) }).layer(map_response(allow_any_origin))
}

fn preflight(methods: &'static str) -> (StatusCode, HeaderMap) {
    let fields = [
        (ALLOW, methods),
        (ACCESS_CONTROL_ALLOW_METHODS, methods),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "Authorization, Content-Type, Headwater-Session, If-Match, If-None-Match, If-Range, Range",
        ),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (
        StatusCode::NO_CONTENT,
        fields.map(|(name, value)| (name, HeaderValue::from_static(value))).into_iter().collect(),
    )
}

async fn allow_any_origin(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    headers.insert(TIMING_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

#[cfg(test)]
mod tests;
