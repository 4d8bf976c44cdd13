//! The nodes of a network that are known here.

use std::collections::BTreeMap;

use protocol::{NetworkId, NodeRecord, PublicKey, Signed};

use crate::network_file::{NETWORK_NODES_MAX, NetworkFile};

/// The newest verified record of each known node, by id.
#[derive(Clone, Debug)]
pub struct Members {
    network: NetworkId,
    same_site: bool,
    records: BTreeMap<PublicKey, Signed<NodeRecord>>,
}

impl Members {
    /// A network of which no node is known yet. With `same_site`, every node is a failure domain of its own.
    pub const fn new(network: NetworkId, same_site: bool) -> Self {
        Self { network, same_site, records: BTreeMap::new() }
    }

    /// Takes in a record. True when it is news: of this network, and newer than what is known of its node.
    pub fn insert(&mut self, record: Signed<NodeRecord>) -> bool {
        let known = self.records.get(&record.by());
        let is_new = known.is_none_or(|known| known.body().seq < record.body().seq);
        let has_place = known.is_some() || self.records.len() < NETWORK_NODES_MAX;
        let is_news = record.network() == self.network && is_new && has_place;
        if is_news {
            self.records.insert(record.by(), record);
        }
        is_news
    }

    /// The record of a node.
    pub fn get(&self, id: &PublicKey) -> Option<&Signed<NodeRecord>> {
        self.records.get(id)
    }

    /// All records, by ascending id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Signed<NodeRecord>> + Clone {
        self.records.values()
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

#[cfg(test)]
mod tests {
    use protocol::{Addresses, CapacityClass, SecretKey, Sequence, UnixSeconds};

    use super::*;

    const NETWORK: NetworkId = NetworkId::from_bytes([1; 32]);

    fn record(seed: u8, seq: u64, network: NetworkId) -> Signed<NodeRecord> {
        let body = NodeRecord {
            addrs: Addresses::new(vec!["127.0.0.1:4433".parse().unwrap()]).unwrap(),
            class: CapacityClass::new(0).unwrap(),
            domain: None,
            issued: UnixSeconds::new(0),
            seq: Sequence::new(seq),
        };
        Signed::sign(&SecretKey::from_bytes(&[seed; 32]), &network, body)
    }

    #[test]
    fn the_highest_sequence_wins_in_whatever_order() {
        for order in [[1, 2, 3], [3, 2, 1], [2, 3, 1]] {
            let mut members = Members::new(NETWORK, false);
            for seq in order {
                members.insert(record(1, seq, NETWORK));
            }
            assert_eq!(members.len(), 1);
            assert_eq!(members.iter().next().unwrap().body().seq, Sequence::new(3), "{order:?}");
        }
    }

    #[test]
    fn only_news_of_this_network_is_taken_in() {
        let mut members = Members::new(NETWORK, false);
        assert!(members.insert(record(1, 5, NETWORK)));
        assert!(!members.insert(record(1, 5, NETWORK)));
        assert!(!members.insert(record(1, 4, NETWORK)));
        assert!(!members.insert(record(2, 9, NetworkId::from_bytes([2; 32]))));
        assert!(members.insert(record(2, 0, NETWORK)));
        assert_eq!(members.len(), 2);
    }
}
