//! `/api/ledger` and `/api/sessions`: how a viewer pays (spec §26).

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use data_encoding::HEXLOWER;
use proofs::canonical;
use protocol::limits::RECORD_LEN_MAX;
use protocol::{DeliveryReceipt, Record, SessionGrant, Signed};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::gateway::{Gateway, now};
use crate::handles::Handle;
use crate::pay::{CREDIT_MS, OpenError, ReceiptError, Till};
use crate::problem::{Code, Problem};
use crate::trouble::ANSWER_TIMEOUT;

/// Both records, and what stands around them.
const OPENING_LEN_MAX: usize = 2 * RECORD_LEN_MAX + 64;

/// By way of which ledger titles are paid here.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LedgerAnswer {
    url: String,
    /// The key of the ledger, in hexadecimal.
    issuer: String,
    /// The key that grants have to name, in hexadecimal.
    gateway: String,
    /// The network that it is a ledger of, in hexadecimal.
    network: String,
    /// Bytes that are sent to a viewer of a title before they are acknowledged.
    credit_bytes: u64,
    /// Milliseconds of a title, where its price counts them.
    credit_ms: u64,
}

/// A session that is open.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionAnswer {
    /// To be shown as `Headwater-Session` or `?session=`.
    session: String,
    credit_bytes: u64,
    /// Unix time in seconds.
    expires: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    grant: ByteBuf,
    receipt: ByteBuf,
}

/// By way of which ledger titles are paid here; 404 where none are.
#[utoipa::path(
    get, path = "/api/ledger", tag = "pay",
    responses((status = 200, body = LedgerAnswer), (status = 404, description = "nothing is paid here")),
)]
pub(super) async fn ledger(State(gateway): State<Gateway>) -> Result<Response, Problem> {
    let till = till(&gateway)?;
    let answer = LedgerAnswer {
        url: till.url().to_string(),
        issuer: HEXLOWER.encode(till.issuer().as_bytes()),
        gateway: HEXLOWER.encode(till.key().as_bytes()),
        network: till.network().to_string(),
        credit_bytes: till.credit(),
        credit_ms: CREDIT_MS,
    };
    Ok(([(CACHE_CONTROL, "no-cache")], Json(answer)).into_response())
}

/// Opens a session under a grant. The receipt, with sequence 0 and without usage, shows that the session key is there.
#[utoipa::path(
    post, path = "/api/sessions", tag = "pay",
    request_body(content = Vec<u8>, content_type = "application/cbor", description = "canonical CBOR {grant, receipt}, records as byte strings"),
    responses((status = 201, body = SessionAnswer), (status = 400), (status = 403, description = "the grant does not count here"),
        (status = 404, description = "nothing is paid here"), (status = 503)),
)]
pub(super) async fn open(
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let till = till(&gateway)?;
    let bytes = read(body, OPENING_LEN_MAX).await?;
    let opening: Opening = canonical::from_slice(&bytes, OPENING_LEN_MAX)
        .map_err(|error| Problem::new(Code::BadRequest, format!("not a grant and a receipt: {error}")))?;
    let grant: Signed<SessionGrant> = record(till, &opening.grant)?;
    let receipt: Signed<DeliveryReceipt> = record(till, &opening.receipt)?;
    let token = Handle::from_random(rand::random());
    let is_own_page = headers.get(ORIGIN).is_some_and(|origin| gateway.is_own_origin(origin.as_bytes()));
    let opened = till.open_session(token, &grant, &receipt, is_own_page, now()).await;
    opened.map_err(|error| open_problem(&error))?;
    let expires = grant.body().expires.get();
    let answer = SessionAnswer { session: token.to_string(), credit_bytes: till.credit(), expires };
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// Takes a receipt. When it is answered, it is durable.
#[utoipa::path(
    post, path = "/api/sessions/{session}/receipts", tag = "pay",
    params(("session" = String, Path, description = "from POST /api/sessions")),
    request_body(content = Vec<u8>, content_type = "application/vnd.headwater.record+cbor"),
    responses((status = 204, description = "kept, or known"), (status = 400), (status = 402, description = "the session is unknown"),
        (status = 409, description = "it does not follow from what was sent and acknowledged before")),
)]
pub(super) async fn receipt(
    State(gateway): State<Gateway>,
    Path(session): Path<String>,
    body: Body,
) -> Result<StatusCode, Problem> {
    let till = till(&gateway)?;
    let unknown =
        || Problem::new(Code::NoSession, "this session is unknown here, or has ended: open it again");
    let session = session.parse().ok().and_then(|token| till.session(token)).ok_or_else(unknown)?;
    let receipt = record(till, &read(body, RECORD_LEN_MAX).await?)?;
    let taken = till.take(&session, receipt).await;
    gateway.metrics().receipt(taken.as_ref().ok().copied());
    taken.map_err(|error| receipt_problem(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

fn till(gateway: &Gateway) -> Result<&Till, Problem> {
    gateway.till().ok_or_else(|| Problem::new(Code::NoLedger, "it was started without --ledger"))
}

async fn read(body: Body, len_max: usize) -> Result<Vec<u8>, Problem> {
    let reading = timeout(ANSWER_TIMEOUT, to_bytes(body, len_max)).await;
    let bytes = reading.map_err(|_| Problem::new(Code::BodyIncomplete, "the body did not arrive in time"))?;
    let bytes =
        bytes.map_err(|_| Problem::new(Code::TooLarge, format!("at most {len_max} bytes are read")))?;
    Ok(bytes.into())
}

fn record<T: Record>(till: &Till, bytes: &[u8]) -> Result<Signed<T>, Problem> {
    Signed::decode(bytes, &till.signed_for())
        .map_err(|error| Problem::new(Code::BadRecord, error.to_string()))
}

fn open_problem(error: &OpenError) -> Problem {
    let code = match error {
        OpenError::OtherLedger(_)
        | OpenError::OtherGateway(_)
        | OpenError::NoProof
        | OpenError::NotAttested
        | OpenError::NoAgreement => Code::BadGrant,
        OpenError::Time { .. } => Code::GrantExpired,
        OpenError::Full => Code::Busy,
        OpenError::Ledger(error) => {
            tracing::warn!(%error, "ledger");
            Code::Unavailable
        }
        OpenError::Store(error) => {
            tracing::error!(%error, "receipts");
            Code::Internal
        }
    };
    Problem::new(code, error.to_string())
}

fn receipt_problem(error: &ReceiptError) -> Problem {
    let code = match error {
        ReceiptError::Refused(_) => Code::Settled,
        ReceiptError::Signer => Code::BadRecord,
        ReceiptError::Busy => Code::Busy,
        ReceiptError::NotKept => Code::Internal,
    };
    Problem::new(code, error.to_string())
}
