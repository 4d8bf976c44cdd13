//! Which parts each node is believed to have.

use std::collections::HashMap;

use proofs::Cid;

use super::Place;
use super::dice::Dice;

/// The parts at one node: any of them can be drawn, added and removed in constant time.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    list: Vec<Place>,
    spots: HashMap<Place, usize>,
}

impl Holdings {
    pub(super) fn add(&mut self, place: Place) {
        if let std::collections::hash_map::Entry::Vacant(free) = self.spots.entry(place) {
            free.insert(self.list.len());
            self.list.push(place);
        }
    }

    pub(super) fn remove(&mut self, place: &Place) {
        let Some(spot) = self.spots.remove(place) else { return };
        self.list.swap_remove(spot);
        if let Some(moved) = self.list.get(spot) {
            self.spots.insert(*moved, spot);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// All parts, or `count` of them.
    pub(super) fn draw(&self, count: usize, dice: &mut Dice) -> Vec<Place> {
        if self.list.len() <= count {
            return self.list.clone();
        }
        // A stretch of a list that is in no particular order, from a random place on.
        let start = usize::try_from(dice.below(self.list.len() as u64)).expect("below the length of a list");
        self.list.iter().cycle().skip(start).take(count).copied().collect()
    }

    /// The objects that have parts here.
    pub(super) fn objects(&self) -> Vec<Cid> {
        let mut cids: Vec<_> = self.list.iter().map(|place| place.cid).collect();
        cids.sort_unstable();
        cids.dedup();
        cids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_is_drawn_no_more() {
        let place = |part| Place { cid: Cid::of(b"object"), unit: 0, part };
        let mut holdings = Holdings::default();
        for part in [0, 1, 2, 3, 1] {
            holdings.add(place(part));
        }
        assert_eq!(holdings.len(), 4);
        holdings.remove(&place(0));
        holdings.remove(&place(3));
        let mut dice = Dice::new([1; 32]);
        for _ in 0..50 {
            assert!(holdings.draw(9, &mut dice).iter().all(|place| [1, 2].contains(&place.part)));
        }
        holdings.remove(&place(1));
        holdings.remove(&place(2));
        assert!(holdings.is_empty() && holdings.draw(2, &mut dice).is_empty());
    }
}
