//! A steward inside another role: it works until that ends.

use std::path::{Path, PathBuf};

use anyhow::Context;
use client::{Client, ClientOptions};
use network::{Members, NetworkFile, Pool};
use steward::{Entry, Steward, StewardConfig};
use tokio::task::JoinHandle;

use crate::account;
use crate::membership::Network;
use crate::output::Output;

/// A steward that runs; it is killed when this is dropped, which it may be at any time.
pub(crate) struct Beside(JoinHandle<()>);

/// Starts a steward with the usual settings over a folder. What it does stands in its log there.
pub(crate) async fn start(
    dir: PathBuf,
    network: &Network,
    account: Option<&Path>,
    output: Output,
) -> anyhow::Result<Beside> {
    let opened = open(StewardConfig::new(dir), network, account, output, None, |_| {}).await?;
    let task = tokio::spawn(async move {
        if let Err(error) = opened.steward.run(std::future::pending()).await {
            tracing::error!(%error, "nothing is looked after any more");
        }
    });
    Ok(Beside(task))
}

/// A steward that does not run yet, and what it speaks through.
pub(super) struct Opened {
    pub(super) steward: Steward,
    pub(super) pool: Pool,
    /// The payer key that mandates must be written for, in hexadecimal.
    pub(super) holder: String,
}

/// Opens a steward in the name of an account, with an endpoint of its own.
pub(super) async fn open(
    config: StewardConfig,
    network: &Network,
    account: Option<&Path>,
    output: Output,
    repair_rate: Option<u64>,
    tell: impl FnMut(&Entry) + Send + 'static,
) -> anyhow::Result<Opened> {
    let holder = account::payer(&account::open(account, output)?);
    let pool = network.pool(Some(holder.clone())).await?;
    let options = ClientOptions { repair_rate, ..ClientOptions::default() };
    let client = Client::new(pool.clone(), known_nodes(&config, network), options);
    let (dir, key) = (config.dir.clone(), holder.public().to_string());
    let steward = Steward::open(config, client, holder, tell)
        .with_context(|| format!("cannot run a steward in {}", dir.display()))?;
    Ok(Opened { steward, pool, holder: key })
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
        self.0.abort();
    }
}
