//! The control address of a devnet: a loopback listener of its own that stops and starts nodes.
//!
//! ```text
//! GET  /nodes               every node: id, pid (null while stopped), dir, addr
//! POST /nodes/{id}/stop     stops it in order
//! POST /nodes/{id}/kill     ends it as a power cut would
//! POST /nodes/{id}/start    starts it again on its folder and port
//! ```
//!
//! `{id}` is a node's id or a beginning that no other node's shares: 404 when there is none, 409 when several do.
//!
//! Every request needs `Authorization: Bearer <token>`. `Host` and `Origin` are checked as well, so that
//! no page in a browser on this machine reaches it, by rebinding its own name or otherwise, but those
//! that this devnet's own gateways serve.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::net::TcpListener;

use super::fleet::FleetError;
use super::guard::{self, Guard};
use super::running::Published;
use super::state::NodeState;

/// Serves the control address until the future is dropped.
pub(super) async fn serve(
    listener: TcpListener,
    token: String,
    devnet: Arc<Published>,
) -> std::io::Result<()> {
    let gateways = devnet.gateways().await;
    let guard = Guard::new(listener.local_addr()?, token, gateways.iter().map(String::as_str));
    let routes = Router::new()
        .route("/nodes", get(list))
        .route("/nodes/{id}/stop", post(stop))
        .route("/nodes/{id}/kill", post(kill))
        .route("/nodes/{id}/start", post(start))
        .with_state(devnet)
        .layer(middleware::from_fn_with_state(Arc::new(guard), admit));
    axum::serve(listener, routes).await
}

async fn admit(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let (method, headers) = (request.method(), request.headers());
    let origin = guard.origin(headers);
    let mut response = match guard.refusal(method, headers) {
        Some((status, reason)) => (status, Json(serde_json::json!({ "error": reason }))).into_response(),
        None if guard.is_preflight(method, headers) => {
            (StatusCode::NO_CONTENT, guard::preflight()).into_response()
        }
        None => next.run(request).await,
    };
    if let Some(origin) = origin {
        guard::share(&mut response, origin);
    }
    response
}

async fn list(State(devnet): State<Arc<Published>>) -> Response {
    Json(devnet.fleet.states().await).into_response()
}

async fn stop(State(devnet): State<Arc<Published>>, Path(id): Path<String>) -> Response {
    answer(&devnet, devnet.fleet.stop(&id).await).await
}

async fn kill(State(devnet): State<Arc<Published>>, Path(id): Path<String>) -> Response {
    answer(&devnet, devnet.fleet.kill(&id).await).await
}

async fn start(State(devnet): State<Arc<Published>>, Path(id): Path<String>) -> Response {
    answer(&devnet, devnet.fleet.start(&id).await).await
}

/// `devnet.json` is up to date before the caller hears of it.
async fn answer(devnet: &Published, result: Result<NodeState, FleetError>) -> Response {
    let published = match result {
        Ok(node) => devnet.publish().await.map(|_| node).map_err(FleetError::from),
        Err(error) => Err(error),
    };
    let (status, error) = match published {
        Ok(node) => return Json(node).into_response(),
        Err(error @ FleetError::Unknown(_)) => (StatusCode::NOT_FOUND, error),
        Err(error @ FleetError::Ambiguous(..)) => (StatusCode::CONFLICT, error),
        Err(error @ FleetError::Failed(_)) => (StatusCode::INTERNAL_SERVER_ERROR, error),
    };
    (status, Json(serde_json::json!({ "error": error.to_string() }))).into_response()
}
