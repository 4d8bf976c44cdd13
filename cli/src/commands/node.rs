//! `headwater node`: a storage node, as a long-running role.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use protocol::{DomainName, NodeRecord, ParseNetworkIdError, Signed};
use serde::Deserialize;
use storage_node::{AdmissionPolicy, Node as StorageNode, NodeConfig};

use crate::account;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::membership::Network;
use crate::quantity::ByteSize;
use crate::ready::{NodeReady, Ready};
use crate::{folders, lifetime, membership, settings};

/// Run a storage node
///
/// Keeps encrypted shards in its folder, serves them, and proves on demand that it still has them. It
/// stores only for the payers that --allow names, unless --open says otherwise.
///
/// Every flag can also stand in the settings file, under the same name: capacity = "500GiB". A flag
/// counts before the environment, the environment before the file. Its signed record, which others add
/// to their network file with `headwater nodes --add`, is written to DIR/node.record.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater node --network-id $(openssl rand -hex 32) --announce 203.0.113.7:4433 --allow PAYER_KEY
                                                      the first node of a new network
  headwater node --listen 203.0.113.7:4433 --capacity 500GiB --allow PAYER_KEY
  headwater node --config /etc/headwater/node.toml
  headwater node status --dir /var/lib/headwater      what auditors said of it

A settings file:
  dir = \"/var/lib/headwater\"
  listen = \"203.0.113.7:4433\"
  network-id = \"9f…\"
  capacity = \"500GiB\"
  monthly-cap = \"20TiB\"
  allow = [\"payer key in hexadecimal\", \"another\"]")]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Node {
    #[command(subcommand)]
    question: Option<Question>,

    #[command(flatten)]
    settings: NodeSettings,

    /// The settings file [default: node.toml in your configuration folder]
    #[arg(long, value_name = "FILE", env = "HEADWATER_NODE_CONFIG")]
    config: Option<PathBuf>,

    /// Stop when standard input ends, and read no settings file
    #[arg(long, hide = true)]
    managed: bool,
}

/// What can be asked of a node that runs, or does not.
#[derive(Subcommand, Debug)]
enum Question {
    Status(super::node_status::NodeStatus),
}

/// The settings of a node, by whatever way they came.
#[derive(Args, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct NodeSettings {
    /// The folder for identity, index and shards [default: node in your data folder]
    #[arg(long, env = "HEADWATER_NODE_DIR")]
    dir: Option<PathBuf>,

    /// The UDP address to listen on [default: 0.0.0.0:4433, with --announce]
    #[arg(long, value_name = "IP:PORT", env = "HEADWATER_NODE_LISTEN")]
    listen: Option<SocketAddr>,

    /// Addresses under which others reach this node, where they differ from --listen
    #[arg(long, value_name = "IP:PORT", value_delimiter = ',', env = "HEADWATER_NODE_ANNOUNCE")]
    announce: Option<Vec<SocketAddr>>,

    /// The network's id, 64 hexadecimal digits [default: that of the network file]
    #[arg(long, value_name = "HEX", env = "HEADWATER_NODE_NETWORK_ID")]
    network_id: Option<String>,

    /// How much to store at most, such as 500GiB [default: 64GiB]
    #[arg(long, value_name = "SIZE", env = "HEADWATER_NODE_CAPACITY")]
    capacity: Option<ByteSize>,

    /// How much one payer may store at most [default: all]
    #[arg(long, value_name = "SIZE", env = "HEADWATER_NODE_QUOTA")]
    quota: Option<ByteSize>,

    /// How fast to send at most, per second, such as 20MB [default: no limit]
    #[arg(long, value_name = "SIZE", env = "HEADWATER_NODE_MAX_UPLOAD")]
    max_upload: Option<ByteSize>,

    /// How much to send per calendar month at most [default: no limit]
    #[arg(long, value_name = "SIZE", env = "HEADWATER_NODE_MONTHLY_CAP")]
    monthly_cap: Option<ByteSize>,

    /// A payer's public key that may store here, in hexadecimal; may be repeated
    #[arg(long, value_name = "KEY", value_delimiter = ',', env = "HEADWATER_NODE_ALLOW")]
    allow: Option<Vec<String>>,

    /// Store for anybody who can reach this node
    #[arg(long, num_args = 0..=1, default_missing_value = "true", env = "HEADWATER_NODE_OPEN")]
    open: Option<bool>,

    /// What this node shares its fate with, such as a site; nodes of one domain share no segment
    #[arg(long, value_name = "NAME", env = "HEADWATER_NODE_DOMAIN")]
    domain: Option<String>,
}

impl NodeSettings {
    /// These settings, and where they say nothing those of `file`.
    fn or(self, file: Self) -> Self {
        Self {
            dir: self.dir.or(file.dir),
            listen: self.listen.or(file.listen),
            announce: self.announce.or(file.announce),
            network_id: self.network_id.or(file.network_id),
            capacity: self.capacity.or(file.capacity),
            quota: self.quota.or(file.quota),
            max_upload: self.max_upload.or(file.max_upload),
            monthly_cap: self.monthly_cap.or(file.monthly_cap),
            allow: self.allow.or(file.allow),
            open: self.open.or(file.open),
            domain: self.domain.or(file.domain),
        }
    }
}

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 4433);

impl Node {
    /// Whether a node is to be run.
    pub(crate) const fn is_a_role(&self) -> bool {
        self.question.is_none()
    }

    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        if let Some(Question::Status(status)) = self.question {
            return status.run(globals).await;
        }
        let file = if self.managed {
            NodeSettings::default()
        } else {
            settings::load(self.config.as_deref(), "node.toml")?
        };
        let config = self.settings.or(file).into_config(globals)?;
        let dir = config.dir.clone();
        if config.admission == AdmissionPolicy::AllowList([].into()) {
            globals.output().note("nobody may store on this node: name payers with --allow, or say --open");
        }
        let node = StorageNode::spawn(config)
            .await
            .with_context(|| format!("cannot run a node in {}", dir.display()))?;
        write_record(&dir, node.record())?;
        let ready = NodeReady {
            id: node.id().to_string(),
            addr: node.addr(),
            record: membership::record_to_text(node.record()),
        };
        globals.output().answer(&Ready { ready })?;
        let ended = lifetime::ended(self.managed).await;
        node.shutdown().await;
        ended?;
        Ok(Outcome::Complete)
    }
}

impl NodeSettings {
    fn into_config(self, globals: &Globals) -> anyhow::Result<NodeConfig> {
        let network = match &self.network_id {
            Some(text) => {
                text.parse().map_err(|error: ParseNetworkIdError| Usage::because(error.to_string()))?
            }
            None => Network::load(globals.network.as_deref())?.file.network,
        };
        let dir = match &self.dir {
            Some(dir) => dir.clone(),
            None => folders::data()?.join("node"),
        };
        let defaults = NodeConfig::new(dir, network);
        Ok(NodeConfig {
            bind: self.listen.unwrap_or(LISTEN),
            advertise: self.addresses_to_announce()?,
            domain: self.domain()?,
            capacity: self.capacity.map_or(defaults.capacity, ByteSize::bytes),
            admission: self.admission()?,
            quota_per_payer: self.quota.map(ByteSize::bytes),
            max_upload: self.max_upload.map(ByteSize::bytes),
            monthly_cap: self.monthly_cap.map(ByteSize::bytes),
            ..defaults
        })
    }

    fn addresses_to_announce(&self) -> anyhow::Result<Vec<SocketAddr>> {
        let announce = self.announce.clone().unwrap_or_default();
        let listen = self.listen.unwrap_or(LISTEN);
        if announce.is_empty() && listen.ip().is_unspecified() {
            return Err(Usage::because(format!(
                "the node would listen on {listen}, all addresses of this machine: say under which others reach \
                 it, with --announce IP:{}, or listen on that one alone",
                listen.port()
            )));
        }
        Ok(announce)
    }

    fn domain(&self) -> anyhow::Result<Option<DomainName>> {
        let named = self.domain.clone().map(DomainName::new).transpose();
        named.map_err(|error| Usage::because(error.to_string()))
    }

    fn admission(&self) -> anyhow::Result<AdmissionPolicy> {
        let open = self.open.unwrap_or(false);
        let allowed = self
            .allow
            .iter()
            .flatten()
            .map(|text| account::parse_payer_key(text))
            .collect::<Result<_, _>>()?;
        match (open, &self.allow) {
            (true, Some(_)) => Err(Usage::because("--open admits everybody: leave out --allow, or --open")),
            (true, None) => Ok(AdmissionPolicy::Open),
            (false, _) => Ok(AdmissionPolicy::AllowList(allowed)),
        }
    }
}

/// Leaves the node's record where its operator finds it.
fn write_record(dir: &Path, record: &Signed<NodeRecord>) -> anyhow::Result<()> {
    let path = dir.join("node.record");
    folders::write_atomically(&path, &record.encode())
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(toml: &str) -> NodeSettings {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn the_file_counts_only_where_flags_say_nothing() {
        let flags = NodeSettings { capacity: Some(ByteSize::from_bytes(1)), ..NodeSettings::default() };
        let merged = flags.or(settings("capacity = \"2GiB\"\nmonthly-cap = 3\nopen = true"));
        assert_eq!(merged.capacity, Some(ByteSize::from_bytes(1)));
        assert_eq!(merged.monthly_cap, Some(ByteSize::from_bytes(3)));
        assert_eq!(merged.open, Some(true));
    }

    #[test]
    fn the_example_in_the_help_is_a_settings_file() {
        let example = settings(
            "dir = \"/var/lib/headwater\"\nlisten = \"203.0.113.7:4433\"\nnetwork-id = \"9f\"\n\
             capacity = \"500GiB\"\nmonthly-cap = \"20TiB\"\nallow = [\"aa\", \"bb\"]",
        );
        assert_eq!(example.allow.map(|keys| keys.len()), Some(2));
    }

    #[test]
    fn admission_is_a_list_unless_openness_is_asked_for() {
        let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let admission = |toml: &str| settings(toml).admission();
        assert_eq!(admission("").unwrap(), AdmissionPolicy::AllowList([].into()));
        assert_eq!(admission("open = true").unwrap(), AdmissionPolicy::Open);
        let listed = admission(&format!("allow = [\"{key}\"]")).unwrap();
        assert_eq!(listed, AdmissionPolicy::AllowList([account::parse_payer_key(key).unwrap()].into()));
        assert!(admission(&format!("open = true\nallow = [\"{key}\"]")).is_err());
        assert!(admission("allow = [\"me\"]").is_err());
    }

    #[test]
    fn a_node_on_all_interfaces_must_say_where_it_is() {
        assert!(settings("").addresses_to_announce().is_err());
        assert!(settings("listen = \"127.0.0.1:0\"").addresses_to_announce().unwrap().is_empty());
        let announced = settings("announce = [\"203.0.113.7:4433\"]").addresses_to_announce().unwrap();
        assert_eq!(announced, ["203.0.113.7:4433".parse().unwrap()]);
    }
}
