//! The accept loop: connections within limits, and an end in order.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

use crate::connection::Connection;
use crate::gateway::Gateway;
use crate::routes::router;

/// Connections open at a time; further ones wait in the listener's queue.
const CONNECTIONS_MAX: usize = 1024;

/// Request line and headers together.
const HEADERS_LEN_MAX: usize = 16 * 1024;

/// A request's headers must have arrived by then, and an idle connection is closed.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers under way at shutdown may go on for this long.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// After a failed accept (too many open files, mostly) the next attempt waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The address at the other end of the connection that a request came by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Handles that have expired are forgotten this often.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// Nodes are asked whom they know this often.
const REFRESH_EVERY: Duration = Duration::from_secs(10);
/// How long they may take to say so.
const REFRESH_WITHIN: Duration = Duration::from_secs(20);

/// Receipts are handed to the ledger this often.
const HAND_OVER_EVERY: Duration = Duration::from_secs(5);

/// Nodes are paid this often for what was read from them.
const PAY_EVERY: Duration = Duration::from_secs(5);
/// How long the last payments may take when the gateway ends.
const PAY_LAST_WITHIN: Duration = Duration::from_secs(5);

/// Serves the gateway on `listener` until `shutdown` completes and the answers under way have ended, or 10 s have passed.
pub async fn serve(listener: TcpListener, gateway: Gateway, shutdown: impl Future<Output = ()>) {
    let admit = {
        let gateway = gateway.clone();
        move |peer: SocketAddr| gateway.admits(peer.ip()).ok()
    };
    let serving = serve_router(listener, router(gateway.clone()), admit, shutdown);
    tokio::select! {
        () = serving => {}
        () = sweep(gateway.clone()) => unreachable!("it has no end"),
        () = refresh(gateway.clone()) => unreachable!("it has no end"),
        () = hand_over(gateway.clone()) => unreachable!("it has no end"),
        () = pay_nodes(gateway.clone()) => unreachable!("it has no end"),
    }
    if timeout(PAY_LAST_WITHIN, gateway.client().pay_nodes()).await.is_err() {
        tracing::warn!("nodes are owed for what was read last");
    }
    if let Some(till) = gateway.till() {
        till.close().await;
    }
}

/// Keeps the member list up to date: nodes come, move and go while a gateway runs.
async fn refresh(gateway: Gateway) {
    loop {
        sleep(REFRESH_EVERY).await;
        match gateway.client().refresh_members(REFRESH_WITHIN).await {
            Ok(refreshed) => tracing::debug!(news = refreshed.news, "the member list is up to date"),
            Err(error) => tracing::warn!(%error, "the member list may be old"),
        }
    }
}

/// Hands receipts to the ledger, again and again until it has them.
async fn hand_over(gateway: Gateway) {
    let Some(till) = gateway.till() else { return std::future::pending().await };
    loop {
        sleep(HAND_OVER_EVERY).await;
        loop {
            match till.hand_over().await {
                Ok(0) => break,
                Ok(records) => tracing::debug!(records, "handed to the ledger"),
                Err(error) => {
                    tracing::warn!(%error, "receipts wait");
                    break;
                }
            }
        }
    }
}

/// Pays nodes that sell what is read from them, where the gateway pays.
async fn pay_nodes(gateway: Gateway) {
    loop {
        sleep(PAY_EVERY).await;
        gateway.client().pay_nodes().await;
    }
}

async fn sweep(gateway: Gateway) {
    loop {
        sleep(SWEEP_EVERY).await;
        gateway.sweep().await;
    }
}

/// Serves `router` on `listener`; `admit` gives what a connection holds while it is open, or refuses it.
async fn serve_router<T: Send + 'static>(
    listener: TcpListener,
    router: Router,
    admit: impl Fn(SocketAddr) -> Option<T>,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = pin!(shutdown);
    let mut connections = JoinSet::new();
    let (places, graceful) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), GracefulShutdown::new());
    loop {
        let (stream, peer, place) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
        };
        if let (Some(admitted), Ok(connection)) = (admit(peer), Connection::new(stream)) {
            let serving = serve_connection(connection, Peer(peer), router.clone(), graceful.watcher());
            connections.spawn(async move {
                serving.await;
                drop((admitted, place));
            });
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    if timeout(SHUTDOWN_GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections cut off at shutdown");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let place = Arc::clone(places).acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, place),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection(connection: Connection, peer: Peer, router: Router, watcher: Watcher) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        answer(router.clone(), request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_header_size(HEADERS_LEN_MAX)
        .serve_connection(TokioIo::new(connection), service);
    if let Err(error) = watcher.watch(served).await {
        // A client that went away, or a body of ours that failed and was reported where it failed.
        tracing::debug!(%error, "connection ended out of order");
    }
}

async fn answer(router: Router, request: Request<Incoming>) -> Result<Response, Infallible> {
    router.oneshot(request).await
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use axum::body::Body;
    use axum::http::header::CONTENT_LENGTH;
    use axum::routing::get;
    use bytes::Bytes;
    use futures_util::stream;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;

    use super::*;

    /// A server of `router`, how to stop it, and how to wait for its end.
    async fn start(router: Router) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, (stop, stopped)) = (listener.local_addr().unwrap(), oneshot::channel());
        let server =
            tokio::spawn(serve_router(listener, router, |_| Some(()), async { drop(stopped.await) }));
        (address, stop, server)
    }

    async fn ask(address: SocketAddr, request: &str) -> (Vec<u8>, Option<ErrorKind>) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let end = stream.read_to_end(&mut answer).await.err().map(|error| error.kind());
        (answer, end)
    }

    /// Two chunks and then a failure, with what `Content-Length` promises.
    fn failing(promised: Option<u64>) -> Router {
        Router::new().route(
            "/",
            get(move || async move {
                let chunks =
                    [Ok(Bytes::from_static(b"first")), Ok(Bytes::from_static(b"second")), Err("gone")];
                let body = Body::from_stream(stream::iter(chunks));
                let mut response = Response::new(body);
                if let Some(len) = promised {
                    response.headers_mut().insert(CONTENT_LENGTH, len.into());
                }
                response
            }),
        )
    }

    #[tokio::test]
    async fn a_failed_body_resets_the_connection() {
        // 11 bytes are what was sent: even then the end must not look like one.
        for promised in [None, Some(100)] {
            let (address, _stop, _server) = start(failing(promised)).await;
            let (answer, end) = ask(address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
            assert_eq!(end, Some(ErrorKind::ConnectionReset), "{promised:?}");
            let text = String::from_utf8_lossy(&answer);
            assert!(!text.contains("\r\n0\r\n"), "the last chunk of a chunked body: {text}");
        }
    }

    #[tokio::test]
    async fn a_whole_answer_ends_in_order() {
        let (address, _stop, _server) = start(Router::new().route("/", get(|| async { "whole" }))).await;
        let (answer, end) = ask(address, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert_eq!(end, None);
        assert!(String::from_utf8(answer).unwrap().ends_with("\r\n\r\nwhole"));
    }

    #[tokio::test]
    async fn connections_that_are_not_admitted_are_reset() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let _server =
            tokio::spawn(serve_router(listener, Router::new(), |_| None::<()>, std::future::pending()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert!(stream.read(&mut [0]).await.is_err());
    }

    #[tokio::test]
    async fn headers_are_bounded() {
        let (address, _stop, _server) = start(Router::new().route("/", get(|| async { "whole" }))).await;
        let long = "x".repeat(HEADERS_LEN_MAX);
        let (answer, _) = ask(address, &format!("GET / HTTP/1.1\r\nHost: x\r\nLong: {long}\r\n\r\n")).await;
        assert!(answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
        let (answer, _) = ask(address, &format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert!(answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
        let many = "A: b\r\n".repeat(200);
        let (answer, _) = ask(address, &format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n")).await;
        assert!(answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    }

    #[tokio::test]
    async fn shutdown_lets_an_answer_end() {
        let (release, released) = oneshot::channel::<()>();
        let released = Arc::new(std::sync::Mutex::new(Some(released)));
        let slow = get(move || async move {
            let released = released.lock().unwrap().take().unwrap();
            drop(released.await);
            "late"
        });
        let (address, stop, server) = start(Router::new().route("/", slow)).await;
        let asked = tokio::spawn(async move { ask(address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await });
        sleep(Duration::from_millis(50)).await;
        stop.send(()).unwrap();
        sleep(Duration::from_millis(50)).await;
        assert!(TcpStream::connect(address).await.is_err(), "no new connections");
        release.send(()).unwrap();
        let (answer, end) = asked.await.unwrap();
        assert!(end.is_none() && answer.ends_with(b"late"));
        server.await.unwrap();
    }
}
