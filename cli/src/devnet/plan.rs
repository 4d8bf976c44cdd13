//! What a devnet's folder remembers between two runs: its network and every address it has used.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use protocol::NetworkId;
use serde::{Deserialize, Serialize};

use super::folder::Folder;
use crate::failure::Usage;
use crate::folders;

/// An address on the loopback interface whose port the kernel chooses.
const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The addresses of a devnet, one per process; port 0 until a process has chosen.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    /// The network's id, in hexadecimal.
    pub(super) network: String,
    pub(super) control: SocketAddr,
    pub(super) nodes: Vec<SocketAddr>,
    pub(super) gateways: Vec<SocketAddr>,
}

/// What the user asks of a devnet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) nodes: usize,
    pub(crate) gateways: usize,
    /// Where the first gateway listens; the others follow on the next ports.
    pub(crate) http: Option<SocketAddr>,
}

impl Plan {
    /// The plan in `folder` brought in line with `wish`; a new one with `network` if there is none.
    ///
    /// A devnet may grow. It may not lose nodes, because their shards would be missing.
    pub(super) fn load(
        folder: &Folder,
        wish: Wish,
        network: impl FnOnce() -> String,
    ) -> anyhow::Result<Self> {
        let path = folder.plan();
        let mut plan = match fs::read(&path) {
            Ok(json) => serde_json::from_slice(&json).map_err(|error| {
                Usage::because(format!("{} is not the plan of a devnet: {error}", path.display()))
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Self { network: network(), control: ANY_PORT, nodes: Vec::new(), gateways: Vec::new() }
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        plan.fit(wish)?;
        Ok(plan)
    }

    fn fit(&mut self, wish: Wish) -> anyhow::Result<()> {
        if wish.nodes < self.nodes.len() {
            return Err(Usage::because(format!(
                "this folder holds a devnet of {} nodes, and {} would leave shards behind; \
                 ask for {0} or more, or name another folder",
                self.nodes.len(),
                wish.nodes,
            )));
        }
        self.nodes.resize(wish.nodes, ANY_PORT);
        self.gateways.resize(wish.gateways, ANY_PORT);
        if let Some(http) = wish.http {
            for (number, gateway) in self.gateways.iter_mut().enumerate() {
                *gateway = nth_address(http, number)?;
            }
        }
        Ok(())
    }

    /// The network's id.
    pub(super) fn network(&self) -> anyhow::Result<NetworkId> {
        Ok(self.network.parse()?)
    }

    pub(super) fn save(&self, folder: &Folder) -> anyhow::Result<()> {
        let json = serde_json::to_vec_pretty(self)?;
        let path = folder.plan();
        folders::write_atomically(&path, &json).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// `http` for the first gateway and the next ports for those that follow.
fn nth_address(http: SocketAddr, number: usize) -> anyhow::Result<SocketAddr> {
    let port = match http.port() {
        0 => Some(0),
        port => u16::try_from(number).ok().and_then(|number| port.checked_add(number)),
    };
    let port = port.ok_or_else(|| Usage::because(format!("there is no port {number} above {http}")))?;
    Ok(SocketAddr::new(http.ip(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(nodes: usize, gateways: usize) -> Wish {
        Wish { nodes, gateways, http: None }
    }

    fn load(folder: &Folder, wish: Wish) -> anyhow::Result<Plan> {
        Plan::load(folder, wish, || "aa".into())
    }

    #[test]
    fn a_saved_plan_keeps_its_addresses_and_may_grow() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        let mut plan = load(&folder, wish(2, 1)).unwrap();
        assert_eq!(plan.nodes, [ANY_PORT; 2]);
        plan.nodes[1].set_port(4002);
        plan.save(&folder).unwrap();
        let again = Plan::load(&folder, wish(3, 1), || unreachable!("the network has its id")).unwrap();
        assert_eq!(again.nodes[..2], plan.nodes[..]);
        assert_eq!(again.nodes.len(), 3);
        assert!(load(&folder, wish(1, 1)).is_err(), "a devnet must not lose nodes");
    }

    #[test]
    fn gateways_take_neighbouring_ports() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        let http = Some("127.0.0.1:8080".parse().unwrap());
        let plan = load(&folder, Wish { nodes: 1, gateways: 2, http }).unwrap();
        assert_eq!(plan.gateways.iter().map(SocketAddr::port).collect::<Vec<_>>(), [8080, 8081]);
        let last = Some("127.0.0.1:65535".parse().unwrap());
        assert!(load(&folder, Wish { nodes: 1, gateways: 2, http: last }).is_err());
    }

    #[test]
    fn a_damaged_plan_is_named() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        fs::write(folder.plan(), "{}").unwrap();
        assert!(format!("{:#}", load(&folder, wish(1, 1)).unwrap_err()).contains("plan.json"));
    }
}
