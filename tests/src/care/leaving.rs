//! Nodes that leave in an orderly way: whoever repairs the objects copies what they have before they are switched off.

use std::collections::BTreeSet;

use steward::plan::Place;

use super::network::{Copy, Network};

/// What becomes of a leaving node next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// One more of its parts is elsewhere too.
    Copied,
    /// Some part has no other place yet.
    Waits,
    /// Nothing is lost with it.
    CanGo,
}

/// Copies one part of a node to another one. `parts_of` says how many parts a unit has.
pub(super) fn step(
    network: &mut Network,
    leaving: usize,
    now: u64,
    parts_of: impl Fn(&Place) -> usize,
) -> Step {
    let copies = network.nodes[leaving].copies.iter();
    let sound: Vec<_> =
        copies.filter(|(_, copy)| copy.is_sound).map(|(place, copy)| (*place, *copy)).collect();
    let needed: Vec<_> =
        sound.into_iter().filter(|(place, _)| is_needed(network, place, parts_of(place))).collect();
    if needed.is_empty() {
        return Step::CanGo;
    }
    if !network.answers(leaving, now) {
        return Step::Waits;
    }
    for (place, copy) in needed {
        if let Some(node) = room(network, &place, now) {
            network.nodes[node].copies.insert(place, Copy { made: None, ..copy });
            return Step::Copied;
        }
    }
    Step::Waits
}

/// True when too few of the nodes that stay have this part.
fn is_needed(network: &Network, place: &Place, parts: usize) -> bool {
    let staying = network.nodes.iter().filter(|node| !node.is_leaving);
    let sound = staying.filter(|node| node.copies.get(place).is_some_and(|copy| copy.is_sound)).count();
    sound < if network.are_alike((place.cid, place.unit)) { parts } else { 1 }
}

/// The first node that takes the part and has no other one of its segment in its failure domain.
fn room(network: &Network, place: &Place, now: u64) -> Option<usize> {
    let unit = (place.cid, place.unit);
    let is_of_unit = |other: &Place| (other.cid, other.unit) == unit;
    let taken: BTreeSet<_> = network
        .nodes
        .iter()
        .filter(|node| !node.is_leaving && !network.are_alike(unit))
        .filter(|node| node.copies.iter().any(|(other, copy)| is_of_unit(other) && copy.is_sound))
        .map(|node| node.domain)
        .collect();
    let is_free = |number: &usize| {
        let node = &network.nodes[*number];
        let is_open = !node.is_leaving && node.full_until <= now && network.answers(*number, now);
        is_open && !node.copies.contains_key(place) && !taken.contains(&node.domain)
    };
    network.ranking(unit).find(is_free)
}
