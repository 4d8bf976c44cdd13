//! How records of live streams come in: each is checked against what is there, and kept durably before it counts.

use std::collections::HashSet;
use std::sync::Arc;

use client::Client;
use protocol::limits::CLOCK_SKEW_MAX_S;
use protocol::{PublicKey, Signed};
use publishing::fetch_prelude;
use sharing::{
    Bundle, LiveEnd, LiveId, LiveSegment, LiveStream, LiveStreamError, PublicationId, Taken, Track,
    Withdrawal,
};
use tokio::time::timeout;

use super::limits::{KEPT_FOR_S, RUNNING_MAX, RUNNING_OF_CREATOR_MAX};
use super::store::Loaded;
use super::streams::{Live, Stream};
use crate::gateway::now;
use crate::problem::{Code, Problem};
use crate::publications::{Publications, nothing, withdrawn};
use crate::trouble::{ANSWER_TIMEOUT, no_answer, prelude_problem};

impl Live {
    /// Takes a stream in that begins; true when it is new here.
    pub(crate) async fn announce(
        &self,
        publications: &Publications,
        client: &Client,
        record: Signed<sharing::Live>,
    ) -> Result<bool, Problem> {
        publications.admit(&record.by())?;
        let id = record.body().live;
        for target in [id.cid(), record.body().object] {
            publications.check(target).await?;
        }
        let fetched =
            timeout(ANSWER_TIMEOUT, fetch_prelude(client, &record)).await.map_err(|_| no_answer())?;
        let announced = fetched.map_err(|error| prelude_problem(&error))?;
        let latest = now().plus(CLOCK_SKEW_MAX_S);
        if announced.prelude().parts().created > latest || record.body().issued > latest {
            return Err(Problem::new(Code::BadRecord, "it is dated in the future"));
        }
        // What was forgotten here must not come back by whoever kept its records.
        if record.body().issued.plus(KEPT_FOR_S - CLOCK_SKEW_MAX_S) < now() {
            return Err(Problem::new(Code::BadRecord, "it began too long ago"));
        }
        let _turn = self.turn.lock().await;
        if let Some(stream) = self.find(id).await? {
            return if stream.state().is_withdrawn { Err(withdrawn()) } else { Ok(false) };
        }
        self.check_room(record.by())?;
        let (heard, kept) = (now(), announced.clone());
        if !self.blocking(move |store| store.begin(&kept, heard)).await? {
            return Err(Problem::new(
                Code::Busy,
                "this gateway has no room for another live stream of this creator",
            ));
        }
        let live = LiveStream::new(announced.prelude().clone());
        self.begin(Loaded { announced, live, end: None, is_withdrawn: false, heard });
        Ok(true)
    }

    fn check_room(&self, creator: PublicKey) -> Result<(), Problem> {
        let running = self.running();
        if running.len() >= RUNNING_MAX {
            let detail = format!("{RUNNING_MAX} live streams run at this gateway, which is all it takes");
            return Err(Problem::new(Code::Busy, detail));
        }
        let of_creator = running.iter().filter(|stream| stream.creator() == creator).count();
        if of_creator >= RUNNING_OF_CREATOR_MAX {
            let detail = format!("{RUNNING_OF_CREATOR_MAX} live streams of this creator run here already");
            return Err(Problem::new(Code::Busy, detail));
        }
        Ok(())
    }

    /// Keeps the object of a segment from being had but by whoever pays, where its stream is shown for money. Comes before
    /// the segment is taken: nobody shall have it in between.
    pub(crate) async fn hold(
        &self,
        publications: &Publications,
        record: &Signed<LiveSegment>,
    ) -> Result<(), Problem> {
        let stream = self.by_its_creator(record.body().live, record.by()).await?;
        if stream.prelude.parts().ledger.is_none() {
            return Ok(());
        }
        stream.state().live.check(record.body()).map_err(|error| stream_problem(&error))?;
        publications.hold_live(record.body().object, stream.id(), stream.creator()).await
    }

    /// Takes the next segment of a track; true when it is new here.
    pub(crate) async fn segment(&self, record: Signed<LiveSegment>) -> Result<bool, Problem> {
        let stream = self.by_its_creator(record.body().live, record.by()).await?;
        let _turn = self.turn.lock().await;
        let (taken, track) = {
            let state = stream.state();
            let taken = state.live.check(record.body()).map_err(|error| stream_problem(&error))?;
            (taken, state.live.track_index(record.body().track.as_str()))
        };
        if taken == Taken::Known {
            return Ok(false);
        }
        let track = track.and_then(|track| u8::try_from(track).ok());
        let track = track.expect("the record has been checked, and tracks are few");
        let (heard, body) = (now(), record.body().clone());
        self.blocking(move |store| store.segment(&record, track, heard)).await?;
        let mut state = stream.state();
        state.live.push(&body).expect("it has been checked, and nobody else has the turn");
        state.heard = heard;
        Ok(true)
    }

    /// Ends a stream; true when that is new here.
    pub(crate) async fn end(
        &self,
        publications: &Publications,
        record: Signed<LiveEnd>,
    ) -> Result<bool, Problem> {
        let stream = self.by_its_creator(record.body().live, record.by()).await?;
        if let Some(publication) = record.body().publication {
            check_publication(publications, publication, record.by()).await?;
        }
        let _turn = self.turn.lock().await;
        let taken = stream.state().live.check_end(record.body()).map_err(|error| stream_problem(&error))?;
        if taken == Taken::Known {
            return Ok(false);
        }
        let (id, encoded, body) = (stream.id(), record.encode(), *record.body());
        let kept = encoded.clone();
        self.blocking(move |store| store.end(id, Some(kept), now())).await?;
        {
            let mut state = stream.state();
            state.live.finish(&body).expect("it has been checked, and nobody else has the turn");
            state.end = Some(encoded);
        }
        self.retire(&stream);
        Ok(true)
    }

    /// Whether a withdrawal names a live stream that is here.
    pub(crate) async fn knows(&self, record: &Signed<Withdrawal>) -> bool {
        self.get(LiveId::from_cid(record.body().bundle.cid())).await.is_ok()
    }

    /// Takes a stream away, when its creator says so.
    pub(crate) async fn withdraw(&self, record: Signed<Withdrawal>) -> Result<LiveId, Problem> {
        let id = LiveId::from_cid(record.body().bundle.cid());
        let stream = self.get(id).await?;
        if stream.creator() != record.by() {
            return Err(Problem::new(Code::NotACreator, "only its creator can withdraw a live stream"));
        }
        let _turn = self.turn.lock().await;
        let withdrawal = record.encode();
        self.blocking(move |store| store.withdraw(id, withdrawal, now())).await?;
        {
            let mut state = stream.state();
            state.is_withdrawn = true;
            state.live.close();
        }
        self.retire(&stream);
        Ok(id)
    }

    /// Whether a publication may be taken: one that is made of a live stream which its creator has withdrawn here may not.
    pub(crate) async fn admits(&self, bundle: &Bundle) -> Result<(), Problem> {
        let parts = bundle.tracks().iter().flat_map(Track::parts);
        let objects: HashSet<_> = parts.map(|part| part.object.to_bytes()).collect();
        let creator = *bundle.creator().as_bytes();
        if self.blocking(move |store| store.has_withdrawn(&creator, &objects)).await? {
            return Err(Problem::new(
                Code::Withdrawn,
                "its creator has withdrawn the live stream that it is made of",
            ));
        }
        Ok(())
    }

    /// The stream of a record, when its creator signed it and has not withdrawn it.
    async fn by_its_creator(&self, id: LiveId, signer: PublicKey) -> Result<Arc<Stream>, Problem> {
        let stream = self.get(id).await?;
        if stream.creator() != signer {
            return Err(Problem::new(Code::NotACreator, "this live stream is somebody else's"));
        }
        if stream.state().is_withdrawn { Err(withdrawn()) } else { Ok(stream) }
    }
}

/// Whether a stream may have become this publication.
async fn check_publication(
    publications: &Publications,
    id: PublicationId,
    creator: PublicKey,
) -> Result<(), Problem> {
    if publications.record(id).await?.by() == creator {
        return Ok(());
    }
    Err(Problem::new(Code::NotACreator, "the publication that it is said to have become is somebody else's"))
}

fn stream_problem(error: &LiveStreamError) -> Problem {
    let code = match error {
        LiveStreamError::Track { .. } => return nothing(error.to_string()),
        LiveStreamError::OtherStream { .. } | LiveStreamError::Duration { .. } => Code::BadRecord,
        LiveStreamError::Gap { .. } => Code::OutOfOrder,
        LiveStreamError::Changed { .. } | LiveStreamError::Full | LiveStreamError::Ended => Code::Settled,
    };
    Problem::new(code, error.to_string())
}
