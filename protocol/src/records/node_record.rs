//! Node record: where a node can be dialled and how much it can hold.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::limits::{CAPACITY_CLASS_MAX, DOMAIN_NAME_LEN_MAX, NODE_ADDRESSES_MAX};
use crate::{Record, Sequence, UnixSeconds};

/// What a node says about itself; the signer is the node's id, and the highest version counts (spec §11).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeRecord {
    /// Where it can be dialled.
    pub addrs: Addresses,
    /// How much it can hold.
    pub class: CapacityClass,
    /// What it may fail together with, by its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<DomainName>,
    /// When the record was written.
    pub issued: UnixSeconds,
    /// The version.
    pub seq: Sequence,
}

impl Record for NodeRecord {
    const TYPE: &'static str = "node";
}

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

/// How much a node can hold: floor of log2 of its capacity in GiB, 0 to 24. Its weight in placement is 2^class.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct CapacityClass(u8);

/// A capacity class above the highest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("capacity class {0}, at most {CAPACITY_CLASS_MAX} is allowed")]
pub struct CapacityClassError(u8);

impl CapacityClass {
    /// The class with this number.
    pub const fn new(class: u8) -> Result<Self, CapacityClassError> {
        if class > CAPACITY_CLASS_MAX { Err(CapacityClassError(class)) } else { Ok(Self(class)) }
    }

    /// The class of a node that can hold so many bytes; a node of less than 1 GiB is in class 0.
    pub fn of_capacity(bytes: u64) -> Self {
        let class = (bytes >> 30).checked_ilog2().unwrap_or(0);
        Self(u8::try_from(class).map_or(CAPACITY_CLASS_MAX, |class| class.min(CAPACITY_CLASS_MAX)))
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for CapacityClass {
    type Error = CapacityClassError;

    fn try_from(class: u8) -> Result<Self, CapacityClassError> {
        Self::new(class)
    }
}

impl From<CapacityClass> for u8 {
    fn from(class: CapacityClass) -> Self {
        class.0
    }
}

/// The declared name of a failure domain: 1 to 64 bytes of text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(String);

/// A name that no failure domain can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "failure domain with a name of {len} bytes, 1 to {DOMAIN_NAME_LEN_MAX} without control characters are allowed"
)]
pub struct DomainNameError {
    len: usize,
}

impl DomainName {
    /// The domain with this name.
    pub fn new(name: impl Into<String>) -> Result<Self, DomainNameError> {
        let name = name.into();
        if name.is_empty() || name.len() > DOMAIN_NAME_LEN_MAX || name.contains(char::is_control) {
            return Err(DomainNameError { len: name.len() });
        }
        Ok(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for DomainName {
    type Error = DomainNameError;

    fn try_from(name: String) -> Result<Self, DomainNameError> {
        Self::new(name)
    }
}

impl From<DomainName> for String {
    fn from(name: DomainName) -> Self {
        name.0
    }
}

impl fmt::Display for NodeRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for address in self.addrs.iter() {
            writeln!(f, "address     {address}")?;
        }
        writeln!(f, "class       {} (from {} GiB on)", self.class.0, 1_u64 << self.class.0)?;
        if let Some(domain) = &self.domain {
            writeln!(f, "domain      {}", domain.0)?;
        }
        write!(f, "issued      {} (version {})", self.issued, self.seq)
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

    #[test]
    fn a_class_is_the_floor_of_log2_in_gibibytes() {
        const GIB: u64 = 1 << 30;
        let cases =
            [(0, 0), (GIB - 1, 0), (GIB, 0), (2 * GIB - 1, 0), (2 * GIB, 1), (1023 * GIB, 9), (u64::MAX, 24)];
        for (bytes, class) in cases {
            assert_eq!(CapacityClass::of_capacity(bytes).get(), class, "{bytes} bytes");
        }
        assert_eq!(CapacityClass::new(25), Err(CapacityClassError(25)));
    }

    #[test]
    fn a_domain_has_a_printable_name() {
        assert!(DomainName::new("x".repeat(64)).is_ok());
        for name in ["", "a\nb", &"x".repeat(65)] {
            assert!(DomainName::new(name).is_err(), "{name:?}");
        }
    }
}
