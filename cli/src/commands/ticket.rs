//! `headwater ticket`: the one text with which others join a network.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use network::{Members, NetworkFile};
use protocol::limits::TICKET_NODES_MAX;
use protocol::{AnyRecord, Contact, NodeRecord, Signed, Ticket as Text};
use rand::seq::SliceRandom as _;
use serde::Serialize;

use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::membership::Network;
use crate::record_file::{KnownRecord, RecordFile};

/// Print a ticket: the one text with which others join the network
///
/// It names the network and up to eight of its nodes, and holds no secret. A node joins with
/// `headwater node --join TICKET`, a client with `--network TICKET` in the place of a network file.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ticket > net.ticket                        of the network that --network names
  headwater ticket --dir /var/lib/headwater            of the node in this folder
  headwater node --join @net.ticket --dir /srv/node --listen 203.0.113.9:4433
  headwater --network @net.ticket put film.mp4")]
pub(crate) struct Ticket {
    /// The folder of a node of the network, which the ticket names first
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[derive(Serialize)]
struct Answer {
    ticket: String,
    network: String,
    nodes: usize,
}

impl Ticket {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let ticket = if let Some(dir) = &self.dir {
            of_node(dir)?
        } else {
            let network = Network::load(globals.network.as_deref()).await?;
            of(network.file.network, network.file.same_site, &network.file.nodes)?
        };
        let (network, nodes) = (ticket.network().to_string(), ticket.contacts().len());
        globals.output().answer(&Answer { ticket: ticket.to_string(), network, nodes })?;
        Ok(Outcome::Complete)
    }
}

/// The ticket of the network to which the node in a folder belongs.
fn of_node(dir: &Path) -> anyhow::Result<Text> {
    let record = node_record(dir)?;
    let members = dir.join("members.json");
    let known = if members.exists() { Some(NetworkFile::load(&members)?) } else { None };
    let same_site = known.as_ref().is_some_and(|file| file.same_site);
    let others = known.into_iter().flat_map(|file| file.nodes).filter(|other| other.by() != record.by());
    let nodes: Vec<_> = std::iter::once(record.clone()).chain(others).collect();
    of(record.network(), same_site, &nodes)
}

/// The record that a node left in its folder when it was started last.
pub(crate) fn node_record(dir: &Path) -> anyhow::Result<Signed<NodeRecord>> {
    let path = dir.join("node.record");
    match RecordFile::read(&path)?.record {
        KnownRecord::Protocol(AnyRecord::Node(record)) => Ok(record),
        other => anyhow::bail!("{} is a record of type {}, not a node's", path.display(), other.kind()),
    }
}

/// A ticket with the first of these nodes, and some of the others at random.
fn of(network: protocol::NetworkId, same_site: bool, nodes: &[Signed<NodeRecord>]) -> anyhow::Result<Text> {
    let mut members = Members::new(network, same_site);
    for record in nodes {
        members.insert(record.clone());
    }
    let stays = |record: &&Signed<NodeRecord>| !record.body().leaving && !members.is_silent(record);
    let mut contacts: Vec<Contact> = nodes.iter().filter(stays).map(Contact::from).collect();
    if let Some((_first, others)) = contacts.split_first_mut() {
        others.shuffle(&mut rand::rng());
    }
    contacts.truncate(TICKET_NODES_MAX);
    Text::new(network, same_site, contacts).context("no node is known that others could join at")
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.ticket)
    }
}
