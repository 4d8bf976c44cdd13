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
//! no page in a browser on this machine reaches it, by rebinding its own name or otherwise.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;

use super::fleet::FleetError;
use super::running::Published;
use super::state::NodeState;

/// What a request must show.
#[derive(Debug)]
struct Guard {
    addr: SocketAddr,
    token: String,
}

/// Serves the control address until the future is dropped.
pub(super) async fn serve(
    listener: TcpListener,
    token: String,
    devnet: Arc<Published>,
) -> std::io::Result<()> {
    let guard = Arc::new(Guard { addr: listener.local_addr()?, token });
    let routes = Router::new()
        .route("/nodes", get(list))
        .route("/nodes/{id}/stop", post(stop))
        .route("/nodes/{id}/kill", post(kill))
        .route("/nodes/{id}/start", post(start))
        .with_state(devnet)
        .layer(middleware::from_fn_with_state(guard, admit));
    axum::serve(listener, routes).await
}

async fn admit(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match guard.refusal(request.headers()) {
        None => next.run(request).await,
        Some((status, reason)) => (status, Json(serde_json::json!({ "error": reason }))).into_response(),
    }
}

impl Guard {
    fn refusal(&self, headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let names = [self.addr.to_string(), format!("localhost:{}", self.addr.port())];
        if !text(header::HOST).is_some_and(|host| names.iter().any(|name| name == host)) {
            return Some((StatusCode::MISDIRECTED_REQUEST, "the Host header names another server"));
        }
        let foreign = |origin: &str| !names.iter().any(|name| origin == format!("http://{name}"));
        if headers.contains_key(header::ORIGIN) && text(header::ORIGIN).is_none_or(foreign) {
            return Some((StatusCode::FORBIDDEN, "requests from other origins are refused"));
        }
        let shown = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        if !bool::from(shown.unwrap_or_default().as_bytes().ct_eq(self.token.as_bytes())) {
            return Some((StatusCode::UNAUTHORIZED, "the bearer token is missing or wrong"));
        }
        None
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard { addr: "127.0.0.1:7000".parse().unwrap(), token: "secret".into() }
    }

    fn status(headers: &[(header::HeaderName, &str)]) -> Option<StatusCode> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        guard().refusal(&headers).map(|(status, _)| status)
    }

    #[test]
    fn the_token_opens_from_this_machine() {
        for host in ["127.0.0.1:7000", "localhost:7000"] {
            assert_eq!(status(&[(header::HOST, host), (header::AUTHORIZATION, "Bearer secret")]), None);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let host = (header::HOST, "127.0.0.1:7000");
        let token = (header::AUTHORIZATION, "Bearer secret");
        assert_eq!(status(std::slice::from_ref(&host)), Some(StatusCode::UNAUTHORIZED));
        assert_eq!(
            status(&[host.clone(), (header::AUTHORIZATION, "Bearer secre")]),
            Some(StatusCode::UNAUTHORIZED)
        );
        assert_eq!(status(std::slice::from_ref(&token)), Some(StatusCode::MISDIRECTED_REQUEST));
        let rebound = (header::HOST, "attacker.example:7000");
        assert_eq!(status(&[rebound, token.clone()]), Some(StatusCode::MISDIRECTED_REQUEST));
        for origin in ["http://attacker.example", "null", "http://127.0.0.1:7001"] {
            let headers = [host.clone(), token.clone(), (header::ORIGIN, origin)];
            assert_eq!(status(&headers), Some(StatusCode::FORBIDDEN), "{origin}");
        }
    }
}
