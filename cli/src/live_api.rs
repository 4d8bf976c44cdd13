//! What this program tells a gateway of live streams, and asks it about them.

use anyhow::{Context, bail, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use protocol::{NetworkId, Record, RecordHeading, Signed};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, StatusCode, Url};
use serde_json::Value;
use sharing::{Live, LiveEnd, LiveId, LiveSegment, LiveStream, PRELUDE_LEN_MAX, Prelude};

use crate::gateway_api::{self, GatewayError, RECORD_TYPE};

/// Records that are asked for at a time.
const FETCHES_MAX: usize = 8;

/// Bytes of an answer that says why a record is not taken.
const REFUSAL_LEN_MAX: usize = 64 << 10;

/// A gateway that shows live streams.
#[derive(Clone, Debug)]
pub(crate) struct LiveGateway {
    pub(crate) url: Url,
    http: Client,
}

/// Why a gateway did not take a record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OfferError {
    /// It may another time.
    #[error("{0}")]
    Later(String),
    /// It has not got what comes before.
    #[error("it has not got what comes before: {0}")]
    Behind(String),
    /// It never will.
    #[error("it answered {0}")]
    Refused(String),
}

impl LiveGateway {
    /// The gateway at `url`. What is not for everybody goes only where nobody listens: records hold keys.
    pub(crate) fn new(url: Url, is_secret: bool) -> anyhow::Result<Self> {
        if is_secret && !gateway_api::keeps_secrets(&url) {
            bail!("{url}: an unlisted live stream is sent over https or to this machine only");
        }
        let http = gateway_api::http(&url)?;
        Ok(Self { url, http })
    }

    /// The page that plays a stream.
    pub(crate) fn page(&self, id: LiveId) -> anyhow::Result<String> {
        Ok(self.url.join(&format!("/live/{id}"))?.to_string())
    }

    /// Offers a signed record.
    pub(crate) async fn offer(&self, record: Vec<u8>) -> Result<(), OfferError> {
        let later = |error| OfferError::Later(gateway_api::unanswered(&self.url, &error).to_string());
        let url = self.url.join("/api/live").map_err(|error| OfferError::Refused(error.to_string()))?;
        let answer = self.http.post(url).header(CONTENT_TYPE, RECORD_TYPE).body(record).send().await;
        let answer = answer.map_err(later)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let body = gateway_api::whole(&self.url, answer, REFUSAL_LEN_MAX).await.unwrap_or_default();
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        // A terminal must not do what a gateway says.
        let detail = said["detail"].as_str().unwrap_or_default().replace(char::is_control, " ");
        let words = format!("{status}: {detail}");
        Err(match (status, said["code"].as_str()) {
            (StatusCode::NOT_FOUND, _) | (_, Some("out_of_order")) => OfferError::Behind(words),
            (StatusCode::TOO_MANY_REQUESTS, _) => OfferError::Later(words),
            (status, _) if status.is_server_error() => OfferError::Later(words),
            _ => OfferError::Refused(words),
        })
    }

    /// Whether the gateway says that the creator of a stream has taken it back.
    pub(crate) async fn has_withdrawn(&self, id: LiveId) -> bool {
        let Ok(url) = self.api(id) else { return false };
        self.get(url).await.is_ok_and(|answer| answer.status() == StatusCode::GONE)
    }

    /// The streams that run there and are listed.
    pub(crate) async fn running(&self) -> anyhow::Result<Value> {
        let answer = self.get(self.url.join("/api/live")?).await?;
        Ok(gateway_api::said(&self.url, answer).await?["live"].take())
    }

    /// All that the gateway has of a stream, every record verified.
    pub(crate) async fn stream(
        &self,
        id: LiveId,
        network: &NetworkId,
    ) -> anyhow::Result<(Signed<Live>, LiveStream)> {
        let (live, prelude) = self.begun(id).await?;
        ensure!(live.network() == *network, "it is a stream of another network");
        let mut stream = LiveStream::new(prelude);
        self.go_on(&mut stream, network).await?;
        Ok((live, stream))
    }

    /// What a stream began with, and its creator's word for it. Which network it is on, that says.
    pub(crate) async fn begun(&self, id: LiveId) -> anyhow::Result<(Signed<Live>, Prelude)> {
        let bytes = self.bytes(id, "prelude").await?;
        ensure!(LiveId::of(&bytes) == id, "it showed another prelude");
        let record = self.bytes(id, "record").await?;
        let network = RecordHeading::decode(&record).context("record of the stream")?.network();
        let live = Signed::<Live>::decode(&record, &network).context("record of the stream")?;
        let prelude = Prelude::decode(&bytes)?;
        ensure!(live.body().live == id && live.by() == prelude.creator(), "it showed another record");
        Ok((live, prelude))
    }

    /// Takes in what is new of a stream, every record verified. Whether the gateway says that it has ended, and how.
    pub(crate) async fn go_on(
        &self,
        stream: &mut LiveStream,
        network: &NetworkId,
    ) -> anyhow::Result<Option<String>> {
        let (id, creator) = (stream.prelude().id(), stream.prelude().creator());
        let counts = gateway_api::said(&self.url, self.get(self.api(id)?).await?).await?;
        for (index, track) in stream.prelude().clone().tracks().iter().enumerate() {
            let told = counts["tracks"].as_array().into_iter().flatten();
            let mut told = told.filter(|one| one["id"] == track.id.as_str());
            let count = told.find_map(|one| one["segments"].as_u64()).unwrap_or(0);
            let known = stream.segments(index).len() as u64;
            let fetches =
                (known..count).map(|n| self.segment(id, format!("{}/{n}.record", track.id), network));
            let mut records = stream::iter(fetches).buffered(FETCHES_MAX);
            while let Some(record) = records.try_next().await? {
                ensure!(record.by() == creator, "it showed a segment of somebody else");
                stream.push(record.body())?;
            }
        }
        Ok(counts["ended"].as_str().map(ToOwned::to_owned))
    }

    /// How the creator of a stream has ended it.
    pub(crate) async fn end(&self, id: LiveId, network: &NetworkId) -> anyhow::Result<Signed<LiveEnd>> {
        self.record(id, "end", network).await
    }

    async fn segment(
        &self,
        id: LiveId,
        path: String,
        network: &NetworkId,
    ) -> anyhow::Result<Signed<LiveSegment>> {
        self.record(id, &path, network).await
    }

    async fn record<T: Record>(
        &self,
        id: LiveId,
        path: &str,
        network: &NetworkId,
    ) -> anyhow::Result<Signed<T>> {
        let bytes = self.bytes(id, path).await?;
        Signed::decode(&bytes, network).with_context(|| format!("{path} of the stream"))
    }

    async fn bytes(&self, id: LiveId, path: &str) -> anyhow::Result<Vec<u8>> {
        let answer = self.get(self.url.join(&format!("/live/{id}/{path}"))?).await?;
        if !answer.status().is_success() {
            gateway_api::said(&self.url, answer).await?;
            bail!("it did not show {path}");
        }
        Ok(gateway_api::whole(&self.url, answer, PRELUDE_LEN_MAX).await?)
    }

    async fn get(&self, url: Url) -> Result<Response, GatewayError> {
        self.http.get(url).send().await.map_err(|error| gateway_api::unanswered(&self.url, &error))
    }

    fn api(&self, id: LiveId) -> anyhow::Result<Url> {
        Ok(self.url.join(&format!("/api/live/{id}"))?)
    }
}
