//! `headwater nodes`: the nodes of the network, and how they are just now.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use client::Client;
use network::NetworkFile;
use protocol::{AnyRecord, NodeRecord, NodeStatus, Signed};
use serde::Serialize;

use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::membership::{self, Network};
use crate::quantity::ByteSize;
use crate::record_file::{KnownRecord, RecordFile};

/// List the nodes of the network and ask each how it is
///
/// The nodes of the network file are asked whom else they know.
///
/// Exit status 1 when a node does not answer.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater nodes
  headwater nodes --json | jq '.nodes[] | select(.state != \"up\")'
  headwater nodes --add node-a.record --add node-b.record      collect the members of a network")]
pub(crate) struct Nodes {
    /// Add the signed record of a node to the network file, which is created where it does not exist
    #[arg(long, value_name = "FILE")]
    add: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Listing {
    network: String,
    nodes: Vec<NodeLine>,
}

#[derive(Serialize)]
struct NodeLine {
    id: String,
    addrs: Vec<String>,
    relay: Option<String>,
    class: u8,
    domain: Option<String>,
    operator: Option<String>,
    tags: Vec<String>,
    price: u64,
    leaving: bool,
    formerly: usize,
    issued: u64,
    state: &'static str,
    shards: Option<u64>,
    stored: Option<u64>,
    capacity: Option<u64>,
    version: Option<String>,
    error: Option<String>,
}

impl Nodes {
    pub(crate) async fn run(&self, globals: &Globals) -> anyhow::Result<Outcome> {
        self.extend_file(globals)?;
        let network = Network::load(globals.network.as_deref()).await?;
        let ask = async |client: &Client| {
            let members = client.members();
            let ask = async |record: &Signed<NodeRecord>| {
                NodeLine::new(record, client.node_status(record.by()).await)
            };
            Ok(futures_util::future::join_all(members.iter().map(ask)).await)
        };
        let nodes = network.with_client(None, ask).await?;
        let all_up = nodes.iter().all(|node| node.error.is_none());
        globals.output().answer(&Listing { network: network.file.network.to_string(), nodes })?;
        Ok(if all_up { Outcome::Complete } else { Outcome::Incomplete })
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

impl NodeLine {
    fn new(record: &Signed<NodeRecord>, answer: Result<NodeStatus, String>) -> Self {
        let body = record.body();
        let (status, error) = match answer {
            Ok(status) => (Some(status), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            id: record.by().to_string(),
            addrs: body.addrs.iter().map(ToString::to_string).collect(),
            relay: body.relay.as_ref().map(ToString::to_string),
            class: body.class.get(),
            domain: body.domain.as_ref().map(|domain| domain.as_str().to_owned()),
            operator: body.operator.map(|operator| operator.to_string()),
            tags: body.tags.iter().map(ToString::to_string).collect(),
            price: body.price.get(),
            leaving: body.leaving,
            formerly: body.formerly.len(),
            issued: body.issued.get(),
            state: if status.is_some() { "up" } else { "down" },
            shards: status.as_ref().map(|status| status.shards),
            stored: status.as_ref().map(|status| status.stored),
            capacity: status.as_ref().map(|status| status.capacity),
            version: status.map_or_else(
                || Some(body.version.as_str().to_owned()).filter(|version| !version.is_empty()),
                |status| Some(status.version.as_str().to_owned()),
            ),
            error,
        }
    }
}

impl NodeLine {
    /// What the node says of itself beyond its state, where it says anything.
    fn write_profile(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.tags.clone();
        said.extend(self.domain.as_ref().map(|domain| format!("domain {domain}")));
        said.extend((self.price > 0).then(|| protocol::Price::new(self.price).to_string()));
        said.extend(self.relay.as_ref().map(|relay| format!("relay {relay}")));
        said.extend(self.leaving.then(|| "leaving".to_owned()));
        if said.is_empty() { Ok(()) } else { writeln!(f, "            {}", said.join(", ")) }
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "network {}", self.network)?;
        for node in &self.nodes {
            write!(f, "{}  {:<21}  ", &node.id[..10], node.addrs[0])?;
            match (node.shards, node.stored, node.capacity, &node.error) {
                (Some(shards), Some(stored), Some(capacity), None) => {
                    let (stored, capacity) = (ByteSize::from_bytes(stored), ByteSize::from_bytes(capacity));
                    writeln!(f, "up    {shards} shards, {stored} of {capacity}")?;
                }
                (.., error) => writeln!(f, "down  {}", error.as_deref().unwrap_or("no answer"))?,
            }
            node.write_profile(f)?;
        }
        Ok(())
    }
}
