//! Audits of objects: every part proves itself.

use std::collections::HashMap;

use client::Part;
use proofs::Cid;
use protocol::PublicKey;

use super::parts::finding_of;
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
    Event::ObjectAudited(cid, findings)
}
