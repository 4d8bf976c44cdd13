//! What it costs to keep something, by what the nodes ask in their records; known before anything is stored.

use std::collections::BTreeMap;

use chunker::{Geometry, RequiredTags};

use crate::client::Client;
use crate::driver::manifest::copies;
use crate::placement::Domain;

/// Bytes of the name of a shard in a manifest.
const ROOT_LEN: usize = 32;
/// Bytes of a manifest beside the names of its shards: keys, name, media type, tags.
const MANIFEST_REST_LEN: u64 = 2048;
/// What prices are for: so many bytes over so many seconds (spec §11).
const PRICED_LEN: u128 = 1 << 30;
const PRICED_S: u128 = 30 * 86_400;

/// What keeping an object costs at most, wherever its shards are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Nodes on which they may be placed.
    pub nodes: usize,
    /// Those among them that ask for nothing.
    pub free: usize,
    /// Bytes of all shards, and of the manifest's copies.
    pub stored: u64,
    /// Micro-units of the network's currency, when all of it lies where it is dearest.
    pub at_most: u128,
}

impl Client {
    /// What an object of this geometry costs at most, when nodes with these tags keep it for so many seconds.
    pub fn quote(&self, geometry: &Geometry, required: &RequiredTags, seconds: u64) -> Quote {
        let members = self.members();
        let open = self.placement_requiring(required).rank_for_new(&[0; ROOT_LEN]);
        let price = |node: &_| members.get(node).map_or(0, |record| record.body().price.get());
        let prices: Vec<(Domain, u64)> = open.iter().map(|node| (node.domain, price(&node.id))).collect();
        quote(geometry, &prices, seconds)
    }
}

/// The quote of nodes with these domains and prices.
fn quote(geometry: &Geometry, prices: &[(Domain, u64)], seconds: u64) -> Quote {
    // Of each segment a domain has one shard at most; of the manifest a node has one copy.
    let mut in_domains = BTreeMap::new();
    for (domain, price) in prices {
        let dearest = in_domains.entry(*domain).or_insert(0);
        *dearest = (*price).max(*dearest);
    }
    let domains = falling(in_domains.into_values());
    let nodes = falling(prices.iter().map(|(_, price)| *price));
    let shards = geometry.all_segments().flat_map(|segment| {
        let lens = segment.stored_columns().filter_map(|column| segment.shard_len(column));
        falling(lens.map(proofs::ShardLen::get)).into_iter().zip(&domains)
    });
    let manifest = (ROOT_LEN * geometry.shards()) as u64 + MANIFEST_REST_LEN;
    let manifests = nodes.iter().take(copies(geometry.coding())).map(|price| (manifest, price));
    let (mut stored, mut at_most) = (0, 0);
    for (len, price) in shards.chain(manifests) {
        stored += len;
        at_most += cost(len, *price, seconds);
    }
    let free = prices.iter().filter(|(_, price)| *price == 0).count();
    Quote { nodes: prices.len(), free, stored, at_most }
}

fn falling(numbers: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    numbers
}

/// What one node asks, rounded up.
fn cost(len: u64, price: u64, seconds: u64) -> u128 {
    let product = u128::from(len).saturating_mul(u128::from(price)).saturating_mul(u128::from(seconds));
    product.div_ceil(PRICED_LEN * PRICED_S)
}

#[cfg(test)]
mod tests {
    use chunker::{Coding, Padding};

    use super::*;
    use crate::placement::{Placement, Site};

    const MONTH_S: u64 = 30 * 86_400;

    /// The domains of as many nodes as there are prices, each alone in its own, but the last with the one before.
    fn priced(prices: &[u64]) -> Vec<(Domain, u64)> {
        let sites = (0..).zip(prices).map(|(number, _)| Site {
            id: protocol::SecretKey::from_bytes(&[number; 32]).public(),
            class: 0,
            addr: ([127, 0, 0, 1], 1).into(),
            declared: Some(number.min(u8::try_from(prices.len()).unwrap() - 2).to_string()),
        });
        let sites: Vec<_> = sites.collect();
        let ranked = Placement::new(&sites, true).rank(&[0; 32]);
        let place = |site: &Site| ranked.iter().find(|node| node.id == site.id).unwrap().domain;
        sites.iter().map(place).zip(prices.iter().copied()).collect()
    }

    fn geometry(len: u64) -> Geometry {
        Geometry::for_len(Coding::new(2, 1).unwrap(), len, Padding::None).unwrap()
    }

    #[test]
    fn nodes_that_ask_for_nothing_cost_nothing() {
        let quote = quote(&geometry(1 << 20), &priced(&[0, 0, 0, 0]), MONTH_S);
        assert_eq!((quote.nodes, quote.free, quote.at_most), (4, 4, 0));
        assert!(quote.stored > 3 << 19);
    }

    #[test]
    fn the_dearest_domains_and_nodes_are_counted() {
        let gib = 1 << 30;
        let geometry = geometry(gib);
        // The last two are one domain, of which the dearer one counts.
        let quote = quote(&geometry, &priced(&[0, 10_000_000, 20_000_000, 40_000_000, 30_000_000]), MONTH_S);
        // Three shards of half a GiB, in the three dearest domains.
        let shards = (40_000_000 + 20_000_000 + 10_000_000) / 2;
        assert!((shards..shards + shards / 100).contains(&quote.at_most), "{}", quote.at_most);
        assert_eq!((quote.nodes, quote.free), (5, 1));
        let double = super::quote(
            &geometry,
            &priced(&[0, 10_000_000, 20_000_000, 40_000_000, 30_000_000]),
            2 * MONTH_S,
        );
        assert!(double.at_most.abs_diff(2 * quote.at_most) < 1000, "rounding alone");
    }

    #[test]
    fn every_part_is_rounded_up() {
        assert_eq!(
            [cost(1, 1, 1), cost(0, 1, 1), cost(1 << 30, 7, MONTH_S), cost((1 << 30) + 1, 7, MONTH_S)],
            [1, 0, 7, 8]
        );
    }
}
