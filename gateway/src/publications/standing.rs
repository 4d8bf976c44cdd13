//! Whether a publication may be served, and how one comes into the catalogue.

use std::collections::HashSet;

use chunker::Link;
use client::{Client, Object};
use proofs::Cid;
use protocol::limits::CLOCK_SKEW_MAX_S;
use protocol::{PublicKey, Signed, UnixSeconds};
use publishing::FetchBundleError;
use sharing::{Bundle, Denial, LiveId, Part, Publication, PublicationId, Withdrawal};
use tokio::time::timeout;

use super::encoded::Playlists;
use super::lookups::Lookups;
use super::{
    Ahead, Catalogue, CatalogueError, Cursor, Ended, Kept, Opened, PaidFor, PaidKind, PaidTitle, Show,
    Summary, nothing,
};
use crate::config::{Creators, PublishingConfig};
use crate::gateway::now;
use crate::live::Live;
use crate::problem::{Code, Problem};
use crate::trouble::{ANSWER_TIMEOUT, bundle_problem, no_answer, open_problem};

/// All that a gateway knows of publications.
#[derive(Debug)]
pub(crate) struct Publications {
    catalogue: Lookups,
    pub(crate) opened: Opened,
    pub(crate) playlists: Playlists,
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
        let (network, per_creator_max) = (client.network(), config.per_creator_max);
        let catalogue = match &config.catalogue {
            Some(path) => Catalogue::open(path, network, per_creator_max)?,
            None => Catalogue::in_memory(network, per_creator_max)?,
        };
        Ok(Self {
            catalogue: Lookups::new(catalogue),
            opened: Opened::new(client),
            playlists: Playlists::new(),
            ahead: Ahead::new(cache_len),
            creators: config.creators,
            keepers: config.keepers,
        })
    }

    /// Up to `limit` listed publications after `after`, newest first.
    pub(crate) async fn list(&self, after: Option<Cursor>, limit: usize) -> Result<Vec<Summary>, Problem> {
        self.catalogue.look(move |catalogue| catalogue.list(after, limit)).await
    }

    /// Which of these are known here as withdrawn.
    pub(crate) async fn withdrawn(&self, ids: Vec<PublicationId>) -> Result<HashSet<PublicationId>, Problem> {
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        self.catalogue.look(move |catalogue| catalogue.withdrawn(&ids)).await
    }

    /// The publication, when it is known here and neither withdrawn nor denied.
    pub(crate) async fn show(&self, id: PublicationId) -> Result<Show<'_>, Problem> {
        if let Some(bundle) = self.opened.known(id) {
            return Ok(Show { publications: self, bundle });
        }
        let record = self.record(id).await?;
        let bundle = in_time(self.opened.bundle(&record)).await?;
        // It may have been withdrawn or denied while it was fetched; what was forgotten then must not come back.
        self.record(id).await.inspect_err(|_| self.opened.forget(id.cid()))?;
        Ok(Show { publications: self, bundle })
    }

    /// The record of a publication that may be served.
    pub(crate) async fn record(&self, id: PublicationId) -> Result<Signed<Publication>, Problem> {
        let known = self.catalogue.look(move |catalogue| catalogue.get(id)).await?;
        let offered = known.ok_or_else(unknown)?;
        if offered.is_withdrawn {
            return Err(withdrawn_so_far());
        }
        self.check_both(&offered.record).await?;
        Ok(offered.record)
    }

    /// Whether a publication or an object may be served.
    pub(crate) async fn check(&self, target: Cid) -> Result<(), Problem> {
        if !self.catalogue.at_once().is_denied(&target) {
            return Ok(());
        }
        let denial = self.catalogue.look(move |catalogue| catalogue.denial(&target)).await?;
        let Some(denial) = denial else { return Ok(()) };
        tracing::debug!(%target, keeper = %denial.by(), "denied");
        Err(Problem::new(Code::Denied, denial.body().reason.to_string()))
    }

    /// Whether an object may be served to everybody.
    pub(crate) async fn check_link(&self, object: Cid) -> Result<(), Problem> {
        if self.catalogue.at_once().is_held(&object) {
            return Err(shown_for_money());
        }
        self.check(object).await
    }

    async fn check_both(&self, record: &Signed<Publication>) -> Result<(), Problem> {
        self.check(record.body().bundle.cid()).await?;
        self.check(record.body().object).await
    }

    /// The object behind a link, for everybody, unless it is denied or shown for money; one of another length than `len`
    /// is not what was published.
    pub(crate) async fn object(&self, link: &Link, len: u64) -> Result<Object, Problem> {
        self.check_link(link.cid()).await?;
        self.fetched(link, len).await
    }

    /// The same for whoever pays `creator`, unless others are paid for it.
    pub(crate) async fn object_for_money(
        &self,
        link: &Link,
        len: u64,
        creator: PublicKey,
    ) -> Result<Object, Problem> {
        if !self.catalogue.at_once().is_open_to(&link.cid(), &creator) {
            return Err(shown_for_money());
        }
        self.check(link.cid()).await?;
        self.fetched(link, len).await
    }

    async fn fetched(&self, link: &Link, len: u64) -> Result<Object, Problem> {
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
    pub(crate) async fn offer(
        &self,
        live: &Live,
        record: Signed<Publication>,
    ) -> Result<(Summary, bool), Problem> {
        self.admit(&record.by())?;
        self.take(live, record).await
    }

    /// Takes in what this gateway has published itself.
    pub(crate) async fn offer_own(
        &self,
        live: &Live,
        record: Signed<Publication>,
    ) -> Result<Summary, Problem> {
        self.take(live, record).await.map(|(summary, _)| summary)
    }

    async fn take(&self, live: &Live, record: Signed<Publication>) -> Result<(Summary, bool), Problem> {
        self.check_both(&record).await?;
        let bundle = in_time(self.opened.offered(&record)).await?;
        check_date(bundle.bundle().parts().created.max(record.body().issued))?;
        let (id, summary) = (record.body().bundle, Summary::new(bundle.bundle(), record.body().listed));
        live.admits(bundle.bundle()).await?;
        let money = self.for_money(bundle.bundle())?;
        let (kept, told) = (record.clone(), summary.clone());
        match self.catalogue.change(move |catalogue| catalogue.keep(&kept, told, &money)).await? {
            Kept::Now => self.opened.forget(id.cid()),
            Kept::Known => return Ok((summary, false)),
            refusal => return Err(not_kept(refusal)),
        }
        // A denial may have come while the bundle was fetched.
        self.check_both(&record).await?;
        Ok((summary, true))
    }

    /// What a publication shows for money; what is shown for money elsewhere cannot be open to everybody in it.
    fn for_money(&self, bundle: &Bundle) -> Result<Vec<Cid>, Problem> {
        let catalogue = self.catalogue.at_once();
        let is_held = |object: Cid| catalogue.is_held(&object);
        if pictures(bundle).any(is_held) {
            return Err(shown_for_money());
        }
        match bundle.parts().ledger {
            Some(_) => Ok(objects(bundle).collect()),
            None if objects(bundle).any(is_held) => Err(shown_for_money()),
            None => Ok(Vec::new()),
        }
    }

    /// Keeps an object of a live stream from being had but by whoever pays its creator, as long as the stream is kept.
    pub(crate) async fn hold_live(
        &self,
        object: Cid,
        stream: LiveId,
        creator: PublicKey,
    ) -> Result<(), Problem> {
        let title = PaidTitle { id: stream.cid(), creator, kind: PaidKind::Live };
        let held = self.catalogue.change(move |catalogue| catalogue.pay_for(&[object], &title)).await?;
        if held == PaidFor::Kept { Ok(()) } else { Err(not_held(held)) }
    }

    /// Gives back what these live streams have held.
    pub(crate) async fn release_live(&self, streams: Vec<LiveId>) -> Result<(), Problem> {
        let titles: Vec<_> = streams.iter().map(LiveId::cid).collect();
        self.catalogue.change(move |catalogue| catalogue.release(&titles)).await
    }

    /// Ends a publication of the same creator, durably.
    pub(crate) async fn withdraw(&self, record: Signed<Withdrawal>) -> Result<Summary, Problem> {
        check_date(record.body().issued)?;
        let id = record.body().bundle;
        match self.catalogue.change(move |catalogue| catalogue.withdraw(&record)).await? {
            Ended::Now(summary) => {
                self.opened.forget(id.cid());
                Ok(*summary)
            }
            Ended::Older => Err(Problem::new(Code::Outdated, "its creator has published it again since")),
            Ended::Foreign => {
                Err(Problem::new(Code::NotACreator, "only its creator can withdraw a publication"))
            }
            Ended::Unknown => Err(unknown()),
        }
    }

    /// Keeps a denial of a keeper whom the operator trusts, durably.
    pub(crate) async fn deny(&self, record: Signed<Denial>) -> Result<(), Problem> {
        if !self.keepers.contains(&record.by()) {
            let detail = format!("{} keeps no denylist that this gateway follows", record.by());
            return Err(Problem::new(Code::NotAKeeper, detail));
        }
        let target = record.body().target;
        tracing::info!(%target, keeper = %record.by(), reason = %record.body().reason, "a denial came");
        if !self.catalogue.change(move |catalogue| catalogue.deny(&record)).await? {
            return Err(Problem::new(Code::Busy, "this gateway has no room for another denial"));
        }
        self.opened.forget(target);
        Ok(())
    }
}

/// What is shown as the publication is.
fn objects(bundle: &Bundle) -> impl Iterator<Item = Cid> {
    let parts = bundle.tracks().iter().flat_map(|track| track.parts().iter().map(Part::link));
    let files = bundle.parts().attachments.iter().map(|attachment| attachment.file.link());
    parts.chain(files).map(|link| link.cid())
}

/// What is open to everybody, whatever the publication is.
fn pictures(bundle: &Bundle) -> impl Iterator<Item = Cid> {
    let parts = bundle.parts();
    let files = parts.poster.iter().chain(parts.strip.iter().map(|strip| &strip.file));
    files.map(|file| file.link().cid())
}

fn shown_for_money() -> Problem {
    let detail = "it belongs to a title that is shown for money: watch that";
    Problem::new(Code::PaymentRequired, detail)
}

fn unknown() -> Problem {
    nothing("this gateway knows no such publication")
}

pub(crate) fn withdrawn() -> Problem {
    Problem::new(Code::Withdrawn, "its creator has withdrawn it")
}

fn withdrawn_so_far() -> Problem {
    let detail = "its creator has withdrawn it; a publication record of a later time brings it back";
    Problem::new(Code::Withdrawn, detail)
}

fn not_held(why: PaidFor) -> Problem {
    match why {
        PaidFor::Foreign | PaidFor::Kept => shown_for_money(),
        PaidFor::Full => {
            Problem::new(Code::Busy, "this gateway has no room for more titles that are shown for money")
        }
    }
}

fn not_kept(why: Kept) -> Problem {
    match why {
        Kept::NotHeld(why) => not_held(why),
        Kept::Withdrawn => withdrawn_so_far(),
        Kept::Foreign => Problem::new(Code::NotACreator, "this publication is somebody else's"),
        Kept::CreatorFull(most) => {
            let detail = format!("this gateway keeps up to {most} publications of one creator");
            Problem::new(Code::CreatorFull, detail)
        }
        Kept::Full | Kept::Now | Kept::Known => {
            Problem::new(Code::Busy, "the catalogue of this gateway is full")
        }
    }
}

/// Nothing counts that is dated further ahead than clocks may differ: it would outweigh all that is said in the meantime.
fn check_date(issued: UnixSeconds) -> Result<(), Problem> {
    if issued > now().plus(CLOCK_SKEW_MAX_S) {
        return Err(Problem::new(Code::BadRecord, "it is dated in the future"));
    }
    Ok(())
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
