//! Node record: where a node can be dialled, how much it can hold, and what else others choose it by.

mod addresses;
mod class;
mod domain;
mod price;
mod relay;
mod tags;

use std::fmt;

use iroh_base::PublicKey;
use serde::{Deserialize, Serialize};

use super::Successor;
use crate::limits::FORMER_IDENTITIES_MAX;
use crate::{BoundedList, ReadPrice, Record, Sequence, UnixSeconds, Unverified, VersionText, keys};

pub use addresses::{Addresses, AddressesError};
pub use class::{CapacityClass, CapacityClassError};
pub use domain::{DomainName, DomainNameError};
pub use price::Price;
pub use relay::{RelayUrl, RelayUrlError};
pub use tags::{Tag, TagError, Tags, TagsError};

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
    /// The successor records of the identities that it had before, the oldest first.
    #[serde(default, skip_serializing_if = "FormerIdentities::is_empty")]
    pub formerly: FormerIdentities,
    /// When the record was written.
    pub issued: UnixSeconds,
    /// It gives up what it keeps and takes nothing new.
    #[serde(default, skip_serializing_if = "is_false")]
    pub leaving: bool,
    /// Who runs it, by its own word.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "keys::optional")]
    pub operator: Option<PublicKey>,
    /// What it asks for keeping bytes.
    pub price: Price,
    /// What it asks for what is read; nothing without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<ReadPrice>,
    /// The relay under which it can be reached besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<RelayUrl>,
    /// The version.
    pub seq: Sequence,
    /// What else it says of itself: country, operator, kind of machine.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// The version of its program.
    pub version: VersionText,
}

/// Successor records as they came: whoever reads a record verifies them.
pub type FormerIdentities = BoundedList<Unverified<Successor>, FORMER_IDENTITIES_MAX>;

impl Record for NodeRecord {
    const TYPE: &'static str = "node";
}

impl NodeRecord {
    /// A record of a node that says nothing of itself but this: free of charge, without tags and version.
    pub fn new(addrs: Addresses, class: CapacityClass, issued: UnixSeconds, seq: Sequence) -> Self {
        Self {
            addrs,
            class,
            domain: None,
            formerly: FormerIdentities::default(),
            issued,
            leaving: false,
            operator: None,
            price: Price::FREE,
            reading: None,
            relay: None,
            seq,
            tags: Tags::default(),
            version: VersionText::default(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl fmt::Display for NodeRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for address in self.addrs.iter() {
            writeln!(f, "address     {address}")?;
        }
        if let Some(relay) = &self.relay {
            writeln!(f, "relay       {relay}")?;
        }
        writeln!(f, "class       {} (from {} GiB on)", self.class.get(), 1_u64 << self.class.get())?;
        if let Some(domain) = &self.domain {
            writeln!(f, "domain      {}", domain.as_str())?;
        }
        if let Some(operator) = &self.operator {
            writeln!(f, "operator    {operator}")?;
        }
        for tag in self.tags.iter() {
            writeln!(f, "tag         {tag}")?;
        }
        writeln!(f, "price       {}", self.price)?;
        if let Some(reading) = &self.reading {
            writeln!(f, "reading     {reading}")?;
        }
        if !self.version.as_str().is_empty() {
            writeln!(f, "program     {}", self.version.as_str())?;
        }
        if !self.formerly.is_empty() {
            writeln!(f, "formerly    {} other identities", self.formerly.len())?;
        }
        if self.leaving {
            writeln!(f, "leaving     takes nothing new")?;
        }
        write!(f, "issued      {} (version {})", self.issued, self.seq)
    }
}
