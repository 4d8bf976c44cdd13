//! The journal: all entries in one order, each of which names all before it (spec §25).

use std::fmt;

use proofs::canonical;
use protocol::{Digest, NetworkId, PublicKey, keys};
use serde::{Deserialize, Serialize};

use crate::Unit;

/// What a journal begins with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Who signs grants and reversals.
    #[serde(with = "keys")]
    pub issuer: PublicKey,
    /// The network that it is a ledger of.
    pub network: NetworkId,
    /// Who has the network's share of all charges.
    #[serde(with = "keys")]
    pub treasury: PublicKey,
    /// What is counted.
    pub unit: Unit,
}

impl Terms {
    /// For what everything is signed that this ledger takes or says: the network at this ledger, and at no other one.
    pub fn signed_for(&self) -> NetworkId {
        self.network.at_ledger(&self.issuer)
    }
}

/// How far a journal goes, and a hash over all that is in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// How many entries.
    pub count: u64,
    /// The hash over the terms and all entries.
    pub hash: Digest,
}

impl Head {
    /// The head of a journal that has nothing but its terms.
    pub fn of(terms: &Terms) -> Self {
        Self { count: 0, hash: Digest::from_bytes([0; 32]).followed_by(CONTEXT, &canonical::to_vec(terms)) }
    }

    /// The head after one more entry, given by its bytes.
    #[must_use]
    pub fn after(self, entry: &[u8]) -> Self {
        Self { count: self.count + 1, hash: self.hash.followed_by(CONTEXT, entry) }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries, {}", self.count, self.hash)
    }
}

const CONTEXT: &str = "headwater v1 journal";

/// A journal in memory. All that is asked of one that lasts is what it does: to append where the writer thinks that the
/// end is, and to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Journal {
    head: Head,
    entries: Vec<Vec<u8>>,
}

/// Somebody else has appended to the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the journal is at {actual}, not at {expected}")]
pub struct NotAtHead {
    actual: Head,
    expected: Head,
}

impl Journal {
    /// A journal with these terms and no entries.
    pub fn new(terms: &Terms) -> Self {
        Self { head: Head::of(terms), entries: Vec::new() }
    }

    /// How far it goes.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Appends an entry when the journal still ends at `head`: of two writers only one succeeds.
    pub fn append_if(&mut self, head: Head, entry: Vec<u8>) -> Result<Head, NotAtHead> {
        if self.head != head {
            return Err(NotAtHead { actual: self.head, expected: head });
        }
        self.head = head.after(&entry);
        self.entries.push(entry);
        Ok(self.head)
    }

    /// The entries from this one on.
    pub fn read(&self, from: usize) -> impl Iterator<Item = &[u8]> {
        self.entries.iter().skip(from).map(Vec::as_slice)
    }
}
