//! `GET` and `HEAD /b/{handle}`: the object, or parts of it.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;
use protocol::UnixSeconds;

use crate::gateway::{Gateway, now};
use crate::problem::Problem;
use crate::representation::{Representation, visible};

/// Answers from the handle alone where no byte of the object is needed; otherwise the first bytes are there before the status is.
#[utoipa::path(
    get, path = "/b/{handle}", tag = "objects",
    params(("handle" = String, Path, description = "from POST /open")),
    responses((status = 200, description = "the object"), (status = 206, description = "a part of it, or several"), (status = 304), (status = 404),
        (status = 412), (status = 416), (status = 503)),
)]
pub(super) async fn read(
    State(gateway): State<Gateway>,
    Path(handle): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let opened = gateway.opened(&handle).await?;
    let object = &opened.value;
    let representation = Representation {
        tag: object.tag().clone(),
        media_type: object.media_type().to_owned(),
        cache_control: cache_control(opened.expires),
        content: object.content(),
    };
    let mut response = representation.answer(&method, &headers, gateway.shelf()).await?;
    if !response.status().is_redirection() {
        object.describe(response.headers_mut());
    }
    Ok(response)
}

/// `private`: the URL is the right to read, and a shared cache would go on answering when the handle has expired; and it would list the URLs.
/// `immutable`: the bytes behind a CID never change, so that whoever may keep them need not ask again.
fn cache_control(expires: UnixSeconds) -> HeaderValue {
    let left = expires.seconds_since(now());
    visible(format!("private, max-age={left}, immutable, no-transform"))
}
