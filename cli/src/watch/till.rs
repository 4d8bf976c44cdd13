//! What is asked of a gateway about money: by way of which ledger, to open a session, to take a receipt (spec §26).

use std::time::Duration;

use anyhow::Context;
use proofs::canonical;
use protocol::{DeliveryReceipt, NetworkId, PublicKey, Signed, Usage};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;

use crate::gateway_api::RECORD_TYPE;
use crate::ledger_api::parse_key;

/// How long a gateway may take for one answer: it asks the ledger first.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Longest answer, in bytes.
const ANSWER_LEN_MAX: usize = 64 << 10;

/// The till of one gateway.
#[derive(Debug)]
pub(crate) struct Till {
    gateway: Url,
    http: Client,
}

/// By way of which ledger a gateway is paid.
#[derive(Debug, Clone)]
pub(crate) struct PaidBy {
    pub(crate) url: String,
    pub(crate) issuer: PublicKey,
    pub(crate) network: NetworkId,
    /// The key that grants have to name.
    pub(crate) gateway: PublicKey,
    /// What it gives before it is acknowledged.
    pub(crate) credit: Usage,
}

/// Why a gateway did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TillError {
    #[error("{0}")]
    Unreachable(String),
    #[error("{detail} ({code})")]
    Refused { code: String, detail: String },
    #[error("it answers as no gateway does: {0}")]
    Strange(String),
}

#[derive(Deserialize)]
struct LedgerAnswer {
    url: String,
    issuer: String,
    gateway: String,
    network: String,
    credit_bytes: u64,
    credit_ms: u64,
}

#[derive(Deserialize)]
struct SessionAnswer {
    session: String,
}

#[derive(Serialize)]
struct Opening<'r> {
    grant: &'r Bytes,
    receipt: &'r Bytes,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: String,
}

impl Till {
    pub(crate) fn of(gateway: &Url) -> anyhow::Result<Self> {
        // Fails only where a provider is installed already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = Client::builder().timeout(ANSWER_WITHIN).redirect(Policy::none()).build();
        let http = http.context("cannot make a client for HTTP")?;
        Ok(Self { gateway: gateway.clone(), http })
    }

    /// By way of which ledger it is paid; `None` where it takes part in none.
    pub(crate) async fn ledger(&self) -> Result<Option<PaidBy>, TillError> {
        match answered(self.http.get(self.at(&["api", "ledger"]))).await {
            Ok(answer) => PaidBy::of(decode(answer).await?).map(Some),
            Err(TillError::Refused { code, .. }) if code == "no_ledger" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a session under a grant; its token.
    pub(crate) async fn open(
        &self,
        grant: &[u8],
        receipt: &Signed<DeliveryReceipt>,
    ) -> Result<String, TillError> {
        let receipt = receipt.encode();
        let opening = Opening { grant: Bytes::new(grant), receipt: Bytes::new(&receipt) };
        let answer = self.post(&["api", "sessions"], canonical::to_vec(&opening)).await?;
        let SessionAnswer { session } = decode(answer).await?;
        let is_token = session.len() == 32 && session.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_token { Ok(session) } else { Err(TillError::Strange("its session has no token".into())) }
    }

    /// Hands in a receipt, which is durable there when this returns.
    pub(crate) async fn take(
        &self,
        session: &str,
        receipt: &Signed<DeliveryReceipt>,
    ) -> Result<(), TillError> {
        self.post(&["api", "sessions", session, "receipts"], receipt.encode()).await.map(drop)
    }

    async fn post(&self, path: &[&str], body: Vec<u8>) -> Result<Response, TillError> {
        answered(self.http.post(self.at(path)).header(CONTENT_TYPE, RECORD_TYPE).body(body)).await
    }

    fn at(&self, path: &[&str]) -> Url {
        let mut url = self.gateway.clone();
        let mut segments = url.path_segments_mut().expect("the URL of a gateway has a path");
        segments.pop_if_empty().extend(path);
        drop(segments);
        url
    }
}

impl PaidBy {
    fn of(answer: LedgerAnswer) -> Result<Self, TillError> {
        let key = |text: &str| parse_key(text).map_err(|error| TillError::Strange(error.to_string()));
        let network = answer.network.parse();
        Ok(Self {
            url: answer.url,
            issuer: key(&answer.issuer)?,
            network: network.map_err(|_| TillError::Strange("it names no network".into()))?,
            gateway: key(&answer.gateway)?,
            credit: Usage { bytes: answer.credit_bytes, ms: answer.credit_ms },
        })
    }
}

async fn answered(request: RequestBuilder) -> Result<Response, TillError> {
    let answer =
        request.send().await.map_err(|error| TillError::Unreachable(error.without_url().to_string()))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
        return Err(TillError::Unreachable(format!("it answers {status}")));
    }
    let Problem { code, detail } = decode(answer).await?;
    // A terminal must not do what a gateway says.
    let [code, detail] = [code, detail].map(|text| text.replace(char::is_control, " "));
    Err(TillError::Refused { code, detail })
}

async fn decode<T: DeserializeOwned>(mut answer: Response) -> Result<T, TillError> {
    let mut bytes = Vec::new();
    loop {
        let chunk = answer.chunk().await.map_err(|error| TillError::Unreachable(error.to_string()))?;
        let Some(chunk) = chunk else { break };
        bytes.extend_from_slice(&chunk);
        if bytes.len() > ANSWER_LEN_MAX {
            return Err(TillError::Strange(format!("its answer is longer than {ANSWER_LEN_MAX} bytes")));
        }
    }
    serde_json::from_slice(&bytes).map_err(|error| TillError::Strange(error.to_string()))
}
