//! A move: claimed, audited anew, copied to another node, read back there, and proved by every part.

use std::collections::HashMap;

use chunker::Manifest;
use client::{
    Move, Part, PartReport, PartState, REPAIR_LEAVES, RelocateError, RepairAuthority, claim_subject,
};
use protocol::{PublicKey, UnixSeconds};

use super::audits::note_elsewhere;
use super::claim::{Claim, Outcome};
use super::parts::{finding_of, part_of, root_of, unit_name};
use super::{Charge, Shared};
use crate::journal::Step;
use crate::plan::{Finding, Misplaced, MoveEnd, Reason};

/// What the plan wants.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) unit: u32,
    pub(super) misplaced: Misplaced,
    /// The nodes of all parts of the unit.
    pub(super) at: Vec<PublicKey>,
    pub(super) until: UnixSeconds,
    /// For how many seconds it is claimed at a time.
    pub(super) claim: u16,
}

/// One move.
struct Work<'a> {
    shared: &'a Shared,
    charge: &'a Charge,
    order: &'a Order,
    part: Part,
}

/// Performs a move. Returns the nodes that did not take the part, and how it ended.
pub(super) async fn relocate(shared: &Shared, charge: &Charge, order: &Order) -> (Vec<PublicKey>, MoveEnd) {
    let part = part_of(&charge.manifest, order.unit, order.misplaced.part);
    let work = Work { shared, charge, order, part };
    let subject = claim_subject(&charge.manifest, work.segment());
    let claim = Claim::new(&shared.client, &charge.mandate, subject, order.claim);
    let Outcome::Ours(until) = claim.ask().await else { return (Vec::new(), MoveEnd::PutOff) };
    let end = tokio::select! {
        end = work.perform() => end,
        () = claim.keep(until) => (Vec::new(), MoveEnd::PutOff),
    };
    claim.give_back().await;
    end
}

impl Work<'_> {
    fn manifest(&self) -> &Manifest {
        &self.charge.manifest
    }

    fn segment(&self) -> Option<u32> {
        (self.order.unit < self.manifest().geometry().segments()).then_some(self.order.unit)
    }

    async fn perform(&self) -> (Vec<PublicKey>, MoveEnd) {
        let mut believed = self.believed();
        let before = self.audit(&believed).await;
        note_elsewhere(self.shared, self.manifest(), &believed, &before);
        let is_as_believed = |report: &PartReport| {
            report.state == PartState::Proved && believed.get(&report.part).copied() == report.node
        };
        // Where the others are decides where this one may go: the plan must know it first.
        if !before.iter().all(is_as_believed) {
            return (Vec::new(), MoveEnd::Surprised(self.findings(&before)));
        }
        let mut refused = Vec::new();
        let mut reason = "every node that could take it has an old copy of another part".to_owned();
        for to in self.targets().await {
            match self.copy(to).await {
                Ok(()) => {
                    believed.insert(self.part, to);
                    return self.check(&believed, to, refused).await;
                }
                Err(error) => {
                    reason = error.to_string();
                    match error {
                        RelocateError::Target(_) => refused.push(to),
                        RelocateError::Source(_) | RelocateError::Forbidden(_) => break,
                    }
                }
            }
        }
        self.write_failure(reason);
        (refused, MoveEnd::Failed)
    }

    /// Where it may go, best first. A node with an old copy of another shard of the segment is the last resort, for a part
    /// that must move: whoever looks for that one might find it there, and call this one lost.
    async fn targets(&self) -> Vec<PublicKey> {
        let must_move = self.order.misplaced.reason <= Reason::Shared;
        let (mut clean, mut littered) = (Vec::new(), Vec::new());
        for to in &self.order.misplaced.to {
            let list = if self.has_another(*to).await { &mut littered } else { &mut clean };
            list.push(*to);
        }
        if must_move {
            clean.append(&mut littered);
        }
        clean
    }

    async fn has_another(&self, node: PublicKey) -> bool {
        let manifest = self.manifest();
        let segment = manifest.geometry().segment(self.order.unit);
        let own = root_of(manifest, self.part);
        let columns = segment.into_iter().flat_map(|segment| segment.stored_columns());
        let roots = columns.filter_map(|column| manifest.root(self.order.unit, column));
        let others: Vec<_> = roots.filter(|root| *root != own).collect();
        if others.is_empty() {
            return false;
        }
        let held = self.shared.client.held(node, &others, self.charge.mandate.by()).await;
        // Who does not say so now does not take the part either.
        held.is_ok_and(|held| held.iter().any(Option::is_some))
    }

    fn believed(&self) -> HashMap<Part, PublicKey> {
        let parts = (0..).zip(&self.order.at);
        parts.map(|(part, node)| (part_of(self.manifest(), self.order.unit, part), *node)).collect()
    }

    async fn copy(&self, to: PublicKey) -> Result<(), RelocateError> {
        let from = self.order.at[usize::from(self.order.misplaced.part)];
        let authority = RepairAuthority { mandate: self.charge.mandate.clone(), expires: self.order.until };
        let wish = Move { part: self.part, from, to, authority: &authority };
        self.shared.client.relocate(self.manifest(), wish).await
    }

    /// After something was put, every part proves itself.
    async fn check(
        &self,
        believed: &HashMap<Part, PublicKey>,
        to: PublicKey,
        mut refused: Vec<PublicKey>,
    ) -> (Vec<PublicKey>, MoveEnd) {
        let after = self.audit(believed).await;
        let is_there = |report: &PartReport| {
            report.part == self.part && report.state == PartState::Proved && report.node == Some(to)
        };
        if after.iter().any(is_there) {
            self.shared.write(Step::Moved {
                cid: self.manifest().cid().to_string(),
                unit: unit_name(self.manifest(), self.order.unit),
                part: self.order.misplaced.part,
                from: self.order.at[usize::from(self.order.misplaced.part)].to_string(),
                to: to.to_string(),
                why: self.order.misplaced.reason.name(),
            });
        } else {
            refused.push(to);
            self.write_failure(format!("node {} does not prove what it has taken", to.fmt_short()));
        }
        (refused, MoveEnd::Audited(self.findings(&after)))
    }

    async fn audit(&self, believed: &HashMap<Part, PublicKey>) -> Vec<PartReport> {
        let client = &self.shared.client;
        match self.segment() {
            Some(segment) => client.audit_segment(self.manifest(), segment, REPAIR_LEAVES, believed).await,
            None => client.audit_copies(self.manifest(), believed).await,
        }
    }

    fn findings(&self, reports: &[PartReport]) -> Vec<Finding> {
        reports.iter().map(|report| finding_of(self.manifest(), report)).collect()
    }

    fn write_failure(&self, reason: String) {
        self.shared.write(Step::NotMoved {
            cid: self.manifest().cid().to_string(),
            unit: unit_name(self.manifest(), self.order.unit),
            part: self.order.misplaced.part,
            reason,
        });
    }
}
