//! Audits of objects: every part proves itself.

use std::collections::{BTreeMap, HashMap, HashSet};

use chunker::Manifest;
use client::{Part, PartReport, PartState};
use proofs::Cid;
use protocol::PublicKey;

use super::parts::{finding_of, unit_name};
use super::{Charge, Shared};
use crate::journal::Step;
use crate::plan::{Event, Finding, Found};

/// Random leaves that a part proves in an audit, besides the last one.
const LEAVES: u32 = 1;

pub(super) async fn object(
    shared: &Shared,
    cid: Cid,
    charge: &Charge,
    believed: &HashMap<Part, PublicKey>,
) -> Event {
    let report = shared.client.audit_known(&charge.manifest, LEAVES, believed).await;
    let findings: Vec<_> = report.parts.iter().map(|part| finding_of(&charge.manifest, part)).collect();
    let count = |found| findings.iter().filter(|finding: &&Finding| finding.found == found).count();
    shared.write(Step::ObjectAudited {
        cid: cid.to_string(),
        proved: count(Found::Proved),
        offline: count(Found::Offline),
        missing: count(Found::Missing),
        corrupt: count(Found::Corrupt),
    });
    note_elsewhere(shared, &charge.manifest, believed, &report.parts);
    Event::ObjectAudited(cid, findings)
}

/// Logs the nodes at which parts have turned up although none was believed to be there: another carer has put them, or
/// this one in the moment before it was killed. Nobody is surprised as long as nothing is believed.
pub(super) fn note_elsewhere(
    shared: &Shared,
    manifest: &Manifest,
    believed: &HashMap<Part, PublicKey>,
    reports: &[PartReport],
) {
    if believed.is_empty() {
        return;
    }
    let unit_of = |part| match part {
        Part::Shard { segment, .. } => segment,
        Part::Manifest(_) => manifest.geometry().segments(),
    };
    let known: HashSet<_> = believed.iter().map(|(part, node)| (unit_of(*part), *node)).collect();
    let mut news: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for report in reports.iter().filter(|report| report.state == PartState::Proved) {
        let unit = unit_of(report.part);
        if let Some(node) = report.node.filter(|node| !known.contains(&(unit, *node))) {
            news.entry(unit).or_default().push(node.to_string());
        }
    }
    for (unit, nodes) in news {
        let (cid, unit) = (manifest.cid().to_string(), unit_name(manifest, unit));
        shared.write(Step::FoundElsewhere { cid, unit, nodes });
    }
}
