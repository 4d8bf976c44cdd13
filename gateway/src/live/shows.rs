//! What a live stream consists of on the way to a viewer.

use std::sync::Arc;

use axum::http::HeaderValue;
use bytes::Bytes;
use packager::playlist::PlaylistError;
use protocol::PublicKey;
use publishing::playlists::{live_master, live_media};
use sharing::LiveId;

use super::store;
use super::streams::{Live, Playlist, Stream};
use super::summary::LiveSummary;
use crate::pay::{Piece, Shown};
use crate::problem::{Code, Problem};
use crate::publications::{BUNDLE_TYPE, PLAYLIST_TYPE, Publications, Run, derived, nothing, withdrawn};
use crate::representation::Representation;
use crate::rfc9110::ByteRange;

/// What grows is asked for again soon.
const FOR_A_MOMENT: HeaderValue = HeaderValue::from_static("public, max-age=1, no-transform");
/// What may be said differently tomorrow.
const ALWAYS_ASK: HeaderValue = HeaderValue::from_static("no-cache");
pub(crate) const RECORD_TYPE: &str = "application/vnd.headwater.record+cbor";

/// A stream that may be shown, and what opens its objects.
pub(crate) struct LiveShow<'g> {
    live: &'g Live,
    publications: &'g Publications,
    stream: Arc<Stream>,
}

impl<'g> LiveShow<'g> {
    /// The stream, unless it is withdrawn or denied, or what it has become is.
    pub(crate) async fn open(
        live: &'g Live,
        publications: &'g Publications,
        id: LiveId,
    ) -> Result<Self, Problem> {
        let stream = live.get(id).await?;
        check(&stream, publications).await?;
        Ok(Self { live, publications, stream })
    }

    pub(crate) fn summary(&self) -> LiveSummary {
        LiveSummary::new(&self.stream)
    }

    pub(crate) fn prelude(&self) -> Representation {
        derived(BUNDLE_TYPE, self.stream.encoded_prelude.clone())
    }

    pub(crate) fn record(&self) -> Representation {
        Representation { cache_control: ALWAYS_ASK, ..derived(RECORD_TYPE, self.stream.record.encode()) }
    }

    /// How its creator ended it.
    pub(crate) fn end(&self) -> Result<Representation, Problem> {
        let end = self.stream.state().end.clone();
        let end = end.ok_or_else(|| nothing("its creator has not ended it"))?;
        Ok(Representation { cache_control: ALWAYS_ASK, ..derived(RECORD_TYPE, end) })
    }

    pub(crate) fn master(&self) -> Result<Representation, Problem> {
        let state = self.stream.state();
        if !state.live.has_begun() {
            return Err(not_begun());
        }
        let text = live_master(&state.live).map_err(|error| unplayable(&error))?;
        Ok(growing(text.into()))
    }

    /// The media playlist of a track; written once for all who ask until the next segment comes.
    pub(crate) fn playlist(&self, track: &str) -> Result<Representation, Problem> {
        let index = self.track(track)?;
        let mut state = self.stream.state();
        let (segments, has_ended) = (state.live.segments(index).len(), !state.live.is_running());
        if segments == 0 {
            return Err(not_begun());
        }
        let known = state.playlists[index].as_ref();
        if let Some(known) = known.filter(|known| (known.segments, known.has_ended) == (segments, has_ended))
        {
            return Ok(growing(known.text.clone()));
        }
        let text = Bytes::from(live_media(&state.live, index).map_err(|error| unplayable(&error))?);
        state.playlists[index] = Some(Playlist { segments, has_ended, text: text.clone() });
        Ok(growing(text))
    }

    pub(crate) fn init(&self, track: &str) -> Result<Representation, Problem> {
        let track = &self.stream.prelude.tracks()[self.track(track)?];
        Ok(derived(track.kind.media_type(), track.init.clone()))
    }

    /// A segment of a track.
    pub(crate) async fn segment(&self, track: &str, number: u32) -> Result<Run, Problem> {
        let index = self.track(track)?;
        let track = &self.stream.prelude.tracks()[index];
        let found = self.stream.state().live.segments(index).get(number as usize).cloned();
        let (part, segment) = found.ok_or_else(|| nothing(format!("segment {number} is not there")))?;
        let begin = if number == 0 { track.init.len() as u64 } else { 0 };
        let end = begin + u64::from(segment.len);
        let object = match self.ledger() {
            Some(_) => {
                let creator = self.stream.creator();
                self.publications.object_for_money(&part.link(), end, creator).await?
            }
            None => self.publications.object(&part.link(), end).await?,
        };
        let range = ByteRange::new(begin, end).expect("a segment has a length");
        Ok(Run::new(object, range, segment.hash, track.kind.media_type()))
    }

    /// How a segment is counted; nothing of what is not there.
    pub(crate) fn piece(&self, track: &str, number: u32) -> Result<Piece, Problem> {
        let index = self.track(track)?;
        let state = self.stream.state();
        let segments = state.live.segments(index);
        let Some((_, segment)) = segments.get(number as usize) else { return Ok(Piece::default()) };
        let before = segments[..number as usize].iter();
        let start = before.map(|(_, segment)| u64::from(segment.duration)).sum();
        Ok(Piece::live(&self.stream.prelude.tracks()[index], start, segment))
    }

    /// What agreements about it name.
    pub(crate) fn shown(&self) -> Shown {
        Shown::stream(&self.stream.prelude)
    }

    /// The ledger under whose agreements it is shown.
    pub(crate) fn ledger(&self) -> Option<PublicKey> {
        self.stream.prelude.parts().ledger
    }

    /// The record of a segment.
    pub(crate) async fn segment_record(&self, track: &str, number: u32) -> Result<Representation, Problem> {
        let index = u8::try_from(self.track(track)?).expect("tracks are few");
        let id = self.stream.id();
        let record =
            self.live.blocking(move |store: &store::LiveStore| store.segment_record(id, index, number));
        let record = record.await?.ok_or_else(|| nothing(format!("segment {number} is not there")))?;
        Ok(derived(RECORD_TYPE, record))
    }

    fn track(&self, id: &str) -> Result<usize, Problem> {
        let index = self.stream.prelude.tracks().iter().position(|track| track.id.as_str() == id);
        index.ok_or_else(|| nothing(format!("there is no track {id:?}")))
    }
}

impl Live {
    /// The streams that run and are listed, newest first.
    pub(crate) async fn list(&self, publications: &Publications) -> Vec<LiveSummary> {
        let mut running = Vec::new();
        for stream in self.running().into_iter().filter(|stream| stream.record.body().listed) {
            if check(&stream, publications).await.is_ok() {
                running.push(stream);
            }
        }
        running.sort_by_key(|stream| (std::cmp::Reverse(stream.prelude.parts().created), stream.id()));
        running.iter().map(|stream| LiveSummary::new(stream)).collect()
    }
}

async fn check(stream: &Stream, publications: &Publications) -> Result<(), Problem> {
    let (is_withdrawn, publication) = {
        let state = stream.state();
        (state.is_withdrawn, state.live.publication())
    };
    if is_withdrawn {
        return Err(withdrawn());
    }
    for target in [stream.id().cid(), stream.record.body().object] {
        publications.check(target).await?;
    }
    match publication {
        Some(publication) => publications.record(publication).await.map(drop),
        None => Ok(()),
    }
}

fn growing(text: Bytes) -> Representation {
    Representation { cache_control: FOR_A_MOMENT, ..derived(PLAYLIST_TYPE, text) }
}

fn not_begun() -> Problem {
    Problem::new(Code::Unavailable, "its first segments are not here yet")
}

/// What was announced has a form, but makes no playlist.
fn unplayable(error: &PlaylistError) -> Problem {
    Problem::new(Code::Broken, error.to_string())
}
