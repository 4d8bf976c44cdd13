//! The storage nodes of a devnet: which of them run, and how they are stopped and started.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;

use anyhow::Context;
use tokio::sync::Mutex;

use super::child::{Role, Running};
use super::state::NodeState;
use crate::ready::NodeReady;

/// All nodes of the devnet; each can be stopped and started on its own.
#[derive(Debug)]
pub(super) struct Fleet {
    nodes: Vec<Node>,
}

/// A storage node: what identifies it, and its process while it runs.
#[derive(Debug)]
struct Node {
    role: Role,
    dir: PathBuf,
    id: String,
    record: String,
    running: Mutex<Option<Running>>,
}

/// Why a node was not stopped or started.
#[derive(Debug, thiserror::Error)]
pub(super) enum FleetError {
    #[error("there is no node {0} in this devnet")]
    Unknown(String),
    #[error("{0} begins the id of {1} nodes of this devnet")]
    Ambiguous(String, usize),
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

impl Fleet {
    /// Starts the first node, and once it serves those that `others` makes of its record, all at once. Each role comes
    /// with the folder of its node.
    pub(super) async fn launch(
        (role, dir): (Role, PathBuf),
        others: impl FnOnce(&str) -> anyhow::Result<Vec<(Role, PathBuf)>>,
    ) -> anyhow::Result<Self> {
        let first = Node::launch(role, dir).await?;
        let roles = others(&first.record)?;
        // Spawned together, because each spends its time waiting for the disk.
        let starting: Vec<_> = roles
            .into_iter()
            .map(|(role, dir)| tokio::spawn(async move { Node::launch(role, dir).await }))
            .collect();
        let mut nodes = vec![first];
        for node in starting {
            nodes.push(node.await.context("the task that starts a node failed")??);
        }
        Ok(Self { nodes })
    }

    /// The address of each node, in order.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.role.listen).collect()
    }

    /// The signed record of each node as it was at launch, in base64.
    pub(super) fn records(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(|node| node.record.as_str())
    }

    pub(super) async fn states(&self) -> Vec<NodeState> {
        let mut states = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            states.push(node.state(node.running.lock().await.as_ref()));
        }
        states
    }

    pub(super) async fn stop(&self, id: &str) -> Result<NodeState, FleetError> {
        let node = self.node(id)?;
        let mut running = node.running.lock().await;
        if let Some(process) = running.take() {
            process.stop().await;
        }
        Ok(node.state(None))
    }

    pub(super) async fn kill(&self, id: &str) -> Result<NodeState, FleetError> {
        let node = self.node(id)?;
        let mut running = node.running.lock().await;
        if let Some(process) = running.take() {
            process.kill().await;
        }
        Ok(node.state(None))
    }

    /// Starts a node on its old folder and port; one that runs is left alone.
    pub(super) async fn start(&self, id: &str) -> Result<NodeState, FleetError> {
        let node = self.node(id)?;
        let mut running = node.running.lock().await;
        if running.as_mut().is_none_or(|process| process.ended().is_some()) {
            let (process, ready) = node.role.start::<NodeReady>().await?;
            assert_eq!(ready.id, node.id, "a node's folder holds its identity");
            *running = Some(process);
        }
        Ok(node.state(running.as_ref()))
    }

    /// Takes note of nodes that have ended by themselves: their names and how they ended.
    pub(super) fn reap(&self) -> Vec<(&str, ExitStatus)> {
        let mut ended = Vec::new();
        for node in &self.nodes {
            // A node that is being started or stopped right now is not to be waited for.
            let Ok(mut running) = node.running.try_lock() else { continue };
            if let Some(status) = running.as_mut().and_then(Running::ended) {
                *running = None;
                ended.push((node.role.name.as_str(), status));
            }
        }
        ended
    }

    /// Stops every node, all at once.
    pub(super) async fn stop_all(&self) {
        let mut stopping = tokio::task::JoinSet::new();
        for node in &self.nodes {
            if let Some(process) = node.running.lock().await.take() {
                stopping.spawn(process.stop());
            }
        }
        stopping.join_all().await;
    }

    /// The node whose id is, or alone begins with, `id`.
    fn node(&self, id: &str) -> Result<&Node, FleetError> {
        let found = only_match(self.nodes.iter().map(|node| node.id.as_str()), id)?;
        Ok(&self.nodes[found])
    }
}

/// The place of the one id that begins with `start`.
fn only_match<'a>(ids: impl Iterator<Item = &'a str>, start: &str) -> Result<usize, FleetError> {
    let matching = ids.enumerate().filter(|(_, id)| id.starts_with(start)).map(|(place, _)| place);
    match matching.collect::<Vec<_>>()[..] {
        [] => Err(FleetError::Unknown(start.to_owned())),
        [place] => Ok(place),
        ref several => Err(FleetError::Ambiguous(start.to_owned(), several.len())),
    }
}

impl Node {
    async fn launch(role: Role, dir: PathBuf) -> anyhow::Result<Self> {
        let (process, ready) = role.start::<NodeReady>().await?;
        Ok(Self {
            // From now on the port is the node's own: its record names it.
            role: Role { listen: ready.addr, ..role },
            dir,
            id: ready.id,
            record: ready.record,
            running: Mutex::new(Some(process)),
        })
    }

    fn state(&self, running: Option<&Running>) -> NodeState {
        NodeState {
            id: self.id.clone(),
            pid: running.map(Running::pid),
            dir: self.dir.clone(),
            addr: self.role.listen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_named_by_the_beginning_of_its_id_when_that_is_enough() {
        let ids = ["aa11", "aa22", "bb11"];
        let find = |start| only_match(ids.into_iter(), start);
        assert_eq!(find("b").unwrap(), 2);
        assert_eq!(find("aa22").unwrap(), 1);
        assert!(matches!(find("aa"), Err(FleetError::Ambiguous(_, 2))));
        assert!(matches!(find("aa222"), Err(FleetError::Unknown(_))));
    }
}
