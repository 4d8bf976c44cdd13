//! The accept loop: connections within limits, and an end in order.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

/// Connections open at a time; further ones wait in the listener's queue.
const CONNECTIONS_MAX: usize = 1024;
/// Request line and headers together, in bytes.
const HEADERS_LEN_MAX: usize = 16 * 1024;
/// A request's headers must have arrived by then, and an idle connection is closed.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(30);
/// A request must be answered by then, its body included.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);
/// Answers under way at shutdown may go on for this long.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);
/// After a failed accept (too many open files, mostly) the next attempt waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` until `shutdown` completes and the answers under way have ended.
pub(crate) async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    let mut shutdown = pin!(shutdown);
    let (places, graceful) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), GracefulShutdown::new());
    loop {
        let accepting = async {
            let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accepting => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let serving = serve_connection(stream, router.clone(), graceful.watcher());
                tokio::spawn(async move {
                    serving.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if timeout(SHUTDOWN_GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections cut off at shutdown");
    }
}

async fn serve_connection(stream: TcpStream, router: Router, watcher: Watcher) {
    // The end of an answer must not wait for an acknowledgement; where it cannot be set, it does.
    stream.set_nodelay(true).ok();
    let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), request));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_header_size(HEADERS_LEN_MAX)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(served).await {
        tracing::debug!(%error, "connection ended out of order");
    }
}

/// The answer; one that takes too long ends the connection.
async fn answer(router: Router, request: Request<Incoming>) -> Result<Response, TooSlow> {
    let answered = timeout(REQUEST_TIMEOUT, router.oneshot(request)).await;
    answered.map_err(|_| TooSlow)?.map_err(|never: Infallible| match never {})
}

#[derive(Debug, thiserror::Error)]
#[error("no answer within {REQUEST_TIMEOUT:?}")]
struct TooSlow;
