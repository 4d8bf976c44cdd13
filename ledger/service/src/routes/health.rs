//! Whether a ledger works, and its numbers.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::service::Service;

/// `GET /health`: answers where the journal can be read; says how far it and the log are.
pub(crate) async fn health(State(service): State<Service>) -> Json<Value> {
    let count = service.state().ledger().head().count;
    let newest = service.newest();
    let log = newest.as_ref().map(|newest| newest.checkpoint.size);
    let unwitnessed = newest.as_ref().is_none_or(|newest| newest.witnessed_by == 0);
    Json(json!({ "status": "ok", "entries": count, "log": log, "unwitnessed": unwitnessed }))
}

/// `GET /metrics`, in the text format of Prometheus.
pub(crate) async fn metrics(State(service): State<Service>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], service.metrics().to_text()).into_response()
}
