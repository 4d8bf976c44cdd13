//! `POST /v1/grants`: a viewer asks to watch on account.

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ledger::SessionRequest;
use protocol::Signed;

use super::records::admit;
use super::{RECORD_BODY_LEN_MAX, body, cbor};
use crate::problem::Problem;
use crate::service::Service;

pub(crate) async fn grant(State(service): State<Service>, request: Body) -> Result<Response, Problem> {
    let bytes = body(request, RECORD_BODY_LEN_MAX).await?;
    let request = Signed::<SessionRequest>::decode(&bytes, &service.terms().signed_for())?;
    admit(&service, request.by())?;
    let granted = service.writer().grant(request).await?;
    granted.map(|grant| cbor(StatusCode::OK, grant.encode())).map_err(|error| {
        service.metrics().refused(1);
        error.into()
    })
}
