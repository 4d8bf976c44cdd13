//! Which parts each node is believed to have, in eight bytes for each of them.

use std::collections::HashMap;

use proofs::Cid;
use protocol::PublicKey;

use super::Place;
use super::dice::Dice;

/// The parts at every node.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    names: Names,
    /// What each node has, in ascending order.
    nodes: HashMap<PublicKey, Vec<Spot>>,
}

/// A place with a number in the stead of its object's name: 32 bits for the object, 16 for the unit, 8 for the part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Spot(u64);

impl Spot {
    fn new(object: u32, place: &Place) -> Self {
        let unit = u16::try_from(place.unit).expect("an object has at most 32 736 segments");
        Self(u64::from(object) << 24 | u64::from(unit) << 8 | u64::from(place.part))
    }

    fn object(self) -> usize {
        usize::try_from(self.0 >> 24).expect("the number of an object has 32 bits")
    }
}

/// A number for every object. That of one that is forgotten goes to the next one that comes.
#[derive(Debug, Default)]
struct Names {
    numbers: HashMap<Cid, u32>,
    cids: Vec<Cid>,
    free: Vec<u32>,
}

impl Names {
    fn number(&mut self, cid: Cid) -> u32 {
        if let Some(number) = self.numbers.get(&cid) {
            return *number;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.cids.push(cid);
            u32::try_from(self.cids.len() - 1).expect("a steward has fewer than 2^32 objects")
        });
        self.cids[number as usize] = cid;
        self.numbers.insert(cid, number);
        number
    }

    fn place(&self, spot: Spot) -> Place {
        let unit = (spot.0 >> 8) & u64::from(u16::MAX);
        let unit = u32::try_from(unit).expect("16 bits");
        let part = u8::try_from(spot.0 & u64::from(u8::MAX)).expect("8 bits");
        Place { cid: self.cids[spot.object()], unit, part }
    }
}

impl Holdings {
    pub(super) fn add(&mut self, node: PublicKey, place: &Place) {
        let spot = Spot::new(self.names.number(place.cid), place);
        let spots = self.nodes.entry(node).or_default();
        // A new object has the highest number: what it has comes last.
        if let Err(at) = spots.binary_search(&spot) {
            spots.insert(at, spot);
        }
    }

    pub(super) fn remove(&mut self, node: &PublicKey, place: &Place) {
        let (Some(number), Some(spots)) = (self.names.numbers.get(&place.cid), self.nodes.get_mut(node))
        else {
            return;
        };
        if let Ok(at) = spots.binary_search(&Spot::new(*number, place)) {
            spots.remove(at);
        }
    }

    /// Forgets an object that no node has a part of any more.
    pub(super) fn forget(&mut self, cid: &Cid) {
        self.names.free.extend(self.names.numbers.remove(cid));
    }

    /// Forgets a node. Returns the objects of which it had parts.
    pub(super) fn take_node(&mut self, node: &PublicKey) -> Vec<Cid> {
        let objects = self.objects(node);
        self.nodes.remove(node);
        objects
    }

    pub(super) fn len(&self, node: &PublicKey) -> usize {
        self.nodes.get(node).map_or(0, Vec::len)
    }

    /// All parts at a node, or `count` of them.
    pub(super) fn draw(&self, node: &PublicKey, count: usize, dice: &mut Dice) -> Vec<Place> {
        let Some(spots) = self.nodes.get(node) else { return Vec::new() };
        let start = if spots.len() > count { dice.below(spots.len() as u64) } else { 0 };
        // A stretch of a list that is in the order in which objects came, from a random place on.
        let start = usize::try_from(start).expect("below the length of a list");
        let stretch = spots.iter().cycle().skip(start).take(count.min(spots.len()));
        stretch.map(|spot| self.names.place(*spot)).collect()
    }

    /// The objects that have parts at a node.
    pub(super) fn objects(&self, node: &PublicKey) -> Vec<Cid> {
        let mut objects: Vec<_> =
            self.nodes.get(node).into_iter().flatten().map(|spot| spot.object()).collect();
        objects.dedup();
        objects.into_iter().map(|object| self.names.cids[object]).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use protocol::SecretKey;

    use super::*;

    fn node(number: u8) -> PublicKey {
        SecretKey::from_bytes(&[number + 1; 32]).public()
    }

    fn place(object: u8, unit: u32, part: u8) -> Place {
        Place { cid: Cid::of(&[object]), unit, part }
    }

    #[test]
    fn what_was_removed_is_drawn_no_more_and_every_stretch_is_drawn() {
        let (mut holdings, at) = (Holdings::default(), node(0));
        for part in [0, 1, 2, 3, 1] {
            holdings.add(at, &place(0, 32_736, part));
        }
        assert_eq!(holdings.len(&at), 4);
        holdings.remove(&at, &place(0, 32_736, 0));
        let mut dice = Dice::new([1; 32]);
        let drawn: Vec<_> = (0..90).map(|_| holdings.draw(&at, 2, &mut dice)).collect();
        assert!(drawn.iter().all(|places| places.len() == 2 && places[0] != places[1]));
        for part in 1..4 {
            let first = drawn.iter().filter(|places| places[0] == place(0, 32_736, part)).count();
            assert!((15..45).contains(&first), "part {part} came first {first} times of 90");
        }
        assert_eq!(holdings.draw(&at, 9, &mut dice).len(), 3);
    }

    proptest! {
        /// As a plain map of sets has it, also when objects go and others take their numbers.
        #[test]
        fn it_is_a_map_of_sets(steps in proptest::collection::vec((0_u8..3, 0_u8..5, 0_u32..3, 0_u8..3, 0_u8..8), 0..200)) {
            let mut holdings = Holdings::default();
            let mut plain: BTreeMap<PublicKey, BTreeSet<Place>> = BTreeMap::new();
            let mut dice = Dice::new([2; 32]);
            for (at, object, unit, part, what) in steps {
                let (at, place) = (node(at), place(object, unit, part));
                let of_object = |other: &Place| other.cid == place.cid;
                match what {
                    0..4 => {
                        holdings.add(at, &place);
                        plain.entry(at).or_default().insert(place);
                    }
                    4..7 => {
                        holdings.remove(&at, &place);
                        plain.entry(at).or_default().remove(&place);
                    }
                    _ => {
                        for (at, places) in &mut plain {
                            places.iter().filter(|other| of_object(other)).for_each(|it| holdings.remove(at, it));
                            places.retain(|other| !of_object(other));
                        }
                        holdings.forget(&place.cid);
                    }
                }
                for (at, places) in &plain {
                    let drawn: BTreeSet<_> = holdings.draw(at, 1000, &mut dice).into_iter().collect();
                    prop_assert_eq!(&drawn, places);
                    let objects: BTreeSet<_> = holdings.objects(at).into_iter().collect();
                    prop_assert_eq!(objects, places.iter().map(|place| place.cid).collect::<BTreeSet<_>>());
                    prop_assert_eq!(holdings.len(at), places.len());
                }
            }
        }
    }
}
