//! `headwater node`: a storage node, as a long-running role.

mod check;
mod drain;
pub(crate) mod redeem;
mod rekey;
mod selling;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use protocol::{
    DomainName, NetworkId, NodeRecord, ParseNetworkIdError, Price, PublicKey, RelayUrl, Signed, Tag, Tags,
    Ticket,
};
use serde::Deserialize;
use storage_node::{AdmissionPolicy, Node as StorageNode, NodeConfig, Selling};

use crate::account;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::membership::Network;
use crate::quantity::ByteSize;
use crate::ready::{NodeReady, Ready};
use crate::{folders, lifetime, membership, metrics, settings};

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
  headwater ticket --dir ~/.local/share/headwater/node    what others need to join it
  headwater node --join TICKET --listen 203.0.113.8:4433 --capacity 500GiB --allow PAYER_KEY
  headwater node --config /etc/headwater/node.toml
  headwater node status --dir /var/lib/headwater      what auditors said of it

A settings file:
  dir = \"/var/lib/headwater\"
  listen = \"203.0.113.7:4433\"
  network-id = \"9f…\"
  capacity = \"500GiB\"
  bandwidth = \"20MB\"
  monthly-cap = \"20TiB\"
  allow = [\"payer key in hexadecimal\", \"another\"]")]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Node {
    #[command(subcommand)]
    action: Option<Action>,

    #[command(flatten)]
    settings: NodeSettings,

    /// The settings file [default: node.toml in your configuration folder]
    #[arg(long, value_name = "FILE", env = "HEADWATER_NODE_CONFIG")]
    config: Option<PathBuf>,

    /// Stop when standard input ends, and read no settings file
    #[arg(long, hide = true)]
    managed: bool,
}

/// What can be asked of a node that runs, or does not, and what can be changed about it.
#[derive(Subcommand, Debug)]
enum Action {
    Check(check::Check),
    Drain(drain::Drain),
    Redeem(redeem::Redeem),
    Rekey(rekey::Rekey),
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

    /// The ticket of the network to join, or @FILE with one; needed once, the folder remembers
    #[arg(long, value_name = "TICKET", env = "HEADWATER_NODE_JOIN")]
    join: Option<String>,

    /// The network's id, 64 hexadecimal digits [default: that of the ticket, or of the network file]
    #[arg(long, value_name = "HEX", env = "HEADWATER_NODE_NETWORK_ID")]
    network_id: Option<String>,

    /// How much to store at most, such as 500GiB [default: 64GiB]
    #[arg(long, value_name = "SIZE", env = "HEADWATER_NODE_CAPACITY")]
    capacity: Option<ByteSize>,

    /// How much one payer may store at most [default: all]
    #[arg(long, value_name = "SIZE", env = "HEADWATER_NODE_QUOTA")]
    quota: Option<ByteSize>,

    /// How fast to send at most, per second, such as 20MB [default: no limit]
    #[arg(long, value_name = "SIZE", env = "HEADWATER_NODE_BANDWIDTH")]
    bandwidth: Option<ByteSize>,

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

    /// Something else that it says of itself, such as country=ch; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", env = "HEADWATER_NODE_TAGS")]
    tags: Option<Vec<Tag>>,

    /// The public key of who runs it, in hexadecimal
    #[arg(long, value_name = "KEY", env = "HEADWATER_NODE_OPERATOR")]
    operator: Option<PublicKey>,

    /// What it asks for keeping one GiB over a month, in micro-units [default: 0, free of charge]
    #[arg(long, value_name = "N", env = "HEADWATER_NODE_PRICE")]
    price: Option<u64>,

    /// What it asks for one GiB that is read from it, in micro-units, paid by vouchers of --ledger [default: reading is free]
    #[arg(long, value_name = "N", requires = "ledger", env = "HEADWATER_NODE_PRICE_READ")]
    price_read: Option<u64>,

    /// The address of the ledger by which reads are paid, or its key; with a key alone, hand vouchers in by hand
    #[arg(long, value_name = "URL|KEY", env = "HEADWATER_NODE_LEDGER")]
    ledger: Option<String>,

    /// What one payer, or all strangers at one address, may read before they have to pay [default: 16MiB]
    #[arg(long, value_name = "SIZE", env = "HEADWATER_NODE_CREDIT")]
    credit: Option<ByteSize>,

    /// The relay under which it can be reached besides, such as `https://relay.example/`
    #[arg(long, value_name = "URL", env = "HEADWATER_NODE_RELAY")]
    relay: Option<RelayUrl>,

    /// Find nodes on the local network, and be found there, by multicast DNS
    #[arg(long, num_args = 0..=1, default_missing_value = "true", env = "HEADWATER_NODE_DISCOVER")]
    discover: Option<bool>,

    /// All nodes of the network stand at one site: every one is a failure domain of its own
    #[arg(long, num_args = 0..=1, default_missing_value = "true", env = "HEADWATER_NODE_SAME_SITE")]
    same_site: Option<bool>,

    /// Serve metrics for Prometheus at this address, under /metrics
    #[arg(long, value_name = "IP:PORT", env = "HEADWATER_NODE_METRICS")]
    metrics: Option<SocketAddr>,
}

impl NodeSettings {
    /// These settings, and where they say nothing those of `file`.
    fn or(self, file: Self) -> Self {
        Self {
            dir: self.dir.or(file.dir),
            listen: self.listen.or(file.listen),
            announce: self.announce.or(file.announce),
            join: self.join.or(file.join),
            network_id: self.network_id.or(file.network_id),
            capacity: self.capacity.or(file.capacity),
            quota: self.quota.or(file.quota),
            bandwidth: self.bandwidth.or(file.bandwidth),
            monthly_cap: self.monthly_cap.or(file.monthly_cap),
            allow: self.allow.or(file.allow),
            open: self.open.or(file.open),
            domain: self.domain.or(file.domain),
            tags: self.tags.or(file.tags),
            operator: self.operator.or(file.operator),
            price: self.price.or(file.price),
            price_read: self.price_read.or(file.price_read),
            ledger: self.ledger.or(file.ledger),
            credit: self.credit.or(file.credit),
            relay: self.relay.or(file.relay),
            discover: self.discover.or(file.discover),
            same_site: self.same_site.or(file.same_site),
            metrics: self.metrics.or(file.metrics),
        }
    }
}

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 4433);

impl Node {
    /// Whether a node is to be run.
    pub(crate) const fn is_a_role(&self) -> bool {
        self.action.is_none()
    }

    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        match self.action {
            Some(Action::Status(status)) => return status.run(globals).await,
            Some(Action::Check(check)) => return check.run(globals).await,
            Some(Action::Drain(drain)) => return drain.run(globals).await,
            Some(Action::Redeem(redeem)) => return redeem.run(globals).await,
            Some(Action::Rekey(rekey)) => return rekey.run(globals),
            None => {}
        }
        let file = if self.managed {
            NodeSettings::default()
        } else {
            settings::load(self.config.as_deref(), "node.toml")?
        };
        let settings = self.settings.or(file);
        let metrics = settings.metrics;
        let ledger = settings.ledger.clone();
        let wish = settings.wish()?;
        let mut config = settings.into_config(globals)?;
        if let Some(wish) = wish {
            config.selling = Some(selling::terms(&wish, &config.dir, config.network).await?);
        }
        let (dir, must_join) = (config.dir.clone(), !config.join.is_empty());
        if config.admission == AdmissionPolicy::AllowList([].into()) {
            globals.output().note("nobody may store on this node: name payers with --allow, or say --open");
        }
        let node = StorageNode::spawn(config)
            .await
            .with_context(|| format!("cannot run a node in {}", dir.display()))?;
        write_record(&dir, &node.record())?;
        if must_join && node.joined().await == 0 {
            globals.output().note("no node of the ticket answered yet; this one keeps trying");
        }
        let stats = node.stats_reader();
        let render = move || Some(stats.read()?.metrics());
        let metrics = match metrics {
            Some(addr) => Some(metrics::serve(addr, render).await?),
            None => None,
        };
        let ready = NodeReady {
            id: node.id().to_string(),
            addr: node.addr(),
            record: membership::record_to_text(&node.record()),
            metrics: metrics.as_ref().map(|serving| serving.addr),
        };
        globals.output().answer(&Ready { ready })?;
        let ended = tokio::select! {
            ended = lifetime::ended(self.managed) => ended,
            () = selling::redeem_always(ledger, &dir, &node) => Ok(()),
        };
        node.shutdown().await;
        ended?;
        Ok(Outcome::Complete)
    }
}

impl NodeSettings {
    /// How it is to be paid for what is read, if at all.
    fn wish(&self) -> anyhow::Result<Option<selling::Wish>> {
        let Some(price) = self.price_read else { return Ok(None) };
        let named = || Usage::because("price-read: name the ledger by which it is paid, with --ledger");
        let ledger = self.ledger.clone().ok_or_else(named)?;
        let credit = self.credit.map_or(Selling::CREDIT, ByteSize::bytes);
        Ok(Some(selling::Wish { price, ledger, credit }))
    }

    fn into_config(self, globals: &Globals) -> anyhow::Result<NodeConfig> {
        let ticket = self.join.as_deref().map(membership::ticket).transpose()?;
        let network = self.network(ticket.as_ref(), globals)?;
        let dir = match &self.dir {
            Some(dir) => dir.clone(),
            None => folders::data()?.join("node"),
        };
        let defaults = NodeConfig::new(dir, network);
        Ok(NodeConfig {
            bind: self.listen.unwrap_or(LISTEN),
            advertise: self.addresses_to_announce()?,
            domain: self.domain()?,
            operator: self.operator,
            tags: Tags::new(self.tags.clone().unwrap_or_default())
                .map_err(|error| Usage::because(error.to_string()))?,
            price: self.price.map_or(Price::FREE, Price::new),
            relay: self.relay.clone(),
            discover: self.discover.unwrap_or(false),
            same_site: self.same_site.unwrap_or_else(|| ticket.as_ref().is_some_and(Ticket::same_site)),
            join: ticket.as_ref().map_or_else(Vec::new, |ticket| ticket.contacts().to_vec()),
            capacity: self.capacity.map_or(defaults.capacity, ByteSize::bytes),
            admission: self.admission()?,
            quota_per_payer: self.quota.map(ByteSize::bytes),
            bandwidth: self.bandwidth.map(ByteSize::bytes),
            monthly_cap: self.monthly_cap.map(ByteSize::bytes),
            ..defaults
        })
    }

    fn network(&self, ticket: Option<&Ticket>, globals: &Globals) -> anyhow::Result<NetworkId> {
        let named = self.network_id.as_deref().map(str::parse).transpose();
        let named = named.map_err(|error: ParseNetworkIdError| Usage::because(error.to_string()))?;
        match (named, ticket) {
            (Some(named), Some(ticket)) if named != ticket.network() => {
                Err(Usage::because(format!("the ticket is of network {}, not of {named}", ticket.network())))
            }
            (Some(named), _) => Ok(named),
            (None, Some(ticket)) => Ok(ticket.network()),
            (None, None) => Network::id(globals.network.as_deref()),
        }
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
             capacity = \"500GiB\"\nbandwidth = \"20MB\"\nmonthly-cap = \"20TiB\"\nallow = [\"aa\", \"bb\"]",
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
