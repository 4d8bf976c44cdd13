//! `POST /blob`: an upload that streams through to the nodes.

use std::io;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, HttpBody as _};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use bytes::Bytes;
use chunker::{CodingError, Link, Padding, RequiredTags, Salt};
use client::{ObjectSecrets, PutOptions};
use futures_util::{StreamExt as _, stream};
use prometheus_client::metrics::counter::Counter;
use protocol::limits::LEASE_DURATION_MAX_S;
use serde::Deserialize;
use tokio::io::AsyncRead;
use tokio::time::timeout;
use tokio_util::io::StreamReader;

use crate::config::UploadConfig;
use crate::gateway::{Gateway, now};
use crate::object::ServedObject;
use crate::problem::{Code, Problem};
use crate::trouble::{ANSWER_TIMEOUT, put_problem};

/// An upload of which nothing arrives for this long has failed.
const UPLOAD_STALL: Duration = Duration::from_secs(30);

/// Media types that HTTP libraries send by themselves.
const MEANINGLESS_TYPES: [&str; 2] = ["application/octet-stream", "application/x-www-form-urlencoded"];

/// What an uploader may say in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wishes {
    /// The object's name, sealed into its manifest.
    name: Option<String>,
    /// Its media type; otherwise that of the request.
    r#type: Option<String>,
    /// `K+M`.
    coding: Option<String>,
    /// `none` or `padme`: whether the exact length is hidden.
    padding: Option<PaddingName>,
    /// For how many days nodes are to keep it.
    keep_days: Option<u32>,
}

const DAY_S: u64 = 86_400;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PaddingName {
    None,
    Padme,
}

/// Stores the body, and answers what `headwater put --json` does. An upload that ends early stores nothing: what
/// was leased is released.
#[utoipa::path(
    post, path = "/blob", tag = "objects",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, description = "stored; the fields of `headwater put --json`"), (status = 401), (status = 403, description = "no uploads here"), (status = 503)),
)]
pub(super) async fn upload(
    State(gateway): State<Gateway>,
    wishes: Result<Query<Wishes>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    let uploads = authorized(&gateway, &headers)?;
    let Query(wishes) = wishes.map_err(|error| Problem::new(Code::BadRequest, error.body_text()))?;
    if body.size_hint().lower() > uploads.len_max {
        return Err(too_large(uploads.len_max));
    }
    let options = wishes.into_options(uploads, &headers)?;
    let source = reader(body, uploads.len_max, gateway.metrics().received.clone());
    let report = gateway.client().put(source, options, |_| ()).await.map_err(|error| put_problem(&error))?;
    let url = opened(&gateway, &report.link).await;
    let location = url.as_deref().and_then(|url| HeaderValue::from_str(url).ok());
    let mut response = (StatusCode::CREATED, Json(report.into_answer(url))).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().extend(location.map(|url| (LOCATION, url)));
    Ok(response)
}

pub(super) fn authorized<'a>(gateway: &'a Gateway, headers: &HeaderMap) -> Result<&'a UploadConfig, Problem> {
    let uploads = gateway.config().uploads.as_ref();
    let uploads =
        uploads.ok_or_else(|| Problem::new(Code::UploadsOff, "it was started without an upload token"))?;
    let shown = headers.get(AUTHORIZATION).is_some_and(|value| uploads.token.is_shown_by(value.as_bytes()));
    if shown {
        return Ok(uploads);
    }
    let challenge = HeaderValue::from_static("Bearer realm=\"headwater uploads\"");
    Err(Problem::new(Code::BadToken, "send Authorization: Bearer and the gateway's upload token")
        .with_header(WWW_AUTHENTICATE, challenge))
}

impl Wishes {
    fn into_options(self, uploads: &UploadConfig, headers: &HeaderMap) -> Result<PutOptions, Problem> {
        let coding = match self.coding {
            Some(text) => text
                .parse()
                .map_err(|error: CodingError| Problem::new(Code::BadRequest, error.to_string()))?,
            None => uploads.coding,
        };
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let keep_s = self.keep_days.map_or(uploads.keep_s, |days| u64::from(days) * DAY_S);
        if keep_s == 0 || keep_s > LEASE_DURATION_MAX_S {
            let most = LEASE_DURATION_MAX_S / DAY_S;
            return Err(Problem::new(Code::BadRequest, format!("keep_days is a number from 1 to {most}")));
        }
        Ok(PutOptions {
            coding,
            padding: match self.padding {
                Some(PaddingName::Padme) => Padding::Padme,
                Some(PaddingName::None) | None => Padding::None,
            },
            name: self.name,
            // What programs send that say nothing about the type is not worth keeping.
            media_type: self
                .r#type
                .or(content_type.filter(|text| !MEANINGLESS_TYPES.contains(&text.as_str()))),
            expires: now().plus(keep_s),
            required: RequiredTags::default(),
            secrets: ObjectSecrets::new(&uploads.account, Salt::from_bytes(rand::random())),
        })
    }
}

/// The body as a reader that fails when it ends early, stalls, or is longer than `len_max`.
pub(super) fn reader(body: Body, len_max: u64, received: Counter) -> impl AsyncRead + Send + Unpin {
    let chunks = stream::unfold(body.into_data_stream(), |mut chunks| async {
        let chunk = match timeout(UPLOAD_STALL, chunks.next()).await {
            Ok(chunk) => chunk?.map_err(io::Error::other),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        Some((chunk, chunks))
    });
    let mut total: u64 = 0;
    let bounded = chunks.map(move |chunk: io::Result<Bytes>| {
        let chunk = chunk?;
        received.inc_by(chunk.len() as u64);
        total += chunk.len() as u64;
        if total <= len_max { Ok(chunk) } else { Err(io::Error::from(io::ErrorKind::FileTooLarge)) }
    });
    StreamReader::new(bounded.boxed())
}

/// A handle for what was just stored. The object is there without it too.
async fn opened(gateway: &Gateway, link: &Link) -> Option<String> {
    let object = timeout(ANSWER_TIMEOUT, gateway.client().open(link)).await.ok()?.ok()?;
    let (handle, _) = gateway.hand_out(ServedObject::new(object));
    Some(gateway.url(handle))
}

pub(super) fn too_large(len_max: u64) -> Problem {
    Problem::new(Code::TooLarge, format!("this gateway takes bodies of up to {len_max} bytes"))
}
