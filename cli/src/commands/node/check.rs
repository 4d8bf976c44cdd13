//! `headwater node check`: reads everything that a stopped node keeps.

use std::fmt;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use storage_node::FolderReport;

use crate::arguments::Globals;
use crate::commands::ticket::node_record;
use crate::failure::Outcome;
use crate::quantity::ByteSize;

/// Check the folder of a stopped node, such as one that was carried to another machine
///
/// Reads every shard and compares it with its root. A folder that was copied whole is the node: started with it at
/// another address, it has the same identity and serves the same shards. Never start both copies.
///
/// Exit status 1 when something is damaged; the node can be started all the same, and says so of what is.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples, moving a node to another machine:
  systemctl stop headwater-node                          on the old machine
  rsync -a /srv/node/ new.example:/srv/node/
  headwater node check --dir /srv/node                   on the new one
  headwater node --dir /srv/node --listen 203.0.113.9:4433 --allow PAYER_KEY")]
pub(crate) struct Check {
    /// The node's folder
    #[arg(long)]
    dir: PathBuf,
}

#[derive(Serialize)]
struct Answer {
    node: String,
    shards: u64,
    bytes: u64,
    damaged: Vec<String>,
}

impl Check {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let network = node_record(&self.dir).context("no node was ever started in this folder")?.network();
        let dir = self.dir.clone();
        let checked = tokio::task::spawn_blocking(move || storage_node::check_folder(&dir, network)).await?;
        let report = checked.with_context(|| format!("cannot check {}", self.dir.display()))?;
        let is_sound = report.damaged.is_empty();
        globals.output().answer(&Answer::from(report))?;
        Ok(if is_sound { Outcome::Complete } else { Outcome::Incomplete })
    }
}

impl From<FolderReport> for Answer {
    fn from(report: FolderReport) -> Self {
        let FolderReport { node, shards, bytes, damaged } = report;
        let damaged = damaged.iter().map(ToString::to_string).collect();
        Self { node: node.to_string(), shards, bytes, damaged }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sound, bytes) = (self.shards - self.damaged.len() as u64, ByteSize::from_bytes(self.bytes));
        writeln!(
            f,
            "node {} keeps {} shards, {bytes}; {sound} of them are sound",
            &self.node[..10],
            self.shards
        )?;
        self.damaged.iter().try_for_each(|root| writeln!(f, "damaged  {root}"))
    }
}
