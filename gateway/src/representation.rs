//! What a URL names, and how it is answered: conditions, ranges and bodies are alike for objects, segments and playlists.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::time::timeout;

use crate::body::{ObjectBody, Source};
use crate::cells::Shelf;
use crate::problem::{Code, Problem};
use crate::rfc9110::{ByteRange, EntityTag, Multipart, Outcome, Segment, Selection, evaluate};
use crate::trouble::{ANSWER_TIMEOUT, no_answer, read_problem};

/// A representation (RFC 9110 section 8) with a strong validator.
pub(crate) struct Representation {
    pub(crate) tag: EntityTag,
    pub(crate) media_type: String,
    pub(crate) cache_control: HeaderValue,
    pub(crate) content: Content,
}

/// Where its bytes are.
pub(crate) enum Content {
    /// `len` bytes of an object, from its byte `begin` on.
    Object { source: Source, begin: u64, len: u64 },
    /// In memory.
    Memory(Bytes),
}

impl Representation {
    /// The answer to a GET or HEAD. Where no byte is needed, none is read; otherwise the first bytes are there before the status is.
    pub(crate) async fn answer(
        self,
        method: &Method,
        headers: &HeaderMap,
        cells: &Shelf,
    ) -> Result<Response, Problem> {
        let selection = match evaluate(method, headers, &self.tag, self.len()) {
            Outcome::PreconditionFailed => return Err(self.precondition_failed()),
            Outcome::NotModified => return Ok(self.not_modified()),
            Outcome::Send(Selection::Unsatisfiable) => return Err(self.unsatisfiable()),
            Outcome::Send(selection) => selection,
        };
        let plan = Plan::new(&self, selection);
        let mut response = plan.status.into_response();
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, visible(self.media_type));
        fields.insert(ETAG, self.tag.header_value());
        fields.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        fields.insert(CACHE_CONTROL, self.cache_control);
        fields.extend(plan.headers);
        if *method == Method::GET {
            *response.body_mut() = self.content.body(cells, plan.segments).await?;
        }
        Ok(response)
    }

    fn len(&self) -> u64 {
        match &self.content {
            Content::Object { len, .. } => *len,
            Content::Memory(bytes) => bytes.len() as u64,
        }
    }

    fn not_modified(self) -> Response {
        // The length is that of the answer which is not sent (RFC 9110 section 8.6).
        let mut headers = length(self.len());
        headers.insert(ETAG, self.tag.header_value());
        headers.insert(CACHE_CONTROL, self.cache_control);
        (StatusCode::NOT_MODIFIED, headers).into_response()
    }

    fn precondition_failed(&self) -> Problem {
        let detail = "If-Match names another entity tag than the ETag of this answer";
        Problem::new(Code::PreconditionFailed, detail).with_header(ETAG, self.tag.header_value())
    }

    fn unsatisfiable(&self) -> Problem {
        let len = self.len();
        let detail = format!("there are {len} bytes, the range begins after them");
        Problem::new(Code::RangeNotSatisfiable, detail)
            .with_header(CONTENT_RANGE, visible(format!("bytes */{len}")))
            .with_header(ETAG, self.tag.header_value())
    }
}

impl Content {
    async fn body(self, cells: &Shelf, segments: Vec<Segment>) -> Result<Body, Problem> {
        match self {
            Self::Object { source, begin, .. } => {
                let segments = segments.into_iter().map(|segment| segment.shifted(begin)).collect();
                let mut body = ObjectBody::new(cells.clone(), source, segments);
                let begun = timeout(ANSWER_TIMEOUT, body.begin()).await.map_err(|_| no_answer())?;
                begun.map_err(|error| read_problem(&error))?;
                Ok(Body::from_stream(body.into_stream()))
            }
            Self::Memory(bytes) => {
                let pieces = segments.into_iter().map(move |segment| Ok::<_, Infallible>(segment.of(&bytes)));
                Ok(Body::from_stream(stream::iter(pieces)))
            }
        }
    }
}

/// What is to be sent: status, headers of its own, and the segments of the body.
struct Plan {
    status: StatusCode,
    headers: HeaderMap,
    segments: Vec<Segment>,
}

impl Plan {
    fn new(what: &Representation, selection: Selection) -> Self {
        match selection {
            Selection::Parts(parts) if parts.len() > 1 => Self::several(what, &parts),
            Selection::Parts(parts) => Self::one(parts[0], what.len()),
            Selection::Whole | Selection::Unsatisfiable => Self::whole(what.len()),
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

    fn several(what: &Representation, parts: &[ByteRange]) -> Self {
        let multipart = Multipart::new(parts, &what.media_type, what.len(), rand::random());
        let mut headers = length(multipart.len());
        headers.insert(CONTENT_TYPE, visible(multipart.content_type()));
        Self { status: StatusCode::PARTIAL_CONTENT, headers, segments: multipart.into_segments() }
    }
}

fn length(len: u64) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from(len))])
}

/// A header value of text that is known to be visible ASCII.
pub(crate) fn visible(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("numbers, words and checked media types are visible ASCII")
}
