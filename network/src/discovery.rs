//! Nodes on the local network, found by multicast DNS. What is found is nothing but an address to dial: it says hello,
//! and is refused by nodes of another network, like any other.

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _};
use iroh::Endpoint;
use iroh::address_lookup::EndpointInfo;
use iroh_mdns_address_lookup::{DiscoveryEvent, MdnsAddressLookup};
use protocol::limits::NODE_ADDRESSES_MAX;
use protocol::{Addresses, Contact};

use crate::endpoint::local_discovery;

/// Says to the local network that an endpoint is there, as long as it is not dropped, and finds others that do.
pub struct Discovery {
    events: Pin<Box<dyn Stream<Item = DiscoveryEvent> + Send>>,
    _mdns: MdnsAddressLookup,
}

/// Why nothing is found on the local network.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot look for nodes on the local network: {0}")]
pub struct DiscoverError(String);

impl Discovery {
    /// Begins to look, and to be seen.
    pub async fn start(endpoint: &Endpoint) -> Result<Self, DiscoverError> {
        let failed = |error: &dyn std::fmt::Display| DiscoverError(error.to_string());
        let mdns = local_discovery().build(endpoint.id()).map_err(|error| failed(&error))?;
        endpoint.address_lookup().map_err(|error| failed(&error))?.add(mdns.clone());
        let events = Box::pin(mdns.subscribe().await);
        Ok(Self { events, _mdns: mdns })
    }

    /// The next node that is seen, or is seen at other addresses than before.
    pub async fn next(&mut self) -> Option<Contact> {
        loop {
            if let DiscoveryEvent::Discovered { endpoint_info, .. } = self.events.next().await?
                && let Some(contact) = contact(&endpoint_info)
            {
                return Some(contact);
            }
        }
    }
}

fn contact(info: &EndpointInfo) -> Option<Contact> {
    let addresses = info.ip_addrs().copied().filter(|address| Addresses::new(vec![*address]).is_ok());
    let addrs = Addresses::new(addresses.take(NODE_ADDRESSES_MAX).collect()).ok()?;
    Some(Contact { addrs, id: info.endpoint_id, relay: None })
}

impl std::fmt::Debug for Discovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Discovery")
    }
}
