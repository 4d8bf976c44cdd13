//! Storing a stream, segment by segment, and signing for each in its order.

use std::num::NonZeroU32;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use protocol::Signed;
use sharing::{ContentHash, Live, LiveId, LiveSegment, LiveStream, Prelude, TrackId};
use tokio::sync::mpsc::Receiver;
use tokio::time::sleep;

use super::intake::{Arrival, Waiting};
use super::limits::{RETRY_AFTER, RETRY_AFTER_MAX, STORES_MAX, TRIES_MAX};
use super::opening::{Opened, Opening};
use super::{LiveProblem, LiveRequest, LiveStep};
use crate::describe::UnfitTrack;
use crate::publish::{BUNDLE_TYPE, now};
use crate::store::Stored;
use crate::{Creator, StoreError, Storing};

/// A stream that is being stored.
pub(super) struct Recording<'r, P> {
    storing: &'r Storing,
    creator: &'r Creator,
    request: &'r LiveRequest,
    progress: P,
    stream: Option<LiveStream>,
}

/// What is stored next.
enum Job {
    Segment(Box<Placed>),
    Behind,
}

/// A segment with its place in the stream.
struct Placed {
    live: LiveId,
    track: TrackId,
    media_type: &'static str,
    /// What stands in front of it in its object.
    init: Option<Bytes>,
    segment: packager::LiveSegment,
    waiting: Waiting,
}

/// What came of a job.
enum Done {
    Segment { record: Box<Signed<LiveSegment>>, delay: Duration, tries: u32 },
    Behind,
}

impl<'r, P: FnMut(LiveStep)> Recording<'r, P> {
    pub(super) fn new(
        storing: &'r Storing,
        creator: &'r Creator,
        request: &'r LiveRequest,
        progress: P,
    ) -> Self {
        Self { storing, creator, request, progress, stream: None }
    }

    /// All that was stored, when the stream has begun.
    pub(super) fn into_stream(self) -> Option<LiveStream> {
        self.stream
    }

    /// Stores what arrives, to the end.
    pub(super) async fn run(&mut self, mut arrivals: Receiver<Arrival>) -> Result<(), LiveProblem> {
        let opened = self.open(&mut arrivals).await?;
        self.announce(&opened).await?;
        let Opened { prelude, places, segments, .. } = opened;
        let (storing, creator) = (self.storing, self.creator);
        let waiting = segments
            .into_iter()
            .map(|(segment, waiting)| Arrival::Output(packager::LiveOutput::Segment(segment), waiting));
        let arrivals =
            stream::iter(waiting).chain(stream::poll_fn(move |context| arrivals.poll_recv(context)));
        let jobs = arrivals.filter_map(move |arrival| std::future::ready(job(&prelude, &places, arrival)));
        let mut done = std::pin::pin!(jobs.map(|job| perform(storing, creator, job)).buffered(STORES_MAX));
        while let Some(done) = done.next().await {
            self.finish(done?)?;
        }
        Ok(())
    }

    async fn open(&mut self, arrivals: &mut Receiver<Arrival>) -> Result<Opened, LiveProblem> {
        let mut opening = Opening::default();
        while !opening.is_ready() {
            match arrivals.recv().await {
                Some(Arrival::Output(output, waiting)) => opening.take(output, waiting),
                Some(Arrival::Behind) => (self.progress)(LiveStep::Behind),
                None => break,
            }
        }
        let opened = opening.open(self.creator, self.request)?;
        for &track in &opened.left_out {
            (self.progress)(LiveStep::LeftOut { track });
        }
        Ok(opened)
    }

    async fn announce(&mut self, opened: &Opened) -> Result<(), LiveProblem> {
        let (prelude, encoded) = (opened.prelude.clone(), Bytes::from(opened.prelude.encode()));
        let (stored, _) = put(self.storing, self.creator, &encoded, BUNDLE_TYPE, "the beginning").await?;
        let (live, listed) = (prelude.id(), self.request.listed);
        let body = Live { issued: now(), key: stored.key, listed, live, object: stored.object };
        let record = self.creator.sign(&self.storing.client.network(), body);
        self.stream = Some(LiveStream::new(prelude.clone()));
        (self.progress)(LiveStep::Announced { record, prelude });
        Ok(())
    }

    fn finish(&mut self, done: Done) -> Result<(), LiveProblem> {
        match done {
            Done::Behind => (self.progress)(LiveStep::Behind),
            Done::Segment { record, delay, tries } => {
                let stream = self.stream.as_mut().expect("segments follow the announcement");
                stream.push(record.body())?;
                (self.progress)(LiveStep::Segment { record: *record, delay, tries });
            }
        }
        Ok(())
    }
}

/// What there is to do about an arrival: nothing, when it is of a track that is left out.
fn job(prelude: &Prelude, places: &[Option<usize>], arrival: Arrival) -> Option<Job> {
    let (segment, waiting) = match arrival {
        Arrival::Behind => return Some(Job::Behind),
        // All tracks of a stream are announced before the first segment.
        Arrival::Output(packager::LiveOutput::Init(_), _) => return None,
        Arrival::Output(packager::LiveOutput::Segment(segment), waiting) => (segment, waiting),
    };
    let track = &prelude.tracks()[places.get(segment.track).copied().flatten()?];
    Some(Job::Segment(Box::new(Placed {
        live: prelude.id(),
        track: track.id.clone(),
        media_type: track.kind.media_type(),
        init: (segment.number == 0).then(|| track.init.clone()),
        segment,
        waiting,
    })))
}

async fn perform(storing: &Storing, creator: &Creator, job: Job) -> Result<Done, LiveProblem> {
    let Job::Segment(placed) = job else { return Ok(Done::Behind) };
    let Placed { live, track, media_type, init, segment, waiting } = *placed;
    let what = format!("segment {} of {track}", segment.number);
    let bytes = match init {
        Some(init) => Bytes::from([init, segment.bytes.clone()].concat()),
        None => segment.bytes.clone(),
    };
    let (stored, tries) = put(storing, creator, &bytes, media_type, &what).await?;
    let body = body(live, track, &segment, stored)?;
    let record = Box::new(creator.sign(&storing.client.network(), body));
    Ok(Done::Segment { record, delay: waiting.since.elapsed(), tries })
}

fn body(
    live: LiveId,
    track: TrackId,
    segment: &packager::LiveSegment,
    stored: Stored,
) -> Result<LiveSegment, LiveProblem> {
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let unfit = || LiveProblem::Track { track: narrow(segment.track as u64), source: UnfitTrack::TooLarge };
    Ok(LiveSegment {
        duration: NonZeroU32::new(narrow(segment.duration)).ok_or_else(unfit)?,
        hash: ContentHash::from_bytes(*segment.digest.as_bytes()),
        key: stored.key,
        len: narrow(segment.bytes.len() as u64).try_into().map_err(|_| unfit())?,
        live,
        n: narrow(segment.number as u64).try_into().map_err(|_| unfit())?,
        object: stored.object,
        track,
    })
}

/// Stores an object, and asks again when the network does not take it at once; how often it was asked.
async fn put(
    storing: &Storing,
    creator: &Creator,
    bytes: &Bytes,
    media_type: &str,
    what: &str,
) -> Result<(Stored, u32), LiveProblem> {
    let mut wait = RETRY_AFTER;
    for tries in 1.. {
        match storing.put(creator, &bytes[..], media_type, |_| ()).await {
            Ok(stored) => return Ok((stored, tries)),
            Err(source) if tries == TRIES_MAX => return Err(refused(what, source)),
            Err(error) => tracing::warn!(%error, what, tries, "not stored yet"),
        }
        sleep(wait).await;
        wait = (wait * 2).min(RETRY_AFTER_MAX);
    }
    unreachable!("it ends with the last try")
}

fn refused(what: &str, source: StoreError) -> LiveProblem {
    LiveProblem::Store { what: what.to_owned(), source }
}
