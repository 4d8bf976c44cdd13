//! Who should keep what: weighted rendezvous ranking in integers, and failure domains (spec section 12).
//!
//! Everything here is a pure function of a seed and the member list: anyone with both computes the same order.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use protocol::PublicKey;

/// The highest capacity class; a class is the power of two that weighs a node.
pub const CLASS_MAX: u8 = 24;

/// What placement needs to know about a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The node's identity.
    pub id: PublicKey,
    /// Capacity class, `0..=CLASS_MAX`; higher ones are clamped.
    pub class: u8,
    /// The first address of the node's record.
    pub addr: SocketAddr,
    /// The failure domain that the node declares, if any.
    pub declared: Option<String>,
}

/// A set of nodes that are expected to fail together. Only equality means anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(u32);

/// A node in a ranking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranked {
    /// The node's identity.
    pub id: PublicKey,
    /// The failure domain in which it stands.
    pub domain: Domain,
}

/// The member list, prepared for ranking.
#[derive(Debug, Clone)]
pub struct Placement {
    nodes: Vec<(Ranked, u8)>,
    /// Where each of them is in that list.
    numbers: HashMap<PublicKey, usize>,
    /// Nodes that keep what they have and take nothing new.
    closed: HashSet<PublicKey>,
    /// Nodes that come behind all others.
    strangers: HashSet<PublicKey>,
}

impl Placement {
    /// Prepares a member list. With `same_site`, addresses do not make failure domains: only declared ones do.
    pub fn new(sites: &[Site], same_site: bool) -> Self {
        let domains = failure_domains(sites, same_site);
        let nodes = sites.iter().zip(domains);
        let nodes = nodes.map(|(site, domain)| (Ranked { id: site.id, domain }, site.class.min(CLASS_MAX)));
        let numbers = (0..).zip(sites).map(|(number, site)| (site.id, number)).collect();
        Self { nodes: nodes.collect(), numbers, closed: HashSet::new(), strangers: HashSet::new() }
    }

    /// The same, but nothing new is placed on these nodes.
    #[must_use]
    pub fn with_closed(mut self, closed: HashSet<PublicKey>) -> Self {
        self.closed.extend(closed);
        self
    }

    /// The same with earlier identities, each beside the node that it has become: what was placed on it is there, and
    /// nothing new is placed under it (spec section 22).
    #[must_use]
    pub fn with_former(mut self, former: &[(PublicKey, PublicKey)]) -> Self {
        let known = self.nodes.len();
        for (id, now) in former {
            if let Some(number) = self.numbers.get(now).filter(|number| **number < known) {
                let (Ranked { domain, .. }, class) = self.nodes[*number];
                self.numbers.insert(*id, self.nodes.len());
                self.nodes.push((Ranked { id: *id, domain }, class));
                self.closed.insert(*id);
            }
        }
        self
    }

    /// The same for an object that only some nodes may keep: the others come behind them in every ranking, and nothing new
    /// is placed on them (spec section 12).
    #[must_use]
    pub fn for_those_who(mut self, complies: impl Fn(&PublicKey) -> bool) -> Self {
        self.strangers = self.nodes.iter().map(|(node, _)| node.id).filter(|id| !complies(id)).collect();
        self
    }

    /// Every node with what decides about its places: its failure domain, named after the first node in it, and its
    /// capacity class.
    pub fn stands(&self) -> impl Iterator<Item = (PublicKey, PublicKey, u8)> {
        let first_in = |domain: Domain| self.nodes[domain.0 as usize].0.id;
        self.nodes.iter().map(move |(node, class)| (node.id, first_in(node.domain), *class))
    }

    /// The score of a node for a seed, the lowest being the best; `None` when it is not known.
    pub fn score_of(&self, id: &PublicKey, seed: &[u8; 32]) -> Option<u64> {
        let (node, class) = self.nodes[*self.numbers.get(id)?];
        Some(score(seed, &node.id, class))
    }

    /// The number of nodes on which something new may be placed.
    pub fn open(&self) -> usize {
        self.nodes.iter().filter(|(node, _)| self.is_open(&node.id)).count()
    }

    /// Whether a node keeps what it has and takes nothing new.
    pub fn is_closed(&self, id: &PublicKey) -> bool {
        self.closed.contains(id)
    }

    /// Whether something new may be placed on a node.
    pub fn is_open(&self, id: &PublicKey) -> bool {
        !self.closed.contains(id) && !self.strangers.contains(id)
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// True when there are no nodes at all.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The number of failure domains: the most shards of one segment that can be placed.
    pub fn domains(&self) -> usize {
        let open = self.nodes.iter().filter(|(node, _)| self.is_open(&node.id));
        open.map(|(node, _)| node.domain).collect::<HashSet<_>>().len()
    }

    /// The nodes on which something new may be placed, in the order of their rank for this seed, best first.
    pub fn rank_for_new(&self, seed: &[u8; 32]) -> Vec<Ranked> {
        let mut ranking = self.rank(seed);
        ranking.retain(|node| self.is_open(&node.id));
        ranking
    }

    /// The nodes on which more of something may be placed of which `holders` have some: as [`Self::rank_for_new`] has them,
    /// and the holders at their ranks, even those that take nothing new: nothing is put beside what they have.
    pub fn rank_for_more(&self, seed: &[u8; 32], holders: &[PublicKey]) -> Vec<Ranked> {
        let mut ranking = self.rank(seed);
        ranking.retain(|node| self.is_open(&node.id) || holders.contains(&node.id));
        ranking
    }

    /// All nodes in the order of their rank for this seed, best first.
    pub fn rank(&self, seed: &[u8; 32]) -> Vec<Ranked> {
        let mut scored: Vec<_> =
            self.nodes.iter().map(|&(node, class)| (score(seed, &node.id, class), node)).collect();
        scored.sort_unstable_by_key(|(score, node)| (self.strangers.contains(&node.id), *score, node.id));
        scored.into_iter().map(|(_, node)| node).collect()
    }
}

/// The first `count` nodes of a ranking that stand in distinct failure domains: the homes of a segment's shards, by column.
pub fn homes(ranking: &[Ranked], count: usize) -> Vec<PublicKey> {
    let mut taken = Vec::with_capacity(count);
    let fresh = ranking.iter().filter(|node| {
        let fresh = !taken.contains(&node.domain);
        if fresh {
            taken.push(node.domain);
        }
        fresh
    });
    fresh.take(count).map(|node| node.id).collect()
}

/// The seed that ranks nodes for the shards of one segment.
pub fn segment_seed(manifest_seed: &[u8; 32], segment: u32) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(manifest_seed).update(&segment.to_le_bytes());
    *hasher.finalize().as_bytes()
}

/// The score of a node for a seed; the lowest ranks first. Fits 63 bits.
pub fn score(seed: &[u8; 32], id: &PublicKey, class: u8) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(seed).update(id.as_bytes());
    let first_8 = *hasher.finalize().as_bytes().first_chunk().expect("a hash has 32 bytes");
    let draw = u64::from_le_bytes(first_8).max(1);
    ((64 << FRACTION_BITS) - log2_fixed(draw)) << (CLASS_MAX - class.min(CLASS_MAX))
}

const FRACTION_BITS: u32 = 32;

/// `log2(h)` with 32 fraction bits, rounded down bit by bit. `h` is at least 1.
fn log2_fixed(h: u64) -> u64 {
    let zeros = h.leading_zeros();
    let mut mantissa = h << zeros;
    let mut log = u64::from(63 - zeros);
    for _ in 0..FRACTION_BITS {
        let square = (u128::from(mantissa) * u128::from(mantissa)) >> 63;
        let carry = u64::try_from(square >> 64).expect("a square of 64 bits shifted by 127 is one bit");
        mantissa = u64::try_from(square >> carry).expect("bit 64 was shifted out when it was set");
        log = log << 1 | carry;
    }
    log
}

/// What nodes have in common when they are expected to fail together.
#[derive(PartialEq, Eq, Hash)]
enum Tie {
    Net4([u8; 3]),
    Net6([u8; 6]),
    Declared(String),
}

/// The domain of each site, in order: sites that share a network prefix or a declared name are merged, transitively.
fn failure_domains(sites: &[Site], same_site: bool) -> Vec<Domain> {
    let mut leader: Vec<usize> = (0..sites.len()).collect();
    let mut first_with: HashMap<Tie, usize> = HashMap::new();
    for (index, site) in sites.iter().enumerate() {
        let declared = site.declared.clone().map(Tie::Declared);
        for tie in network_of(site.addr.ip(), same_site).into_iter().chain(declared) {
            let other = *first_with.entry(tie).or_insert(index);
            let (a, b) = (find(&leader, index), find(&leader, other));
            leader[a.max(b)] = a.min(b);
        }
    }
    let number = |index| u32::try_from(find(&leader, index)).expect("a member list is shorter than 2^32");
    (0..sites.len()).map(|index| Domain(number(index))).collect()
}

fn network_of(ip: IpAddr, same_site: bool) -> Option<Tie> {
    match ip.to_canonical() {
        ip if same_site || ip.is_loopback() => None,
        IpAddr::V4(ip) => ip.octets().first_chunk().copied().map(Tie::Net4),
        IpAddr::V6(ip) => ip.octets().first_chunk().copied().map(Tie::Net6),
    }
}

fn find(leader: &[usize], mut index: usize) -> usize {
    while leader[index] != index {
        index = leader[index];
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(number: u8) -> PublicKey {
        protocol::SecretKey::from_bytes(&[number; 32]).public()
    }

    fn site(number: u8, class: u8, addr: &str, declared: Option<&str>) -> Site {
        Site { id: key(number), class, addr: addr.parse().unwrap(), declared: declared.map(Into::into) }
    }

    fn loopback(number: u8, class: u8) -> Site {
        site(number, class, "127.0.0.1:1", None)
    }

    fn seed(number: u64) -> [u8; 32] {
        *blake3::hash(&number.to_le_bytes()).as_bytes()
    }

    #[test]
    fn logarithm_is_exact_at_powers_of_two_and_close_between_them() {
        for power in 0..64_u64 {
            assert_eq!(log2_fixed(1 << power), power << FRACTION_BITS);
        }
        for h in [3, 10, 12_345, u32::MAX] {
            let exact = f64::from(h).log2();
            let computed = log2_fixed(h.into());
            let whole = f64::from(u32::try_from(computed >> FRACTION_BITS).unwrap());
            let fraction = f64::from(u32::try_from(computed & u64::from(u32::MAX)).unwrap()) / 2_f64.powi(32);
            assert!((whole + fraction - exact).abs() < 1e-9, "log2({h})");
        }
    }

    #[test]
    fn nodes_come_first_in_proportion_to_their_weight() {
        let placement =
            Placement::new(&[loopback(1, 0), loopback(2, 1), loopback(3, 2), loopback(4, 2)], false);
        let mut first = HashMap::new();
        for number in 0..22_000 {
            *first.entry(placement.rank(&seed(number))[0].id).or_insert(0_u32) += 1;
        }
        for (number, expected) in [(1, 2000_u32), (2, 4000), (3, 8000), (4, 8000)] {
            let got = first[&key(number)];
            assert!(got.abs_diff(expected) < 250, "node {number}: {got} of {expected}");
        }
    }

    #[test]
    fn prefixes_and_declared_names_merge_transitively() {
        let sites = [
            site(1, 0, "198.51.100.7:1", None),
            site(2, 0, "198.51.100.200:1", Some("cellar")),
            site(3, 0, "203.0.113.1:1", Some("cellar")),
            site(4, 0, "203.0.114.1:1", None),
            site(5, 0, "[2001:db8:1:2::1]:1", None),
            site(6, 0, "[2001:db8:1:3::1]:1", None),
            site(7, 0, "[::ffff:203.0.113.9]:1", None),
            loopback(8, 0),
            loopback(9, 0),
        ];
        assert_eq!(Placement::new(&sites, false).domains(), 5);
        assert_eq!(Placement::new(&sites, true).domains(), 8);
        let domains = failure_domains(&sites, false);
        assert!(domains[..3].iter().chain([&domains[6]]).all(|domain| *domain == domains[0]));
    }

    #[test]
    fn closed_nodes_keep_their_rank_and_take_nothing_new() {
        let sites: Vec<_> = (0..8).map(|number| loopback(number, 0)).collect();
        let open = Placement::new(&sites, false);
        let closed = open.clone().with_closed([key(3), key(5)].into());
        let rank = open.rank(&seed(1));
        assert_eq!(closed.rank(&seed(1)), rank);
        let expected: Vec<_> = rank.into_iter().filter(|node| ![key(3), key(5)].contains(&node.id)).collect();
        assert_eq!(closed.rank_for_new(&seed(1)), expected);
        let with_holder: Vec<_> =
            closed.rank_for_more(&seed(1), &[key(3), key(1)]).into_iter().map(|node| node.id).collect();
        let without: Vec<_> = with_holder.iter().copied().filter(|id| *id != key(3)).collect();
        assert!(with_holder.contains(&key(3)) && !with_holder.contains(&key(5)));
        assert_eq!(without, expected.iter().map(|node| node.id).collect::<Vec<_>>());
        assert_eq!((open.domains(), closed.domains()), (8, 6));
    }

    #[test]
    fn an_earlier_identity_keeps_its_rank_in_the_domain_of_its_node() {
        let before = Placement::new(&[loopback(1, 0), loopback(2, 0), loopback(3, 0)], false);
        let after = Placement::new(&[loopback(1, 0), loopback(9, 0), loopback(3, 0)], false)
            .with_former(&[(key(2), key(9)), (key(7), key(8))]);
        let ids = |ranking: Vec<Ranked>| ranking.into_iter().map(|node| node.id).collect::<Vec<_>>();
        for number in 0..50 {
            let ranking = after.rank(&seed(number));
            let domain = |id| ranking.iter().find(|node| node.id == key(id)).unwrap().domain;
            assert_eq!(domain(2), domain(9));
            let mut without = ids(ranking);
            without.retain(|id| *id != key(9));
            assert_eq!(without, ids(before.rank(&seed(number))));
            assert!(!ids(after.rank_for_new(&seed(number))).contains(&key(2)));
        }
        assert_eq!(after.domains(), 3);
    }

    #[test]
    fn who_may_not_keep_an_object_comes_last_and_gets_nothing() {
        let sites: Vec<_> = (0..9).map(|n| loopback(n, 0)).collect();
        let plain = Placement::new(&sites, false);
        let complies = |id: &PublicKey| [1, 4, 6].iter().any(|n| key(*n) == *id);
        let placement = plain.clone().for_those_who(complies);
        assert_eq!((placement.len(), placement.open(), placement.domains()), (9, 3, 3));
        for number in 0..50 {
            let (before, after) = (plain.rank(&seed(number)), placement.rank(&seed(number)));
            let (first, last): (Vec<_>, Vec<_>) = before.into_iter().partition(|node| complies(&node.id));
            assert_eq!(placement.rank_for_new(&seed(number)), first);
            assert_eq!(after, [first, last].concat());
        }
    }

    #[test]
    fn homes_skip_domains_that_are_taken() {
        let sites: Vec<_> = (0..8).map(|n| site(n, 0, &format!("10.0.{}.{n}:1", n / 2), None)).collect();
        let placement = Placement::new(&sites, false);
        let ranking = placement.rank(&seed(1));
        let homes = homes(&ranking, 6);
        assert_eq!(homes.len(), 4, "four networks give four homes");
        assert_eq!(homes[0], ranking[0].id);
    }

    proptest! {
        #[test]
        fn a_node_that_leaves_moves_only_its_own_shards(
            classes in proptest::collection::vec(0..=CLASS_MAX, 2..20), gone in any::<proptest::sample::Index>(), number: u64,
        ) {
            let mut sites: Vec<_> = (0_u8..).zip(&classes).map(|(n, class)| loopback(n, *class)).collect();
            let before = Placement::new(&sites, false).rank(&seed(number));
            let left = sites.remove(gone.index(sites.len()));
            let after: Vec<_> = Placement::new(&sites, false).rank(&seed(number)).iter().map(|node| node.id).collect();
            let expected: Vec<_> = before.iter().map(|node| node.id).filter(|id| *id != left.id).collect();
            prop_assert_eq!(after, expected);
        }

        #[test]
        fn more_capacity_never_ranks_lower(class in 0..CLASS_MAX, number: u64) {
            prop_assert!(score(&seed(number), &key(1), class + 1) <= score(&seed(number), &key(1), class));
            prop_assert!(score(&seed(number), &key(1), class) < 1 << 63);
        }
    }

    #[test]
    fn golden_vectors() {
        let vectors = include_str!("../../docs/vectors/client/placement.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
        for case in vectors["rankings"].as_array().unwrap() {
            let name = case["name"].as_str().unwrap();
            let sites: Vec<_> = case["nodes"].as_array().unwrap().iter().map(vector_site).collect();
            let placement = Placement::new(&sites, case["same_site"].as_bool().unwrap());
            let mut seed = hex(case["manifest_seed"].as_str().unwrap());
            seed = segment_seed(&seed, u32::try_from(case["segment"].as_u64().unwrap()).unwrap());
            assert_eq!(seed, hex(case["seed"].as_str().unwrap()), "{name}: seed");
            let ranking = placement.rank(&seed);
            assert_eq!(
                ranking.iter().map(|n| n.id).collect::<Vec<_>>(),
                ids(&case["order"]),
                "{name}: order"
            );
            assert_eq!(homes(&ranking, sites.len()), ids(&case["homes"]), "{name}: homes");
            let scores: Vec<_> = sites.iter().map(|s| score(&seed, &s.id, s.class).to_string()).collect();
            let expected: Vec<_> =
                case["scores"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
            assert_eq!(scores, expected, "{name}: scores");
        }
        assert!(vectors["rankings"].as_array().unwrap().len() >= 4);
    }

    fn vector_site(node: &serde_json::Value) -> Site {
        Site {
            id: PublicKey::from_bytes(&hex(node["id"].as_str().unwrap())).unwrap(),
            class: u8::try_from(node["class"].as_u64().unwrap()).unwrap(),
            addr: node["addr"].as_str().unwrap().parse().unwrap(),
            declared: node["domain"].as_str().map(Into::into),
        }
    }

    fn ids(value: &serde_json::Value) -> Vec<PublicKey> {
        let ids = value.as_array().unwrap().iter().map(|id| hex(id.as_str().unwrap()));
        ids.map(|id| PublicKey::from_bytes(&id).unwrap()).collect()
    }

    fn hex(text: &str) -> [u8; 32] {
        let byte = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
        std::array::from_fn(byte)
    }
}
