//! `POST /v1/transfers`: a licence changes hands, with the word of both.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use ledger::{Acceptance, LicenceTransfer, Transferred, What};
use proofs::canonical;
use protocol::Unverified;
use serde::{Deserialize, Serialize};

use super::records::{Handed, admit, promised};
use super::{RECORD_BODY_LEN_MAX, body};
use crate::problem::Problem;
use crate::service::Service;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Passed {
    acceptance: Unverified<Acceptance>,
    transfer: Unverified<LicenceTransfer>,
}

pub(crate) async fn take(State(service): State<Service>, request: Body) -> Result<Response, Problem> {
    let bytes = body(request, RECORD_BODY_LEN_MAX).await?;
    let Passed { acceptance, transfer } = canonical::from_slice(&bytes, RECORD_BODY_LEN_MAX)
        .map_err(|error| Problem::bad_request(format!("not an acceptance and a transfer: {error}")))?;
    let network = service.terms().signed_for();
    let (acceptance, transfer) = (acceptance.verify(&network)?, transfer.verify(&network)?);
    let (name, by) = (transfer.name(), transfer.by());
    admit(&service, by)?;
    let what = What::Transfer(Box::new(Transferred { acceptance, transfer }));
    promised(&service, Handed { what, name, by }).await
}
