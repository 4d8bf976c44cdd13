//! What players are answered: playlists that follow from the bundle, and segments that were verified.
//!
//! Every address begins with a secret, so that neither other users of this machine nor pages in a browser watch on this account.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use data_encoding::HEXLOWER;
use publishing::download::{Download, DownloadError, Part};
use serde::Serialize;
use sharing::VerifiedBytes;
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;

use super::fare::Fare;
use super::shelf::Shelf;
use super::show::{Asked, Content, MASTER, Show};
use super::stream::Piece;

const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";
/// How long answers that have begun may take once the program is to end.
const END_WITHIN: Duration = Duration::from_secs(2);

/// One title for the players of this machine.
#[derive(Debug)]
pub(crate) struct Proxy {
    secret: String,
    show: Show,
    download: Download,
    fare: Option<Arc<Fare>>,
    shelf: Mutex<Shelf>,
    served: Mutex<Served>,
}

/// The segments that were fetched for players.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Served {
    pub(crate) segments: u64,
    pub(crate) bytes: u64,
}

impl Proxy {
    /// Plays a title; with a fare it is paid for.
    pub(crate) fn new(show: Show, download: Download, fare: Option<Arc<Fare>>) -> Self {
        let secret = HEXLOWER.encode(&rand::random::<[u8; 16]>());
        let (shelf, served) = (Mutex::default(), Mutex::default());
        Self { secret, show, download, fare, shelf, served }
    }

    /// Where a player begins, below the address of the listener.
    pub(crate) fn path(&self) -> String {
        format!("/{}/{MASTER}", self.secret)
    }

    /// Answers players until `ended`.
    pub(crate) async fn serve(
        self: &Arc<Self>,
        listener: TcpListener,
        ended: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let router = Router::new()
            .route("/{secret}/{file}", get(playlist))
            .route("/{secret}/{track}/{part}", get(part))
            .with_state(Arc::clone(self));
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
            ended.await;
            drop(tell);
        });
        let overdue = async {
            // It closes without a message; closing is the message.
            let _closed = told.await;
            tokio::time::sleep(END_WITHIN).await;
        };
        tokio::select! {
            served = serving.into_future() => served,
            () = overdue => Ok(()),
        }
    }

    /// What was fetched so far.
    pub(crate) fn served(&self) -> Served {
        *self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is played.
    pub(crate) const fn show(&self) -> &Show {
        &self.show
    }

    fn is_secret(&self, shown: &str) -> bool {
        self.secret.as_bytes().ct_eq(shown.as_bytes()).into()
    }

    /// What was asked for, verified, and paid for where it has to be.
    pub(super) async fn fetch(&self, asked: Asked) -> Result<Bytes, DownloadError> {
        let Asked { track, number, content, .. } = asked;
        let (part, piece) = match content {
            Content::Here(bytes) => return Ok(bytes),
            Content::There(part, piece) => (part, piece),
        };
        let cell = {
            let mut parts = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
            parts.cell((track, number), part.len())
        };
        let fetched = cell.get_or_try_init(|| self.fetch_part(number, &part, piece)).await.cloned();
        fetched.map(VerifiedBytes::into_bytes)
    }

    async fn fetch_part(
        &self,
        number: Option<u32>,
        part: &Part,
        piece: Option<Piece>,
    ) -> Result<VerifiedBytes, DownloadError> {
        self.download.pardon();
        let bytes = match (&self.fare, piece) {
            (Some(fare), Some(piece)) => {
                let attempt = async |gateway| fare.part(&self.download, gateway, part, &piece).await;
                self.download.part_by(part, attempt).await?
            }
            _ => self.download.part(part).await?,
        };
        if number.is_some() {
            let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
            served.segments += 1;
            served.bytes += part.len();
        }
        Ok(bytes)
    }
}

async fn playlist(
    State(proxy): State<Arc<Proxy>>,
    Path((secret, file)): Path<(String, String)>,
) -> Result<Response, StatusCode> {
    let nothing = StatusCode::NOT_FOUND;
    if !proxy.is_secret(&secret) {
        return Err(nothing);
    }
    let text = proxy.show.playlist(&file).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(answer(PLAYLIST_TYPE, text.ok_or(nothing)?))
}

async fn part(
    State(proxy): State<Arc<Proxy>>,
    Path((secret, track, part)): Path<(String, String, String)>,
    method: Method,
) -> Result<Response, Response> {
    let asked = proxy.show.file(&track, &part).filter(|_| proxy.is_secret(&secret));
    let asked = asked.ok_or_else(|| StatusCode::NOT_FOUND.into_response())?;
    let media_type = asked.media_type;
    if method == Method::HEAD {
        let len = asked.content.len();
        return Ok(([(CONTENT_LENGTH, len)], [(CONTENT_TYPE, media_type)]).into_response());
    }
    // What has begun is counted and acknowledged, though the player hangs up.
    let fetching = tokio::spawn(async move { proxy.fetch(asked).await });
    match fetching.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())? {
        Ok(bytes) => Ok(answer(media_type, bytes)),
        Err(error) => Err((status(&error), error.to_string()).into_response()),
    }
}

fn answer(media_type: &'static str, bytes: Bytes) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        // The address changes with every run.
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, bytes).into_response()
}

fn status(error: &DownloadError) -> StatusCode {
    match error {
        DownloadError::Unpaid(_) => StatusCode::PAYMENT_REQUIRED,
        DownloadError::NoGateway { .. } => StatusCode::BAD_GATEWAY,
        DownloadError::Client(_) | DownloadError::Write(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
