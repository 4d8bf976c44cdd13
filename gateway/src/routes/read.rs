//! `GET` and `HEAD /b/{handle}`: the object, or parts of it.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use protocol::UnixSeconds;
use tokio::time::timeout;

use crate::gateway::{Gateway, now};
use crate::object::ServedObject;
use crate::problem::{Code, Problem};
use crate::rfc9110::{ByteRange, Multipart, Outcome, Segment, Selection, evaluate};
use crate::trouble::{ANSWER_TIMEOUT, no_answer, read_problem};

/// What is to be sent: status, headers of its own, and the segments of the body.
struct Plan {
    status: StatusCode,
    headers: HeaderMap,
    segments: Vec<Segment>,
}

/// Answers from the handle alone where no byte of the object is needed; otherwise the first bytes are there before the status is.
pub(super) async fn read(
    State(gateway): State<Gateway>,
    Path(handle): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let opened = gateway.opened(&handle)?;
    let object = &opened.value;
    let selection = match evaluate(&method, &headers, object.tag(), object.len()) {
        Outcome::PreconditionFailed => return Err(precondition_failed(object)),
        Outcome::NotModified => return Ok(not_modified(object, opened.expires)),
        Outcome::Send(Selection::Unsatisfiable) => return Err(unsatisfiable(object)),
        Outcome::Send(selection) => selection,
    };
    let plan = Plan::new(object, selection);
    let mut response = plan.status.into_response();
    object.describe(response.headers_mut());
    response.headers_mut().insert(CACHE_CONTROL, cache_control(opened.expires));
    response.headers_mut().extend(plan.headers);
    if method == Method::GET {
        let mut body = object.body(gateway.shelf(), plan.segments);
        let begun = timeout(ANSWER_TIMEOUT, body.begin()).await.map_err(|_| no_answer())?;
        begun.map_err(|error| read_problem(&error))?;
        *response.body_mut() = Body::from_stream(body.into_stream());
    }
    Ok(response)
}

impl Plan {
    fn new(object: &ServedObject, selection: Selection) -> Self {
        match selection {
            Selection::Parts(parts) if parts.len() > 1 => Self::several(object, &parts),
            Selection::Parts(parts) => Self::one(parts[0], object.len()),
            Selection::Whole | Selection::Unsatisfiable => Self::whole(object.len()),
        }
    }

    fn whole(len: u64) -> Self {
        let segments = ByteRange::new(0, len).map(Segment::Content).into_iter().collect();
        Self { status: StatusCode::OK, headers: length(len), segments }
    }

    fn one(part: ByteRange, complete: u64) -> Self {
        let mut headers = length(part.len());
        headers.insert(CONTENT_RANGE, visible(part.content_range(complete)));
        Self { status: StatusCode::PARTIAL_CONTENT, headers, segments: vec![Segment::Content(part)] }
    }

    fn several(object: &ServedObject, parts: &[ByteRange]) -> Self {
        let multipart = Multipart::new(parts, object.media_type(), object.len(), rand::random());
        let mut headers = length(multipart.len());
        headers.insert(CONTENT_TYPE, visible(multipart.content_type()));
        Self { status: StatusCode::PARTIAL_CONTENT, headers, segments: multipart.into_segments() }
    }
}

/// `private`: the URL is the right to read, and a shared cache would go on answering when the handle has expired; and it would list the URLs.
/// `immutable`: the bytes behind a CID never change, so that whoever may keep them need not ask again.
fn cache_control(expires: UnixSeconds) -> HeaderValue {
    let left = expires.seconds_since(now());
    visible(format!("private, max-age={left}, immutable, no-transform"))
}

fn not_modified(object: &ServedObject, expires: UnixSeconds) -> Response {
    // The length is that of the answer which is not sent (RFC 9110 section 8.6).
    let mut headers = length(object.len());
    headers.insert(ETAG, object.tag().header_value());
    headers.insert(CACHE_CONTROL, cache_control(expires));
    (StatusCode::NOT_MODIFIED, headers).into_response()
}

fn precondition_failed(object: &ServedObject) -> Problem {
    Problem::new(Code::PreconditionFailed, "If-Match names another entity tag than the ETag of this answer")
        .with_header(ETAG, object.tag().header_value())
}

fn unsatisfiable(object: &ServedObject) -> Problem {
    let len = object.len();
    Problem::new(
        Code::RangeNotSatisfiable,
        format!("the object has {len} bytes, the range begins after them"),
    )
    .with_header(CONTENT_RANGE, visible(format!("bytes */{len}")))
    .with_header(ETAG, object.tag().header_value())
}

fn length(len: u64) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from(len))])
}

fn visible(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("numbers and words are visible ASCII")
}
