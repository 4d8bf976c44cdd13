//! The server: what it is made of, and the accept loop.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use account::{Account, KeyStore, LocalError};
use chunker::Coding;
use client::Client;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use quick_cache::sync::Cache;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::admission::Admission;
use crate::credentials::Credentials;
use crate::service::Service;
use crate::shelf::Shelf;
use crate::spool::{Spool, SpoolError};
use crate::storage::{OPENED_MAX, PUT_SHARES, Storage};
use crate::turns::Turns;
use crate::writer::Writer;

/// Connections open at a time; further ones wait in the listener's queue.
const CONNECTIONS_MAX: usize = 512;
/// A request's headers must have arrived by then, and an idle connection is closed.
const HEADERS_TIMEOUT: Duration = Duration::from_mins(1);
/// Requests under way at shutdown may go on for this long.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(20);
/// After a failed accept (too many open files, mostly) the next attempt waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Nodes are asked whom they know this often.
const REFRESH_EVERY: Duration = Duration::from_secs(30);
/// How long they may take to say so.
const REFRESH_WITHIN: Duration = Duration::from_secs(20);
/// Uploads that were given up are looked for this often.
const TIDY_EVERY: Duration = Duration::from_hours(1);

/// What a server works with.
#[derive(Debug)]
pub struct ServerConfig {
    /// Whose files they are.
    pub account: Account,
    /// Keys that do not follow from the account.
    pub keys: KeyStore,
    /// The folder of the account's index on this machine.
    pub index: PathBuf,
    /// The folder of parts of uploads.
    pub spool: PathBuf,
    /// Bytes of parts that may wait there.
    pub spool_len_max: u64,
    /// Data and parity shards of what is put.
    pub coding: Coding,
    /// The same for the index.
    pub index_coding: Coding,
    /// How long nodes are to keep what is put, in seconds.
    pub keep_s: u64,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The index on this machine.
    #[error(transparent)]
    Index(#[from] LocalError),
    /// The folder of uploads.
    #[error("the folder of uploads: {0}")]
    Spool(io::Error),
}

/// Serves S3 to the clients of one machine.
#[derive(Debug)]
pub struct Server {
    storage: Arc<Storage>,
    credentials: Credentials,
    writer: tokio::task::JoinHandle<()>,
}

impl Server {
    /// A server over this network. Must be called within a runtime.
    pub fn start(config: ServerConfig, client: Client) -> Result<Self, StartError> {
        let credentials = Credentials::of(&config.account);
        let spool = Spool::open(config.spool, config.account.clone(), config.spool_len_max);
        let spool = spool.map_err(into_start_error)?;
        let shelf = Arc::new(Shelf::open(config.index.clone())?);
        let writer = Writer {
            client: client.clone(),
            account: config.account.clone(),
            keys: config.keys.clone(),
            folder: config.index,
            coding: config.index_coding,
            shelf: shelf.clone(),
        };
        let (orders, writing) = writer.start();
        let storage = Storage {
            client,
            account: config.account,
            keys: config.keys,
            shelf,
            orders,
            spool,
            coding: config.coding,
            keep_s: config.keep_s,
            opened: Cache::new(OPENED_MAX),
            puts: Semaphore::new(PUT_SHARES),
            turns: Turns::default(),
        };
        Ok(Self { storage: Arc::new(storage), credentials, writer: tokio::spawn(writing) })
    }

    /// What clients sign with.
    pub const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Serves on `listener` until `shutdown` completes and what is under way has ended, or 20 s have passed.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let mut builder = S3ServiceBuilder::new(Service(self.storage.clone()));
        builder.set_auth(self.credentials.clone());
        tokio::select! {
            () = serve_connections(listener, builder.build(), shutdown) => {}
            () = refresh(&self.storage) => unreachable!("it has no end"),
            () = tidy(&self.storage) => unreachable!("it has no end"),
        }
        // With the storage goes the last who could give orders, and the writer ends after those that were given.
        drop(self.storage);
        if timeout(SHUTDOWN_GRACE, self.writer).await.is_err() {
            tracing::warn!(
                "stopped while the index was written, or an upload completed: the rest follows at the next start, or when its client asks"
            );
        }
    }
}

async fn serve_connections(listener: TcpListener, service: S3Service, shutdown: impl Future<Output = ()>) {
    let listens = listener.local_addr().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |addr| addr.ip());
    let admission = Admission { listens };
    let mut shutdown = pin!(shutdown);
    let mut connections = JoinSet::new();
    let (places, graceful) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), GracefulShutdown::new());
    loop {
        let (stream, place) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
        };
        // The head of an answer and the end of a body must not wait for an acknowledgement.
        stream.set_nodelay(true).ok();
        let service = service.clone();
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_TIMEOUT)
            .serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| admission.answer(service.clone(), request)),
            );
        let watched = graceful.watch(connection);
        connections.spawn(async move {
            if let Err(error) = watched.await {
                // A client that went away, or a body of ours that failed and was reported where it failed.
                tracing::debug!(%error, "connection ended out of order");
            }
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    if timeout(SHUTDOWN_GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections cut off at shutdown");
    }
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    let place = Arc::clone(places).acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Keeps the member list up to date: nodes come, move and go while a server runs.
async fn refresh(storage: &Storage) {
    loop {
        sleep(REFRESH_EVERY).await;
        match storage.client.refresh_members(REFRESH_WITHIN).await {
            Ok(refreshed) => tracing::debug!(news = refreshed.news, "the member list is up to date"),
            Err(error) => tracing::warn!(%error, "the member list may be old"),
        }
    }
}

async fn tidy(storage: &Arc<Storage>) {
    loop {
        sleep(TIDY_EVERY).await;
        let storage = storage.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || storage.spool.tidy()).await {
            tracing::warn!(%error, "the folder of uploads cannot be tidied");
        }
    }
}

fn into_start_error(error: SpoolError) -> StartError {
    match error {
        SpoolError::Io(error) => StartError::Spool(error),
        other => StartError::Spool(io::Error::other(other)),
    }
}
