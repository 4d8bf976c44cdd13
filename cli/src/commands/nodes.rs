//! `headwater nodes`: the nodes of the network, and how they are just now.

mod care;
mod line;
mod table;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::bail;
use clap::Args;
use client::Client;
use futures_util::{StreamExt as _, stream};
use network::NetworkFile;
use protocol::{AnyRecord, NodeRecord, Signed};
use serde::Serialize;

use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::membership::{self, Network};
use crate::record_file::{KnownRecord, RecordFile};
use care::Care;
use line::NodeLine;

/// Nodes that are asked at the same time.
const ASKED_ABREAST: usize = 64;

/// List the nodes of the network and ask each how it is
///
/// The nodes of the network file are asked whom else they know. With --steward each line says besides what that
/// steward found of the node, and when.
///
/// With --check the exit status is 1 when a node does not answer, is nearly full, is silent to the steward or
/// avoided by it.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater nodes
  headwater nodes --steward /var/lib/headwater/steward
  headwater nodes --check --steward http://127.0.0.1:8080 || mail -s \"look at the nodes\" me < /dev/null
  headwater nodes --json | jq '.nodes[] | select(.state != \"up\")'
  headwater nodes --add node-a.record --add node-b.record      collect the members of a network")]
pub(crate) struct Nodes {
    /// Add the signed record of a node to the network file, which is created where it does not exist
    #[arg(long, value_name = "FILE")]
    add: Vec<PathBuf>,

    /// What a steward knows of the nodes: its folder, or the address of the gateway in which it runs
    #[arg(long, value_name = "DIR or URL", env = "HEADWATER_NODES_STEWARD")]
    steward: Option<String>,

    /// End with status 1 when a node needs somebody to look at it
    #[arg(long)]
    check: bool,
}

#[derive(Serialize)]
struct Listing {
    network: String,
    nodes: Vec<NodeLine>,
}

impl Nodes {
    pub(crate) async fn run(&self, globals: &Globals) -> anyhow::Result<Outcome> {
        self.extend_file(globals)?;
        let care = match &self.steward {
            Some(place) => care::read(place).await?,
            None => Care::default(),
        };
        let network = Network::load(globals.network.as_deref()).await?;
        let ask = async |client: &Client| {
            let members = client.members();
            let ask = members.iter().map(|record| {
                let care = care.get(&record.by().to_string()).cloned();
                NodeLine::ask(client, record, care)
            });
            Ok(stream::iter(ask).buffered(ASKED_ABREAST).collect().await)
        };
        let nodes: Vec<NodeLine> = network.with_client(None, ask).await?;
        let is_well = nodes.iter().all(|node| node.concerns.is_empty());
        globals.output().answer(&Listing { network: network.file.network.to_string(), nodes })?;
        Ok(if is_well || !self.check { Outcome::Complete } else { Outcome::Incomplete })
    }

    fn extend_file(&self, globals: &Globals) -> anyhow::Result<()> {
        if self.add.is_empty() {
            return Ok(());
        }
        let path = membership::path(globals.network.as_deref())?;
        let mut file = membership::load_file(&path)?;
        for source in &self.add {
            let record = read_record(source)?;
            let file = file.get_or_insert_with(|| NetworkFile {
                network: record.network(),
                same_site: false,
                gateway: None,
                nodes: Vec::new(),
            });
            if record.network() != file.network {
                bail!("{} is a node of another network, {}", source.display(), record.network());
            }
            file.nodes.retain(|known| known.by() != record.by());
            file.nodes.push(record);
        }
        file.map_or(Ok(()), |file| membership::save(&file, &path))
    }
}

fn read_record(path: &Path) -> anyhow::Result<Signed<NodeRecord>> {
    match RecordFile::read(path)?.record {
        KnownRecord::Protocol(AnyRecord::Node(record)) => Ok(record),
        other => bail!("{} is a record of type {}, not a node's", path.display(), other.kind()),
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "network {}, {} of {} nodes up", self.network, self.up(), self.nodes.len())?;
        table::write(f, &self.nodes, SystemTime::now().into())
    }
}

impl Listing {
    fn up(&self) -> usize {
        self.nodes.iter().filter(|node| node.error.is_none()).count()
    }
}
