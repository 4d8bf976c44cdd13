//! `POST /sealed/uploads`: stores cells that were sealed elsewhere. The gateway has no key of them (spec §27).

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use protocol::limits::LEASE_DURATION_MAX_S;
use protocol::{Mandate, PublicKey, Signed};
use serde::Serialize;
use sharing::{SEALED_UPLOAD_HEAD_LEN_MAX, SealedUpload};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use utoipa::ToSchema;

use super::blob::{authorized, reader, too_large};
use crate::config::UploadConfig;
use crate::gateway::{Gateway, now};
use crate::problem::{Code, Problem};
use crate::trouble::put_problem;

/// What an upload of sealed cells has to be like.
#[derive(Serialize, ToSchema)]
pub(super) struct Terms {
    k: u8,
    m: u8,
    /// In hexadecimal.
    network: String,
    /// Whom the mandate has to name, in hexadecimal.
    payer: String,
    /// Until when nodes keep it at most, in Unix time.
    expires_max: u64,
    /// Bytes of the longest upload.
    len_max: u64,
    /// Whether `Authorization: Bearer` has to be shown.
    token: bool,
}

/// Where the upload is.
#[derive(Serialize, ToSchema)]
pub(super) struct Stored {
    object: String,
    /// In base64url.
    manifest: String,
    /// Parts that found no place.
    missing: usize,
}

/// How sealed cells are taken here.
#[utoipa::path(
    get, path = "/api/shares/terms", tag = "shares",
    responses((status = 200, body = Terms), (status = 403, description = "no uploads here")),
)]
pub(super) async fn terms(State(gateway): State<Gateway>) -> Result<impl IntoResponse, Problem> {
    let uploads = gateway.config().uploads.as_ref();
    let uploads =
        uploads.ok_or_else(|| Problem::new(Code::UploadsOff, "it was started without an upload token"))?;
    let terms = Terms {
        k: uploads.coding.data(),
        m: uploads.coding.parity(),
        network: HEXLOWER.encode(gateway.client().network().as_bytes()),
        payer: HEXLOWER.encode(payer(uploads).as_bytes()),
        expires_max: now().plus(uploads.keep_s).get(),
        len_max: uploads.len_max,
        token: true,
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(terms)))
}

/// Codes and places sealed cells, and answers the manifest.
#[utoipa::path(
    post, path = "/sealed/uploads", tag = "shares",
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "u32le(n), CBOR, sealed cells"),
    responses((status = 201, body = Stored), (status = 400), (status = 401), (status = 403, description = "no uploads here"), (status = 413), (status = 503)),
)]
pub(super) async fn upload(
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    let uploads = authorized(&gateway, &headers)?;
    let len_max = uploads.len_max.saturating_add(SEALED_UPLOAD_HEAD_LEN_MAX as u64 + 4);
    let mut source = reader(body, len_max, gateway.metrics().received.clone());
    let SealedUpload { manifest, mandate } = head(&mut source).await?;
    let geometry = &manifest.geometry;
    let cells_len = geometry.cells() * geometry.cell_size().bytes() as u64;
    if cells_len > uploads.len_max {
        return Err(too_large(uploads.len_max));
    }
    if geometry.coding() != uploads.coding {
        return Err(Problem::new(Code::BadRequest, format!("objects are coded {} here", uploads.coding)));
    }
    let mandate = mandate.verify(&gateway.client().network());
    let mandate = mandate.map_err(|error| Problem::new(Code::BadRecord, error.to_string()))?;
    check_mandate(&mandate, manifest.control.as_bytes(), uploads)?;
    let put = gateway.client().put_sealed(source, manifest, mandate).await;
    let (manifest, bytes, missing) = put.map_err(|error| put_problem(&error))?;
    let stored = Stored {
        object: manifest.cid().to_string(),
        manifest: BASE64URL_NOPAD.encode(&bytes),
        missing: missing.len(),
    };
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(stored)))
}

fn check_mandate(
    mandate: &Signed<Mandate>,
    control: &[u8; 32],
    uploads: &UploadConfig,
) -> Result<(), Problem> {
    let bad = |why: String| Err(Problem::new(Code::BadRecord, why));
    let body = mandate.body();
    if mandate.by().as_bytes() != control {
        return bad("the mandate is not signed by the object's control key".to_owned());
    }
    if body.holder != payer(uploads) || body.object.is_some() {
        return bad("the mandate has to name this gateway's payer, and no object".to_owned());
    }
    let keep_s = uploads.keep_s.min(LEASE_DURATION_MAX_S);
    if body.expires.has_passed(now()) || body.expires > now().plus(keep_s) {
        return bad(format!("the mandate ends at {}, not within the next {keep_s} s", body.expires));
    }
    Ok(())
}

/// Who pays for uploads.
fn payer(uploads: &UploadConfig) -> PublicKey {
    protocol::SecretKey::from_bytes(uploads.account.payer_seed().expose()).public()
}

/// What stands in front of the cells.
async fn head(source: &mut (impl AsyncRead + Unpin)) -> Result<SealedUpload, Problem> {
    let incomplete = |_| Problem::new(Code::BodyIncomplete, "the upload ended before its first cell");
    let len = source.read_u32_le().await.map_err(incomplete)? as usize;
    if len > SEALED_UPLOAD_HEAD_LEN_MAX {
        let most = SEALED_UPLOAD_HEAD_LEN_MAX;
        return Err(Problem::new(
            Code::BadRequest,
            format!("{len} bytes in front of the cells, at most {most}"),
        ));
    }
    let mut bytes = vec![0; len];
    source.read_exact(&mut bytes).await.map_err(incomplete)?;
    SealedUpload::decode(&bytes).map_err(|error| Problem::new(Code::BadRequest, error.to_string()))
}
