//! What must hold, and how it is looked at.

use std::collections::BTreeSet;

use protocol::PublicKey;
use steward::plan::{Finding, Found, Object, Place};

use super::keepers::Repair;
use super::network::{Network, UnitId};

/// What a repair did.
#[derive(Debug, Default)]
pub(super) struct Built {
    pub(super) parts: u64,
    pub(super) refused_by_full: u64,
    /// What must not be.
    pub(super) wrong: Option<String>,
}

/// Looks at what a repair is about to put where, with what its steward found before.
pub(super) fn check_repair(
    network: &Network,
    steward: usize,
    repair: &Repair,
    (before, places): (&[Finding], &[(u8, usize)]),
    now: u64,
) -> Built {
    let twice = places.iter().find(|(part, _)| is_made_twice(network, steward, repair, *part, now));
    let twice = twice
        .map(|(part, _)| format!("steward {steward} makes part {part} of {:?} a second time", repair.unit));
    let wrong = twice.or_else(|| crowd(network, repair.unit, before, places));
    Built { parts: places.len() as u64, refused_by_full: 0, wrong }
}

/// True when another steward has made the part under a claim since this repair began under one, and it is there to see.
fn is_made_twice(network: &Network, steward: usize, repair: &Repair, part: u8, now: u64) -> bool {
    let place = Place { cid: repair.unit.0, unit: repair.unit.1, part };
    let is_seen = network.nodes.iter().enumerate().any(|(index, node)| {
        let copy = node.copies.get(&place).filter(|copy| copy.is_sound);
        let is_others =
            copy.and_then(|copy| copy.made).is_some_and(|(by, at)| by != steward && at >= repair.began);
        is_others && network.reaches(steward, index, now)
    });
    is_seen && repair.claimed && !network.are_alike(repair.unit)
}

/// Says which part of a segment is put into a failure domain that has another one.
fn crowd(network: &Network, unit: UnitId, before: &[Finding], places: &[(u8, usize)]) -> Option<String> {
    if network.are_alike(unit) {
        return None;
    }
    let domain = |node: usize| network.nodes[node].domain;
    let proved = before.iter().filter(|finding| finding.found == Found::Proved);
    let mut taken: BTreeSet<_> =
        proved.filter_map(|finding| Some(domain(network.index(&finding.node?)))).collect();
    let crowded = places.iter().find(|(_, node)| !taken.insert(domain(*node)))?;
    Some(format!("part {} of {unit:?} is put beside another one in domain {}", crowded.0, domain(crowded.1)))
}

/// Says beside which other part of a segment one is that has moved to a node.
pub(super) fn beside(
    network: &Network,
    unit: UnitId,
    before: &[Finding],
    part: u8,
    to: PublicKey,
) -> Option<String> {
    if network.are_alike(unit) {
        return None;
    }
    let domain = |node: &PublicKey| network.nodes[network.index(node)].domain;
    let others = before.iter().filter(|finding| finding.part != part);
    let other =
        others.into_iter().find(|finding| finding.node.is_some_and(|node| domain(&node) == domain(&to)))?;
    Some(format!("part {part} of {unit:?} is moved beside another one, {}", other.part))
}

/// At the end everything is where it should be: no node that leaves is waited for, and as one steward believes it no two
/// shards of a segment are in the same failure domain while there is room.
pub(super) fn check_places(network: &Network, cid: proofs::Cid, object: &Object) -> Result<(), String> {
    for (unit, care) in (0..object.copies()).zip(&object.units) {
        let nodes: Vec<_> = care.parts.iter().filter_map(|part| part.node).collect();
        let domain = |node: &PublicKey| network.nodes[network.index(node)].domain;
        let domains: BTreeSet<_> = nodes.iter().map(domain).collect();
        if domains.len() < nodes.len() && network.open_domains() >= care.parts.len() {
            let (shards, domains) = (nodes.len(), domains.len());
            return Err(format!("{shards} shards of unit {unit} of {cid} end in {domains} failure domains"));
        }
    }
    Ok(())
}

/// At the end no node waits to be emptied.
pub(super) fn check_emptied(network: &Network) -> Result<(), String> {
    let left = network.nodes.iter().position(|node| node.is_leaving && !node.is_gone);
    left.map_or(Ok(()), |node| Err(format!("node {node} leaves, and is never emptied")))
}

/// Every unit of an object has as many parts as it takes to read it, somewhere.
pub(super) fn check_readable(network: &Network, cid: proofs::Cid, object: &Object) -> Result<(), String> {
    for (unit, care) in (0..).zip(&object.units) {
        let existing = network.existing((cid, unit), care.parts.len());
        if existing < usize::from(care.needed) {
            return Err(format!("unit {unit} of {cid} is lost: {existing} of {} parts needed", care.needed));
        }
    }
    Ok(())
}

/// What is called whole is whole.
pub(super) fn check_whole(network: &Network, unit: UnitId, object: &Object) -> Result<(), String> {
    let parts = object.units[unit.1 as usize].parts.len();
    if network.existing(unit, parts) < parts {
        return Err(format!("unit {} of {} is called whole, and is not", unit.1, unit.0));
    }
    Ok(())
}

/// At the end nothing is missing.
pub(super) fn check_end(network: &Network, cid: proofs::Cid, object: &Object) -> Result<(), String> {
    for (unit, care) in (0..).zip(&object.units) {
        let all = care.parts.len();
        let existing = network.existing((cid, unit), all);
        if existing < all {
            return Err(format!("unit {unit} of {cid} ends with {existing} of {all} parts"));
        }
    }
    Ok(())
}
