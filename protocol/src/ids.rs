//! Names and numbers that records and messages refer to.

use std::fmt;
use std::str::FromStr;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use iroh_base::PublicKey;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

/// The name of one network: 32 bytes, random for each; part of everything that is signed (spec §10).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "ByteArray<32>", into = "ByteArray<32>")]
pub struct NetworkId([u8; 32]);

impl NetworkId {
    /// The network with this name.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What stands in the place of the network where something is signed for one of its ledgers, given by its key: at another
    /// ledger such a record says nothing (spec §10).
    #[must_use]
    pub fn at_ledger(&self, issuer: &PublicKey) -> Self {
        Self(blake3::derive_key(AT_LEDGER, &[self.0, *issuer.as_bytes()].concat()))
    }

    /// The 32 bytes of the name.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

const AT_LEDGER: &str = "headwater v1 network at a ledger";

impl From<ByteArray<32>> for NetworkId {
    fn from(bytes: ByteArray<32>) -> Self {
        Self(bytes.into_array())
    }
}

impl From<NetworkId> for ByteArray<32> {
    fn from(id: NetworkId) -> Self {
        Self::new(id.0)
    }
}

impl fmt::Display for NetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for NetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NetworkId({}…)", HEXLOWER.encode(&self.0[..4]))
    }
}

/// Why a text is no network id.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a network id is 64 hexadecimal digits, not {text:?}")]
pub struct ParseNetworkIdError {
    text: String,
}

impl FromStr for NetworkId {
    type Err = ParseNetworkIdError;

    fn from_str(text: &str) -> Result<Self, ParseNetworkIdError> {
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| ParseNetworkIdError { text: text.chars().take(80).collect() })
    }
}

/// The name of one lease on one node: 16 bytes, chosen by the node (spec §11).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "ByteArray<16>", into = "ByteArray<16>")]
pub struct LeaseId([u8; 16]);

impl LeaseId {
    /// The lease with this name.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes of the name.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<ByteArray<16>> for LeaseId {
    fn from(bytes: ByteArray<16>) -> Self {
        Self(bytes.into_array())
    }
}

impl From<LeaseId> for ByteArray<16> {
    fn from(id: LeaseId) -> Self {
        Self::new(id.0)
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeaseId({self})")
    }
}

/// The version of a lease, pointer or node record: the highest one counts (spec §11).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(u64);

impl Sequence {
    /// The number that a new lease starts with.
    pub const FIRST: Self = Self(0);

    /// The version with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The version after this one; the last representable one has itself as successor.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which of an account's pointers: one slot per device (spec §11).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(u16);

impl Slot {
    /// The slot with this number.
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_id_reads_what_it_prints() {
        let id = NetworkId::from_bytes([0xa5; 32]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
    }

    #[test]
    fn a_text_of_another_length_or_alphabet_is_no_network_id() {
        let good = NetworkId::from_bytes([7; 32]).to_string();
        for text in
            ["", &good[1..], &format!("{good}00"), &format!(" {}", &good[1..]), &good.replace('7', "g")]
        {
            assert!(text.parse::<NetworkId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn debug_shows_a_short_name() {
        assert_eq!(format!("{:?}", NetworkId::from_bytes([1; 32])), "NetworkId(01010101…)");
    }
}
