//! A steward inside another role: it works until that ends.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use client::{Client, ClientOptions};
use gateway::Till;
use network::{Members, NetworkFile, Pool};
use steward::{Entry, Observer, RunError, Steward, StewardConfig};
use tokio::task::JoinHandle;

use super::settings::StewardSettings;
use crate::account;
use crate::membership::Network;
use crate::metrics::{self, Serving};
use crate::output::Output;
use crate::storage_pay::Reporter;

/// A steward that runs; it is killed when this is dropped, which it may be at any time.
pub(crate) struct Beside {
    task: JoinHandle<()>,
    observer: Observer,
    metrics: Option<Serving>,
}

/// Starts a steward. What it does stands in the log in its folder.
pub(crate) async fn start(
    settings: &StewardSettings,
    network: &Network,
    account: Option<&Path>,
    output: Output,
) -> anyhow::Result<Beside> {
    let opened = open(settings, network, account, output, |_| {}).await?;
    let observer = opened.steward.observer();
    let metrics = serve_metrics(settings, &observer).await?;
    let task = tokio::spawn(async move {
        if let Err(error) = opened.run(std::future::pending()).await {
            tracing::error!(%error, "nothing is looked after any more");
        }
    });
    Ok(Beside { task, observer, metrics })
}

/// Serves the metrics of a steward, where its settings say so.
pub(super) async fn serve_metrics(
    settings: &StewardSettings,
    observer: &Observer,
) -> anyhow::Result<Option<Serving>> {
    let Some(addr) = settings.metrics else { return Ok(None) };
    let observer = observer.clone();
    metrics::serve(addr, move || Some(observer.metrics().render())).await.map(Some)
}

impl Beside {
    /// Looks at it.
    pub(crate) fn observer(&self) -> Observer {
        self.observer.clone()
    }

    /// Where its metrics are.
    pub(crate) fn metrics(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|serving| serving.addr)
    }
}

/// A steward that does not run yet, and what it speaks through.
pub(super) struct Opened {
    pub(super) steward: Steward,
    pub(super) pool: Pool,
    /// From which it pays, where it does.
    till: Option<Till>,
    reporter: Option<Reporter>,
    /// The payer key that mandates must be written for, in hexadecimal.
    pub(super) holder: String,
}

impl Opened {
    /// Works until `until` completes.
    pub(super) async fn run(self, until: impl Future<Output = ()>) -> Result<(), RunError> {
        let Self { steward, till, reporter, .. } = self;
        let reports = async {
            match reporter {
                Some(reporter) => reporter.always().await,
                None => std::future::pending().await,
            }
        };
        let outcome = tokio::select! {
            outcome = steward.run(until) => outcome,
            () = reports => unreachable!("it has no end"),
        };
        drop(till);
        outcome
    }
}

/// Opens a steward in the name of an account, with an endpoint of its own.
pub(super) async fn open(
    settings: &StewardSettings,
    network: &Network,
    account: Option<&Path>,
    output: Output,
    tell: impl FnMut(&Entry) + Send + 'static,
) -> anyhow::Result<Opened> {
    let (config, care_rate) = (settings.config()?, settings.bandwidth());
    let holder = account::payer(&account::open(account, output)?);
    let (dir, key) = (config.dir.clone(), holder.public().to_string());
    let reporter = settings.reporter(&dir, holder.clone())?;
    let pool = network.pool(Some(holder.clone())).await?;
    let options = ClientOptions { care_rate, ..ClientOptions::default() };
    let client = Client::new(pool.clone(), known_nodes(&config, network), options);
    let (client, pays) = match settings.pay(&dir).paying(&client).await? {
        Some((paying, purse)) => {
            settings.tell_shortfall(&dir, output).await;
            (paying, Some(purse))
        }
        None => (client, None),
    };
    match Steward::open(config, client, holder, tell) {
        Ok(steward) => Ok(Opened { steward, pool, till: pays, reporter, holder: key }),
        Err(error) => {
            pool.close().await;
            Err(error).with_context(|| format!("cannot run a steward in {}", dir.display()))
        }
    }
}

/// The nodes of the network file, and those that the steward has heard of since it was written.
fn known_nodes(config: &StewardConfig, network: &Network) -> Members {
    let mut members = Members::from(&network.file);
    match NetworkFile::load(&config.members_file()) {
        // Records of another network are not taken in.
        Ok(remembered) => {
            for record in remembered.nodes {
                members.insert(record);
            }
        }
        Err(error) => tracing::debug!(%error, "going by the network file alone"),
    }
    members
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.task.abort();
    }
}
