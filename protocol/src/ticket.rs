//! Ticket: the one text with which somebody joins a network (spec §22). It holds no secret.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use iroh_base::PublicKey;
use proofs::canonical::{self, CanonicalError};
use serde::{Deserialize, Serialize};

use crate::limits::{TICKET_LEN_MAX, TICKET_NODES_MAX};
use crate::{Addresses, NetworkId, NodeRecord, RelayUrl, Signed, keys};

/// What every ticket begins with.
pub const TICKET_PREFIX: &str = "headwater-net:";

/// A network, and one to eight of its nodes to ask for the others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ticket {
    network: NetworkId,
    same_site: bool,
    contacts: Vec<Contact>,
}

/// A node, and where to dial it: what must be known before its record is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Where it can be dialled.
    pub addrs: Addresses,
    /// The node.
    #[serde(with = "keys")]
    pub id: PublicKey,
    /// The relay under which it can be reached besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<RelayUrl>,
}

impl From<&Signed<NodeRecord>> for Contact {
    fn from(record: &Signed<NodeRecord>) -> Self {
        let NodeRecord { addrs, relay, .. } = record.body();
        Self { addrs: addrs.clone(), id: record.by(), relay: relay.clone() }
    }
}

/// Why nodes do not make a ticket.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TicketError {
    /// None, or too many.
    #[error("ticket with {0} nodes, 1 to {TICKET_NODES_MAX} are allowed")]
    Count(usize),
    /// One of them twice.
    #[error("ticket names node {} twice", .0.fmt_short())]
    Twice(PublicKey),
}

impl Ticket {
    /// The ticket of a network with these of its nodes. With `same_site`, every node of the network is a failure domain
    /// of its own (spec §12).
    pub fn new(network: NetworkId, same_site: bool, contacts: Vec<Contact>) -> Result<Self, TicketError> {
        if contacts.is_empty() || contacts.len() > TICKET_NODES_MAX {
            return Err(TicketError::Count(contacts.len()));
        }
        for (place, contact) in contacts.iter().enumerate() {
            if contacts[..place].iter().any(|other| other.id == contact.id) {
                return Err(TicketError::Twice(contact.id));
            }
        }
        Ok(Self { network, same_site, contacts })
    }

    /// The network.
    pub const fn network(&self) -> NetworkId {
        self.network
    }

    /// Whether every node counts as a failure domain of its own.
    pub const fn same_site(&self) -> bool {
        self.same_site
    }

    /// The nodes to ask.
    pub fn contacts(&self) -> &[Contact] {
        &self.contacts
    }
}

/// The map of spec §22.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    net: NetworkId,
    nodes: Vec<Contact>,
    #[serde(default, skip_serializing_if = "is_false")]
    same_site: bool,
    v: u8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

const VERSION: u8 = 1;

/// The text that is handed on.
impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { network, same_site, contacts } = self.clone();
        let bytes = canonical::to_vec(&Fields { net: network, nodes: contacts, same_site, v: VERSION });
        write!(f, "{TICKET_PREFIX}{}", BASE64URL_NOPAD.encode(&bytes))
    }
}

impl FromStr for Ticket {
    type Err = ParseTicketError;

    fn from_str(text: &str) -> Result<Self, ParseTicketError> {
        if text.len() > TICKET_LEN_MAX {
            return Err(ParseTicketError::TooLong { len: text.len() });
        }
        let digits = text.strip_prefix(TICKET_PREFIX).ok_or(ParseTicketError::Prefix)?;
        let bytes = BASE64URL_NOPAD.decode(digits.as_bytes()).map_err(|_| ParseTicketError::NotBase64)?;
        let fields: Fields =
            canonical::from_slice(&bytes, TICKET_LEN_MAX).map_err(ParseTicketError::Content)?;
        if fields.v != VERSION {
            return Err(ParseTicketError::Version { found: fields.v });
        }
        Ok(Self::new(fields.net, fields.same_site, fields.nodes)?)
    }
}

/// Why a text is no ticket.
#[derive(Debug, thiserror::Error)]
pub enum ParseTicketError {
    /// Longer than any ticket.
    #[error("ticket of {len} bytes, at most {TICKET_LEN_MAX} are allowed")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// Something else.
    #[error("a ticket begins with {TICKET_PREFIX}")]
    Prefix,
    /// Damaged on its way.
    #[error("ticket is not base64url without padding: is the end missing?")]
    NotBase64,
    /// Not the map of a ticket.
    #[error("not a ticket: {0}")]
    Content(CanonicalError),
    /// Of another version.
    #[error("ticket of version {found}, only version {VERSION} is known")]
    Version {
        /// The version that it names.
        found: u8,
    },
    /// Its nodes do not make one.
    #[error(transparent)]
    Nodes(#[from] TicketError),
}

#[cfg(test)]
mod tests {
    use iroh_base::SecretKey;

    use super::*;

    const NETWORK: NetworkId = NetworkId::from_bytes([1; 32]);

    fn contact(seed: u8) -> Contact {
        let addrs = Addresses::new(vec!["203.0.113.7:4433".parse().unwrap()]).unwrap();
        Contact { addrs, id: SecretKey::from_bytes(&[seed; 32]).public(), relay: None }
    }

    #[test]
    fn a_ticket_reads_what_it_prints() {
        let mut contacts: Vec<_> = (1..=8).map(contact).collect();
        contacts[3].relay = Some(RelayUrl::new("https://relay.example/").unwrap());
        for same_site in [false, true] {
            let ticket = Ticket::new(NETWORK, same_site, contacts.clone()).unwrap();
            let text = ticket.to_string();
            assert!(text.len() < 1500, "{} bytes", text.len());
            assert_eq!(text.parse::<Ticket>().unwrap(), ticket);
        }
    }

    #[test]
    fn nodes_are_one_to_eight_different_ones() {
        assert_eq!(Ticket::new(NETWORK, false, Vec::new()), Err(TicketError::Count(0)));
        assert_eq!(Ticket::new(NETWORK, false, (1..=9).map(contact).collect()), Err(TicketError::Count(9)));
        let twice = Ticket::new(NETWORK, false, vec![contact(1), contact(2), contact(1)]);
        assert_eq!(twice, Err(TicketError::Twice(contact(1).id)));
    }

    #[test]
    fn a_longest_ticket_is_within_its_limit() {
        let addrs =
            (0..8).map(|n| format!("[2001:db8:1111:2222:3333:4444:5555:666{n}]:65535").parse().unwrap());
        let addrs = Addresses::new(addrs.collect()).unwrap();
        let relay = RelayUrl::new(format!("https://{}/", "r".repeat(191))).unwrap();
        let contacts =
            (1..=8).map(|seed| Contact { addrs: addrs.clone(), relay: Some(relay.clone()), ..contact(seed) });
        let ticket = Ticket::new(NETWORK, true, contacts.collect()).unwrap();
        assert_eq!(ticket.to_string().parse::<Ticket>().unwrap(), ticket);
    }
}
