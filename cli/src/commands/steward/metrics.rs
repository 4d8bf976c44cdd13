//! Metrics over HTTP, for a scraper.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use steward::Metrics;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server; it ends when it is dropped.
pub(super) struct Serving {
    pub(super) addr: SocketAddr,
    task: JoinHandle<()>,
}

/// Serves `/metrics` at this address.
pub(super) async fn serve(addr: SocketAddr, metrics: Arc<Metrics>) -> anyhow::Result<Serving> {
    let listener = TcpListener::bind(addr).await.with_context(|| format!("cannot listen on {addr}"))?;
    let addr = listener.local_addr()?;
    let answer = async move || ([(CONTENT_TYPE, steward::METRICS_TYPE)], metrics.render());
    let router = Router::new().route("/metrics", get(answer));
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::warn!(%error, "metrics are not served any more");
        }
    });
    Ok(Serving { addr, task })
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}
