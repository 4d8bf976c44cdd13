//! What a ledger says over HTTP (spec §25): records are bodies in canonical CBOR, answers about them JSON.

mod agreements;
mod batches;
mod corrections;
mod deposits;
mod grants;
mod health;
mod inquiries;
mod keys;
mod log;
mod operator;
mod records;
mod settlements;
mod terms;
mod transfers;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::problem::{Code, Problem};
use crate::service::Service;

/// What one body of one record may have, in bytes: an entry of the journal is the longest.
const RECORD_BODY_LEN_MAX: usize = ledger::ENTRY_LEN_MAX;
/// The type of a record.
const RECORD_TYPE: &str = "application/vnd.headwater.record+cbor";

/// All routes.
pub(crate) fn router(service: Service) -> Router {
    let open = Router::new()
        .route("/v1/terms", get(terms::terms))
        .route("/v1/agreements", post(agreements::register))
        .route("/v1/agreements/{id}", get(agreements::agreement))
        .route("/v1/titles/{publication}", get(agreements::title))
        .route("/v1/records", post(records::take))
        .route("/v1/batches", post(batches::take))
        .route("/v1/grants", post(grants::grant))
        .route("/v1/transfers", post(transfers::take))
        .route("/v1/top-ups", post(deposits::top_up))
        .route("/v1/inquiries", post(inquiries::inquire))
        .route("/v1/settlements/{epoch}", get(settlements::settlement))
        .route("/v1/payouts/{party}", get(settlements::payout))
        .route("/log/policy", get(log::policy))
        .route("/log/proof/{index}", get(log::proof))
        .route("/log/{*path}", get(log::file))
        .layer(from_fn(share_with_pages));
    let closed = Router::new()
        .route("/v1/settle", post(operator::settle))
        .route("/v1/reversals", post(corrections::reverse))
        .route("/v1/holds", post(corrections::hold))
        .route("/v1/resolutions", post(corrections::resolve))
        .route("/v1/deposits", post(deposits::accept))
        .route("/v1/journal.hledger", get(operator::hledger))
        .route("/metrics", get(health::metrics))
        .route("/health", get(health::health));
    open.merge(closed)
        .fallback(|| async { Problem::not_found("no such path") })
        .method_not_allowed_fallback(|| async { Problem::new(Code::MethodNotAllowed, "another method") })
        .with_state(service)
}

/// Pages of any origin may ask: what they get is public, or signed for by whom it is about.
async fn share_with_pages(request: Request, next: Next) -> Response {
    let is_preflight = request.method() == Method::OPTIONS;
    let mut response =
        if is_preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    let mut allow = |name: &'static str, value: &'static str| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    };
    allow("access-control-allow-origin", "*");
    if is_preflight {
        allow("access-control-allow-methods", "GET, POST");
        allow("access-control-allow-headers", "content-type, headwater-session, authorization, range");
        allow("access-control-max-age", "86400");
    }
    response
}

/// The whole body, when it is not longer.
async fn body(request: Body, len_max: usize) -> Result<Bytes, Problem> {
    let too_long = || Problem::new(Code::TooLarge, format!("at most {len_max} bytes are taken, all of them"));
    to_bytes(request, len_max).await.map_err(|_| too_long())
}

/// An answer that is a record, or several things in canonical CBOR.
fn cbor(status: StatusCode, bytes: Vec<u8>) -> Response {
    (status, [(CONTENT_TYPE, RECORD_TYPE)], bytes).into_response()
}
