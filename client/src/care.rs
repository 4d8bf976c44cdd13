//! What a carer does to one part or one segment at a time, of objects whose manifests it keeps.

use std::collections::HashMap;

use chunker::Manifest;
use proofs::Root;
use protocol::limits::CLAIM_VOTERS;
use protocol::{Code, HeldShard, Lease, Mandate, PublicKey, Renewal, Signed};

use crate::client::Client;
use crate::driver::audit::{audit_copies, audit_manifest, audit_segments, encoded_len};
use crate::driver::{relocate, repair};
use crate::error::{RelocateError, RepairError};
use crate::options::{Move, RepairOrder};
use crate::placement::segment_seed;
use crate::plan::ASK_WITHIN;
use crate::report::{AuditReport, Part, PartReport, RepairReport};

/// Random leaves with which a part proves itself before and after a repair.
pub const REPAIR_LEAVES: u32 = repair::REPAIR_LEAVES;

/// What a voter said to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vote {
    /// It is granted.
    Granted,
    /// Another carer has it.
    Taken,
    /// The node did not answer, or takes no claims from us.
    None,
}

impl Client {
    /// [`Client::audit`] without fetching the manifest.
    /// Parts are looked for where they are `believed` to be before anywhere else.
    pub async fn audit_known(
        &self,
        manifest: &Manifest,
        leaves: u32,
        believed: &HashMap<Part, PublicKey>,
    ) -> AuditReport {
        audit_manifest(self, manifest, encoded_len(manifest), leaves, believed).await
    }

    /// The state of the shards of one segment, each proved by `leaves` random leaves and its last one.
    pub async fn audit_segment(
        &self,
        manifest: &Manifest,
        segment: u32,
        leaves: u32,
        believed: &HashMap<Part, PublicKey>,
    ) -> Vec<PartReport> {
        audit_segments(self, manifest, segment..segment.saturating_add(1), leaves, believed).await
    }

    /// The state of the copies of a manifest.
    pub async fn audit_copies(
        &self,
        manifest: &Manifest,
        believed: &HashMap<Part, PublicKey>,
    ) -> Vec<PartReport> {
        audit_copies(self, manifest, encoded_len(manifest), rand::random(), believed).await
    }

    /// Makes some lost shards of a segment again, on other nodes: all roots of the segment are recomputed and
    /// compared with the manifest, and what was put is read back whole before it counts.
    pub async fn repair_segment(
        &self,
        manifest: &Manifest,
        segment: u32,
        order: &RepairOrder<'_>,
    ) -> Result<RepairReport, RepairError> {
        repair::repair_segment(self, manifest, segment, order).await
    }

    /// Puts the lost copies of a manifest on other nodes, and fetches them back before they count.
    pub async fn repair_copies(
        &self,
        manifest: &Manifest,
        order: &RepairOrder<'_>,
    ) -> Result<RepairReport, RepairError> {
        repair::repair_copies(self, manifest, order).await
    }

    /// Copies a part from the node that has it to another one, and reads it back whole before it counts. The old copy stays
    /// under its lease: care never releases.
    pub async fn relocate(&self, manifest: &Manifest, wish: Move<'_>) -> Result<(), RelocateError> {
        relocate::relocate(self, manifest, wish).await
    }

    /// What a node says it keeps of some shards, and under which leases; the error is for people.
    pub async fn held(
        &self,
        node: PublicKey,
        roots: &[Root],
        control: PublicKey,
    ) -> Result<Vec<Option<HeldShard>>, String> {
        self.wire.held(node, roots, control, ASK_WITHIN).await.map_err(|error| error.to_string())
    }

    /// Prolongs a lease; the error is for people.
    pub async fn renew(
        &self,
        node: PublicKey,
        renewal: &Signed<Renewal>,
        mandate: &Signed<Mandate>,
    ) -> Result<Signed<Lease>, String> {
        self.wire.renew(node, renewal, Some(mandate)).await.map_err(|error| error.to_string())
    }

    /// The nodes that decide who has claimed a repair (spec §13).
    pub fn voters(&self, subject: Root) -> Vec<PublicKey> {
        let ranking = self.placement().rank(subject.as_bytes());
        ranking.into_iter().take(CLAIM_VOTERS).map(|node| node.id).collect()
    }

    /// Asks a node for a claim; with 0 seconds, gives it back.
    pub async fn claim(
        &self,
        voter: PublicKey,
        subject: Root,
        seconds: u16,
        mandate: &Signed<Mandate>,
    ) -> Vote {
        match self.wire.claim(voter, subject, seconds, mandate, ASK_WITHIN).await {
            Ok(()) => Vote::Granted,
            Err(error) if error.code() == Some(Code::Claimed) => Vote::Taken,
            Err(error) => {
                tracing::debug!(node = %voter.fmt_short(), %error, "no vote");
                Vote::None
            }
        }
    }
}

/// What a claim on a segment is called, or one on the copies of the manifest.
pub fn claim_subject(manifest: &Manifest, segment: Option<u32>) -> Root {
    match segment {
        Some(segment) => Root::from_bytes(segment_seed(manifest.seed().as_bytes(), segment)),
        None => manifest.cid().root(),
    }
}
