//! The nodes of a network that are known here: which records count, how many, and who took whose place (spec §22).
//! Pure: the clock is handed in.

mod prefixes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use protocol::limits::{CLOCK_SKEW_MAX_S, MEMBER_SILENT_S, NETWORK_NODES_MAX, PREFIX_NODES_MAX};
use protocol::{
    Code, FormerIdentitiesError, NetworkId, NodeRecord, PublicKey, Sequence, Signed, Successor, UnixSeconds,
};

use crate::network_file::NetworkFile;
use prefixes::Prefixes;

/// The newest verified record of each known node, by id.
#[derive(Clone, Debug)]
pub struct Members {
    network: NetworkId,
    same_site: bool,
    records: BTreeMap<PublicKey, Signed<NodeRecord>>,
    /// Who took the place of an identity that has ended.
    successors: BTreeMap<PublicKey, Signed<Successor>>,
    prefixes: Prefixes,
    /// The highest time of issue of all records.
    newest: UnixSeconds,
}

/// Why a record was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum NotTakenIn {
    /// It belongs to another network.
    #[error("record is of network {0}")]
    OtherNetwork(NetworkId),
    /// What is known of its node is as new, or newer.
    #[error("record has version {seq}, known is {known}")]
    Stale {
        /// Its version.
        seq: Sequence,
        /// The version that counts.
        known: Sequence,
    },
    /// It was written in the future.
    #[error("record says {0}, which is still to come: is a clock wrong?")]
    Ahead(UnixSeconds),
    /// The identity that signed it has ended.
    #[error("identity has ended, {} took its place", .0.fmt_short())]
    Ended(PublicKey),
    /// What it claims to have been is not true.
    #[error(transparent)]
    Former(#[from] FormerIdentitiesError),
    /// Somebody else took the place of an identity that it claims to have been.
    #[error("{} took the place of {} before", .by.fmt_short(), .former.fmt_short())]
    Contested {
        /// The identity that has ended.
        former: PublicKey,
        /// Who took its place.
        by: PublicKey,
    },
    /// There are enough nodes at its address.
    #[error("{PREFIX_NODES_MAX} nodes are known in the network of its address")]
    Crowded,
    /// There is no place for one more.
    #[error("{NETWORK_NODES_MAX} nodes are known")]
    Full,
}

impl NotTakenIn {
    /// The code with which a node refuses such a record; `None` where it is merely no news.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Stale { .. } | Self::Ended(_) => None,
            Self::OtherNetwork(_) | Self::Former(_) | Self::Contested { .. } => Some(Code::BadSignature),
            Self::Ahead(_) => Some(Code::Expired),
            Self::Crowded | Self::Full => Some(Code::Full),
        }
    }
}

impl Members {
    /// A network of which no node is known yet. With `same_site`, every node is a failure domain of its own.
    pub fn new(network: NetworkId, same_site: bool) -> Self {
        Self {
            network,
            same_site,
            records: BTreeMap::new(),
            successors: BTreeMap::new(),
            prefixes: Prefixes::default(),
            newest: UnixSeconds::new(0),
        }
    }

    /// Takes in a record that came from wherever, when it is news and within all bounds.
    pub fn learn(&mut self, record: Signed<NodeRecord>, now: UnixSeconds) -> Result<(), NotTakenIn> {
        let NodeRecord { issued, seq, .. } = *record.body();
        let latest = now.plus(CLOCK_SKEW_MAX_S);
        if issued > latest || UnixSeconds::new(seq.get()) > latest {
            return Err(NotTakenIn::Ahead(issued.max(UnixSeconds::new(seq.get()))));
        }
        self.check_news(&record)?;
        let known = self.records.get(&record.by());
        let left = known.map(|known| known.body().addrs.first().ip());
        if self.prefixes.would_crowd(record.body().addrs.first().ip(), left) {
            return Err(NotTakenIn::Crowded);
        }
        if known.is_none() && self.records.len() >= NETWORK_NODES_MAX && !self.forget_a_silent_one() {
            return Err(NotTakenIn::Full);
        }
        self.put(record)
    }

    /// Takes in a record that the user vouches for, from the network file: whatever the time, and wherever it stands.
    /// True when it is news.
    pub fn insert(&mut self, record: Signed<NodeRecord>) -> bool {
        let has_place = self.records.contains_key(&record.by()) || self.records.len() < NETWORK_NODES_MAX;
        has_place && self.check_news(&record).is_ok() && self.put(record).is_ok()
    }

    /// The record of a node, under whichever of its identities.
    pub fn get(&self, id: &PublicKey) -> Option<&Signed<NodeRecord>> {
        self.records.get(&self.resolve(id)?)
    }

    /// The identity that an identity has become: itself, unless it has ended.
    pub fn resolve(&self, id: &PublicKey) -> Option<PublicKey> {
        let mut id = *id;
        // Every step is a record that was taken in; one step more than there are records would be a circle.
        for _ in 0..=self.successors.len() {
            match self.successors.get(&id) {
                Some(successor) => id = successor.body().node,
                None => return Some(id),
            }
        }
        None
    }

    /// All records, by ascending id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Signed<NodeRecord>> + Clone {
        self.records.values()
    }

    /// The records that others are told, by ascending id from above `after` on: those of nodes that are not silent.
    pub fn told(&self, after: Option<&PublicKey>) -> impl Iterator<Item = &Signed<NodeRecord>> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        let records = self.records.range::<PublicKey, _>((from, Unbounded)).map(|(_, record)| record);
        records.filter(|record| !self.is_silent(record))
    }

    /// Identities that have ended and are followed, each with what it is today.
    pub fn ended(&self) -> impl Iterator<Item = (PublicKey, &Signed<NodeRecord>)> {
        self.successors.keys().filter_map(|former| Some((*former, self.get(former)?)))
    }

    /// Whether nothing was heard of a node for long: its record is much older than the newest one.
    pub fn is_silent(&self, record: &Signed<NodeRecord>) -> bool {
        self.newest.seconds_since(record.body().issued) > MEMBER_SILENT_S
    }

    /// How many nodes are known.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// True when no node is known.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The network.
    pub const fn network(&self) -> NetworkId {
        self.network
    }

    /// Whether every node counts as a failure domain of its own (spec §12).
    pub const fn same_site(&self) -> bool {
        self.same_site
    }

    fn check_news(&self, record: &Signed<NodeRecord>) -> Result<(), NotTakenIn> {
        if record.network() != self.network {
            return Err(NotTakenIn::OtherNetwork(record.network()));
        }
        if let Some(successor) = self.successors.get(&record.by()) {
            return Err(NotTakenIn::Ended(successor.body().node));
        }
        match self.records.get(&record.by()) {
            Some(known) if !is_newer(record, known) => {
                Err(NotTakenIn::Stale { seq: record.body().seq, known: known.body().seq })
            }
            _ => Ok(()),
        }
    }

    fn put(&mut self, record: Signed<NodeRecord>) -> Result<(), NotTakenIn> {
        let former = record.former_identities()?;
        for link in &former {
            match self.successors.get(&link.by()) {
                Some(first) if precedes(first, link) => {
                    return Err(NotTakenIn::Contested { former: link.by(), by: first.body().node });
                }
                _ => {}
            }
        }
        for link in former {
            self.forget(&link.by());
            self.successors.insert(link.by(), link);
        }
        self.forget(&record.by());
        self.newest = self.newest.max(record.body().issued);
        self.prefixes.enter(record.body().addrs.first().ip());
        self.records.insert(record.by(), record);
        Ok(())
    }

    fn forget(&mut self, id: &PublicKey) {
        if let Some(record) = self.records.remove(id) {
            self.prefixes.leave(record.body().addrs.first().ip());
        }
    }

    fn forget_a_silent_one(&mut self) -> bool {
        let silent = self.records.values().filter(|record| self.is_silent(record));
        let oldest = silent.min_by_key(|record| record.body().issued).map(Signed::by);
        oldest.inspect(|id| self.forget(id)).is_some()
    }
}

/// Of two records with one `seq`, the one with the greater bytes counts, so that all agree.
fn is_newer(record: &Signed<NodeRecord>, known: &Signed<NodeRecord>) -> bool {
    let (seq, known_seq) = (record.body().seq, known.body().seq);
    seq > known_seq || (seq == known_seq && record.encode() > known.encode())
}

/// Whether the first of two successors of one identity counts, and not the second.
fn precedes(first: &Signed<Successor>, second: &Signed<Successor>) -> bool {
    let key = |link: &Signed<Successor>| (link.body().issued, link.body().node);
    key(first) < key(second)
}

impl From<&NetworkFile> for Members {
    fn from(file: &NetworkFile) -> Self {
        let mut members = Self::new(file.network, file.same_site);
        for record in &file.nodes {
            members.insert(record.clone());
        }
        members
    }
}

impl From<&Members> for NetworkFile {
    fn from(members: &Members) -> Self {
        let nodes = members.iter().cloned().collect();
        Self { network: members.network, same_site: members.same_site, gateway: None, nodes }
    }
}
