//! Where a node can be dialled.

use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::limits::NODE_ADDRESSES_MAX;

/// One to eight different addresses that can be dialled, the best first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Addresses(Vec<SocketAddr>);

impl Addresses {
    /// The list of these addresses.
    pub fn new(addresses: Vec<SocketAddr>) -> Result<Self, AddressesError> {
        if addresses.is_empty() || addresses.len() > NODE_ADDRESSES_MAX {
            return Err(AddressesError::Count(addresses.len()));
        }
        for (place, address) in addresses.iter().enumerate() {
            if !can_be_dialled(address) {
                return Err(AddressesError::NotDialable(*address));
            }
            if addresses[..place].contains(address) {
                return Err(AddressesError::Twice(*address));
            }
        }
        Ok(Self(addresses))
    }

    /// The address that decides about the failure domain (spec §12).
    pub fn first(&self) -> SocketAddr {
        self.0[0]
    }
}

/// A scope names an interface of one machine, so an address with one means nothing to others.
fn can_be_dialled(address: &SocketAddr) -> bool {
    let has_scope = matches!(address, SocketAddr::V6(v6) if v6.scope_id() != 0 || v6.flowinfo() != 0);
    let is_broadcast = matches!(address.ip(), IpAddr::V4(v4) if v4.is_broadcast());
    let names_no_host = address.ip().is_unspecified() || address.ip().is_multicast() || is_broadcast;
    address.port() != 0 && !names_no_host && !has_scope
}

impl Deref for Addresses {
    type Target = [SocketAddr];

    fn deref(&self) -> &[SocketAddr] {
        &self.0
    }
}

/// Why addresses do not make a node record.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum AddressesError {
    #[error("node record with {0} addresses, 1 to {NODE_ADDRESSES_MAX} are allowed")]
    Count(usize),
    #[error("address {0:?} is not IP:port in its usual form")]
    NotAnAddress(String),
    #[error("address {0} cannot be dialled")]
    NotDialable(SocketAddr),
    #[error("address {0} is listed twice")]
    Twice(SocketAddr),
}

impl TryFrom<Vec<String>> for Addresses {
    type Error = AddressesError;

    fn try_from(texts: Vec<String>) -> Result<Self, AddressesError> {
        if texts.len() > NODE_ADDRESSES_MAX {
            return Err(AddressesError::Count(texts.len()));
        }
        let parse = |text: String| match text.parse::<SocketAddr>() {
            Ok(address) if address.to_string() == text => Ok(address),
            _ => Err(AddressesError::NotAnAddress(text)),
        };
        Self::new(texts.into_iter().map(parse).collect::<Result<_, _>>()?)
    }
}

impl From<Addresses> for Vec<String> {
    fn from(addresses: Addresses) -> Self {
        addresses.0.iter().map(SocketAddr::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Result<Addresses, AddressesError> {
        Addresses::try_from(texts.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn addresses_keep_their_order_and_form() {
        let texts = ["203.0.113.9:4433", "[2001:db8::1]:4433", "127.0.0.1:1"];
        let list = addresses(&texts).unwrap();
        assert_eq!(list.first(), "203.0.113.9:4433".parse().unwrap());
        assert_eq!(Vec::from(list), texts);
    }

    #[test]
    fn addresses_that_others_cannot_dial_are_refused() {
        for text in [
            "",
            "localhost:80",
            "127.0.0.1",
            "127.0.0.1:0",
            "0.0.0.0:80",
            "[::]:80",
            "224.0.0.1:80",
            "[ff02::1]:80",
            "255.255.255.255:80",
            "[fe80::1%2]:80",
            "[2001:DB8::1]:80",
            "127.0.0.1:080",
            " 127.0.0.1:80",
        ] {
            assert!(addresses(&[text]).is_err(), "{text:?}");
        }
        assert_eq!(addresses(&[]), Err(AddressesError::Count(0)));
        assert_eq!(addresses(&["1.2.3.4:5"; 9]), Err(AddressesError::Count(9)));
        assert!(matches!(addresses(&["1.2.3.4:5", "1.2.3.4:5"]), Err(AddressesError::Twice(_))));
    }
}
