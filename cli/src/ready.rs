//! The one line with which a long-running role says that it serves: `{"ready":{…}}` with `--json`.
//! `headwater devnet` waits for it, and so can any other supervisor.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The line itself.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Ready<T> {
    pub(crate) ready: T,
}

/// A storage node that serves.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct NodeReady {
    /// Its public key, in hexadecimal.
    pub(crate) id: String,
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    /// Its signed record, in base64.
    pub(crate) record: String,
    /// Where its metrics are, under `/metrics`.
    pub(crate) metrics: Option<SocketAddr>,
}

/// A gateway that serves.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct GatewayReady {
    pub(crate) addr: SocketAddr,
    pub(crate) url: String,
    /// Where the metrics of the steward in it are, under `/metrics`.
    pub(crate) metrics: Option<SocketAddr>,
}

/// A steward that works.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct StewardReady {
    /// The payer key that mandates must be written for, in hexadecimal.
    pub(crate) holder: String,
    /// Where its metrics are, under `/metrics`.
    pub(crate) metrics: Option<SocketAddr>,
}

/// An S3 server that serves.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct S3Ready {
    pub(crate) addr: SocketAddr,
    pub(crate) url: String,
    /// Who signs; the secret key is shown by `headwater s3 --credentials` alone.
    pub(crate) access_key: String,
}

/// A ledger that serves.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct LedgerReady {
    pub(crate) addr: SocketAddr,
    pub(crate) url: String,
    /// The key that signs grants and promises, in hexadecimal.
    pub(crate) issuer: String,
}

/// A witness that serves.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct WitnessReady {
    pub(crate) addr: SocketAddr,
    pub(crate) url: String,
    /// The key that its cosignatures are verified with, as policies name it.
    pub(crate) key: String,
}

/// A title that plays on this machine.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct WatchReady {
    pub(crate) addr: SocketAddr,
    /// What a player is given: it holds a secret, so that nobody else on this machine watches on this account.
    pub(crate) url: String,
    pub(crate) title: String,
    /// In what it is paid; none where it is free.
    pub(crate) unit: Option<String>,
    /// The most that it may cost.
    pub(crate) limit: Option<String>,
}

impl fmt::Display for Ready<WatchReady> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.ready.url)
    }
}

/// A key service that serves.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct KeyServiceReady {
    pub(crate) addr: SocketAddr,
    pub(crate) url: String,
    /// The key that signs offers and deliveries, in hexadecimal.
    pub(crate) seller: String,
}

impl fmt::Display for Ready<KeyServiceReady> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KeyServiceReady { url, seller, .. } = &self.ready;
        writeln!(f, "key service of {seller} serves on {url}")
    }
}

impl fmt::Display for Ready<LedgerReady> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LedgerReady { url, issuer, .. } = &self.ready;
        writeln!(f, "ledger of {issuer} serves on {url}")
    }
}

impl fmt::Display for Ready<WitnessReady> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WitnessReady { url, key, .. } = &self.ready;
        writeln!(f, "witness {key} serves on {url}")
    }
}

impl fmt::Display for Ready<S3Ready> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let S3Ready { url, access_key, .. } = &self.ready;
        writeln!(f, "S3 is served on {url} to access key {access_key}")
    }
}

impl fmt::Display for Ready<StewardReady> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "steward looks after what has a mandate for {}", self.ready.holder)
    }
}

impl fmt::Display for Ready<NodeReady> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "node {} serves on {}", self.ready.id, self.ready.addr)
    }
}

impl fmt::Display for Ready<GatewayReady> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "gateway serves on {}", self.ready.url)
    }
}
