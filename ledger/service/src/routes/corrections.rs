//! What the ledger itself says: an entry is taken back, a part is kept back, and kept back no more; the page is another one. The
//! operator asks, the service signs.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use ledger::{Hold, PageRelease, Remark, Resolution, Reversal, What};
use protocol::{Amount, Digest, Record, Signed, UnixSeconds};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::keys::parse_32;
use super::operator::check;
use super::records::{Handed, promised};
use super::{RECORD_BODY_LEN_MAX, body};
use crate::problem::Problem;
use crate::service::{Service, now};

/// An entry that is taken back, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reversing {
    entry: String,
    reason: String,
    issued: Option<u64>,
}

/// What is kept back of what is disputed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Holding {
    dispute: String,
    /// In micro-units.
    micro: String,
    issued: Option<u64>,
}

/// What of it goes to whoever has disputed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolving {
    hold: String,
    /// In micro-units.
    micro: String,
    issued: Option<u64>,
}

/// The page that is served from now on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Releasing {
    hash: String,
    name: String,
    issued: Option<u64>,
}

/// `POST /v1/pages`.
pub(crate) async fn release_page(
    State(service): State<Service>,
    headers: HeaderMap,
    request: Body,
) -> Result<Response, Problem> {
    let Releasing { hash, name: called, issued } = asked(&service, &headers, request).await?;
    let called = Remark::new(called).map_err(|error| Problem::bad_request(error.to_string()))?;
    let body = PageRelease { hash: name(&hash)?, issued: time(issued), name: called };
    said(&service, body, What::Page).await
}

/// `POST /v1/reversals`.
pub(crate) async fn reverse(
    State(service): State<Service>,
    headers: HeaderMap,
    request: Body,
) -> Result<Response, Problem> {
    let Reversing { entry, reason, issued } = asked(&service, &headers, request).await?;
    let reason = Remark::new(reason).map_err(|error| Problem::bad_request(error.to_string()))?;
    let body = Reversal { entry: name(&entry)?, issued: time(issued), reason };
    said(&service, body, What::Reversal).await
}

/// `POST /v1/holds`.
pub(crate) async fn hold(
    State(service): State<Service>,
    headers: HeaderMap,
    request: Body,
) -> Result<Response, Problem> {
    let Holding { dispute, micro, issued } = asked(&service, &headers, request).await?;
    let body = Hold { amount: amount(&micro)?, dispute: name(&dispute)?, issued: time(issued) };
    said(&service, body, What::Hold).await
}

/// `POST /v1/resolutions`.
pub(crate) async fn resolve(
    State(service): State<Service>,
    headers: HeaderMap,
    request: Body,
) -> Result<Response, Problem> {
    let Resolving { hold, micro, issued } = asked(&service, &headers, request).await?;
    let body = Resolution { given: amount(&micro)?, hold: name(&hold)?, issued: time(issued) };
    said(&service, body, What::Resolution).await
}

/// What the operator asks for, who alone may.
async fn asked<T: DeserializeOwned>(
    service: &Service,
    headers: &HeaderMap,
    request: Body,
) -> Result<T, Problem> {
    check(service, headers)?;
    let bytes = body(request, RECORD_BODY_LEN_MAX).await?;
    let Json(asked) = Json::from_bytes(&bytes).map_err(|error| Problem::bad_request(error.body_text()))?;
    Ok(asked)
}

/// Signs it as the ledger, and takes it.
async fn said<T: Record>(
    service: &Service,
    body: T,
    what: impl FnOnce(Signed<T>) -> What,
) -> Result<Response, Problem> {
    let record = Signed::sign(service.keys().issuer(), &service.terms().signed_for(), body);
    let (name, by) = (record.name(), record.by());
    promised(service, Handed { what: what(record), name, by }).await
}

/// The same time again is the same record again: whoever has got no answer says it with the time that was said before.
fn time(issued: Option<u64>) -> UnixSeconds {
    issued.map_or_else(now, UnixSeconds::new)
}

fn name(text: &str) -> Result<Digest, Problem> {
    let bytes = parse_32(text);
    bytes.map(Digest::from_bytes).ok_or_else(|| Problem::bad_request("a name has 64 hexadecimal digits"))
}

fn amount(micro: &str) -> Result<Amount, Problem> {
    let amount = micro.parse().ok().and_then(|micro: u64| Amount::new(micro).ok());
    amount.ok_or_else(|| Problem::bad_request("an amount is a whole number of micro-units, as a text"))
}
