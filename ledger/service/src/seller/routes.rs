//! What a key service answers.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use data_encoding::BASE64;
use ledger::Purchase;
use proofs::canonical;
use protocol::{Promise, Unverified};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::{Value, json};

use super::{KeyService, failed};
use crate::problem::Problem;
use crate::service::now;

/// Two records.
const BODY_LEN_MAX: usize = 16_384;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bought {
    promise: Unverified<Promise>,
    purchase: Unverified<Purchase>,
}

#[derive(Serialize)]
struct Answer {
    delivery: ByteBuf,
    promise: ByteBuf,
    sealed: ByteBuf,
}

pub(super) fn router(service: KeyService) -> Router {
    Router::new()
        .route("/v1/offers", get(offers))
        .route("/v1/keys", post(key))
        .fallback(|| async { Problem::not_found("no such path") })
        .with_state(Arc::new(service))
}

/// `GET /v1/offers`: what can be bought now, and under which licence.
async fn offers(State(service): State<Arc<KeyService>>) -> Result<Json<Value>, Problem> {
    let offers = tokio::task::block_in_place(|| service.on_sale(now())).map_err(|error| failed(&error))?;
    let offers = offers.iter().map(|offered| {
        json!({
            "name": offered.name.to_string(),
            "offer": BASE64.encode(&offered.offer.encode()),
            "licence": offered.licence,
        })
    });
    Ok(Json(json!({ "offers": offers.collect::<Vec<_>>() })))
}

/// `POST /v1/keys`: `{ promise, purchase }`, answered by `{ delivery, promise, sealed }`, as often as it is asked for.
async fn key(State(service): State<Arc<KeyService>>, request: Body) -> Result<Response, Problem> {
    let bytes = to_bytes(request, BODY_LEN_MAX).await;
    let bytes = bytes.map_err(|_| Problem::bad_request(format!("at most {BODY_LEN_MAX} bytes are taken")))?;
    let Bought { promise, purchase } = canonical::from_slice(&bytes, BODY_LEN_MAX)
        .map_err(|error| Problem::bad_request(format!("not a promise and a purchase: {error}")))?;
    let (promise, purchase) = (promise.verify(&service.network)?, purchase.verify(&service.network)?);
    let (delivered, promise) = service.deliver(&purchase, &promise).await?;
    let answer = Answer {
        delivery: ByteBuf::from(delivered.delivery.as_bytes()),
        promise: ByteBuf::from(promise),
        sealed: delivered.sealed,
    };
    let kind = [(CONTENT_TYPE, "application/cbor")];
    Ok((StatusCode::OK, kind, canonical::to_vec(&answer)).into_response())
}
