//! `GET /health`, `GET /health/ready` and `GET /metrics`.

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::gateway::Gateway;
use crate::metrics;
use crate::problem::{Code, Problem};
use crate::reach::Nodes;

/// How a gateway is.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`, or `degraded` when no node answers it: then it serves only what it has in memory.
    status: &'static str,
    version: &'static str,
    open_handles: usize,
    nodes: Nodes,
}

impl Health {
    async fn of(gateway: &Gateway) -> Self {
        let nodes = gateway.reach().nodes(gateway.client()).await;
        Self {
            status: if nodes.reachable > 0 { "ok" } else { "degraded" },
            version: env!("CARGO_PKG_VERSION"),
            open_handles: gateway.open_handles(),
            nodes,
        }
    }

    fn into_answer(self) -> Response {
        ([(CACHE_CONTROL, "no-store")], Json(self)).into_response()
    }
}

/// The gateway runs: 200, also while no node answers it, since a restart would not help against that.
#[utoipa::path(get, path = "/health", tag = "operation", responses((status = 200, description = "it runs", body = Health)))]
pub(super) async fn health(State(gateway): State<Gateway>) -> Response {
    Health::of(&gateway).await.into_answer()
}

/// The gateway can be asked for objects: at least one node answers it.
#[utoipa::path(get, path = "/health/ready", tag = "operation", responses((status = 200, description = "it does", body = Health),
    (status = 503, description = "no node answers")))]
pub(super) async fn ready(State(gateway): State<Gateway>) -> Result<Response, Problem> {
    let health = Health::of(&gateway).await;
    let Nodes { known, asked, reachable } = health.nodes;
    if reachable == 0 {
        let detail = format!("none of the {asked} nodes that were asked answers, out of {known}");
        return Err(Problem::new(Code::Unavailable, detail));
    }
    Ok(health.into_answer())
}

/// The counters as text.
#[utoipa::path(get, path = "/metrics", tag = "operation", responses((status = 200, description = "the text format of Prometheus")))]
pub(super) async fn metrics(State(gateway): State<Gateway>) -> impl IntoResponse {
    if let Some(till) = gateway.till() {
        gateway.metrics().paying(till.open_sessions(), till.waiting().await);
    }
    let text = gateway.metrics().render(
        gateway.shelf().weight(),
        gateway.open_handles(),
        gateway.client().read_tally(),
    );
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE), (CACHE_CONTROL, "no-store")], text)
}
