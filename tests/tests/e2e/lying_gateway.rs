//! A gateway that lies: a proxy before an honest one, which sends of some paths what it likes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Bytes of a piece of what never ends.
const PIECE_LEN: usize = 64 << 10;

/// What is sent instead of the truth.
#[derive(Debug, Clone)]
pub(crate) enum Lie {
    /// One bit is another one.
    Flip,
    /// The last byte is missing.
    Cut,
    /// A byte follows.
    Longer,
    /// What is at another path, below the publication.
    Other(&'static str),
    /// Bytes without end.
    Endless,
    /// Bytes without end, after a length that nobody has room for.
    Huge,
    /// Half of it, and the connection breaks.
    Break,
    /// Half of it, and then nothing.
    Stall,
    /// Nothing at all.
    Silence,
    /// A redirection to the same path.
    Circle,
    /// A status alone.
    Status(u16),
}

type Lies = dyn Fn(&str) -> Option<Lie> + Send + Sync;

/// A proxy that lies until it is dropped.
pub(crate) struct LyingGateway {
    addr: SocketAddr,
    answering: Arc<Answering>,
    serving: JoinHandle<()>,
}

struct Answering {
    honest: SocketAddr,
    http: reqwest::Client,
    lies: Box<Lies>,
    asked: Mutex<Vec<String>>,
}

impl LyingGateway {
    /// A proxy before `honest`; `lies` is asked of every path what to send, below `/watch/{id}/`.
    pub(crate) async fn start(
        honest: SocketAddr,
        lies: impl Fn(&str) -> Option<Lie> + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let (http, asked) = (reqwest::Client::new(), Mutex::default());
        let answering = Arc::new(Answering { honest, http, lies: Box::new(lies), asked });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let app = Router::new().fallback(answer).with_state(Arc::clone(&answering));
        let serving = tokio::spawn(async move { drop(axum::serve(listener, app).await) });
        Ok(Self { addr, answering, serving })
    }

    pub(crate) fn url(&self) -> anyhow::Result<Url> {
        Ok(Url::parse(&format!("http://{}", self.addr))?)
    }

    /// The paths it was asked for, below `/watch/{id}/`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.answering.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for LyingGateway {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(answering): State<Arc<Answering>>, question: Request) -> Response {
    let path = question.uri().path().to_owned();
    let (publication, part) = split(&path);
    answering.asked.lock().unwrap_or_else(PoisonError::into_inner).push(part.to_owned());
    match (answering.lies)(part) {
        None => answering.truth(&path).await.into_response(),
        Some(Lie::Other(other)) => answering.truth(&format!("{publication}{other}")).await.into_response(),
        Some(Lie::Endless) => Body::from_stream(endless()).into_response(),
        Some(Lie::Huge) => {
            let len = HeaderValue::from_static("1125899906842624");
            ([(CONTENT_LENGTH, len)], Body::from_stream(endless())).into_response()
        }
        Some(Lie::Silence) => std::future::pending().await,
        Some(Lie::Circle) => (StatusCode::FOUND, [(LOCATION, path)]).into_response(),
        Some(Lie::Status(status)) => {
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
        }
        Some(lie) => altered(&lie, &answering.truth(&path).await),
    }
}

/// The publication's part of a path, and what follows.
fn split(path: &str) -> (&str, &str) {
    let end = path.match_indices('/').nth(2).map_or(path.len(), |(at, _)| at + 1);
    path.split_at(end)
}

fn altered(lie: &Lie, truth: &Bytes) -> Response {
    let (mut bytes, half) = (truth.to_vec(), truth.len() / 2);
    match lie {
        Lie::Flip => bytes[half] ^= 1,
        Lie::Cut => bytes.truncate(bytes.len() - 1),
        Lie::Longer => bytes.push(0),
        Lie::Break | Lie::Stall => {
            let first = stream::iter([Ok::<_, std::io::Error>(truth.slice(..half))]);
            let then = if matches!(lie, Lie::Break) {
                stream::iter([Err(std::io::ErrorKind::BrokenPipe.into())]).boxed()
            } else {
                stream::pending().boxed()
            };
            let len = HeaderValue::from(truth.len());
            return ([(CONTENT_LENGTH, len)], Body::from_stream(first.chain(then))).into_response();
        }
        other => unreachable!("{other:?} does not alter what is true"),
    }
    bytes.into_response()
}

fn endless() -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> + Send {
    stream::repeat(Bytes::from(vec![0; PIECE_LEN])).map(Ok)
}

impl Answering {
    async fn truth(&self, path: &str) -> Bytes {
        let answer = self.http.get(format!("http://{}{path}", self.honest)).send().await;
        let answer = answer.expect("the honest gateway answers");
        answer.bytes().await.expect("the honest gateway answers to the end")
    }
}
