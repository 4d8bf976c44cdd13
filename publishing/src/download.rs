//! Reading a publication out of gateways that nobody has to trust.
//!
//! ```text
//! id → record, bundle (its hash is the id) → segment: length and BLAKE3 as the bundle says → written
//! ```
//!
//! The id is all that must be right. Whatever a gateway sends is bounded by what the bundle says, never by what the gateway says, and is
//! checked before anybody sees it; one that sends something else is named, and not asked again while there are others.

mod address;
mod choice;
mod fault;
mod http;
mod part;
mod standing;
mod window;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::limits::RECORD_LEN_MAX;
use reqwest::Url;
use sharing::{
    Attachment, BUNDLE_LEN_MAX, ContentHash, LiveId, PublicationId, PublishedBundle, SharingRecord, Track,
    VerifiedBytes,
};
use tokio::io::{AsyncSeekExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_util::task::AbortOnDropHandle;

pub use self::address::{LiveAddress, WatchAddress, WatchAddressError};
pub use self::choice::usual_tracks;
pub use self::fault::{Fault, Mishap};
use self::http::Http;
pub use self::part::Part;
use self::part::parts;
use self::standing::Standing;
use self::window::Window;

/// How long a gateway that failed is left alone before it is asked for the same again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// How long a gateway may send nothing, unless its caller knows better.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The gateways out of which one publication is read. Clones share what was learned about them.
#[derive(Clone, Debug)]
pub struct Download(Arc<Inner>);

struct Inner {
    http: Http,
    title: Title,
    gateways: Vec<Url>,
    standing: Mutex<Standing>,
    told: Box<dyn Fn(&Mishap) + Send + Sync>,
}

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Title {
    Publication(PublicationId),
    Live(LiveId),
}

/// Why something was not downloaded.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// No HTTP client can be made.
    #[error("no HTTP client can be made: {0}")]
    Client(reqwest::Error),
    /// Every gateway has lied, refused, or failed too often.
    #[error("no gateway delivers {part} as it was published; {last}")]
    NoGateway {
        /// What was asked for.
        part: String,
        /// What the last one did, in words.
        last: String,
    },
    /// What was read cannot be written.
    #[error("cannot write what was read: {0}")]
    Write(#[from] io::Error),
    /// Nobody pays for it any more.
    #[error("{0}")]
    Unpaid(String),
}

/// What came of one part out of one gateway.
#[derive(Debug)]
pub struct Delivery {
    /// Bytes that came, whether they are all of it or not.
    pub came: u64,
    /// The part, or what was wrong.
    pub part: Result<VerifiedBytes, Fault>,
}

impl Download {
    /// The publication `id` out of `gateways`, the first of which is asked first. None of them may be silent for longer than `patience`;
    /// `told` hears of everything that one of them did wrong.
    pub fn new(
        id: PublicationId,
        gateways: Vec<Url>,
        patience: Duration,
        told: impl Fn(&Mishap) + Send + Sync + 'static,
    ) -> Result<Self, DownloadError> {
        Self::of(Title::Publication(id), gateways, patience, Box::new(told))
    }

    /// The same of segments of the live stream `id`, whose prelude and records somebody else has.
    pub fn live(
        id: LiveId,
        gateways: Vec<Url>,
        patience: Duration,
        told: impl Fn(&Mishap) + Send + Sync + 'static,
    ) -> Result<Self, DownloadError> {
        Self::of(Title::Live(id), gateways, patience, Box::new(told))
    }

    fn of(
        title: Title,
        gateways: Vec<Url>,
        patience: Duration,
        told: Box<dyn Fn(&Mishap) + Send + Sync>,
    ) -> Result<Self, DownloadError> {
        let http = Http::new(patience).map_err(DownloadError::Client)?;
        let standing = Mutex::new(Standing::new(gateways.len()));
        Ok(Self(Arc::new(Inner { http, title, gateways, standing, told })))
    }

    /// The bundle, once its hash is the id and its creator vouches for it.
    pub async fn bundle(&self) -> Result<PublishedBundle, DownloadError> {
        self.ask("record and bundle", |gateway| self.bundle_from(gateway)).await
    }

    /// Writes all bytes of a track in order, none of them before it was verified; `progress` hears how many more were written.
    pub async fn track(
        &self,
        track: &Track,
        mut to: impl AsyncWrite + Unpin,
        mut progress: impl FnMut(u64),
    ) -> Result<(), DownloadError> {
        let (mut parts, mut window) = (parts(track).peekable(), Window::default());
        loop {
            while let Some(part) = parts.next_if(|part| window.has_room(part.len())) {
                let (download, len) = (self.clone(), part.len());
                let fetch = async move { download.part(&part).await };
                window.push(len, AbortOnDropHandle::new(tokio::spawn(fetch)));
            }
            let Some(fetched) = window.next().await else { break };
            let bytes = fetched?.into_bytes();
            to.write_all(&bytes).await?;
            progress(bytes.len() as u64);
        }
        Ok(to.flush().await?)
    }

    /// Writes a file that comes with the publication into an empty `file`, which is right only when this has succeeded: it may be
    /// longer than memory is, so its bytes are written as they come. `progress` hears its length at the end.
    pub async fn attachment(
        &self,
        attachment: &Attachment,
        file: &std::fs::File,
        mut progress: impl FnMut(u64),
    ) -> Result<(), DownloadError> {
        let (name, expected) = (attachment.name.as_str(), &attachment.file);
        self.ask(name, |gateway| async move {
            let url = self.url(&gateway, ["attachments", name]);
            let mut body = self.0.http.get(url, Some(expected.len), expected.len).await?;
            let (mut to, mut hasher) = (tokio::fs::File::from_std(file.try_clone()?), blake3::Hasher::new());
            to.set_len(0).await?;
            to.rewind().await?;
            while let Some(chunk) = body.next().await? {
                hasher.update(&chunk);
                to.write_all(&chunk).await?;
            }
            to.flush().await?;
            let found = (body.taken(), ContentHash::from_bytes(hasher.finalize().into()));
            let expected = (expected.len, expected.hash);
            if found == expected { Ok(()) } else { Err(Fault::between(found, expected)) }
        })
        .await?;
        progress(expected.len);
        Ok(())
    }

    /// One part, verified.
    pub async fn part(&self, part: &Part) -> Result<VerifiedBytes, DownloadError> {
        self.part_by(part, |gateway| async move { self.part_from(&gateway, part, None).await.part }).await
    }

    /// The same where `attempt` asks the gateway that it is given, as who pays does: see [`Self::part_from`].
    pub async fn part_by<A: Future<Output = Result<VerifiedBytes, Fault>>>(
        &self,
        part: &Part,
        attempt: impl Fn(Url) -> A,
    ) -> Result<VerifiedBytes, DownloadError> {
        self.ask(&part.name(), attempt).await
    }

    /// One part out of one gateway, within a session that pays for it (spec §26).
    pub async fn part_from(&self, gateway: &Url, part: &Part, session: Option<&str>) -> Delivery {
        let (url, len) = (self.url(gateway, part.path()), part.len());
        match self.0.http.get_within(url, session, Some(len), len).await {
            Err(fault) => Delivery { came: 0, part: Err(fault) },
            Ok(mut body) => {
                let bytes = body.whole().await;
                Delivery { came: body.taken(), part: bytes.and_then(|bytes| part.verify(&bytes)) }
            }
        }
    }

    /// Gateways that have only failed, and not lied, get another chance where none is left: for whoever reads for hours.
    pub fn pardon(&self) {
        self.standing().pardon();
    }

    async fn bundle_from(&self, gateway: Url) -> Result<PublishedBundle, Fault> {
        let get = async |name: &str, len_max: usize| {
            let mut body = self.0.http.get(self.url(&gateway, [name]), None, len_max as u64).await?;
            body.whole().await
        };
        // Which network it was published on does not matter here: the id says what it is.
        let record = match SharingRecord::decode(&get("record", RECORD_LEN_MAX).await?)? {
            SharingRecord::Publication(record)
                if self.0.title == Title::Publication(record.body().bundle) =>
            {
                record
            }
            other => return Err(Fault::OtherRecord { kind: other.kind() }),
        };
        Ok(PublishedBundle::new(record, &get("bundle", BUNDLE_LEN_MAX).await?)?)
    }

    /// Asks one gateway after another until one answers as it must.
    async fn ask<T, A: Future<Output = Result<T, Fault>>>(
        &self,
        part: &str,
        attempt: impl Fn(Url) -> A,
    ) -> Result<T, DownloadError> {
        let mut tries = vec![0; self.0.gateways.len()];
        let mut last = "all have failed before".to_owned();
        while let Some(number) = self.next_gateway(&tries) {
            if tries[number] > 0 {
                tokio::time::sleep(RETRY_AFTER).await;
            }
            tries[number] += 1;
            let gateway = &self.0.gateways[number];
            let fault = match attempt(gateway.clone()).await {
                Ok(answer) => {
                    self.standing().succeeded(number);
                    return Ok(answer);
                }
                Err(Fault::Write(error)) => return Err(error.into()),
                Err(Fault::Unpaid(reason)) => return Err(DownloadError::Unpaid(reason)),
                Err(fault) => fault,
            };
            self.standing().failed(number, fault.is_definite());
            let mishap = Mishap { gateway: gateway.clone(), part: part.to_owned(), fault };
            last = mishap.to_string();
            (self.0.told)(&mishap);
        }
        Err(DownloadError::NoGateway { part: part.to_owned(), last })
    }

    fn next_gateway(&self, tries: &[u32]) -> Option<usize> {
        self.standing().next(tries)
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.0.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A URL below `/watch/{id}/`, or `/live/{id}/`.
    fn url(&self, gateway: &Url, path: impl IntoIterator<Item: AsRef<str>>) -> Url {
        let (kind, id) = match self.0.title {
            Title::Publication(id) => ("watch", id.to_string()),
            Title::Live(id) => ("live", id.to_string()),
        };
        let mut url = gateway.clone();
        let mut segments = url.path_segments_mut().expect("the URL of a gateway has a path");
        segments.pop_if_empty().extend([kind, &id]).extend(path);
        drop(segments);
        url
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("title", &self.title)
            .field("gateways", &self.gateways)
            .finish_non_exhaustive()
    }
}
