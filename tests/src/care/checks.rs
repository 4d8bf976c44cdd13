//! What must hold, and how it is looked at.

use std::collections::{BTreeMap, BTreeSet};

use steward::plan::{Finding, Found, Object, Place, Unit};

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

/// Segments of an object whose shards cannot be had from as many failure domains.
pub(super) fn crowded(network: &Network, cid: proofs::Cid, object: &Object) -> u64 {
    let segments = (0..object.copies()).zip(&object.units);
    let is_crowded =
        |(unit, care): &(u32, &Unit)| spread(network, (cid, *unit), care.parts.len()) < care.parts.len();
    segments.filter(is_crowded).count() as u64
}

/// In how many failure domains different parts of a segment can be had at the same time: a matching, part by part.
fn spread(network: &Network, (cid, unit): UnitId, parts: usize) -> usize {
    let with = |part| {
        let place = Place { cid, unit, part };
        let nodes =
            network.nodes.iter().filter(move |node| node.copies.get(&place).is_some_and(|it| it.is_sound));
        nodes.map(|node| node.domain).collect::<BTreeSet<_>>()
    };
    let options: Vec<_> = (0..u8::try_from(parts).expect("at most 255")).map(with).collect();
    let mut part_in = BTreeMap::new();
    (0..parts).filter(|part| find_domain(*part, &options, &mut part_in, &mut BTreeSet::new())).count()
}

/// Gives a part a domain, moving other parts to other domains where it must.
fn find_domain(
    part: usize,
    options: &[BTreeSet<usize>],
    part_in: &mut BTreeMap<usize, usize>,
    tried: &mut BTreeSet<usize>,
) -> bool {
    for domain in &options[part] {
        if !tried.insert(*domain) {
            continue;
        }
        let other = part_in.get(domain).copied();
        if other.is_none_or(|other| find_domain(other, options, part_in, tried)) {
            part_in.insert(*domain, part);
            return true;
        }
    }
    false
}
