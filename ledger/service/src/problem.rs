//! Every refusal of a ledger: `application/problem+json` (RFC 9457) with a stable code and the reason in words.

use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ledger::{ApplyError, EntryError, GrantError, StorageError};
use protocol::RecordError;
use serde::Serialize;

use crate::sequencer::Unavailable;

/// What went wrong. The name in snake case is the stable `code`, and the end of `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    /// A query, body or header that says nothing we understand.
    BadRequest,
    /// Not a signed record that is taken here.
    BadRecord,
    /// No bearer token, or another one.
    BadToken,
    /// A code that this ledger has not sold, or a deposit of another amount than it is worth.
    #[serde(rename = "unknown_code")]
    WorthNothing,
    /// Somebody else has redeemed this code.
    #[serde(rename = "code_used")]
    Redeemed,
    /// A deposit is taken from the operator, or with a top-up code.
    NotAccepted,
    /// It is signed by somebody whom it does not concern.
    Forbidden,
    /// Nothing here has this name.
    NotFound,
    /// The path does not know this method.
    MethodNotAllowed,
    /// There is not so much money.
    InsufficientFunds,
    /// The budget that is to pay does not cover it.
    BudgetUsedUp,
    /// The title has no agreement, or this one does not hold.
    NoAgreement,
    /// Something else of this name is known.
    Conflict,
    /// It breaks a rule of the ledger.
    Refused,
    /// It speaks of a time that has not passed here: the same can be handed in again.
    TooEarly,
    /// The body is longer than what is taken.
    TooLarge,
    /// This key writes too often.
    TooManyRequests,
    /// As much of this is done at once as may be.
    Busy,
    /// The journal cannot be written now.
    Unavailable,
    /// A fault of the ledger itself.
    Internal,
}

/// A refusal on its way.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    code: Code,
    detail: String,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(Code::BadRequest, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Code::NotFound, detail)
    }

    /// The code and the reason, for a list of refusals.
    pub(crate) fn into_parts(self) -> (Code, String) {
        (self.code, self.detail)
    }
}

impl Code {
    fn status(self) -> StatusCode {
        match self {
            Self::BadRequest | Self::BadRecord => StatusCode::BAD_REQUEST,
            Self::BadToken => StatusCode::UNAUTHORIZED,
            Self::InsufficientFunds | Self::BudgetUsedUp => StatusCode::PAYMENT_REQUIRED,
            Self::WorthNothing | Self::NotAccepted | Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound | Self::NoAgreement => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict | Self::Refused | Self::Redeemed | Self::TooEarly => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request is malformed",
            Self::BadRecord => "This is not a signed record that belongs here",
            Self::BadToken => "A valid bearer token is required",
            Self::WorthNothing => "This code is worth nothing here",
            Self::Redeemed => "This code was used already",
            Self::NoAgreement => "There is no agreement that holds",
            Self::NotAccepted => "Deposits are taken from the operator, or with a top-up code",
            Self::Forbidden => "This concerns somebody else",
            Self::NotFound => "There is nothing of this name",
            Self::MethodNotAllowed => "This path does not know the method",
            Self::InsufficientFunds => "There is not so much money",
            Self::BudgetUsedUp => "The budget does not cover it",
            Self::Conflict => "Something else of this name is known",
            Self::Refused => "The rules of the ledger do not allow it",
            Self::TooEarly => "It speaks of a time that has not passed",
            Self::TooLarge => "The body is too long",
            Self::TooManyRequests => "This key writes too often",
            Self::Busy => "There is too much to do right now",
            Self::Unavailable => "The journal cannot be written right now",
            Self::Internal => "The ledger failed",
        }
    }
}

impl From<ApplyError> for Problem {
    fn from(error: ApplyError) -> Self {
        let code = match &error {
            ApplyError::Conflict(_) => Code::Conflict,
            ApplyError::Overdrawn(_) | ApplyError::Storage(StorageError::UsedUp { .. }) => {
                Code::InsufficientFunds
            }
            ApplyError::Storage(StorageError::Early { .. }) => Code::TooEarly,
            ApplyError::Storage(StorageError::NoPrepayment) => Code::NotFound,
            ApplyError::TooManyDisputes { .. } => Code::TooManyRequests,
            ApplyError::Grant(GrantError::NotCurrent { .. }) => Code::NoAgreement,
            ApplyError::Grant(GrantError::UsedUp { .. }) => Code::BudgetUsedUp,
            _ => Code::Refused,
        };
        Self::new(code, error.to_string())
    }
}

impl From<RecordError> for Problem {
    fn from(error: RecordError) -> Self {
        Self::new(Code::BadRecord, error.to_string())
    }
}

impl From<EntryError> for Problem {
    fn from(error: EntryError) -> Self {
        Self::new(Code::BadRecord, error.to_string())
    }
}

impl From<Unavailable> for Problem {
    fn from(error: Unavailable) -> Self {
        Self::new(Code::Unavailable, error.to_string())
    }
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let code = serde_json::to_value(self.code).expect("a unit variant is a string");
        let code = code.as_str().expect("a unit variant is a string");
        let document = Document {
            r#type: format!("urn:headwater:problem:{code}"),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: &self.detail,
            code,
        };
        let body = serde_json::to_vec(&document).expect("strings and numbers are JSON");
        let mut response = (self.code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(self.code, Code::Busy | Code::Unavailable | Code::TooManyRequests) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        // The rest of the body may be unread, and then nothing else can come by this connection: it must not be kept.
        if matches!(self.code, Code::TooLarge) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
