//! A repair: claimed, audited anew, rebuilt, put, read back, and proved by every part.

use std::collections::{HashMap, HashSet};

use chunker::Manifest;
use client::{
    Part, PartReport, PartState, REPAIR_LEAVES, RepairAuthority, RepairError, RepairOrder, RepairReport,
    claim_subject,
};
use protocol::{PublicKey, UnixSeconds};

use super::audits::note_elsewhere;
use super::claim::{Claim, Outcome};
use super::parts::{finding_of, part_of, unit_name};
use super::{Charge, Shared};
use crate::journal::Step;
use crate::plan::RepairEnd;

/// What the plan wants.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) wanted: Vec<u8>,
    pub(super) avoid: HashSet<PublicKey>,
    pub(super) until: UnixSeconds,
    /// For how many seconds it is claimed at a time; `None` without a claim.
    pub(super) claim: Option<u16>,
}

/// One repair.
struct Work<'a> {
    shared: &'a Shared,
    charge: &'a Charge,
    unit: u32,
    cid: String,
    name: String,
    /// Where parts were proved last.
    believed: HashMap<Part, PublicKey>,
}

pub(super) async fn repair(
    shared: &Shared,
    charge: &Charge,
    unit: u32,
    order: Order,
    believed: HashMap<Part, PublicKey>,
) -> RepairEnd {
    let name = unit_name(&charge.manifest, unit);
    let work = Work { shared, charge, unit, cid: charge.manifest.cid().to_string(), name, believed };
    let Some(seconds) = order.claim else { return work.perform(order).await };
    let subject = claim_subject(&charge.manifest, work.segment());
    let claim = Claim::new(&shared.client, &charge.mandate, subject, seconds);
    let until = match claim.ask().await {
        Outcome::Ours(until) => until,
        Outcome::Taken => return work.put_off("another steward is at work on it", RepairEnd::Taken),
        Outcome::Undecided => {
            return work.put_off("too few nodes decide about a claim", RepairEnd::NoVotes);
        }
    };
    let end = tokio::select! {
        end = work.perform(order) => end,
        () = claim.keep(until) => work.put_off("the claim was lost", RepairEnd::ClaimLost),
    };
    claim.give_back().await;
    end
}

impl Work<'_> {
    fn manifest(&self) -> &Manifest {
        &self.charge.manifest
    }

    /// The segment, unless it is about the copies of the manifest.
    fn segment(&self) -> Option<u32> {
        (self.unit < self.manifest().geometry().segments()).then_some(self.unit)
    }

    async fn perform(&self, order: Order) -> RepairEnd {
        let before = self.audit().await;
        note_elsewhere(self.shared, self.manifest(), &self.believed, &before);
        let wanted: Vec<_> =
            order.wanted.iter().map(|part| part_of(self.manifest(), self.unit, *part)).collect();
        let is_lost =
            |report: &&PartReport| report.state != PartState::Proved && self.is_wanted(&wanted, report);
        let lost: Vec<Part> = before.iter().filter(is_lost).map(|report| report.part).collect();
        if lost.is_empty() {
            let found = before.iter().filter(|report| self.is_wanted(&wanted, report));
            let nodes = found.filter_map(|report| report.node).map(|node| node.to_string()).collect();
            self.shared.write(Step::FoundAgain { cid: self.cid.clone(), unit: self.name.clone(), nodes });
            return self.audited(&before, Vec::new(), None);
        }
        let (cid, unit) = (self.cid.clone(), self.name.clone());
        let parts = lost.iter().filter_map(|part| self.number(&before, *part)).collect();
        self.shared.write(Step::RepairBegun { cid, unit, parts });
        let authority = RepairAuthority { mandate: self.charge.mandate.clone(), expires: order.until };
        let client_order =
            RepairOrder { found: &before, wanted: &lost, avoid: &order.avoid, authority: &authority };
        match self.rebuild(&client_order).await {
            Ok(report) => self.check(&report).await,
            Err(RepairError::Inconsistent(proof)) => {
                let (cid, proof) = (self.cid.clone(), proof.to_string());
                self.shared.write(Step::Inconsistent { cid, proof: proof.clone() });
                RepairEnd::Inconsistent(proof)
            }
            Err(error) => {
                self.still_lost(error.to_string());
                RepairEnd::Failed(error.to_string())
            }
        }
    }

    /// Copies of a manifest are alike: all that are lost are wanted.
    fn is_wanted(&self, wanted: &[Part], report: &PartReport) -> bool {
        self.segment().is_none() || wanted.contains(&report.part)
    }

    async fn audit(&self) -> Vec<PartReport> {
        match self.segment() {
            Some(segment) => {
                let client = &self.shared.client;
                client.audit_segment(self.manifest(), segment, REPAIR_LEAVES, &self.believed).await
            }
            None => self.shared.client.audit_copies(self.manifest(), &self.believed).await,
        }
    }

    async fn rebuild(&self, order: &RepairOrder<'_>) -> Result<RepairReport, RepairError> {
        match self.segment() {
            Some(segment) => self.shared.client.repair_segment(self.manifest(), segment, order).await,
            None => self.shared.client.repair_copies(self.manifest(), order).await,
        }
    }

    /// After something was put, every part proves itself.
    async fn check(&self, report: &RepairReport) -> RepairEnd {
        let after = self.audit().await;
        let mut built = Vec::new();
        for (part, node) in &report.repaired {
            let Some(part) = self.number(&after, *part) else { continue };
            built.push((part, *node));
            let (cid, unit, node) = (self.cid.clone(), self.name.clone(), node.to_string());
            self.shared.write(Step::Rebuilt { cid, unit, part, node });
        }
        self.audited(&after, built, report.missing.first().map(|missing| missing.reason.clone()))
    }

    fn audited(
        &self,
        reports: &[PartReport],
        built: Vec<(u8, PublicKey)>,
        reason: Option<String>,
    ) -> RepairEnd {
        let is_whole = reports.iter().all(|report| report.state == PartState::Proved);
        if is_whole {
            self.shared.write(Step::ProvedWhole { cid: self.cid.clone(), unit: self.name.clone() });
        } else {
            let lost = reports.iter().filter(|report| report.state != PartState::Proved);
            let named = lost.map(|report| format!("{} {}", report.part, report.state.name()));
            let named = named.collect::<Vec<_>>().join(", ");
            self.still_lost(reason.map_or(named.clone(), |reason| format!("{named}: {reason}")));
        }
        let findings = reports.iter().map(|report| finding_of(self.manifest(), report)).collect();
        RepairEnd::Audited { findings, built, is_whole }
    }

    fn number(&self, reports: &[PartReport], part: Part) -> Option<u8> {
        let report = reports.iter().find(|report| report.part == part)?;
        Some(finding_of(self.manifest(), report).part)
    }

    fn still_lost(&self, reason: String) {
        self.shared.write(Step::StillLost { cid: self.cid.clone(), unit: self.name.clone(), reason });
    }

    fn put_off(&self, reason: &str, end: RepairEnd) -> RepairEnd {
        let (cid, unit, reason) = (self.cid.clone(), self.name.clone(), reason.to_owned());
        self.shared.write(Step::RepairPutOff { cid, unit, reason });
        end
    }
}
