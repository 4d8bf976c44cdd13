//! Whether a publication may be served, and how one comes into the catalogue.

use chunker::Link;
use client::{Client, Object};
use proofs::Cid;
use protocol::limits::CLOCK_SKEW_MAX_S;
use protocol::{PublicKey, Signed};
use publishing::FetchBundleError;
use sharing::{Denial, Publication, PublicationId, Withdrawal};
use tokio::time::timeout;

use super::{Ahead, Catalogue, CatalogueError, Kept, Opened, Show, Summary, nothing};
use crate::config::{Creators, PublishingConfig};
use crate::gateway::now;
use crate::problem::{Code, Problem};
use crate::trouble::{ANSWER_TIMEOUT, bundle_problem, no_answer, open_problem};

/// All that a gateway knows of publications.
#[derive(Debug)]
pub(crate) struct Publications {
    pub(crate) catalogue: Catalogue,
    pub(crate) opened: Opened,
    pub(crate) ahead: Ahead,
    creators: Creators,
    keepers: Vec<PublicKey>,
}

impl Publications {
    pub(crate) fn new(
        config: PublishingConfig,
        client: Client,
        cache_len: u64,
    ) -> Result<Self, CatalogueError> {
        let catalogue = match &config.catalogue {
            Some(path) => Catalogue::open(path, client.network())?,
            None => Catalogue::in_memory(client.network())?,
        };
        let (opened, ahead) = (Opened::new(client), Ahead::new(cache_len));
        Ok(Self { catalogue, opened, ahead, creators: config.creators, keepers: config.keepers })
    }

    /// The publication, when it is known here and neither withdrawn nor denied.
    pub(crate) async fn show(&self, id: PublicationId) -> Result<Show<'_>, Problem> {
        if let Some(bundle) = self.opened.known(id) {
            return Ok(Show { publications: self, bundle });
        }
        let record = self.record(id)?;
        let bundle = in_time(self.opened.bundle(&record)).await?;
        // It may have been withdrawn or denied while it was fetched; what was forgotten then must not come back.
        self.record(id).inspect_err(|_| self.opened.forget(id.cid()))?;
        Ok(Show { publications: self, bundle })
    }

    /// The record of a publication that may be served.
    pub(crate) fn record(&self, id: PublicationId) -> Result<Signed<Publication>, Problem> {
        let known = self.catalogue.get(id)?;
        let offered = known.ok_or_else(|| nothing("this gateway knows no such publication"))?;
        if offered.is_withdrawn {
            return Err(withdrawn());
        }
        for target in [id.cid(), offered.record.body().object] {
            self.check(&target)?;
        }
        Ok(offered.record)
    }

    /// Whether a publication or an object may be served.
    pub(crate) fn check(&self, target: &Cid) -> Result<(), Problem> {
        let Some(denial) = self.catalogue.denial(target)? else {
            return Ok(());
        };
        tracing::debug!(%target, keeper = %denial.by(), "denied");
        Err(Problem::new(Code::Denied, denial.body().reason.to_string()))
    }

    /// The object behind a link, unless it is denied; one of another length than `len` is not what was published.
    pub(crate) async fn object(&self, link: &Link, len: u64) -> Result<Object, Problem> {
        self.check(&link.cid())?;
        let opening = timeout(ANSWER_TIMEOUT, self.opened.object(link)).await;
        let object = opening.map_err(|_| no_answer())?.map_err(|error| open_problem(&error))?;
        if object.len() != len {
            let detail = format!("an object of {} bytes where {len} were published", object.len());
            return Err(Problem::new(Code::Broken, detail));
        }
        Ok(object)
    }

    /// Whether this creator may publish here.
    pub(crate) fn admit(&self, creator: &PublicKey) -> Result<(), Problem> {
        if self.creators.may_publish(creator) {
            return Ok(());
        }
        let detail = format!("the creator {creator} may not publish at this gateway");
        Err(Problem::new(Code::NotACreator, detail))
    }

    /// Takes a publication in, durably; true when it is new here.
    pub(crate) async fn offer(&self, record: Signed<Publication>) -> Result<(Summary, bool), Problem> {
        self.admit(&record.by())?;
        self.take(record).await
    }

    /// Takes in what this gateway has published itself.
    pub(crate) async fn offer_own(&self, record: Signed<Publication>) -> Result<Summary, Problem> {
        self.take(record).await.map(|(summary, _)| summary)
    }

    async fn take(&self, record: Signed<Publication>) -> Result<(Summary, bool), Problem> {
        let (id, listed) = (record.body().bundle, record.body().listed);
        for target in [id.cid(), record.body().object] {
            self.check(&target)?;
        }
        let bundle = in_time(self.opened.offered(&record)).await?;
        let latest = now().plus(CLOCK_SKEW_MAX_S);
        if bundle.bundle().parts().created > latest || record.body().issued > latest {
            return Err(Problem::new(Code::BadRecord, "it is dated in the future"));
        }
        let summary = Summary::new(bundle.bundle(), listed);
        let (catalogue, kept) = (self.catalogue.clone(), summary.clone());
        match self.write(move || catalogue.keep(&record, kept)).await? {
            Kept::Now => self.opened.forget(id.cid()),
            Kept::Known => return Ok((summary, false)),
            Kept::Withdrawn => return Err(withdrawn()),
            Kept::Foreign => {
                return Err(Problem::new(Code::NotACreator, "this publication is somebody else's"));
            }
            Kept::Full => return Err(Problem::new(Code::Busy, "the catalogue of this gateway is full")),
        }
        // A denial may have come while the bundle was fetched.
        self.check(&id.cid())?;
        Ok((summary, true))
    }

    /// Ends a publication of the same creator, durably.
    pub(crate) async fn withdraw(&self, record: Signed<Withdrawal>) -> Result<Summary, Problem> {
        let id = record.body().bundle;
        let known = self.catalogue.get(id)?;
        let offered = known.ok_or_else(|| nothing("this gateway knows no such publication"))?;
        if offered.record.by() != record.by() {
            return Err(Problem::new(Code::NotACreator, "only its creator can withdraw a publication"));
        }
        let catalogue = self.catalogue.clone();
        self.write(move || catalogue.withdraw(&record)).await?;
        self.opened.forget(id.cid());
        Ok(offered.summary)
    }

    /// Keeps a denial of a keeper whom the operator trusts, durably.
    pub(crate) async fn deny(&self, record: Signed<Denial>) -> Result<(), Problem> {
        if !self.keepers.contains(&record.by()) {
            let detail = format!("{} keeps no denylist that this gateway follows", record.by());
            return Err(Problem::new(Code::NotAKeeper, detail));
        }
        let (catalogue, target) = (self.catalogue.clone(), record.body().target);
        tracing::info!(%target, keeper = %record.by(), reason = %record.body().reason, "denial kept");
        self.write(move || catalogue.deny(&record)).await?;
        self.opened.forget(target);
        Ok(())
    }

    /// Waits for the disk on a thread that may.
    async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce() -> Result<T, CatalogueError> + Send + 'static,
    ) -> Result<T, Problem> {
        let written = tokio::task::spawn_blocking(write).await;
        Ok(written.expect("the catalogue does not panic")?)
    }
}

pub(crate) fn withdrawn() -> Problem {
    Problem::new(Code::Withdrawn, "its creator has withdrawn it; a withdrawn publication does not come back")
}

/// What a fetch of a bundle brings in time.
async fn in_time<T>(fetch: impl Future<Output = Result<T, FetchBundleError>>) -> Result<T, Problem> {
    let fetched = timeout(ANSWER_TIMEOUT, fetch).await.map_err(|_| no_answer())?;
    fetched.map_err(|error| bundle_problem(&error))
}

impl From<CatalogueError> for Problem {
    fn from(error: CatalogueError) -> Self {
        tracing::error!(%error, "catalogue");
        Self::new(Code::Internal, "the catalogue of this gateway cannot be read or written")
    }
}
