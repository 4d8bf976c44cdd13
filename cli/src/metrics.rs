//! Metrics of a role over HTTP, for a scraper.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn_blocking};

const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A server; it ends when it is dropped.
pub(crate) struct Serving {
    pub(crate) addr: SocketAddr,
    task: JoinHandle<()>,
}

/// Serves what `render` gives at this address, under `/metrics`; 503 when it gives nothing. It may wait for a disk.
pub(crate) async fn serve(
    addr: SocketAddr,
    render: impl Fn() -> Option<String> + Send + Sync + 'static,
) -> anyhow::Result<Serving> {
    let listener = TcpListener::bind(addr).await.with_context(|| format!("cannot listen on {addr}"))?;
    let addr = listener.local_addr()?;
    let render = Arc::new(render);
    let router = Router::new().route(
        "/metrics",
        get(async move || {
            let text = spawn_blocking(move || render()).await.ok().flatten();
            answer(text)
        }),
    );
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::warn!(%error, "metrics are not served any more");
        }
    });
    Ok(Serving { addr, task })
}

fn answer(text: Option<String>) -> Response {
    text.map_or(StatusCode::SERVICE_UNAVAILABLE.into_response(), |text| {
        ([(CONTENT_TYPE, MEDIA_TYPE)], text).into_response()
    })
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}
