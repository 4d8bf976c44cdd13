//! Nodes that leave in an orderly way: they are switched off when all they have is elsewhere too, and stewards see to that.

use steward::plan::Place;

use super::network::Network;

/// True when nothing is lost with a node. `parts_of` says how many parts a unit has.
pub(super) fn can_go(network: &Network, leaving: usize, parts_of: impl Fn(&Place) -> usize) -> bool {
    let copies = network.nodes[leaving].copies.iter().filter(|(_, copy)| copy.is_sound);
    let mut places = copies.map(|(place, _)| place);
    places.all(|place| is_elsewhere(network, place, parts_of(place)))
}

/// True when enough of the nodes that stay have this part.
fn is_elsewhere(network: &Network, place: &Place, parts: usize) -> bool {
    let staying = network.nodes.iter().filter(|node| !node.is_leaving);
    let sound = staying.filter(|node| node.copies.get(place).is_some_and(|copy| copy.is_sound)).count();
    sound >= if network.are_alike((place.cid, place.unit)) { parts } else { 1 }
}
