//! One question to a gateway, which may answer anything: how much is read and how long is waited is said here.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;
use tokio::time::{Instant, timeout, timeout_at};

use super::fault::Fault;

/// Bytes a second below which a gateway is as good as silent.
pub(super) const RATE_MIN: u64 = 8 << 10;
/// Longest refusal that is read, in bytes.
const PROBLEM_LEN_MAX: u64 = 4 << 10;
/// Where a request shows who pays for it (spec §26).
const SESSION: &str = "headwater-session";

/// Asks gateways.
pub(super) struct Http {
    client: Client,
    patience: Duration,
}

/// An answer on its way, of which no more is taken than was agreed.
pub(super) struct Body {
    response: Response,
    taken: u64,
    len_max: u64,
    patience: Duration,
    deadline: Instant,
}

impl Http {
    pub(super) fn new(patience: Duration) -> reqwest::Result<Self> {
        // Fails only where a provider is installed already.
        drop(rustls::crypto::ring::default_provider().install_default());
        // A gateway plays at its own address; one that sends us elsewhere may do so in circles.
        let client = Client::builder().redirect(Policy::none()).connect_timeout(patience).build()?;
        Ok(Self { client, patience })
    }

    /// The answer to `GET url`, of at most `len_max` bytes, and exactly `len` where that is known.
    pub(super) async fn get(&self, url: Url, len: Option<u64>, len_max: u64) -> Result<Body, Fault> {
        self.get_within(url, None, len, len_max).await
    }

    /// The same within a session that pays for it.
    pub(super) async fn get_within(
        &self,
        url: Url,
        session: Option<&str>,
        len: Option<u64>,
        len_max: u64,
    ) -> Result<Body, Fault> {
        let deadline = Instant::now() + self.patience + Duration::from_secs(len_max / RATE_MIN);
        let mut request = self.client.get(url);
        if let Some(token) = session.and_then(|token| HeaderValue::from_str(token).ok()) {
            request = request.header(SESSION, token);
        }
        let asked = timeout(self.patience, request.send()).await;
        let response = asked.map_err(|_| Fault::Silent(self.patience))?.map_err(broken)?;
        let (status, found) = (response.status(), response.content_length());
        let body = |len_max| Body { response, taken: 0, len_max, patience: self.patience, deadline };
        if status == StatusCode::PAYMENT_REQUIRED {
            return Err(refusal(body(PROBLEM_LEN_MAX)).await);
        }
        if !status.is_success() {
            return Err(Fault::Status(status));
        }
        match (found, len) {
            (Some(found), Some(expected)) if found != expected => Err(Fault::Length { expected, found }),
            (Some(found), None) if found > len_max => Err(Fault::Endless { len_max }),
            _ => Ok(body(len_max)),
        }
    }
}

/// Why a gateway wants to be paid.
async fn refusal(mut body: Body) -> Fault {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
    }
    match body.whole().await.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        // A terminal must not do what a gateway says.
        Some(Problem { code }) => Fault::Payment { code: code.replace(char::is_control, " ") },
        None => Fault::Status(StatusCode::PAYMENT_REQUIRED),
    }
}

impl Body {
    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let chunk = timeout(self.patience, timeout_at(self.deadline, self.response.chunk())).await;
        let chunk = chunk.map_err(|_| Fault::Silent(self.patience))?.map_err(|_| Fault::Slow)?;
        let Some(chunk) = chunk.map_err(broken)? else { return Ok(None) };
        self.taken += chunk.len() as u64;
        if self.taken > self.len_max {
            return Err(Fault::Endless { len_max: self.len_max });
        }
        Ok(Some(chunk))
    }

    /// Bytes that came so far.
    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    /// All of it.
    pub(super) async fn whole(&mut self) -> Result<Bytes, Fault> {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = self.next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }
}

/// What the HTTP client says, down to the cause, without the URL that its caller knows.
fn broken(error: reqwest::Error) -> Fault {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Fault::Broken(cause.to_string())
}
