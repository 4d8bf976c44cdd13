//! Between the parts of a plan, which are numbers, and those of a manifest.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeBounds;

use chunker::Manifest;
use client::{Part, PartReport, PartState};
use proofs::{Root, ShardLen};
use protocol::PublicKey;

use crate::plan::{Finding, Found, Object};

/// The part of the manifest that a plan means.
pub(super) fn part_of(manifest: &Manifest, unit: u32, part: u8) -> Part {
    let segment = manifest.geometry().segment(unit);
    let column = segment.and_then(|segment| segment.stored_columns().nth(usize::from(part)));
    column.map_or(Part::Manifest(part), |column| Part::Shard { segment: unit, column })
}

/// Its root; for a copy of the manifest the hash in the CID.
pub(super) fn root_of(manifest: &Manifest, part: Part) -> Root {
    match part {
        Part::Shard { segment, column } => {
            manifest.root(segment, column).expect("parts are those of this manifest")
        }
        Part::Manifest(_) => manifest.cid().root(),
    }
}

/// Its length in bytes.
pub(super) fn len_of(manifest: &Manifest, part: Part) -> ShardLen {
    match part {
        Part::Shard { segment, column } => {
            let segment = manifest.geometry().segment(segment);
            segment.and_then(|segment| segment.shard_len(column)).expect("parts are those of this manifest")
        }
        Part::Manifest(_) => {
            ShardLen::new(manifest.encode().len() as u64).expect("a manifest has 1 byte to 1 MiB")
        }
    }
}

/// A report as the plan wants it.
pub(super) fn finding_of(manifest: &Manifest, report: &PartReport) -> Finding {
    let (unit, part) = match report.part {
        Part::Shard { segment, column } => {
            let columns = manifest.geometry().segment(segment).into_iter().flat_map(|s| s.stored_columns());
            let before = columns.take_while(|other| *other != column).count();
            (segment, u8::try_from(before).expect("a segment has at most 255 columns"))
        }
        Part::Manifest(copy) => (manifest.geometry().segments(), copy),
    };
    Finding { unit, part, node: report.node, found: found(report.state) }
}

const fn found(state: PartState) -> Found {
    match state {
        PartState::Proved => Found::Proved,
        PartState::Gone => Found::Missing,
        PartState::Damaged => Found::Corrupt,
        PartState::Unavailable => Found::Offline,
    }
}

/// A unit in words.
pub(super) fn unit_name(manifest: &Manifest, unit: u32) -> String {
    if unit < manifest.geometry().segments() {
        format!("segment {unit}")
    } else {
        "copies of the manifest".to_owned()
    }
}

/// The roots of the parts that each node was last found to have.
pub(super) fn by_node(manifest: &Manifest, object: &Object) -> BTreeMap<PublicKey, Vec<Root>> {
    let mut held: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (number, unit) in (0..).zip(&object.units) {
        for (part, care) in (0..).zip(&unit.parts) {
            if let (Found::Proved, Some(node)) = (care.found, care.node) {
                held.entry(node).or_default().push(root_of(manifest, part_of(manifest, number, part)));
            }
        }
    }
    held
}

/// Where the parts of some units were proved last.
pub(super) fn proved_at(
    manifest: &Manifest,
    object: &Object,
    units: impl RangeBounds<u32>,
) -> HashMap<Part, PublicKey> {
    let chosen = (0..).zip(&object.units).filter(|(number, _)| units.contains(number));
    let parts = chosen.flat_map(|(number, unit)| (0..).zip(&unit.parts).map(move |part| (number, part)));
    let proved = parts.filter(|(_, (_, care))| care.found == Found::Proved);
    proved.filter_map(|(unit, (part, care))| Some((part_of(manifest, unit, part), care.node?))).collect()
}
