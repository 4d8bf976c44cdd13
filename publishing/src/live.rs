//! From a stream that is still growing to segments that can be watched, and at its end to a publication.
//!
//! ```text
//! bytes → LiveReader → the first segment of every track → prelude → stored → signed `live` record
//!                    → every segment → stored → signed `live_segment` record, in order
//! end   → LiveStream → bundle over the same objects → stored → signed `publication` record
//! ```

mod intake;
mod limits;
mod opening;
mod storing;

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use packager::{LiveReader, LiveSeconds};
use protocol::{PublicKey, Signed};
use sharing::{
    About, Byline, LanguageTag, Live, LiveSegment, LiveStream, LiveStreamError, Prelude, PreludeError, Title,
    UnfinishedError,
};

use self::intake::SourceEnd;
use self::storing::Recording;
use crate::describe::UnfitTrack;
use crate::publish::{PublishError, Published, store_bundle};
use crate::{Creator, Kept, StoreError, Storing};

/// A live stream to be made.
#[derive(Debug, Clone)]
pub struct LiveRequest {
    /// Its title.
    pub title: Title,
    /// Who makes it, in words.
    pub by: Option<Byline>,
    /// What it is about.
    pub about: Option<About>,
    /// Its main language, and that of tracks which do not name theirs.
    pub language: Option<LanguageTag>,
    /// Whose agreements it is shown under, as the key of their ledger; without one it is free.
    pub ledger: Option<PublicKey>,
    /// How long its segments are.
    pub seconds: LiveSeconds,
    /// Whether gateways may list it.
    pub listed: bool,
}

/// What happens while a stream is recorded.
#[derive(Debug, Clone)]
pub enum LiveStep {
    /// The stream has begun: what to tell gateways first.
    Announced {
        /// What to tell.
        record: Signed<Live>,
        /// What it begins with.
        prelude: Prelude,
    },
    /// A segment is stored: what to tell gateways next.
    Segment {
        /// What to tell.
        record: Signed<LiveSegment>,
        /// How long ago it was complete.
        delay: Duration,
        /// How often it was put before the network took it.
        tries: u32,
    },
    /// A track of the source has no segment yet, when others have several: it is left out.
    LeftOut {
        /// Its number in the source.
        track: u32,
    },
    /// The source brings more than the network takes: it is being slowed down.
    Behind,
}

/// A stream that is over.
#[derive(Debug)]
pub struct Recorded {
    /// All that was stored of it.
    pub stream: LiveStream,
    /// Why it ended before its source did.
    pub problem: Option<LiveProblem>,
    /// Bytes of a last fragment that never became complete, and are lost.
    pub incomplete_bytes: usize,
}

/// Why a stream ends early.
#[derive(Debug, thiserror::Error)]
pub enum LiveProblem {
    /// The source cannot be read.
    #[error("cannot read the source: {0}")]
    Source(#[from] io::Error),
    /// The source cannot be packaged.
    #[error("cannot package the stream: {0}")]
    Stream(#[from] packager::LiveError),
    /// A track cannot be described.
    #[error("track {track}: {source}")]
    Track {
        /// Its number in the source.
        track: u32,
        /// Why.
        source: UnfitTrack,
    },
    /// The tracks make no stream.
    #[error(transparent)]
    Prelude(#[from] PreludeError),
    /// The source ended before anything could be shown.
    #[error("the source ended before a segment was complete")]
    Nothing,
    /// The network did not take a part, however often it was asked.
    #[error("cannot store {what}: {source}")]
    Store {
        /// Which part.
        what: String,
        /// Why.
        source: StoreError,
    },
    /// A segment does not fit into the stream.
    #[error(transparent)]
    Segment(#[from] LiveStreamError),
}

/// Why a stream does not become a publication.
#[derive(Debug, thiserror::Error)]
pub enum FinishLiveError {
    /// Its segments make none.
    #[error(transparent)]
    Unfinished(#[from] UnfinishedError),
    /// The bundle was not stored.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Records a stream of fragmented MP4 until `source` ends: stores every segment, and signs what gateways are to be told,
/// in the order in which `progress` hears of it. What was stored remains when something fails on the way; an error means that
/// there is nothing to watch.
pub async fn record_live(
    storing: &Storing,
    creator: &Creator,
    request: &LiveRequest,
    source: impl Stream<Item = io::Result<Bytes>> + Unpin,
    progress: impl FnMut(LiveStep),
) -> Result<Recorded, LiveProblem> {
    let (sender, receiver) = intake::queue();
    let mut recording = Recording::new(storing, creator, request, progress);
    let mut end = SourceEnd::default();
    let reading = async {
        end = intake::read(source, LiveReader::new(request.seconds), sender).await;
        Ok(())
    };
    // When storing fails nothing more is read; when reading fails, what was read is stored.
    let stored = tokio::try_join!(reading, recording.run(receiver));
    let SourceEnd { problem, incomplete_bytes } = end;
    let problem = problem.or(stored.err());
    match recording.into_stream() {
        Some(stream) => Ok(Recorded { stream, problem, incomplete_bytes }),
        None => Err(problem.unwrap_or(LiveProblem::Nothing)),
    }
}

/// Makes the publication that a stream has become: stores its bundle, and signs.
pub async fn finish_live(
    storing: &Storing,
    creator: &Creator,
    stream: &LiveStream,
    listed: bool,
) -> Result<Published, FinishLiveError> {
    let bundle = stream.bundle()?;
    let publication = store_bundle(storing, creator, &bundle, listed).await?;
    let record = creator.sign(&storing.client.network(), publication);
    // Its first segments were stored when it began, and end first.
    let kept = Kept::anew(bundle.parts().created.plus(storing.keep.as_secs()));
    Ok(Published { record, bundle, was_known: false, kept })
}
