//! Every refusal of the gateway: `application/problem+json` (RFC 9457) with a stable code and the reason in words.

use std::collections::BTreeMap;

use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::links::LinkStoreError;

/// What went wrong. The name in snake case is the stable `code`, and the end of `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    /// A query, body or header that says nothing we understand.
    BadRequest,
    /// The text is not a link of ours.
    BadLink,
    /// The upload's body ended before its announced length, or stalled.
    BodyIncomplete,
    /// The title is shown for money, and no session was shown.
    PaymentRequired,
    /// The session is unknown, or for another title.
    NoSession,
    /// More was sent in this session than is acknowledged.
    ReceiptsWanted,
    /// All that was granted is used.
    GrantUsedUp,
    /// The grant has ended, or has not begun.
    GrantExpired,
    /// The grant is none for this gateway.
    BadGrant,
    /// This gateway has no ledger.
    NoLedger,
    /// No bearer token, or another one.
    BadToken,
    /// The key in the link does not open this object.
    WrongKey,
    /// This gateway takes no uploads.
    UploadsOff,
    /// This gateway shows nobody what operators see.
    OperatorsOff,
    /// No such path.
    NoRoute,
    /// The handle is not known here, or has expired.
    UnknownHandle,
    /// Every node that ranks for the object answered that it does not hold it.
    NotHeld,
    /// The path does not know this method.
    MethodNotAllowed,
    /// `If-Match` names another version.
    PreconditionFailed,
    /// The body is longer than this gateway takes.
    TooLarge,
    /// No byte of the range exists.
    RangeNotSatisfiable,
    /// This client asks too often, or for too much at once.
    TooManyRequests,
    /// A fault of the gateway itself.
    Internal,
    /// What is stored there is what was put, but it is no object or does not open.
    Broken,
    /// The object cannot be read now: too few nodes answer, or not with the right bytes.
    Unavailable,
    /// Too few nodes took the object: nothing was kept.
    NotStored,
    /// The gateway is at its own limits.
    Busy,
    /// No such publication, or none of its parts has this name.
    NotPublished,
    /// The creator took the publication back.
    Withdrawn,
    /// A denylist that the operator follows names it.
    Denied,
    /// Signed by a key that may not publish here, or not this.
    NotACreator,
    /// The creator has published as much as this gateway takes of one.
    CreatorFull,
    /// A later record of the same creator says otherwise.
    Outdated,
    /// Signed by a key that keeps no denylist which this gateway follows.
    NotAKeeper,
    /// The body is no signed record of a type that is taken here.
    BadRecord,
    /// This gateway keeps no links to what is shared.
    LinksOff,
    /// It keeps no link with this id.
    NoLink,
    /// Another key than the link's own signed this.
    NotTheOwner,
    /// Without the upload token a link has to end sooner.
    EndsTooLate,
    /// There is no stream with this id.
    NoStream,
    /// Its owner ended the stream.
    StreamEnded,
    /// As much of the stream waits as is kept.
    StreamFull,
    /// The number of a batch is too far ahead of those before.
    NumberAhead,
    /// The device of the stream did not sign this.
    BadSignature,
    /// There is no share with this id.
    NoShare,
    /// Its owner took the share back.
    ShareRevoked,
    /// The share's time is over.
    ShareExpired,
    /// Too many wrong passcodes were tried.
    ShareLocked,
    /// What is behind `#` in the link is another one.
    WrongLink,
    /// The passcode is another one.
    WrongPasscode,
    /// The session is unknown or over.
    NoShareSession,
    /// The object is not in the share.
    NotShared,
    /// Another record has to come before this one.
    OutOfOrder,
    /// Nothing follows what is here, or something else stands in its place.
    Settled,
}

/// A refusal on its way to the client.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    code: Code,
    detail: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    member: Option<(&'static str, u64)>,
}

impl Problem {
    /// A problem with its reason in a sentence; `detail` never holds a key or a handle.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        let retry_after = code.retry_after_s().map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds)));
        Self { code, detail: detail.into(), headers: Vec::from_iter(retry_after), member: None }
    }

    /// Its reason in words.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// Adds a member with a number to the document.
    pub(crate) fn with_member(mut self, name: &'static str, number: impl Into<u64>) -> Self {
        self.member = Some((name, number.into()));
        self
    }

    /// Adds a header field.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl Code {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::BadRequest | Self::BadLink | Self::BadRecord | Self::BodyIncomplete => {
                StatusCode::BAD_REQUEST
            }
            Self::BadToken | Self::WrongPasscode => StatusCode::UNAUTHORIZED,
            Self::PaymentRequired
            | Self::NoSession
            | Self::ReceiptsWanted
            | Self::GrantUsedUp
            | Self::GrantExpired => StatusCode::PAYMENT_REQUIRED,
            Self::WrongKey
            | Self::WrongLink
            | Self::NoShareSession
            | Self::NotShared
            | Self::UploadsOff
            | Self::OperatorsOff
            | Self::LinksOff
            | Self::NotTheOwner
            | Self::EndsTooLate
            | Self::BadSignature
            | Self::BadGrant
            | Self::NotACreator
            | Self::NotAKeeper
            | Self::CreatorFull => StatusCode::FORBIDDEN,
            Self::NoRoute
            | Self::NoLedger
            | Self::NoLink
            | Self::NoShare
            | Self::NoStream
            | Self::UnknownHandle
            | Self::NotHeld
            | Self::NotPublished => StatusCode::NOT_FOUND,
            Self::OutOfOrder | Self::Settled | Self::NumberAhead | Self::Outdated => StatusCode::CONFLICT,
            Self::Withdrawn
            | Self::ShareRevoked
            | Self::ShareExpired
            | Self::ShareLocked
            | Self::StreamEnded => StatusCode::GONE,
            Self::StreamFull => StatusCode::INSUFFICIENT_STORAGE,
            Self::Denied => StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Broken => StatusCode::BAD_GATEWAY,
            Self::Unavailable | Self::NotStored | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request is malformed",
            Self::BadLink => "This is not a Headwater link",
            Self::BodyIncomplete => "The upload did not arrive whole",
            Self::PaymentRequired => "This title is shown for money",
            Self::NoSession => "There is no such session for this title",
            Self::ReceiptsWanted => "What was sent has to be acknowledged first",
            Self::GrantUsedUp => "The grant is used up",
            Self::GrantExpired => "The grant does not hold now",
            Self::BadGrant => "This grant does not count here",
            Self::NoLedger => "Nothing is paid at this gateway",
            Self::BadToken => "A valid bearer token is required",
            Self::WrongKey => "The key does not open this object",
            Self::UploadsOff => "This gateway takes no uploads",
            Self::OperatorsOff => "This gateway shows nobody what operators see",
            Self::NoRoute => "There is nothing at this path",
            Self::UnknownHandle => "This handle is unknown or has expired",
            Self::NotHeld => "No node holds this object",
            Self::MethodNotAllowed => "This path does not know that method",
            Self::PreconditionFailed => "The object is not the version asked for",
            Self::TooLarge => "The body is too large",
            Self::RangeNotSatisfiable => "No byte of the range exists",
            Self::TooManyRequests => "Too many requests",
            Self::Internal => "The gateway failed",
            Self::Broken => "The object was stored wrongly",
            Self::Unavailable => "The object cannot be read right now",
            Self::NotStored => "The object could not be stored",
            Self::Busy => "The gateway is busy",
            Self::NotPublished => "There is no such publication, or no such part of it",
            Self::Withdrawn => "The publication was withdrawn",
            Self::Denied => "A denylist forbids to serve this",
            Self::NotACreator => "This key may not publish that here",
            Self::CreatorFull => "This creator has published enough here",
            Self::Outdated => "A later record says otherwise",
            Self::NotAKeeper => "This key keeps no denylist for this gateway",
            Self::BadRecord => "This is not a signed record that belongs here",
            Self::LinksOff => "This gateway keeps no links to what is shared",
            Self::NoLink => "There is no such link",
            Self::NotTheOwner => "This key is not the link's own",
            Self::EndsTooLate => "A link with this end takes the upload token",
            Self::NoStream => "There is no such stream",
            Self::StreamEnded => "The stream was ended",
            Self::StreamFull => "The stream is full until its owner has fetched what waits",
            Self::NumberAhead => "The number of the batch is too far ahead",
            Self::BadSignature => "The device of the stream did not sign this",
            Self::NoShare => "There is no such share",
            Self::ShareRevoked => "The share was taken back",
            Self::ShareExpired => "The share's time is over",
            Self::ShareLocked => "The share is locked",
            Self::WrongLink => "The link does not open this share",
            Self::WrongPasscode => "The passcode is wrong",
            Self::NoShareSession => "There is no such session",
            Self::NotShared => "This object is not in the share",
            Self::OutOfOrder => "Another record has to come before this one",
            Self::Settled => "Something else is there already",
        }
    }

    /// When it is worth asking again, in seconds.
    fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::Unavailable | Self::NotStored => Some(5),
            Self::Busy | Self::TooManyRequests => Some(1),
            _ => None,
        }
    }
}

impl From<LinkStoreError> for Problem {
    fn from(error: LinkStoreError) -> Self {
        tracing::error!(%error, "links");
        Self::new(Code::Unavailable, "the gateway's store of links does not answer")
    }
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(flatten)]
    member: BTreeMap<&'static str, u64>,
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
            member: self.member.into_iter().collect(),
        };
        let body = serde_json::to_vec(&document).expect("strings and numbers are JSON");
        let mut response = (self.code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.headers);
        // The rest of the body may be unread, and then nothing else can come by this connection: it must not be kept.
        if matches!(self.code, Code::TooLarge) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn is_a_problem_document() {
        let response = Problem::new(Code::Unavailable, "2 of 8 nodes answer, 5 are needed").into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[RETRY_AFTER], "5");
        let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
        let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            document,
            serde_json::json!({
                "type": "urn:headwater:problem:unavailable",
                "title": "The object cannot be read right now",
                "status": 503,
                "detail": "2 of 8 nodes answer, 5 are needed",
                "code": "unavailable",
            })
        );
    }

    #[test]
    fn carries_its_headers() {
        let response = Problem::new(Code::RangeNotSatisfiable, "it has 10 bytes")
            .with_header(axum::http::header::CONTENT_RANGE, HeaderValue::from_static("bytes */10"))
            .into_response();
        assert_eq!(response.status(), 416);
        assert_eq!(response.headers()[axum::http::header::CONTENT_RANGE], "bytes */10");
        assert!(!response.headers().contains_key(RETRY_AFTER));
    }
}
