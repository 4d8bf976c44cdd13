//! Audits: of an object, all of its parts; of a node, some of what it has.

use std::sync::Arc;

use chunker::Manifest;
use futures_util::future::join_all;
use proofs::Cid;
use protocol::PublicKey;

use super::parts::{finding_of, found, part_of};
use super::{Charge, Shared};
use crate::journal::Step;
use crate::plan::{Event, Finding, Found, Place};

/// Random leaves that a part proves in an audit, besides the last one.
const LEAVES: u32 = 1;

pub(super) async fn object(shared: &Shared, cid: Cid, charge: &Charge) -> Event {
    let report = shared.client.audit_known(&charge.manifest, LEAVES).await;
    let findings: Vec<_> = report.parts.iter().map(|part| finding_of(&charge.manifest, part)).collect();
    let count = |found| findings.iter().filter(|finding: &&Finding| finding.found == found).count();
    shared.write(Step::ObjectAudited {
        cid: cid.to_string(),
        proved: count(Found::Proved),
        offline: count(Found::Offline),
        missing: count(Found::Missing),
        corrupt: count(Found::Corrupt),
    });
    Event::ObjectAudited(cid, findings)
}

pub(super) async fn node(shared: &Shared, node: PublicKey, asked: Vec<(Place, Arc<Manifest>)>) -> Event {
    let proofs = asked.iter().map(async |(place, manifest)| {
        let part = part_of(manifest, place.unit, place.part);
        shared.client.audit_part(manifest, part, node, LEAVES).await
    });
    let proofs = join_all(proofs).await;
    let is_proved = |state| found(state) == Found::Proved;
    let slowest = proofs.iter().filter(|(state, _)| is_proved(*state)).map(|(_, took)| *took).max();
    let slowest_ms = slowest.map_or(0, |took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    shared.write(Step::NodeAudited {
        node: node.to_string(),
        asked: asked.len(),
        proved: proofs.iter().filter(|(state, _)| is_proved(*state)).count(),
        slowest_ms,
    });
    let found = asked.iter().zip(proofs).map(|((place, _), (state, _))| (*place, found(state))).collect();
    Event::NodeAudited { node, found, slowest_ms }
}
