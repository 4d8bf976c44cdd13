//! Where the shards of one segment are believed to be, and who said otherwise.

use std::collections::HashSet;

use chunker::{Column, Segment};
use protocol::PublicKey;

use super::{SEARCH_BEYOND, SEARCH_NODES_MAX};
use crate::health::{Health, Standing};
use crate::moment::Moment;
use crate::placement::{self, Placement, Ranked};

/// The state of knowledge about one segment.
#[derive(Debug)]
pub(crate) struct Whereabouts {
    segment: Segment,
    ranking: Vec<Ranked>,
    holders: Vec<(Column, Vec<PublicKey>)>,
    denied: HashSet<(Column, PublicKey)>,
    damaged: HashSet<Column>,
    search: Search,
}

#[derive(Debug, PartialEq, Eq)]
enum Search {
    NotBegun,
    Running {
        waiting: HashSet<PublicKey>,
        all_answered: bool,
        /// So many of the ranking have been asked.
        asked: usize,
    },
    Over {
        all_answered: bool,
    },
}

/// What follows from a node's answer, or its silence.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Searched {
    /// Columns at this node that were not expected there.
    pub(crate) found: Vec<Column>,
    /// One more node to ask, because this one was silent.
    pub(crate) ask: Option<PublicKey>,
}

impl Whereabouts {
    /// At first every shard is believed to be where placement puts it.
    pub(crate) fn new(segment: Segment, manifest_seed: &[u8; 32], placement: &Placement) -> Self {
        let ranking = placement.rank(&placement::segment_seed(manifest_seed, segment.index()));
        let mut homes = placement::homes(&ranking, usize::from(segment.stored())).into_iter();
        let holders = segment.stored_columns().map(|column| (column, homes.next().into_iter().collect()));
        let holders = holders.collect();
        let (denied, damaged) = (HashSet::new(), HashSet::new());
        Self { segment, ranking, holders, denied, damaged, search: Search::NotBegun }
    }

    /// The nodes that may hold a column, best first.
    pub(crate) fn holders(&self, column: Column) -> impl Iterator<Item = PublicKey> {
        let known = self.holders.iter().find(|(held, _)| *held == column);
        let nodes = known.map_or(&[][..], |(_, nodes)| nodes);
        nodes.iter().copied().filter(move |node| !self.denied.contains(&(column, *node)))
    }

    /// The node to ask for a column: the first that is in good standing, or else the first.
    pub(crate) fn node(&self, column: Column, health: &Health, now: Moment) -> Option<(PublicKey, Standing)> {
        let mut nodes = self.holders(column).map(|node| (node, health.standing(node, now)));
        let first = nodes.next()?;
        if first.1 == Standing::Good {
            return Some(first);
        }
        nodes.find(|(_, standing)| *standing == Standing::Good).or(Some(first))
    }

    /// A node does not have a column.
    pub(crate) fn deny(&mut self, column: Column, node: PublicKey) {
        self.denied.insert((column, node));
    }

    /// A node has a column, but not as it should be.
    pub(crate) fn deny_damaged(&mut self, column: Column, node: PublicKey) {
        self.denied.insert((column, node));
        self.damaged.insert(column);
    }

    /// A column was put on a node.
    pub(crate) fn moved(&mut self, column: Column, node: PublicKey) {
        self.denied.remove(&(column, node));
        if let Some((_, nodes)) = self.holders.iter_mut().find(|(held, _)| *held == column)
            && !nodes.contains(&node)
        {
            nodes.insert(0, node);
        }
    }

    /// The nodes to ask what they hold of this segment. Empty when that has been done already.
    pub(crate) fn begin_search(&mut self) -> Vec<PublicKey> {
        if self.search != Search::NotBegun {
            return Vec::new();
        }
        let depth = usize::from(self.segment.coding().total()) + SEARCH_BEYOND;
        let nodes: Vec<_> = self.ranking.iter().take(depth).map(|node| node.id).collect();
        let waiting: HashSet<_> = nodes.iter().copied().collect();
        self.search = if waiting.is_empty() {
            Search::Over { all_answered: true }
        } else {
            Search::Running { waiting, all_answered: true, asked: nodes.len() }
        };
        nodes
    }

    /// A node said which columns it holds, or nothing.
    pub(crate) fn searched(&mut self, node: PublicKey, held: Option<&[Column]>) -> Searched {
        let Search::Running { waiting, all_answered, asked } = &mut self.search else {
            return Searched::default();
        };
        if !waiting.remove(&node) {
            return Searched::default();
        }
        *all_answered &= held.is_some();
        let next = self.ranking.get(*asked).filter(|_| held.is_none() && *asked < SEARCH_NODES_MAX);
        let ask = next.map(|node| node.id);
        if let Some(next) = ask {
            *asked += 1;
            waiting.insert(next);
        }
        if waiting.is_empty() {
            self.search = Search::Over { all_answered: *all_answered };
        }
        let mut found = Vec::new();
        for (column, nodes) in &mut self.holders {
            if held.unwrap_or_default().contains(column) && !nodes.contains(&node) {
                nodes.push(node);
                found.push(*column);
            }
        }
        Searched { found, ask }
    }

    /// True while answers of a search are awaited.
    pub(crate) fn is_searching(&self) -> bool {
        matches!(self.search, Search::Running { .. })
    }

    /// True when no search has begun yet.
    pub(crate) fn may_search(&self) -> bool {
        self.search == Search::NotBegun
    }

    /// True when every node that was asked answered, and none holds the column.
    pub(crate) fn is_nowhere(&self, column: Column) -> bool {
        let answered = self.search == Search::Over { all_answered: true };
        answered && !self.damaged.contains(&column) && self.holders(column).next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use chunker::{CellSize, Coding, Geometry};
    use protocol::SecretKey;

    use super::*;
    use crate::placement::Site;

    fn placement(nodes: usize) -> Placement {
        let site = |number: usize| {
            let mut key = [1; 32];
            key[..8].copy_from_slice(&number.to_le_bytes());
            Site {
                id: SecretKey::from_bytes(&key).public(),
                class: 0,
                addr: "127.0.0.1:1".parse().unwrap(),
                declared: None,
            }
        };
        Placement::new(&(0..nodes).map(site).collect::<Vec<_>>(), false)
    }

    fn whereabouts(nodes: usize) -> Whereabouts {
        let geometry = Geometry::new("2+1".parse::<Coding>().unwrap(), CellSize::LARGEST, 4).unwrap();
        Whereabouts::new(geometry.segment(0).unwrap(), &[3; 32], &placement(nodes))
    }

    /// Asks until nobody is left; only the node at `living` answers. Returns how many were asked.
    fn search(whereabouts: &mut Whereabouts, living: usize) -> usize {
        let (holder, found) = (whereabouts.ranking[living].id, [Column::new(2)]);
        let mut asked = whereabouts.begin_search();
        let mut done = 0;
        while let Some(node) = asked.get(done).copied() {
            done += 1;
            let held = (node == holder).then_some(found.as_slice());
            asked.extend(whereabouts.searched(node, held).ask);
        }
        done
    }

    #[test]
    fn nodes_that_are_gone_do_not_hide_those_behind_them() {
        let mut many = whereabouts(120);
        assert_eq!(search(&mut many, 100), 120);
        let holder = many.ranking[100].id;
        assert!(many.holders(Column::new(2)).any(|node| node == holder));
        assert!(!many.is_searching());
    }

    #[test]
    fn a_search_ends_where_its_limit_is() {
        assert_eq!(search(&mut whereabouts(600), 500), SEARCH_NODES_MAX);
    }

    #[test]
    fn as_many_are_asked_as_ever_when_all_answer() {
        let mut whereabouts = whereabouts(120);
        let asked = whereabouts.begin_search();
        assert_eq!(asked.len(), 3 + SEARCH_BEYOND);
        assert!(asked.into_iter().all(|node| whereabouts.searched(node, Some(&[])).ask.is_none()));
        assert!(
            whereabouts.is_nowhere(Column::new(2)) || whereabouts.holders(Column::new(2)).next().is_some()
        );
    }
}
