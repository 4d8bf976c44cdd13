//! `GET /health` and `GET /metrics`.

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use serde::Serialize;

use crate::gateway::Gateway;
use crate::metrics;

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    open_handles: usize,
}

/// The gateway answers. Whether the network does is said by each answer about an object.
#[utoipa::path(get, path = "/health", tag = "operation", responses((status = 200, description = "it runs")))]
pub(super) async fn health(State(gateway): State<Gateway>) -> impl IntoResponse {
    let health =
        Health { status: "ok", version: env!("CARGO_PKG_VERSION"), open_handles: gateway.open_handles() };
    ([(CACHE_CONTROL, "no-store")], Json(health))
}

/// The counters as text.
#[utoipa::path(get, path = "/metrics", tag = "operation", responses((status = 200, description = "the text format of Prometheus")))]
pub(super) async fn metrics(State(gateway): State<Gateway>) -> impl IntoResponse {
    let text = gateway.metrics().render(
        gateway.shelf().weight(),
        gateway.open_handles(),
        gateway.client().read_tally(),
    );
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE), (CACHE_CONTROL, "no-store")], text)
}
