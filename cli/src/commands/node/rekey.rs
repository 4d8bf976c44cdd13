//! `headwater node rekey`: a new identity for a node.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use protocol::SecretKey;
use serde::Serialize;

use crate::arguments::Globals;
use crate::commands::ticket::node_record;
use crate::failure::Outcome;
use crate::membership;

/// Give the stopped node in a folder a new identity
///
/// The old one signs for the new one, so that whoever has leases on this node finds it again; then the old key is
/// gone for good. At most four times.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  systemctl stop headwater-node
  headwater node rekey --dir /srv/node
  systemctl start headwater-node")]
pub(crate) struct Rekey {
    /// The node's folder
    #[arg(long)]
    dir: PathBuf,
}

#[derive(Serialize)]
struct Answer {
    formerly: String,
    node: String,
}

impl Rekey {
    pub(crate) fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let network = node_record(&self.dir)?.network();
        let fresh = SecretKey::from_bytes(&membership::random());
        let (old, new) = storage_node::rekey(&self.dir, &network, &fresh, SystemTime::now().into())?;
        globals.output().answer(&Answer { formerly: old.to_string(), node: new.to_string() })?;
        Ok(Outcome::Complete)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "node {} is {} from now on", self.formerly, self.node)
    }
}
