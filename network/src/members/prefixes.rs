//! How many nodes stand in one network of addresses: keys cost nothing, addresses do.

use std::collections::HashMap;
use std::net::IpAddr;

use protocol::limits::PREFIX_NODES_MAX;

/// Nodes per /24 (IPv4) or /48 (IPv6).
#[derive(Clone, Debug, Default)]
pub(super) struct Prefixes(HashMap<[u8; 7], usize>);

impl Prefixes {
    /// Whether a node that moves to `to`, from `from` if it is known, would be one too many there.
    pub(super) fn would_crowd(&self, to: IpAddr, from: Option<IpAddr>) -> bool {
        let Some(prefix) = prefix(to) else { return false };
        let others = self.0.get(&prefix).copied().unwrap_or_default();
        from.and_then(self::prefix) != Some(prefix) && others >= PREFIX_NODES_MAX
    }

    pub(super) fn enter(&mut self, address: IpAddr) {
        if let Some(prefix) = prefix(address) {
            *self.0.entry(prefix).or_default() += 1;
        }
    }

    pub(super) fn leave(&mut self, address: IpAddr) {
        let Some(prefix) = prefix(address) else { return };
        let count = self.0.get_mut(&prefix).expect("whoever leaves had entered");
        *count -= 1;
        if *count == 0 {
            self.0.remove(&prefix);
        }
    }
}

/// Which kind of address, and its first 3 or 6 bytes; none for loopback.
fn prefix(address: IpAddr) -> Option<[u8; 7]> {
    let mut prefix = [0; 7];
    match address.to_canonical() {
        address if address.is_loopback() => return None,
        IpAddr::V4(v4) => prefix[1..4].copy_from_slice(&v4.octets()[..3]),
        IpAddr::V6(v6) => {
            prefix[0] = 1;
            prefix[1..].copy_from_slice(&v6.octets()[..6]);
        }
    }
    Some(prefix)
}
