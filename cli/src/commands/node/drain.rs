//! `headwater node drain`: a node that is to leave the network.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use crate::arguments::Globals;
use crate::commands::ticket::node_record;
use crate::failure::Outcome;

/// How often the node's folder is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Have the node in a folder leave the network in order
///
/// It says to all that it leaves and takes nothing new; what it keeps it serves until nothing is under a lease any
/// more: whoever looks after the objects puts the shards elsewhere meanwhile. A steward may not release what it has
/// moved: those leases run out in their time. It may be running or not.
///
/// Exit status 1 while something is still under a lease.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater node drain --dir /srv/node --wait && systemctl stop headwater-node
  headwater node drain --dir /srv/node --undo          it stays after all")]
pub(crate) struct Drain {
    /// The node's folder
    #[arg(long)]
    dir: PathBuf,

    /// Wait until nothing is under a lease any more
    #[arg(long)]
    wait: bool,

    /// Take it back: the node stays
    #[arg(long, conflicts_with = "wait")]
    undo: bool,
}

#[derive(Serialize)]
struct Answer {
    node: String,
    leaving: bool,
    is_empty: bool,
}

impl Drain {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let node =
            node_record(&self.dir).context("no node was ever started in this folder")?.by().to_string();
        let (marker, left) = (self.dir.join("leaving"), self.dir.join("left"));
        if self.undo {
            match std::fs::remove_file(&marker) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    bail!("cannot remove {}: {error}", marker.display())
                }
                _ => {}
            }
            globals.output().answer(&Answer { node, leaving: false, is_empty: false })?;
            return Ok(Outcome::Complete);
        }
        std::fs::write(&marker, "this node is to leave\n")
            .with_context(|| format!("cannot write {}", marker.display()))?;
        while self.wait && !left.exists() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let is_empty = left.exists();
        globals.output().answer(&Answer { node, leaving: true, is_empty })?;
        Ok(if is_empty { Outcome::Complete } else { Outcome::Incomplete })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = &self.node[..10];
        match (self.leaving, self.is_empty) {
            (false, _) => writeln!(f, "node {node} stays"),
            (true, false) => writeln!(
                f,
                "node {node} leaves, and still keeps what is under a lease; stop it only when this command says that it \
                 keeps nothing: --wait waits for that"
            ),
            (true, true) => writeln!(f, "node {node} keeps nothing that is under a lease; it can be stopped"),
        }
    }
}
