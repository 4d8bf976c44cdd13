//! `GET /v1/attestations/{name}`: where the log has an attestation, which whoever signed it needs for its proof.

use axum::Json;
use axum::extract::{Path, State};
use protocol::Digest;
use serde::Serialize;

use super::keys::parse_32;
use crate::problem::Problem;
use crate::service::Service;

/// The place of an entry in the log, which may not be published yet.
#[derive(Debug, Serialize)]
pub(crate) struct Place {
    index: u64,
}

pub(crate) async fn place(
    State(service): State<Service>,
    Path(name): Path<String>,
) -> Result<Json<Place>, Problem> {
    let name = parse_32(&name).map(Digest::from_bytes);
    let name = name.ok_or_else(|| Problem::bad_request("a name has 64 hexadecimal digits"))?;
    let index = service.state().attested(&name);
    index
        .map(|index| Json(Place { index }))
        .ok_or_else(|| Problem::not_found("nothing of this name was attested to here"))
}
