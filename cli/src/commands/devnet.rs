//! `headwater devnet`: a whole network on this machine.

use std::net::SocketAddr;
use std::path::PathBuf;

use chunker::Coding;
use clap::Args;
use protocol::{NetworkId, PublicKey};

use crate::arguments::Globals;
use crate::devnet::{Devnet as Network, Gateways, Selling, Wish};
use crate::failure::{Outcome, Usage};

/// Run a whole network on this machine, for development and demonstrations
///
/// Storage nodes and gateways run as processes of their own on the loopback interface. DIR/devnet.json
/// appears once all of them serve and tells where; DIR/network.json is the network file for the other
/// commands. The devnet runs until Ctrl-C; the same DIR brings back the same nodes, ports and data.
///
/// Its nodes store for anybody who can reach them, which on the loopback interface is you.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater devnet --dir /tmp/net --nodes 8                    eight nodes, one gateway
  headwater devnet --dir /tmp/net --nodes 6 --coding 4+2 --gateways 2 --http 127.0.0.1:8080

The control address in devnet.json stops and starts nodes:
  curl -X POST -H \"Authorization: Bearer $(cat /tmp/net/token)\" CONTROL_URL/nodes/NODE_ID/stop
  GET /nodes lists them, and the beginning of an id is enough; POST /nodes/ID/kill is a power cut; POST /nodes/ID/start brings one back.
The same token opens POST /blob of its gateways.")]
pub(crate) struct Devnet {
    /// The folder that holds everything; created where it does not exist
    #[arg(long)]
    dir: PathBuf,

    /// How many storage nodes
    #[arg(long, value_name = "N", default_value_t = 8)]
    nodes: usize,

    /// Data and parity shards of what is uploaded through the gateways
    #[arg(long, value_name = "K+M", default_value = "5+3")]
    coding: Coding,

    /// How many HTTP gateways
    #[arg(long, value_name = "G", default_value_t = 1)]
    gateways: usize,

    /// Where the first gateway listens; the others take the ports that follow
    #[arg(long, value_name = "HOST:PORT")]
    http: Option<SocketAddr>,

    /// The folder of the page that plays publications, as player-demo builds it
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,

    /// The key of a denylist that the gateways follow, as `headwater account` shows it; may be repeated
    #[arg(long = "denylist", value_name = "KEY", value_delimiter = ',')]
    denylists: Vec<PublicKey>,

    /// What every node asks for one GiB that is read from it, in micro-units, by vouchers of --node-ledger
    #[arg(long, value_name = "N", requires = "node_ledger")]
    node_price_read: Option<u64>,

    /// The address of the ledger by which nodes are paid, or its key
    #[arg(long, value_name = "URL|KEY", requires = "node_price_read")]
    node_ledger: Option<String>,

    /// The network's id, 64 hexadecimal digits, for a devnet that is new [default: a random one]
    #[arg(long, value_name = "HEX")]
    network_id: Option<NetworkId>,
}

/// More processes than this on one machine is a slip of the finger.
const PROCESSES_MAX: usize = 300;

impl Devnet {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let shards = usize::from(self.coding.total());
        if self.nodes < shards {
            return Err(Usage::because(format!(
                "{} nodes cannot hold the {shards} shards of coding {}; ask for --nodes {shards} or more, \
                 or a smaller --coding",
                self.nodes, self.coding
            )));
        }
        if self.nodes.saturating_add(self.gateways) > PROCESSES_MAX {
            return Err(Usage::because(format!("a devnet has at most {PROCESSES_MAX} processes")));
        }
        if let Some(http) = self.http.filter(|http| !http.ip().is_loopback()) {
            return Err(Usage::because(format!(
                "{http} is open to other machines; a devnet stays on this one, say --http 127.0.0.1:{}",
                http.port()
            )));
        }
        let wish = Wish { nodes: self.nodes, gateways: self.gateways, http: self.http };
        let page = self.page.map(std::path::absolute).transpose()?;
        let selling = self.node_price_read.zip(self.node_ledger);
        let selling = selling.map(|(price, ledger)| Selling { price, ledger });
        let gateways = Gateways { coding: self.coding, page, denylists: self.denylists };
        Network::open(&self.dir, self.network_id, wish, gateways, selling)?.run(globals.output()).await?;
        Ok(Outcome::Complete)
    }
}
