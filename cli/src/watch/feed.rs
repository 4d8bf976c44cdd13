//! A live stream as it comes: whatever its creator has signed, from gateways that nobody has to trust (spec §21).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{anyhow, ensure};
use axum::body::Bytes;
use protocol::NetworkId;
use publishing::download::Part;
use publishing::playlists::{PlaylistError, live_master, live_media};
use reqwest::Url;
use sharing::{LiveId, LiveStream, Prelude};

use super::show::{Asked, Content, MASTER};
use super::stream::Piece;
use crate::live_api::LiveGateway;
use crate::output::Output;

/// How often gateways are asked what is new, as long as the stream runs.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How often in a row nobody answers until that is said.
const SILENT_MAX: u32 = 10;

/// A stream, and the gateways that tell of it.
#[derive(Debug)]
pub(crate) struct Feed {
    gateways: Vec<LiveGateway>,
    id: LiveId,
    network: NetworkId,
    prelude: Prelude,
    stream: Mutex<LiveStream>,
    output: Output,
}

impl Feed {
    /// The stream out of the first of these gateways that knows it.
    pub(crate) async fn open(id: LiveId, gateways: &[Url], output: Output) -> anyhow::Result<Self> {
        let gateways: Vec<_> =
            gateways.iter().map(|url| LiveGateway::new(url.clone(), false)).collect::<Result<_, _>>()?;
        let mut last = anyhow!("no gateway is named");
        for gateway in &gateways {
            match gateway.begun(id).await {
                Ok((live, prelude)) => {
                    let (network, stream) = (live.network(), Mutex::new(LiveStream::new(prelude.clone())));
                    return Ok(Self { gateways, id, network, prelude, stream, output });
                }
                Err(error) => last = error.context(format!("{}", gateway.url)),
            }
        }
        Err(last)
    }

    /// What the stream began with.
    pub(crate) const fn prelude(&self) -> &Prelude {
        &self.prelude
    }

    /// Takes in what is new until the stream has ended, and then waits without end.
    pub(crate) async fn follow(&self) {
        let mut silent = 0;
        while self.stream().is_running() {
            silent = if self.look().await { 0 } else { silent + 1 };
            if silent == SILENT_MAX {
                self.output.note("no gateway says anything new of the stream");
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        std::future::pending::<()>().await;
    }

    /// Asks one gateway after the other what is new, until one of them answers as it must.
    pub(crate) async fn look(&self) -> bool {
        for gateway in &self.gateways {
            match self.look_at(gateway).await {
                Ok(()) => return true,
                Err(error) => {
                    tracing::warn!(gateway = %gateway.url, error = format!("{error:#}"), "live stream");
                }
            }
        }
        false
    }

    async fn look_at(&self, gateway: &LiveGateway) -> anyhow::Result<()> {
        let (mut ahead, creator) = (self.stream().clone(), self.prelude.creator());
        let ended = gateway.go_on(&mut ahead, &self.network).await?;
        if ended.as_deref() == Some("by_creator") {
            let end = gateway.end(self.id, &self.network).await?;
            ensure!(end.by() == creator, "it showed an end by somebody else");
            ahead.finish(end.body())?;
        } else if ended.is_some() {
            ahead.close();
        }
        *self.stream() = ahead;
        Ok(())
    }

    /// A playlist as it is now.
    pub(super) fn playlist(&self, file: &str) -> Result<Option<Bytes>, PlaylistError> {
        let stream = self.stream();
        if file == MASTER {
            return if stream.has_begun() {
                live_master(&stream).map(|text| Some(text.into()))
            } else {
                Ok(None)
            };
        }
        let index = file.strip_suffix(".m3u8").and_then(|track| stream.track_index(track));
        let index = index.filter(|index| !stream.segments(*index).is_empty());
        index.map(|index| live_media(&stream, index).map(Bytes::from)).transpose()
    }

    /// A segment that is there, or an init section.
    pub(super) fn part(&self, track: &str, number: Option<u32>) -> Option<Asked> {
        let stream = self.stream();
        let index = stream.track_index(track)?;
        let track = &self.prelude.tracks()[index];
        let content = match number {
            None => Content::Here(track.init.clone()),
            Some(number) => {
                let segments = stream.segments(index);
                let (before, (_, segment)) =
                    (segments.get(..number as usize)?, segments.get(number as usize)?);
                let before = before.iter().map(|(_, segment)| u64::from(segment.duration)).sum();
                let piece = Piece::live(track, number, before, segment);
                Content::There(Part::live(track, number, segment), Some(piece))
            }
        };
        Some(Asked { track: track.id.clone(), number, media_type: track.kind.media_type(), content })
    }

    fn stream(&self) -> MutexGuard<'_, LiveStream> {
        // Every change is one step.
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
