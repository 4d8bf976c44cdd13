//! What players are answered: playlists that follow from the bundle, and segments that were verified.
//!
//! Every address begins with a secret, so that neither other users of this machine nor pages in a browser watch on this account.

use std::collections::HashMap;
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
use publishing::playlists::{Form, PlaylistError, master, media};
use serde::Serialize;
use sharing::{Bundle, Track, TrackId, VerifiedBytes};
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;

use super::fare::Fare;
use super::shelf::{Cell, Shelf};
use super::stream::Piece;

const MASTER: &str = "master.m3u8";
const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";
/// How long answers that have begun may take once the program is to end.
const END_WITHIN: Duration = Duration::from_secs(2);

/// One title for the players of this machine.
#[derive(Debug)]
pub(crate) struct Proxy {
    secret: String,
    bundle: Bundle,
    playlists: HashMap<String, Bytes>,
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
    /// Plays what `bundle` describes; with a fare it is paid for.
    pub(crate) fn new(
        bundle: Bundle,
        download: Download,
        fare: Option<Arc<Fare>>,
    ) -> Result<Self, PlaylistError> {
        let mut playlists = HashMap::from([(MASTER.to_owned(), master(&bundle)?.into())]);
        for track in bundle.tracks() {
            let text = media(track, Form::Segments)?.unwrap_or_default();
            playlists.insert(format!("{}.m3u8", track.id()), text.into());
        }
        let secret = HEXLOWER.encode(&rand::random::<[u8; 16]>());
        let (shelf, served) = (Mutex::default(), Mutex::default());
        Ok(Self { secret, bundle, playlists, download, fare, shelf, served })
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
    pub(super) const fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The same as a player is answered: a segment of a track, or its init section.
    pub(super) async fn part(
        &self,
        track: &TrackId,
        number: Option<u32>,
    ) -> Result<Option<VerifiedBytes>, DownloadError> {
        match self.bundle.track(track.as_str()) {
            Some(track) => self.fetch(track, number).await,
            None => Ok(None),
        }
    }

    fn is_secret(&self, shown: &str) -> bool {
        self.secret.as_bytes().ct_eq(shown.as_bytes()).into()
    }

    /// A part that was verified, and paid for where it has to be.
    async fn fetch(
        &self,
        track: &Track,
        number: Option<u32>,
    ) -> Result<Option<VerifiedBytes>, DownloadError> {
        let part = match number {
            Some(number) => Part::segment(track, number),
            None => Part::init(track),
        };
        let Some(part) = part else { return Ok(None) };
        let fetched = self.cell(track.id(), number, part.len());
        fetched.get_or_try_init(|| self.fetch_part(track, number, &part)).await.cloned().map(Some)
    }

    async fn fetch_part(
        &self,
        track: &Track,
        number: Option<u32>,
        part: &Part,
    ) -> Result<VerifiedBytes, DownloadError> {
        self.download.pardon();
        let piece = number.and_then(|number| Piece::segment(track, number));
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

    fn cell(&self, track: &TrackId, number: Option<u32>, len: u64) -> Cell {
        let mut parts = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        parts.cell((track.clone(), number), len)
    }
}

async fn playlist(
    State(proxy): State<Arc<Proxy>>,
    Path((secret, file)): Path<(String, String)>,
) -> Result<Response, StatusCode> {
    let text = proxy.playlists.get(&file).filter(|_| proxy.is_secret(&secret));
    Ok(answer(PLAYLIST_TYPE, text.ok_or(StatusCode::NOT_FOUND)?.clone()))
}

async fn part(
    State(proxy): State<Arc<Proxy>>,
    Path((secret, track, part)): Path<(String, String, String)>,
    method: Method,
) -> Result<Response, Response> {
    let nothing = || StatusCode::NOT_FOUND.into_response();
    let track = proxy.bundle.track(&track).filter(|_| proxy.is_secret(&secret)).ok_or_else(nothing)?.clone();
    let number = if part == "init.mp4" { None } else { Some(number(&track, &part).ok_or_else(nothing)?) };
    let media_type = track.kind().media_type();
    if method == Method::HEAD {
        let len = match number {
            Some(number) => track.segment(number).map(|place| place.len()),
            None => track.init().map(|init| init.len().get()),
        };
        return Ok(
            ([(CONTENT_LENGTH, len.ok_or_else(nothing)?)], [(CONTENT_TYPE, media_type)]).into_response()
        );
    }
    // What has begun is counted and acknowledged, though the player hangs up.
    let fetching = tokio::spawn(async move { proxy.fetch(&track, number).await });
    match fetching.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())? {
        Ok(Some(bytes)) => Ok(answer(media_type, bytes.into_bytes())),
        Ok(None) => Err(nothing()),
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

/// The number in the name of a segment.
fn number(track: &Track, file: &str) -> Option<u32> {
    let (digits, ending) = file.split_once('.')?;
    (ending == track.kind().segment_ending()).then(|| digits.parse().ok())?
}
