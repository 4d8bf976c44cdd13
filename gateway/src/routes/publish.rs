//! `POST /api/publish`: a film in the body becomes a publication of the gateway's own account.
//!
//! The film is kept in a file until it is packaged, since what describes it may stand at its end. Films are published one
//! after the other: packaging one takes a processor.

use std::path::Path;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::{Stream, stream};
use publishing::encode::Tools;
use publishing::{AttachedFile, Creator, IndexFile, Progress, PublishError, PublishRequest, Storing};
use serde::{Deserialize, Serialize};
use sharing::{FileName, MediaType, Title};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::blob::{authorized, reader, too_large};
use crate::config::UploadConfig;
use crate::films::{Film, FilmError, FilmFolder};
use crate::gateway::Gateway;
use crate::problem::{Code, Problem};
use crate::trouble::put_problem;

/// About how long a segment lasts, in seconds.
const SEGMENT_SECONDS: u32 = 4;

/// Bytes of an upload that are written at a time.
const BLOCK_LEN: usize = 1 << 18;

/// What an uploader may say in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wishes {
    title: String,
}

/// One line of the answer.
#[derive(Debug, Clone, Default, Serialize)]
struct Event {
    stage: &'static str,
    /// From 0 to 1.
    fraction: f64,
    /// Path of the page that plays it, at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    watch: Option<String>,
    /// Why it was not published, at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Whether films can be uploaded here.
#[utoipa::path(get, path = "/api/publish", tag = "publications",
    responses((status = 204, description = "they can"), (status = 404, description = "they cannot")))]
pub(super) async fn offered(State(gateway): State<Gateway>) -> Result<StatusCode, Problem> {
    let is_offered = gateway.config().uploads.is_some() && gateway.films().is_some();
    is_offered.then_some(StatusCode::NO_CONTENT).ok_or_else(films_off)
}

/// Publishes the film in the body, and tells how far that has come.
#[utoipa::path(
    post, path = "/api/publish", tag = "publications",
    params(("title" = String, Query, description = "1 to 200 bytes")),
    request_body(content = Vec<u8>, content_type = "video/mp4"),
    responses((status = 200, description = "lines of JSON: stage (packaging, storing, done), fraction, and at the end watch or error"),
        (status = 401), (status = 404), (status = 413), (status = 503, description = "no room for another film now")),
)]
pub(super) async fn publish(
    State(gateway): State<Gateway>,
    wishes: Result<Query<Wishes>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let uploads = authorized(&gateway, &headers)?;
    let films = gateway.films().ok_or_else(films_off)?;
    let bad = |text: String| Problem::new(Code::BadRequest, text);
    let Query(wishes) = wishes.map_err(|error| bad(error.body_text()))?;
    let title = Title::new(wishes.title).map_err(|error| bad(error.to_string()))?;
    if body.size_hint().lower() > uploads.len_max {
        return Err(too_large(uploads.len_max));
    }
    let film = receive(&gateway, uploads, films, body).await?;
    let (progress, told) = watch::channel(Event { stage: "packaging", ..Event::default() });
    let publishing = tokio::spawn(make(gateway.clone(), film, title, progress));
    let lines = lines(told, AbortOnDropHandle::new(publishing));
    let kind = [(CONTENT_TYPE, "application/x-ndjson"), (CACHE_CONTROL, "no-store")];
    Ok((kind, Body::from_stream(lines)).into_response())
}

/// The body in a file, which is removed when it is dropped.
async fn receive(
    gateway: &Gateway,
    uploads: &UploadConfig,
    films: &FilmFolder,
    body: Body,
) -> Result<Film, Problem> {
    let mut film = films.begin(body.size_hint().lower()).map_err(not_kept)?;
    let mut source = reader(body, uploads.len_max, gateway.metrics().received.clone());
    let mut output = tokio::fs::File::from_std(film.file().map_err(|error| not_kept(error.into()))?);
    let (mut block, mut len) = (Vec::with_capacity(BLOCK_LEN), 0);
    loop {
        let read = (&mut source).take(BLOCK_LEN as u64).read_buf(&mut block).await;
        if read.map_err(|error| put_problem(&client::PutError::Input(error)))? == 0 {
            break;
        }
        len += block.len() as u64;
        film.hold(len).map_err(not_kept)?;
        output.write_all(&block).await.map_err(|error| not_kept(error.into()))?;
        block.clear();
    }
    output.flush().await.map_err(|error| not_kept(error.into()))?;
    Ok(film)
}

fn not_kept(error: FilmError) -> Problem {
    match error {
        FilmError::TooMany | FilmError::TooLong(_) => Problem::new(Code::Busy, error.to_string()),
        FilmError::Disk(error) => {
            tracing::error!(%error, "no file for an upload");
            Problem::new(Code::Internal, "the gateway cannot keep the film meanwhile")
        }
    }
}

/// Publishes the film here; what is sent last says how it went.
async fn make(gateway: Gateway, film: Film, title: Title, progress: watch::Sender<Event>) {
    let turn = gateway.film_turn().await;
    let made = publish_film(&gateway, film.path(), title, &progress).await;
    drop(turn);
    progress.send_replace(match made {
        Ok(watch) => Event { stage: "done", fraction: 1.0, watch: Some(watch), error: None },
        Err(error) => Event { stage: "done", error: Some(error), ..Event::default() },
    });
}

/// The film as it came, when it carries content credentials: what is packaged anew does not.
fn original(film: &Path) -> Result<Vec<AttachedFile>, String> {
    if !publishing::carries_credentials(film).map_err(|_| "the film cannot be read".to_owned())? {
        return Ok(Vec::new());
    }
    let name = FileName::new("original").expect("it is a name");
    let media_type = MediaType::new("application/octet-stream").expect("it is a type");
    Ok(vec![AttachedFile { path: film.to_owned(), name, media_type }])
}

/// The path of the page that plays it, or why there is none.
async fn publish_film(
    gateway: &Gateway,
    film: &Path,
    title: Title,
    progress: &watch::Sender<Event>,
) -> Result<String, String> {
    let config = gateway.config();
    let (Some(uploads), Some(films), Some(folder)) = (&config.uploads, &config.films, gateway.films()) else {
        unreachable!("it was looked for before the film was received")
    };
    let creator = Creator::new(uploads.account.clone());
    let mut index = IndexFile::open(&films.index).map_err(|error| error.to_string())?;
    let keep = Duration::from_secs(uploads.keep_s);
    let storing = Storing { client: gateway.client().clone(), coding: uploads.coding, keep };
    let request = PublishRequest {
        file: film.to_owned(),
        title,
        by: None,
        about: None,
        language: None,
        ledger: None,
        subtitles: Vec::new(),
        chapters: Vec::new(),
        cover: None,
        attachments: original(film)?,
        segment_seconds: SEGMENT_SECONDS,
        listed: true,
        ladder: false,
        tools: Tools::find().await.ok(),
        work_folder: folder.path().to_owned(),
    };
    let published = publishing::publish(&storing, &creator, &mut index, &request, |step| {
        progress.send_if_modified(|event| event.advance(&step));
    });
    // The uploader knows no path of ours.
    let in_words = |error: PublishError| error.to_string().replace(&film.display().to_string(), "the film");
    let published = published.await.map_err(in_words)?;
    let kept = gateway.publications().offer_own(gateway.live(), published.record).await;
    kept.map(|summary| summary.watch).map_err(|problem| problem.detail().to_owned())
}

impl Event {
    /// Takes a step in; false when nobody would see a difference.
    fn advance(&mut self, step: &Progress) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a bar has a few hundred places")]
        let part = |done: u64, total: u64| done as f64 / total.max(1) as f64;
        let (stage, fraction) = match step {
            Progress::Hashing { done, total } => ("packaging", part(*done, *total)),
            Progress::Encoding { done, .. } => ("packaging", *done),
            Progress::Storing { done, total, .. } => ("storing", part(*done, *total)),
            Progress::Known { .. } => return false,
            Progress::Finishing => ("storing", 1.0),
        };
        let is_seen = stage != self.stage || (fraction - self.fraction).abs() >= 0.01;
        if is_seen {
            (self.stage, self.fraction) = (stage, fraction);
        }
        is_seen
    }
}

/// What is told, a line each, until it is done. Who stops reading stops the publication.
fn lines(
    told: watch::Receiver<Event>,
    publishing: AbortOnDropHandle<()>,
) -> impl Stream<Item = Result<Bytes, serde_json::Error>> {
    stream::unfold(Some((told, publishing)), |state| async {
        let (mut told, publishing) = state?;
        // A task that panics closes the channel without a last word; the body then ends without one too.
        told.changed().await.ok()?;
        let event = told.borrow_and_update().clone();
        let is_last = event.stage == "done";
        let line = serde_json::to_vec(&event).map(|mut line| {
            line.push(b'\n');
            Bytes::from(line)
        });
        Some((line, (!is_last).then_some((told, publishing))))
    })
}

fn films_off() -> Problem {
    Problem::new(Code::NotPublished, "this gateway takes no films")
}
