//! What is usual: the assumptions that this software makes of nodes run by anybody, and what follows from them.
//!
//! They are deliberately gloomy. A node is lost for good once in five years (a disk's annual failure rate is 1 to 2 %; the rest
//! are people who lose interest); it takes 30 hours to be sure, since a machine may be restarted or moved, and a day to rebuild.
//! Failures of many nodes at once are not in it: that is what failure domains are for, and what `headwater durability
//! --correlated` shows.

use super::assumptions::Assumptions;
use super::chain::{annual_loss, threshold_for};

/// Nines of durability per year that the usual coding has at least, where the network is large enough for it.
pub const NINES_WANTED: f64 = 11.0;
/// Bytes stored per byte of data at most.
pub const EXPANSION_MAX: f64 = 2.0;
/// How often a node is lost for good, per year.
pub const LOSSES_PER_YEAR: f64 = 0.2;
/// Mean hours until a loss is certain.
pub const DETECTION_HOURS: f64 = 30.0;
/// Mean hours that a repair takes then.
pub const REPAIR_HOURS: f64 = 24.0;

/// The smallest network on which objects are coded as the model says; below, so few nodes may be lost that no coding helps.
const NODES_MIN: u32 = 10;

/// What is assumed of an object of this coding when nothing else is known, with repair from the first lost shard on.
pub fn usual_assumptions((needed, shards): (u32, u32)) -> Option<Assumptions> {
    let eager = shards.checked_sub(1)?.max(needed);
    Assumptions::new((needed, shards), LOSSES_PER_YEAR, (DETECTION_HOURS, REPAIR_HOURS), eager).ok()
}

/// The usual coding, as needed and all shards, at [`EXPANSION_MAX`]: the fewest shards that reach [`NINES_WANTED`] although
/// repair waits until a quarter of the spare ones is lost, so that a single loss costs no traffic; or as many as the
/// network has room for. None on networks too small for the model.
///
/// An eighth of the nodes is left free, at least one, so that a lost shard finds another place.
pub fn usual_coding(nodes: u32) -> Option<(u32, u32)> {
    if nodes < NODES_MIN {
        return None;
    }
    let room = nodes - (nodes / 8).max(1);
    let codings = (NODES_MIN / 2 - 1..=room / 2).map(|needed| (needed, 2 * needed));
    let enough = |&(needed, shards): &(u32, u32)| {
        let patient = shards - 1 - (shards - needed) / 4;
        usual_assumptions((needed, shards))
            .is_some_and(|usual| annual_loss(&usual.at_threshold(patient)).nines() >= NINES_WANTED)
    };
    codings.clone().find(enough).or_else(|| codings.clone().next_back())
}

/// The number of healthy shards at which, or below which, an object of this coding is repaired: the lowest with
/// [`NINES_WANTED`], for which reading k shards is worth while, or from the first loss on where that is not enough.
pub fn repair_threshold((needed, shards): (u32, u32)) -> u32 {
    let eager = shards.saturating_sub(1).max(needed);
    usual_assumptions((needed, shards)).and_then(|usual| threshold_for(&usual, NINES_WANTED)).unwrap_or(eager)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_coding_keeps_what_it_promises() {
        for nodes in [20, 32, 100, 4096] {
            let (needed, shards) = usual_coding(nodes).unwrap();
            let usual = usual_assumptions((needed, shards)).unwrap();
            assert!(usual.expansion() <= EXPANSION_MAX && shards < nodes, "{needed} of {shards} on {nodes}");
            assert!(annual_loss(&usual).nines() >= NINES_WANTED, "{needed} of {shards} on {nodes}");
        }
    }

    #[test]
    fn a_small_network_takes_what_it_has_room_for() {
        assert_eq!(usual_coding(9), None);
        for nodes in NODES_MIN..40 {
            let (needed, shards) = usual_coding(nodes).unwrap();
            assert!(
                needed < shards && shards < nodes,
                "{shards} shards on {nodes} nodes leave no place for a repair"
            );
        }
    }

    #[test]
    fn repair_begins_between_the_last_and_the_first_loss() {
        for coding in [(5, 8), (8, 16), (10, 20), (16, 32), (29, 80), (10, 30), (3, 10), (1, 2), (1, 1)] {
            let threshold = repair_threshold(coding);
            assert!(
                threshold >= coding.0 && (threshold < coding.1 || coding == (1, 1)),
                "{coding:?}: {threshold}"
            );
        }
        // Where the spare is small, every loss counts; where it is large, several are mended at once.
        assert_eq!(repair_threshold((5, 8)), 7);
        assert!(repair_threshold((29, 80)) < 50);
    }
}
