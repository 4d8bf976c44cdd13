//! `devnet.json`: what runs and where, for people and for programs that use the devnet.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;

/// The whole file. It exists only while everything it names serves.
#[derive(Clone, Debug, Serialize)]
pub(super) struct State {
    pub(super) gateways: Vec<GatewayState>,
    /// The first gateway's URL.
    pub(super) gateway: Option<String>,
    pub(super) nodes: Vec<NodeState>,
    /// Further services by name; none yet.
    pub(super) services: BTreeMap<String, String>,
    pub(super) control: ControlState,
    /// The network file.
    pub(super) network: PathBuf,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct GatewayState {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) pid: u32,
}

/// A node; without a process id while it is stopped.
#[derive(Clone, Debug, Serialize)]
pub(super) struct NodeState {
    pub(super) id: String,
    pub(super) pid: Option<u32>,
    pub(super) dir: PathBuf,
    pub(super) addr: SocketAddr,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct ControlState {
    pub(super) url: String,
    pub(super) token: String,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "nodes     {} on this machine", self.nodes.len())?;
        for gateway in &self.gateways {
            writeln!(f, "gateway   {}", gateway.url)?;
        }
        writeln!(f, "control   {}", self.control.url)?;
        writeln!(f, "network   {}", self.network.display())?;
        writeln!(f, "\nIn another terminal:")?;
        writeln!(f, "  export HEADWATER_NETWORK={}", self.network.display())?;
        writeln!(f, "  headwater put FILE")?;
        writeln!(f, "Ctrl-C stops everything; the data stays.")
    }
}
