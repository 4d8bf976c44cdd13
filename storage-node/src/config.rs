//! What an operator decides.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use protocol::{Contact, DomainName, NetworkId, Price, PublicKey, ReadPrice, RelayUrl, Tags};

use crate::Clock;

/// How long the body of a put may usually pause.
const PUT_PAUSE_MAX: Duration = Duration::from_mins(2);

/// Everything that a node needs to know. [`NodeConfig::new`] gives sensible values to all but folder and network.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The node's folder; created when it is missing.
    pub dir: PathBuf,
    /// The network that it belongs to.
    pub network: NetworkId,
    /// The UDP socket; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Where others dial it, when that is not the socket's own address (behind a router, or on all interfaces).
    pub advertise: Vec<SocketAddr>,
    /// The failure domain that it declares.
    pub domain: Option<DomainName>,
    /// Who runs it, by its own word.
    pub operator: Option<PublicKey>,
    /// What else it says of itself.
    pub tags: Tags,
    /// What it asks for keeping bytes.
    pub price: Price,
    /// What it asks for what is read; nothing without it.
    pub selling: Option<Selling>,
    /// The relay under which it can be reached besides.
    pub relay: Option<RelayUrl>,
    /// Nodes at which it joins the network. One that knows nobody is the first of its network.
    pub join: Vec<Contact>,
    /// Look for nodes on the local network, and be found there.
    pub discover: bool,
    /// All nodes of the network stand at one site and are failure domains of their own.
    pub same_site: bool,
    /// Time between rounds of exchanging with other nodes who is there.
    pub gossip_every: Duration,
    /// Most bytes that shards may take.
    pub capacity: u64,
    /// Bytes of the file system that stay free, so that leases can still be renewed and released on a full disk.
    pub keep_free: u64,
    /// Who may store here.
    pub admission: AdmissionPolicy,
    /// Most bytes that one payer's leases and pointers may count for; `None`: up to the capacity.
    pub quota_per_payer: Option<u64>,
    /// How long the body of a put may pause before the put is given up: live sources and pipes do pause. One payer
    /// has a named number of puts under way, so that its pauses keep nobody else waiting.
    pub put_pause: Duration,
    /// Most bytes sent per second in the long run; `None`: no limit.
    pub bandwidth: Option<u64>,
    /// Most bytes sent in a calendar month (UTC); `None`: no limit.
    pub monthly_cap: Option<u64>,
    /// How the node looks for rot.
    pub scrub: Scrub,
    /// Time between rounds of collecting what has ended.
    pub upkeep_every: Duration,
    /// Where it reads the time.
    pub clock: Clock,
}

/// How reads are sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selling {
    /// For what, and by vouchers of which ledger.
    pub price: ReadPrice,
    /// Bytes that one payer, or the strangers at one address, may read before they pay.
    pub credit: u64,
}

impl Selling {
    /// The usual credit: 16 MiB.
    pub const CREDIT: u64 = 16 << 20;
}

/// Who may store shards and pointers. Anyone may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdmissionPolicy {
    /// The payers with these keys.
    AllowList(BTreeSet<PublicKey>),
    /// Every payer. Only for networks in which all clients are one's own.
    Open,
}

impl AdmissionPolicy {
    pub(crate) fn admits(&self, payer: &PublicKey) -> bool {
        match self {
            Self::AllowList(payers) => payers.contains(payer),
            Self::Open => true,
        }
    }
}

/// The background check of all shards against their roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scrub {
    /// Bytes read per second.
    pub rate: u64,
    /// Least time from the beginning of one round to that of the next.
    pub every: Duration,
}

impl NodeConfig {
    /// The relays that it uses: its own first, and those under which the nodes that it joins at can be reached.
    pub(crate) fn relays(&self) -> Vec<RelayUrl> {
        let mut relays: Vec<_> = self.relay.iter().cloned().collect();
        for relay in self.join.iter().filter_map(|contact| contact.relay.clone()) {
            if !relays.contains(&relay) {
                relays.push(relay);
            }
        }
        relays
    }

    /// A node on loopback, with 64 GiB and nobody admitted yet.
    pub fn new(dir: impl Into<PathBuf>, network: NetworkId) -> Self {
        Self {
            dir: dir.into(),
            network,
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            advertise: Vec::new(),
            domain: None,
            operator: None,
            tags: Tags::default(),
            price: Price::FREE,
            selling: None,
            relay: None,
            join: Vec::new(),
            discover: false,
            same_site: false,
            gossip_every: Duration::from_secs(10),
            capacity: 64 << 30,
            keep_free: 256 << 20,
            admission: AdmissionPolicy::AllowList(BTreeSet::new()),
            quota_per_payer: None,
            put_pause: PUT_PAUSE_MAX,
            bandwidth: None,
            monthly_cap: None,
            scrub: Scrub { rate: 8 << 20, every: Duration::from_hours(24) },
            upkeep_every: Duration::from_mins(1),
            clock: Clock::system(),
        }
    }
}
