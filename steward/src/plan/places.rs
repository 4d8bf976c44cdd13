//! Where the parts of a unit should be, and which of them should move.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use client::placement::{Domain, Placement, Ranked};
use client::plan::SEARCH_BEYOND;
use protocol::{PublicKey, Tag, Tags};

/// Beyond as many nodes as a unit has parts, a part so far down the ranking should move: soon nobody would look there.
const FINDABLE_BEYOND: usize = SEARCH_BEYOND / 2;
/// Nodes that are named for one part.
const TARGETS_MAX: usize = 4;

/// The nodes of the network, as far as a steward knows them.
#[derive(Debug, Clone)]
pub struct Nodes {
    /// All of them, ready to be ranked.
    pub placement: Arc<Placement>,
    /// Those that give up what they keep.
    pub leaving: BTreeSet<PublicKey>,
    /// Identities that have ended, each with what it is today.
    pub former: BTreeMap<PublicKey, PublicKey>,
    /// What nodes say of themselves.
    pub tags: BTreeMap<PublicKey, Tags>,
}

/// Why a part should be elsewhere, the most pressing first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Its node leaves.
    Leaving,
    /// Its node has not the tags that its object requires.
    Unfit,
    /// Another part of the unit is in the same failure domain.
    Shared,
    /// Nobody would find it there before long: other nodes have joined.
    FarDown,
    /// A node that joined since, or has room again, ranks higher and has nothing of the unit.
    Better,
}

impl Reason {
    /// Name for the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leaving => "its node leaves",
            Self::Unfit => "its node has not the tags that are required",
            Self::Shared => "another part is in the same failure domain",
            Self::FarDown => "it is too far down the ranking to be found",
            Self::Better => "a node that ranks higher has nothing of it",
        }
    }
}

/// Whether a node is given a part that moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Welcome {
    /// It is.
    Yes,
    /// Only what must not stay where it is, and only when no other node takes it.
    IfNoOther,
    /// It is not.
    No,
}

/// A part that should move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misplaced {
    /// The part.
    pub part: u8,
    /// Why.
    pub reason: Reason,
    /// Where it may go, best first; never empty.
    pub to: Vec<PublicKey>,
}

/// A unit whose parts are all there.
#[derive(Debug)]
pub struct Settled<'a> {
    /// The node of each part.
    pub at: &'a [PublicKey],
    /// What ranks the nodes for it.
    pub seed: &'a [u8; 32],
    /// Tags that its nodes must have.
    pub required: &'a [Tag],
    /// Shards take a failure domain each, copies of a manifest only a node.
    pub are_shards: bool,
}

/// What two parts of a unit may not share.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Domain(Domain),
    Node(PublicKey),
}

/// The part of a unit that should move first, if any can.
pub fn misplaced(
    unit: &Settled<'_>,
    nodes: &Nodes,
    welcome: impl Fn(&PublicKey) -> Welcome,
) -> Option<Misplaced> {
    let view = View::new(unit, nodes);
    let mut reasons: Vec<_> =
        (0..unit.at.len()).filter_map(|part| Some((view.reason(part)?, part))).collect();
    reasons.sort_unstable();
    reasons.into_iter().find_map(|(reason, part)| {
        let to = view.targets(part, reason, &welcome);
        let part = u8::try_from(part).expect("a unit has at most 255 parts");
        (!to.is_empty()).then_some(Misplaced { part, reason, to })
    })
}

struct View<'a> {
    unit: &'a Settled<'a>,
    nodes: &'a Nodes,
    all: Vec<Ranked>,
    open: Vec<Ranked>,
    /// Where the node of each part stands in the ranking; `None` when it is not known any more.
    ranks: Vec<Option<usize>>,
    /// What the best places are.
    homes: Vec<Key>,
}

impl<'a> View<'a> {
    fn new(unit: &'a Settled<'a>, nodes: &'a Nodes) -> Self {
        let mut view =
            Self { unit, nodes, all: Vec::new(), open: Vec::new(), ranks: Vec::new(), homes: Vec::new() };
        let placement = if unit.required.is_empty() {
            Arc::clone(&nodes.placement)
        } else {
            Arc::new(Placement::clone(&nodes.placement).for_those_who(|node| view.complies(node)))
        };
        view.all = placement.rank(unit.seed);
        view.open = view.all.iter().filter(|node| placement.is_open(&node.id)).copied().collect();
        view.ranks = unit.at.iter().map(|node| view.rank(node)).collect();
        for node in &view.open {
            let key = view.key(node);
            if view.homes.len() < unit.at.len() && !view.homes.contains(&key) {
                view.homes.push(key);
            }
        }
        view
    }

    fn complies(&self, node: &PublicKey) -> bool {
        let id = self.nodes.former.get(node).unwrap_or(node);
        self.unit.required.is_empty()
            || self.nodes.tags.get(id).is_some_and(|tags| tags.satisfy(self.unit.required))
    }

    fn key(&self, node: &Ranked) -> Key {
        if self.unit.are_shards { Key::Domain(node.domain) } else { Key::Node(node.id) }
    }

    fn rank(&self, node: &PublicKey) -> Option<usize> {
        // Keys are compared in constant time, which takes its time.
        self.all.iter().position(|other| other.id.as_bytes() == node.as_bytes())
    }

    fn key_of(&self, part: usize) -> Option<Key> {
        Some(self.key(&self.all[self.ranks[part]?]))
    }

    fn reason(&self, part: usize) -> Option<Reason> {
        let node = self.unit.at[part];
        let (rank, key) = (self.ranks[part]?, self.key_of(part)?);
        if self.nodes.leaving.contains(&node) {
            Some(Reason::Leaving)
        } else if !self.complies(&node) {
            Some(Reason::Unfit)
        } else if (0..part).any(|other| self.key_of(other) == Some(key)) {
            Some(Reason::Shared)
        } else if rank >= self.unit.at.len() + FINDABLE_BEYOND {
            Some(Reason::FarDown)
        } else {
            (!self.homes.contains(&key)).then_some(Reason::Better)
        }
    }

    fn targets(
        &self,
        part: usize,
        reason: Reason,
        welcome: impl Fn(&PublicKey) -> Welcome,
    ) -> Vec<PublicKey> {
        let node = self.unit.at[part];
        let others = (0..self.unit.at.len()).filter(|other| *other != part);
        let taken: Vec<_> = others.filter_map(|other| self.key_of(other)).collect();
        let is_better = |to: &Ranked| match reason {
            Reason::Leaving | Reason::Unfit | Reason::Shared => true,
            Reason::FarDown => self.rank(&to.id) < self.ranks[part],
            // Not to a node far down in a domain of the best: from there it would move back.
            Reason::Better => self.homes.contains(&self.key(to)) && self.rank(&to.id) < self.ranks[part],
        };
        let may = |to: &&Ranked| to.id != node && !taken.contains(&self.key(to)) && is_better(to);
        let welcome = &welcome;
        let those = |wanted| self.open.iter().filter(may).filter(move |to| welcome(&to.id) == wanted);
        let mut to: Vec<_> = those(Welcome::Yes).take(TARGETS_MAX).map(|to| to.id).collect();
        if reason <= Reason::Shared {
            to.extend(those(Welcome::IfNoOther).map(|to| to.id));
            to.truncate(TARGETS_MAX);
        }
        to
    }
}

#[cfg(test)]
mod tests {
    use client::placement::{Site, homes};
    use proptest::prelude::*;
    use protocol::SecretKey;

    use super::*;

    const SEED: [u8; 32] = [9; 32];

    fn node(number: u8) -> PublicKey {
        SecretKey::from_bytes(&[number + 1; 32]).public()
    }

    /// Nodes with these numbers, each in the domain that its number gives.
    fn nodes(numbers: impl Iterator<Item = u8>, domain: impl Fn(u8) -> u8) -> Nodes {
        let sites: Vec<_> = numbers
            .map(|number| Site {
                id: node(number),
                class: 0,
                addr: "127.0.0.1:1".parse().unwrap(),
                declared: Some(format!("domain {}", domain(number))),
            })
            .collect();
        let tags = sites.iter().map(|site| (site.id, Tags::default())).collect();
        let placement = Arc::new(Placement::new(&sites, true));
        Nodes { placement, leaving: BTreeSet::new(), former: BTreeMap::new(), tags }
    }

    fn settled(at: &[PublicKey]) -> Settled<'_> {
        Settled { at, seed: &SEED, required: &[], are_shards: true }
    }

    fn leave(nodes: &mut Nodes, node: PublicKey) {
        nodes.leaving.insert(node);
        nodes.placement = Arc::new(Placement::clone(&nodes.placement).with_closed([node].into()));
    }

    #[test]
    fn parts_at_home_stay_and_those_of_a_node_that_leaves_go_to_the_next_one() {
        let mut nodes = nodes(0..8, |number| number);
        let ranking = nodes.placement.rank(&SEED);
        let at = homes(&ranking, 6);
        assert_eq!(misplaced(&settled(&at), &nodes, |_| Welcome::Yes), None);
        leave(&mut nodes, at[2]);
        let to = vec![ranking[6].id, ranking[7].id];
        let found = misplaced(&settled(&at), &nodes, |_| Welcome::Yes);
        assert_eq!(found, Some(Misplaced { part: 2, reason: Reason::Leaving, to }));
        for (welcome, to) in
            [(Welcome::No, vec![ranking[7].id]), (Welcome::IfNoOther, vec![ranking[7].id, ranking[6].id])]
        {
            let of_all = |node: &PublicKey| if *node == ranking[6].id { welcome } else { Welcome::Yes };
            let found = misplaced(&settled(&at), &nodes, of_all);
            assert_eq!(found, Some(Misplaced { part: 2, reason: Reason::Leaving, to }));
        }
        leave(&mut nodes, ranking[6].id);
        leave(&mut nodes, ranking[7].id);
        assert_eq!(misplaced(&settled(&at), &nodes, |_| Welcome::Yes), None, "there is no other place");
    }

    #[test]
    fn a_newcomer_that_ranks_higher_gets_what_ranks_lowest() {
        let before = nodes(0..7, |number| number);
        let at = homes(&before.placement.rank(&SEED), 6);
        let after = nodes(0..20, |number| number);
        let ranking = after.placement.rank(&SEED);
        let best = homes(&ranking, 6);
        let found = misplaced(&settled(&at), &after, |_| Welcome::Yes).unwrap();
        assert_eq!(found.reason, Reason::Better);
        assert!(!best.contains(&at[usize::from(found.part)]));
        assert!(found.to.iter().all(|to| best.contains(to) && !at.contains(to)));
    }

    #[test]
    fn what_could_as_well_stay_only_moves_up() {
        let nodes = nodes(0..40, |number| number % 5);
        let ranking = nodes.placement.rank(&SEED);
        let mut at = homes(&ranking, 3);
        let rank = |node: &PublicKey| ranking.iter().position(|other| other.id == *node).unwrap();
        let of_homes: Vec<_> = at.iter().map(|home| ranking[rank(home)].domain).collect();
        at[2] = ranking.iter().find(|node| !of_homes.contains(&node.domain)).unwrap().id;
        let found = misplaced(&settled(&at), &nodes, |_| Welcome::Yes).unwrap();
        assert_eq!((found.part, found.reason), (2, Reason::Better));
        assert!(found.to.iter().all(|to| rank(to) < rank(&at[2])), "{found:?}");
    }

    #[test]
    fn tags_bind() {
        let mut nodes = nodes(0..9, |number| number);
        let tag = |text: &str| Tag::new(text).unwrap();
        let required = [tag("country=DE")];
        for number in [1, 3, 5, 7, 8] {
            nodes.tags.insert(node(number), Tags::new(vec![tag("country=DE"), tag("class=ssd")]).unwrap());
        }
        let fit: Vec<_> = [1, 3, 5, 7].map(node).into();
        let at = [fit[0], fit[1], node(0), fit[2]];
        let unit = Settled { required: &required, ..settled(&at) };
        let found = misplaced(&unit, &nodes, |_| Welcome::Yes).unwrap();
        assert_eq!((found.part, found.reason), (2, Reason::Unfit));
        assert!(found.to.iter().all(|to| [node(7), node(8)].contains(to)), "{found:?}");
        nodes.tags.remove(&node(7));
        nodes.tags.remove(&node(8));
        assert_eq!(misplaced(&unit, &nodes, |_| Welcome::Yes), None, "to none rather than to another");
    }

    proptest! {
        /// However nodes come, go and share their fate: a part only ever goes to a node that is better by its reason, and
        /// never where another part of the unit is. When all have moved, no two share a domain if there is room.
        #[test]
        fn moves_come_to_an_end_in_distinct_domains(
            spread in 1_u8..12, parts in 1_usize..7, leaving in proptest::collection::btree_set(0_u8..16, 0..5),
            picks in proptest::collection::vec(any::<proptest::sample::Index>(), 6),
        ) {
            let mut nodes = nodes(0..16, |number| number % spread);
            for number in &leaving {
                leave(&mut nodes, node(*number));
            }
            let mut free: Vec<_> = (0..16).map(node).collect();
            let mut at: Vec<_> = picks.iter().take(parts).map(|pick| free.remove(pick.index(free.len()))).collect();
            let ranking = nodes.placement.rank(&SEED);
            let domain = |node: &PublicKey| ranking.iter().find(|other| other.id == *node).unwrap().domain;
            let mut moves = 0;
            while let Some(Misplaced { part, to, .. }) = misplaced(&settled(&at), &nodes, |_| Welcome::Yes) {
                let part = usize::from(part);
                let mut others = at.iter().enumerate().filter(|(other, _)| *other != part);
                prop_assert!(others.all(|(_, other)| domain(other) != domain(&to[0])));
                prop_assert!(!nodes.leaving.contains(&to[0]));
                at[part] = to[0];
                moves += 1;
                prop_assert!(moves <= 3 * parts, "it goes round in circles");
            }
            if nodes.placement.domains() >= parts {
                let domains: BTreeSet<_> = at.iter().map(domain).collect();
                prop_assert_eq!(domains.len(), parts);
                prop_assert!(at.iter().all(|node| !nodes.leaving.contains(node)));
            }
        }
    }
}
