//! Which network is meant, and how this program joins it as a client.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use chunker::Coding;
use client::{Client, ClientOptions};
use data_encoding::BASE64URL_NOPAD;
use network::{EndpointOptions, EndpointRole, LoadNetworkError, Members, NetworkFile, Pool};
use protocol::{NetworkId, NodeRecord, ParseTicketError, RelayUrl, SecretKey, Signed, TICKET_PREFIX, Ticket};
use rand::Rng;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::failure::Usage;
use crate::{folders, gateway_api, record_file, settings};

/// How long the nodes of a ticket may take to answer.
const JOIN_WITHIN: Duration = Duration::from_secs(15);
/// How long nodes may take to say who else is there, before a command goes by the network file alone.
const REFRESH_WITHIN: Duration = Duration::from_millis(1500);
/// How long the program waits at its end for connections to close.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(300);

/// The network that the user means, read and verified.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) file: NetworkFile,
    pub(crate) path: PathBuf,
    /// Where the file says that the network can be read over HTTP.
    pub(crate) gateway: Option<Url>,
    /// The nodes were asked a moment ago.
    is_fresh: bool,
}

impl Network {
    /// The network in the file that is named, or in the user's configuration folder; or that of a ticket, whose nodes are
    /// asked for all the others.
    pub(crate) async fn load(named: Option<&Path>) -> anyhow::Result<Self> {
        match Named::of(named)? {
            Named::Ticket(ticket) => Self::join(&ticket).await,
            Named::File(path) => Self::read(path),
        }
    }

    /// The id of the network that is named in either way; nobody is asked.
    pub(crate) fn id(named: Option<&Path>) -> anyhow::Result<NetworkId> {
        match Named::of(named)? {
            Named::Ticket(ticket) => Ok(ticket.network()),
            Named::File(path) => Ok(Self::read(path)?.file.network),
        }
    }

    /// What one node alone knows of its network.
    pub(crate) fn of_node(record: Signed<NodeRecord>) -> anyhow::Result<Self> {
        let network = record.network();
        let file = NetworkFile { network, same_site: false, gateway: None, nodes: vec![record] };
        Ok(Self { file, path: path(None)?, gateway: None, is_fresh: true })
    }

    async fn join(ticket: &Ticket) -> anyhow::Result<Self> {
        let addresses = ticket.contacts().iter().flat_map(|contact| contact.addrs.iter().copied());
        let (bind, secret) = (local_address(&addresses), random_key());
        let options = EndpointOptions { role: EndpointRole::Client, bind, secret };
        let relays: Vec<_> = ticket.contacts().iter().filter_map(|contact| contact.relay.clone()).collect();
        let pool = Pool::new(network::bind_relayed(options, &relays).await?, ticket.network(), None);
        let members = Members::new(ticket.network(), ticket.same_site());
        let client = Client::new(pool.clone(), members, ClientOptions::default());
        let joined = client.join(ticket.contacts(), JOIN_WITHIN).await;
        let _told_or_not = timeout(GOODBYE_TIMEOUT, pool.close()).await;
        joined.context("no node of the ticket can be reached")?;
        let file = NetworkFile::from(&*client.members());
        Ok(Self { file, path: path(None)?, gateway: None, is_fresh: true })
    }

    fn read(named: Option<&Path>) -> anyhow::Result<Self> {
        let path = path(named)?;
        let file = load_file(&path)?.with_context(|| {
            format!(
                "no network to talk to: there is no file {}; name one with --network or HEADWATER_NETWORK, or \
                 run a network of your own with `headwater devnet`",
                path.display()
            )
        })?;
        let gateway = file.gateway.as_deref().map(gateway_api::address).transpose();
        let gateway = gateway.map_err(|error| {
            Usage::because(format!("network file {}: \"gateway\": {error}", path.display()))
        })?;
        Ok(Self { file, path, gateway, is_fresh: false })
    }

    /// Does `work` as a client of this network; what it stores is paid for by `payer`. Whether it
    /// succeeds or not, the nodes are told that nothing more comes.
    pub(crate) async fn with_client<T>(
        &self,
        payer: Option<SecretKey>,
        work: impl AsyncFnOnce(&Client) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.with_client_as(payer, ClientOptions::default(), work).await
    }

    /// The same as a client with these settings.
    pub(crate) async fn with_client_as<T>(
        &self,
        payer: Option<SecretKey>,
        options: ClientOptions,
        work: impl AsyncFnOnce(&Client) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let pool = self.pool(payer).await?;
        let client = Client::new(pool.clone(), Members::from(&self.file), options);
        self.refresh(&client).await;
        let outcome = work(&client).await;
        // Told in time is told: a node that never answered would otherwise keep us waiting for it.
        let _told_or_not = timeout(GOODBYE_TIMEOUT, pool.close()).await;
        outcome
    }

    /// Asks the nodes who else is there. The file may be older than they are; but it is what there is when none answers.
    pub(crate) async fn refresh(&self, client: &Client) {
        if !self.is_fresh
            && let Err(error) = client.refresh_members(REFRESH_WITHIN).await
        {
            tracing::debug!(%error, "going by the network file alone");
        }
    }

    /// A client of this network over these connections.
    pub(crate) fn client(&self, pool: Pool) -> Client {
        Client::new(pool, Members::from(&self.file), ClientOptions::default())
    }

    /// Connections to the nodes, from a new endpoint.
    pub(crate) async fn pool(&self, payer: Option<SecretKey>) -> anyhow::Result<Pool> {
        let options =
            EndpointOptions { role: EndpointRole::Client, bind: self.local_address(), secret: random_key() };
        Ok(Pool::new(network::bind_relayed(options, &self.relays()).await?, self.file.network, payer))
    }

    /// The relays under which nodes of this network can be reached.
    fn relays(&self) -> Vec<RelayUrl> {
        let relays: BTreeSet<_> =
            self.file.nodes.iter().filter_map(|record| record.body().relay.clone()).collect();
        relays.into_iter().collect()
    }

    /// The coding of a put that names none: what the file beside the network file prefers, or what
    /// suits the number of places in which something new may be stored, as far as this client knows.
    pub(crate) fn usual_coding(&self, client: &Client) -> anyhow::Result<Coding> {
        let path = self.path.with_extension("toml");
        let preferences: Preferences =
            if path.exists() { settings::load(Some(&path), "")? } else { Preferences::default() };
        match preferences.coding {
            Some(coding) => coding
                .parse()
                .map_err(|error| Usage::because(format!("coding {coding:?} in {}: {error}", path.display()))),
            None => suitable_coding(client.placement().domains()),
        }
    }

    /// Where to dial from: a network on this machine is not to be reached from outside, nor are we.
    fn local_address(&self) -> SocketAddr {
        local_address(&self.file.nodes.iter().flat_map(|record| record.body().addrs.iter().copied()))
    }
}

fn local_address(addresses: &(impl Iterator<Item = SocketAddr> + Clone)) -> SocketAddr {
    if addresses.clone().all(|address| address.ip() == Ipv4Addr::LOCALHOST) {
        (Ipv4Addr::LOCALHOST, 0).into()
    } else if addresses.clone().any(|address| address.is_ipv4()) {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    }
}

/// What the user calls a network by.
enum Named<'a> {
    Ticket(Ticket),
    /// A network file, or the usual one.
    File(Option<&'a Path>),
}

impl<'a> Named<'a> {
    /// A ticket stands in place; `@FILE` is the file of one, or a network file after all.
    fn of(named: Option<&'a Path>) -> anyhow::Result<Self> {
        let Some(text) = named.and_then(Path::to_str) else { return Ok(Self::File(named)) };
        match text.strip_prefix('@') {
            Some(path) if NetworkFile::load(path.as_ref()).is_ok() => Ok(Self::File(Some(Path::new(path)))),
            None if !text.starts_with(TICKET_PREFIX) => Ok(Self::File(named)),
            _ => ticket(text).map(Self::Ticket),
        }
    }
}

/// A ticket, written in place or as `@FILE`.
pub(crate) fn ticket(named: &str) -> anyhow::Result<Ticket> {
    let text = match named.strip_prefix('@') {
        Some(path) => {
            std::fs::read_to_string(path).with_context(|| format!("cannot read the ticket {path}"))?
        }
        None => named.to_owned(),
    };
    text.trim().parse().map_err(|error: ParseTicketError| Usage::because(error.to_string()))
}

/// What is preferred on a network, in a TOML file beside its network file: `network.toml`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Preferences {
    coding: Option<String>,
}

/// Writes down the coding of puts that name none, for the network file at `path`.
pub(crate) fn save_usual_coding(coding: Coding, path: &Path) -> anyhow::Result<()> {
    let path = path.with_extension("toml");
    let text = toml::to_string(&Preferences { coding: Some(coding.to_string()) })?;
    folders::write_atomically(&path, text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// What the model of durability wants, where the network is large enough for it; otherwise a third of the nodes may be lost,
/// at most three. Only nodes that take something new count, and those of one failure domain once.
pub(crate) fn suitable_coding(nodes: usize) -> anyhow::Result<Coding> {
    let modelled = u32::try_from(nodes).ok().and_then(steward::durability::usual_coding);
    if let Some((needed, shards)) = modelled {
        let narrow = |count: u32| u8::try_from(count).context("a usual coding has few shards");
        return Ok(Coding::new(narrow(needed)?, narrow(shards - needed)?)?);
    }
    let columns = u8::try_from(nodes.min(8)).expect("at most eight");
    let parity = (columns / 3 + u8::from(columns == 8)).max(1);
    Coding::new(columns.saturating_sub(parity), parity).context(
        "this network has too few nodes that take something new: an object needs two at least, so that one of them may be lost",
    )
}

/// The network file at `path`, verified; `None` where there is none. One that is malformed cannot be meant.
pub(crate) fn load_file(path: &Path) -> anyhow::Result<Option<NetworkFile>> {
    match NetworkFile::load(path) {
        Ok(file) => Ok(Some(file)),
        Err(LoadNetworkError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(LoadNetworkError::Io { path, source }) if source.kind() == ErrorKind::InvalidData => {
            Err(Usage::because(format!("network file {}: it is no text", path.display())))
        }
        Err(error @ LoadNetworkError::Content { .. }) => Err(Usage::because(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// The network file that the user means.
pub(crate) fn path(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    match named {
        Some(path) => Ok(path.to_owned()),
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
    record_file::to_text(&record.encode())
}

/// Writes a network file.
pub(crate) fn save(file: &NetworkFile, path: &Path) -> anyhow::Result<()> {
    file.save(path).with_context(|| format!("cannot write the network file {}", path.display()))
}

#[cfg(test)]
mod tests {
    use protocol::{Addresses, CapacityClass, Sequence, UnixSeconds};

    use super::*;

    #[tokio::test]
    async fn a_node_that_leaves_is_no_place() {
        let id = NetworkId::from_bytes([7; 32]);
        let record = |number: u8, leaving| {
            let addrs = Addresses::new(vec![(Ipv4Addr::LOCALHOST, 4000 + u16::from(number)).into()]).unwrap();
            let class = CapacityClass::of_capacity(1000);
            let record = NodeRecord::new(addrs, class, UnixSeconds::new(5), Sequence::FIRST);
            Signed::sign(&SecretKey::from_bytes(&[number; 32]), &id, NodeRecord { leaving, ..record })
        };
        let nodes = (1..=8).map(|number| record(number, number == 3)).collect();
        let file = NetworkFile { network: id, same_site: true, gateway: None, nodes };
        let path = PathBuf::from("nowhere/network.json");
        let network = Network { file, path, gateway: None, is_fresh: true };
        let client = network.client(network.pool(None).await.unwrap());
        assert_eq!(network.usual_coding(&client).unwrap().to_string(), "5+2");
        assert_eq!(client.places_for(&chunker::RequiredTags::default()), 7);
    }

    #[test]
    fn the_coding_suits_the_number_of_nodes() {
        let suitable = |nodes| suitable_coding(nodes).map(|coding| coding.to_string()).ok();
        assert_eq!(suitable(0), None);
        assert_eq!(suitable(1), None);
        let codings = [(2, "1+1"), (3, "2+1"), (5, "4+1"), (6, "4+2"), (7, "5+2"), (8, "5+3"), (100, "7+7")];
        for (nodes, coding) in codings {
            assert_eq!(suitable(nodes).as_deref(), Some(coding), "{nodes} nodes");
        }
    }
}
