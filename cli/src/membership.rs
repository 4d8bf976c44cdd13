//! Which network is meant, and how this program joins it as a client.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use data_encoding::BASE64URL_NOPAD;
use network::{EndpointOptions, EndpointRole, LoadNetworkError, Members, NetworkFile, Pool};
use protocol::{NetworkId, NodeRecord, SecretKey, Signed};
use rand::Rng;

use crate::arguments::Globals;
use crate::folders;

/// The network that the user means, read and verified.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) file: NetworkFile,
    pub(crate) path: PathBuf,
}

impl Network {
    pub(crate) fn load(globals: &Globals) -> anyhow::Result<Self> {
        let path = path(globals)?;
        match NetworkFile::load(&path) {
            Ok(file) => Ok(Self { file, path }),
            Err(error @ LoadNetworkError::Io { .. }) => Err(error).context(
                "no network to talk to: name its file with --network or HEADWATER_NETWORK, or run a network \
                 of your own with `headwater devnet`",
            ),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn members(&self) -> Members {
        Members::from(&self.file)
    }

    /// A pool of connections; nodes are shown an admission by `payer`, if there is one.
    pub(crate) async fn pool(&self, payer: Option<SecretKey>) -> anyhow::Result<Pool> {
        let options =
            EndpointOptions { role: EndpointRole::Client, bind: self.local_address(), secret: random_key() };
        let endpoint = network::bind(options).await?;
        Ok(Pool::new(endpoint, self.file.network, payer))
    }

    /// Where to dial from: a network on this machine is not to be reached from outside, nor are we.
    fn local_address(&self) -> SocketAddr {
        let addresses = || self.file.nodes.iter().flat_map(|record| record.body().addrs.iter());
        if addresses().all(|address| address.ip() == Ipv4Addr::LOCALHOST) {
            (Ipv4Addr::LOCALHOST, 0).into()
        } else if addresses().any(SocketAddr::is_ipv4) {
            (Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (Ipv6Addr::UNSPECIFIED, 0).into()
        }
    }
}

/// The network file that the user means.
pub(crate) fn path(globals: &Globals) -> anyhow::Result<PathBuf> {
    match &globals.network {
        Some(path) => Ok(path.clone()),
        None => Ok(folders::config()?.join("network.json")),
    }
}

/// A name for a network that does not exist yet.
pub(crate) fn new_network_id() -> NetworkId {
    NetworkId::from_bytes(random())
}

/// An identity for one run of this program.
fn random_key() -> SecretKey {
    SecretKey::from_bytes(&random())
}

/// 32 random bytes of the operating system's.
pub(crate) fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// A node's record as it stands in network files and ready lines.
pub(crate) fn record_from_text(text: &str, network: &NetworkId) -> anyhow::Result<Signed<NodeRecord>> {
    let bytes = BASE64URL_NOPAD.decode(text.trim().as_bytes()).context("a node's record is not base64url")?;
    Ok(Signed::decode(&bytes, network)?)
}

/// The other way round.
pub(crate) fn record_to_text(record: &Signed<NodeRecord>) -> String {
    BASE64URL_NOPAD.encode(&record.encode())
}

/// Writes a network file.
pub(crate) fn save(file: &NetworkFile, path: &Path) -> anyhow::Result<()> {
    file.save(path).with_context(|| format!("cannot write the network file {}", path.display()))
}
