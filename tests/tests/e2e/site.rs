//! A gateway in front of a test's network, asked over TCP.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use chunker::{AccountSecret, Link};
use e2e::harness::TestNetwork;
use gateway::{BearerToken, Gateway, GatewayConfig, UploadConfig, serve};
use reqwest::header::HeaderMap;
use reqwest::{Body, RequestBuilder, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const TOKEN: &str = "0123456789abcdef";

/// How long the files of a gateway may stay locked after it has ended.
const UNLOCK_WITHIN: Duration = Duration::from_secs(10);

/// A gateway that serves until it is stopped or dropped.
pub(crate) struct Site {
    pub(crate) addr: SocketAddr,
    pub(crate) http: reqwest::Client,
    serving: JoinHandle<()>,
    end: oneshot::Sender<()>,
}

impl Site {
    pub(crate) async fn start(network: &TestNetwork) -> anyhow::Result<Self> {
        Self::start_with(network, |_| {}).await
    }

    /// `change` may change the settings. What a gateway before it was still asking for holds its files for a moment longer.
    pub(crate) async fn start_with(
        network: &TestNetwork,
        change: impl Fn(&mut GatewayConfig),
    ) -> anyhow::Result<Self> {
        let begun = Instant::now();
        loop {
            match Self::try_start(network, &change).await {
                Err(error)
                    if begun.elapsed() < UNLOCK_WITHIN && error.to_string().contains("already open") =>
                {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_start(network: &TestNetwork, change: impl Fn(&mut GatewayConfig)) -> anyhow::Result<Self> {
        // reqwest asks for a TLS provider even for plain HTTP; another test may have installed it already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let mut config = GatewayConfig::new(format!("http://{addr}"));
        config.uploads = Some(UploadConfig {
            token: BearerToken::new(TOKEN)?,
            account: AccountSecret::from_bytes([5; 32]),
            coding: "2+2".parse()?,
            keep_s: 86_400,
            len_max: 64 << 20,
        });
        change(&mut config);
        let gateway = Gateway::new(config, network.client().await?)?;
        let (end, ended) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, gateway, async { drop(ended.await) }));
        Ok(Self { addr, http: reqwest::Client::new(), serving, end })
    }

    /// Ends it in order.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        drop((self.http, self.end.send(())));
        Ok(self.serving.await?)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub(crate) async fn open(&self, link: &Link) -> anyhow::Result<Response> {
        Ok(self.http.post(self.url("/open")).body(link.to_string()).send().await?)
    }

    /// The URL of a new handle.
    pub(crate) async fn handle(&self, link: &Link) -> anyhow::Result<String> {
        let opened: Value = self.open(link).await?.error_for_status()?.json().await?;
        Ok(opened["url"].as_str().context("an answer without url")?.to_owned())
    }

    pub(crate) fn upload(&self, query: &str, body: impl Into<Body>) -> RequestBuilder {
        self.http.post(self.url(&format!("/blob{query}"))).bearer_auth(TOKEN).body(body)
    }

    pub(crate) async fn metric(&self, name: &str) -> anyhow::Result<u64> {
        let text = self.http.get(self.url("/metrics")).send().await?.text().await?;
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("headwater_gateway_{name} ")));
        Ok(line.with_context(|| format!("no metric {name} in\n{text}"))?.parse()?)
    }
}

/// Status and code of a problem document.
pub(crate) async fn problem(response: Response) -> anyhow::Result<(u16, String)> {
    let status = response.status().as_u16();
    let document: Value = response.json().await?;
    ensure!(document["status"] == status, "{document}");
    Ok((status, document["code"].as_str().context("a problem without code")?.to_owned()))
}

pub(crate) fn text(headers: &HeaderMap, name: reqwest::header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
