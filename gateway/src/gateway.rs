//! The state that all requests share.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use client::Client;
use protocol::{Signed, UnixSeconds};
use sharing::{LinkId, Share};

use crate::cells::Shelf;
use crate::config::{FilmUploads, GatewayConfig};
use crate::films::FilmFolder;
use crate::handles::{Handle, Handles, Opened};
use crate::health::HealthDesk;
use crate::limits::{ClientLimits, LimitError, Permit};
use crate::links::{Link, LinkKind, LinkState, Links, Registrations};
use crate::live::Live;
use crate::metrics::Metrics;
use crate::object::ServedObject;
use crate::pay::Till;
use crate::problem::{Code, Problem};
use crate::publications::{CatalogueError, Publications};
use crate::reach::Reach;
use crate::routes::{no_share, share_expired, share_locked, share_revoked};
use crate::sealed::Serving;
use crate::streams::StreamDesk;
use crate::survey::Survey;

/// A gateway: cheap to clone, all clones are the same one.
#[derive(Debug, Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: GatewayConfig,
    client: Client,
    shelf: Shelf,
    handles: Mutex<Handles<ServedObject>>,
    limits: ClientLimits,
    publications: Publications,
    films: Option<FilmFolder>,
    live: Live,
    film_turn: tokio::sync::Mutex<()>,
    reach: Reach,
    survey: Survey,
    serving: Serving,
    health: HealthDesk,
    streams: StreamDesk,
    registrations: Registrations,
    metrics: Arc<Metrics>,
}

/// A gateway cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its catalogue cannot be read.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// Films that are uploaded have no place.
    #[error("films cannot be kept in {folder}: {source}")]
    Films {
        /// Where they would be.
        folder: String,
        /// Why not.
        source: std::io::Error,
    },
}

impl Gateway {
    /// A gateway without open handles and with an empty cache, which reads and writes through `client`.
    pub fn new(mut config: GatewayConfig, client: Client) -> Result<Self, StartError> {
        let shelf = Shelf::new(config.cache_len, config.fetches);
        let publishing = std::mem::take(&mut config.publishing);
        let live = Live::open(publishing.catalogue.as_deref(), client.network())?;
        let shared = Shared {
            handles: Mutex::new(Handles::new(config.handles)),
            limits: ClientLimits::new(config.client_limit),
            publications: Publications::new(publishing, client.clone(), config.cache_len)?,
            films: config.films.as_ref().map(film_folder).transpose()?,
            live,
            film_turn: tokio::sync::Mutex::default(),
            reach: Reach::default(),
            survey: Survey::default(),
            health: HealthDesk::new(),
            streams: StreamDesk::new(),
            registrations: Registrations::default(),
            serving: Serving::new(config.fetches),
            metrics: Arc::new(Metrics::new(&shelf)),
            config,
            client,
            shelf,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub(crate) fn config(&self) -> &GatewayConfig {
        &self.shared.config
    }

    pub(crate) fn client(&self) -> &Client {
        &self.shared.client
    }

    pub(crate) fn shelf(&self) -> &Shelf {
        &self.shared.shelf
    }

    pub(crate) fn publications(&self) -> &Publications {
        &self.shared.publications
    }

    /// Where films lie that are uploaded, if there is such a place.
    pub(crate) fn films(&self) -> Option<&FilmFolder> {
        self.shared.films.as_ref()
    }

    /// Which nodes answer.
    pub(crate) fn reach(&self) -> &Reach {
        &self.shared.reach
    }

    /// How all nodes are, by their own word.
    pub(crate) fn survey(&self) -> &Survey {
        &self.shared.survey
    }

    /// Where what is delivered for money is counted, if anything is.
    pub(crate) fn till(&self) -> Option<&Till> {
        self.config().till.as_ref()
    }

    /// Where links to what is shared are kept.
    pub(crate) fn links(&self) -> Result<&Links, Problem> {
        let links = self.config().links.as_ref();
        links.ok_or_else(|| Problem::new(Code::LinksOff, "it was started without a place for them"))
    }

    /// Who reads shares, and what.
    pub(crate) fn serving(&self) -> &Serving {
        &self.shared.serving
    }

    /// The share with this id, as long as it opens.
    pub(crate) async fn open_share(&self, id: LinkId) -> Result<Share, Problem> {
        let link = self.share_link(id).await?;
        match link.state(now()) {
            LinkState::Open => {}
            LinkState::Locked => return Err(share_locked()),
            LinkState::Revoked { at } => return Err(share_revoked(at)),
            LinkState::Expired => return Err(share_expired()),
        }
        let record = Signed::<Share>::decode(&link.terms.record, &self.client().network());
        record.map(Signed::into_body).map_err(|error| {
            tracing::error!(%error, "a share that is kept");
            Problem::new(Code::Internal, "what is kept of this share is damaged")
        })
    }

    /// Whether who has opened a share may read on. That others have used up its attempts meanwhile takes nothing from them.
    pub(crate) async fn share_goes_on(&self, id: LinkId) -> Result<(), Problem> {
        match self.share_link(id).await?.state(now()) {
            LinkState::Open | LinkState::Locked => Ok(()),
            LinkState::Revoked { at } => Err(share_revoked(at)),
            LinkState::Expired => Err(share_expired()),
        }
    }

    async fn share_link(&self, id: LinkId) -> Result<Link, Problem> {
        let link = self.links()?.store().get(id).await?;
        link.filter(|link| link.terms.kind == LinkKind::Share).ok_or_else(no_share)
    }

    /// What is kept in memory of health links.
    pub(crate) fn health(&self) -> &HealthDesk {
        &self.shared.health
    }

    /// What is kept in memory of streams.
    pub(crate) fn streams(&self) -> &StreamDesk {
        &self.shared.streams
    }

    /// Whether a page of this origin came from this gateway.
    pub(crate) fn is_own_origin(&self, origin: &[u8]) -> bool {
        let url = self.config().public_url.as_bytes();
        // Behind the origin a path may follow, and nothing else.
        url.strip_prefix(origin).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }

    pub(crate) fn live(&self) -> &Live {
        &self.shared.live
    }

    /// The turn to publish a film; held while it is made.
    pub(crate) async fn film_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.shared.film_turn.lock().await
    }

    /// How many links each client has registered.
    pub(crate) fn registrations(&self) -> &Registrations {
        &self.shared.registrations
    }

    pub(crate) fn limits(&self) -> &ClientLimits {
        &self.shared.limits
    }

    /// Whether one more connection may come from this address; it counts as long as the permit is held. Our own proxies
    /// carry everybody's requests over a few connections: they are not limited.
    pub(crate) fn admits(&self, peer: IpAddr) -> Result<Option<Permit>, LimitError> {
        if self.config().proxies.contains(&peer.to_canonical()) {
            return Ok(None);
        }
        self.limits().connect(peer).map(Some)
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }

    /// Opens a handle for an object: the handle, and when it expires.
    pub(crate) fn hand_out(&self, object: ServedObject) -> (Handle, UnixSeconds) {
        let (handle, weight) = (Handle::from_random(rand::random()), object.weight());
        let expires = self.handles().insert(handle, object, weight, now());
        (handle, expires)
    }

    /// What a handle in a path stands for, unless a denylist names it.
    pub(crate) async fn opened(&self, handle: &str) -> Result<Opened<ServedObject>, Problem> {
        let known = handle.parse().ok().and_then(|handle| self.handles().get(handle, now()));
        let opened =
            known.ok_or_else(|| Problem::new(Code::UnknownHandle, "open the link again with POST /open"))?;
        self.publications().check_link(opened.value.cid()).await?;
        Ok(opened)
    }

    /// The URL of a handle.
    pub(crate) fn url(&self, handle: Handle) -> String {
        format!("{}/b/{handle}", self.shared.config.public_url)
    }

    /// Forgets handles whose time is over, and ends live streams of which nothing was heard.
    pub(crate) async fn sweep(&self) {
        self.handles().sweep(now());
        self.serving().sweep(now());
        if let Err(problem) = self.live().sweep(self.publications()).await {
            tracing::error!(?problem, "live streams");
        }
        if let Some(till) = self.till()
            && let Err(error) = till.sweep(now()).await
        {
            tracing::error!(%error, "receipts");
        }
        if let Some(links) = &self.config().links
            && let Err(error) = links.sweep(now()).await
        {
            tracing::error!(%error, "links");
        }
    }

    pub(crate) fn open_handles(&self) -> usize {
        self.handles().len()
    }

    fn handles(&self) -> MutexGuard<'_, Handles<ServedObject>> {
        // The table stays usable whatever panicked beside it.
        self.shared.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn film_folder(films: &FilmUploads) -> Result<FilmFolder, StartError> {
    let folder = &films.work_folder;
    FilmFolder::open(folder, films.work_len_max)
        .map_err(|source| StartError::Films { folder: folder.display().to_string(), source })
}

pub(crate) fn now() -> UnixSeconds {
    SystemTime::now().into()
}
