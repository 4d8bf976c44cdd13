//! Repairing an object: what is lost is computed from what is left, checked against all roots, and put elsewhere.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use chunker::{Column, Manifest, Segment};
use proofs::{Cid, ShardLen};
use protocol::PublicKey;

use super::audit::{Believed, audit_manifest};
use super::manifest;
use super::placing::{Leave, Placing, Step};
use super::read_back;
use super::rebuild::{self, Job, RebuildFailure};
use crate::client::Client;
use crate::error::{ReadError, RepairError};
use crate::options::{RepairAuthority, RepairOrder};
use crate::placement::{Ranked, segment_seed};
use crate::plan::Failure;
use crate::plan::upload::{PartIndex, Parts, Spread};
use crate::report::{Inconsistency, MissingPart, Part, PartReport, PartState, RepairReport};
use crate::wire::Upload;

/// Random leaves that a shard must prove, besides the last one, to count as healthy in a repair.
pub(crate) const REPAIR_LEAVES: u32 = 63;
/// How often a segment is repaired again because a column that was to be read turned out to be lost too.
const ROUNDS_MAX: usize = 3;
/// How long a node may take to give a new copy of a manifest back.
const FETCH_BACK_WITHIN: Duration = Duration::from_secs(10);

/// See [`Client::repair`].
pub(crate) async fn repair(
    client: &Client,
    cid: &Cid,
    authority: &RepairAuthority,
) -> Result<RepairReport, RepairError> {
    let (manifest, bytes) = client.manifest_bytes(cid).await?;
    check(client, &manifest, authority)?;
    let len = ShardLen::new(bytes.len() as u64).expect("a manifest has 1 byte to 1 MiB");
    let audit = audit_manifest(client, &manifest, len, REPAIR_LEAVES, &Believed::new()).await;
    let avoid = HashSet::new();
    let mut work = Repair::new(client, &manifest, authority, &avoid);
    for segment in manifest.geometry().all_segments() {
        let mut state = State::of(segment, &audit.parts, |_| true);
        state.leave(usize::from(segment.data_columns()), |node| work.is_to_lose_it(node));
        work.repair_segment(segment, state).await?;
    }
    work.repair_copies(&bytes, &audit.parts).await;
    Ok(work.report)
}

/// See [`Client::repair_segment`].
pub(crate) async fn repair_segment(
    client: &Client,
    manifest: &Manifest,
    segment: u32,
    order: &RepairOrder<'_>,
) -> Result<RepairReport, RepairError> {
    check(client, manifest, order.authority)?;
    let mut work = Repair::new(client, manifest, order.authority, order.avoid);
    if let Some(segment) = manifest.geometry().segment(segment) {
        let state = State::of(segment, order.found, |report| order.wanted.contains(&report.part));
        work.repair_segment(segment, state).await?;
    }
    Ok(work.report)
}

/// See [`Client::repair_copies`].
pub(crate) async fn repair_copies(
    client: &Client,
    manifest: &Manifest,
    order: &RepairOrder<'_>,
) -> Result<RepairReport, RepairError> {
    check(client, manifest, order.authority)?;
    let mut work = Repair::new(client, manifest, order.authority, order.avoid);
    work.repair_copies(&Bytes::from(manifest.encode()), order.found).await;
    Ok(work.report)
}

pub(super) fn check(
    client: &Client,
    manifest: &Manifest,
    authority: &RepairAuthority,
) -> Result<(), RepairError> {
    let mandate = &authority.mandate;
    let refuse = |reason: &str| Err(RepairError::Mandate(reason.to_owned()));
    if mandate.by() != super::public_key(manifest.control()) {
        return refuse("it is not signed by the object's control key");
    }
    if client.wire.pool().payer() != Some(mandate.body().holder) {
        return refuse("it was written for another holder than the payer of this client");
    }
    if mandate.network() != client.wire.pool().network() {
        return refuse("it was written for another network");
    }
    if mandate.body().object.is_some_and(|object| object != manifest.cid()) {
        return refuse("it was written for another object");
    }
    Ok(())
}

struct Repair<'a> {
    client: &'a Client,
    manifest: &'a Manifest,
    leave: Leave,
    /// Nodes that get a shard only when no other takes it.
    avoid: &'a HashSet<PublicKey>,
    report: RepairReport,
}

/// Where the columns of a segment are, and what is lost.
struct State {
    healthy: Vec<(Column, PublicKey)>,
    lost: Vec<Column>,
    /// Nodes that may have a column which is neither healthy nor to be made again.
    waited_for: Vec<PublicKey>,
    /// Nodes that have a lost column, but not as it should be: others are preferred.
    damaged: HashSet<PublicKey>,
    /// Columns that no node has.
    gone: usize,
}

impl<'a> Repair<'a> {
    fn new(
        client: &'a Client,
        manifest: &'a Manifest,
        authority: &RepairAuthority,
        avoid: &'a HashSet<PublicKey>,
    ) -> Self {
        let leave = Leave { mandate: authority.mandate.clone(), expires: authority.expires };
        let cid = manifest.cid();
        let report = RepairReport { cid, repaired: Vec::new(), leases: Vec::new(), missing: Vec::new() };
        Self { client, manifest, leave, avoid, report }
    }

    async fn repair_segment(&mut self, segment: Segment, mut state: State) -> Result<(), RepairError> {
        for _ in 0..ROUNDS_MAX {
            if state.lost.is_empty() {
                return Ok(());
            }
            let required = usize::from(segment.data_columns());
            if state.healthy.len() < required {
                return Err(unreadable(segment, &state).into());
            }
            self.repair_round(segment, &mut state).await?;
        }
        Ok(())
    }

    /// Tries to put all lost columns elsewhere; columns that turn out to be lost on the way are left for the next round.
    async fn repair_round(&mut self, segment: Segment, state: &mut State) -> Result<(), RepairError> {
        let lost = std::mem::take(&mut state.lost);
        let parts =
            Parts { count: lost.len(), needed: 1, sources: 0, spread: Spread::Domains, taken: state.taken() };
        let lens =
            lost.iter().map(|column| segment.shard_len(*column).expect("lost columns are stored ones"));
        let ranking = self.ranking(segment, state);
        let mut placing =
            Placing::new(self.client.wire.clone(), parts, &ranking, lens.collect(), self.leave.clone());
        let is_lost = |index: usize| Part::Shard { segment: segment.index(), column: lost[index] };
        let without_place = loop {
            match placing.next().await {
                Step::Send(uploads) => self.send(segment, state, &lost, &mut placing, uploads).await?,
                Step::Finish(missing) => break missing,
                Step::GiveUp { .. } => break (0..lost.len()).map(PartIndex).collect(),
            }
        };
        self.report.missing.retain(|missing| (0..lost.len()).all(|index| missing.part != is_lost(index)));
        for part in without_place {
            let reason = self.reason(placing.reason(part));
            self.report.missing.push(MissingPart { part: is_lost(part.0), reason });
        }
        Ok(())
    }

    async fn send(
        &mut self,
        segment: Segment,
        state: &mut State,
        lost: &[Column],
        placing: &mut Placing,
        uploads: Vec<(PartIndex, Upload)>,
    ) -> Result<(), RepairError> {
        let parts: Vec<_> = uploads.iter().map(|(part, upload)| (*part, upload.node())).collect();
        let root = |column| self.manifest.root(segment.index(), column).expect("a stored column has a root");
        let job = Job {
            segment,
            roots: segment.stored_columns().map(|column| (column, root(column))).collect(),
            sources: state.healthy.clone(),
            targets: uploads.into_iter().map(|(part, upload)| (lost[part.0], upload)).collect(),
            throttle: self.client.throttle.clone(),
        };
        let outcome = match rebuild::run(&self.client.wire, job).await {
            Ok(outcome) => outcome,
            Err(RebuildFailure::Mismatch { column, expected, computed, read }) => {
                let (cid, segment) = (self.manifest.cid(), segment.index());
                let proof = Inconsistency { cid, segment, column, expected, computed, read };
                return Err(RepairError::Inconsistent(Box::new(proof)));
            }
            Err(RebuildFailure::TooFew { required, available }) => {
                return Err(ReadError::Unavailable { segment: segment.index(), required, available }.into());
            }
        };
        let mut leases: HashMap<_, _> = outcome.leases.into_iter().collect();
        for (part, node) in parts {
            let column = lost[part.0];
            let lease = match leases.remove(&column) {
                Some(Ok(lease)) => lease,
                Some(Err(error)) => {
                    placing.broken(part, error.failure(), error.to_string());
                    continue;
                }
                None => {
                    placing.broken(part, Failure::Unreachable, "it was not sent".to_owned());
                    continue;
                }
            };
            // A lease is a promise; what counts is that every byte comes back.
            let (wire, throttle) = (&self.client.wire, &self.client.throttle);
            if let Err(error) = read_back::column(wire, throttle, &segment, column, root(column), node).await
            {
                placing.broken(part, error.failure(), format!("reading it back: {error}"));
                continue;
            }
            placing.leased(part);
            state.healthy.push((column, node));
            self.report.leases.push(lease);
            self.report.repaired.push((Part::Shard { segment: segment.index(), column }, node));
        }
        state.lose(&outcome.bad);
        Ok(())
    }

    /// Whether a node is about to give up what it keeps, or should not have it.
    fn is_to_lose_it(&self, node: &PublicKey) -> bool {
        let is_leaving = self.client.members().get(node).is_some_and(|record| record.body().leaving);
        is_leaving || !self.client.complies(*node, self.manifest.required())
    }

    /// Why a part has no place: what the last node said that was asked, and what no other node is.
    fn reason(&self, reason: String) -> String {
        let required = self.manifest.required();
        if required.is_empty() { reason } else { format!("{reason}; {}", self.client.census(required)) }
    }

    /// The nodes that may take a column of a segment, best first; those that keep lost columns badly, or are to be avoided,
    /// come last. A domain is taken by whoever has a column there, even where that one takes nothing new itself.
    fn ranking(&self, segment: Segment, state: &State) -> Vec<Ranked> {
        let seed = segment_seed(self.manifest.seed().as_bytes(), segment.index());
        let mut ranking = self.client.placement_of(self.manifest).rank_for_more(&seed, &state.taken());
        ranking.sort_by_key(|node| state.damaged.contains(&node.id) || self.avoid.contains(&node.id));
        ranking
    }

    async fn repair_copies(&mut self, bytes: &Bytes, found: &[PartReport]) {
        let is_copy = |report: &&PartReport| matches!(report.part, Part::Manifest(_));
        let (healthy, lost): (Vec<_>, Vec<_>) = found.iter().filter(is_copy).partition(|report| {
            report.state == PartState::Proved && !report.node.is_some_and(|node| self.is_to_lose_it(&node))
        });
        if lost.is_empty() {
            return;
        }
        let parts = Parts {
            count: lost.len(),
            needed: 1,
            sources: 0,
            spread: Spread::Nodes,
            taken: healthy.iter().filter_map(|report| report.node).collect(),
        };
        let mut homes = self.client.homes_of_copies(self.manifest.cid(), self.manifest.required());
        // Each that does not answer takes seconds, and after a few of them a put gives up.
        homes.sort_by_key(|node| self.avoid.contains(&node.id));
        let mut leases = Vec::new();
        let placed = manifest::place(self.client, &homes, bytes, parts, &self.leave, |part, lease| {
            leases.push((lost[part.0].part, lease.clone()));
        });
        let reasons = match placed.await {
            Ok(missing) => missing.into_iter().map(|missing| missing.reason).collect(),
            Err(shortfall) => vec![shortfall.reason],
        };
        let mut kept = Vec::new();
        for (part, lease) in leases {
            match self.client.wire.fetch(lease.by(), lease.body().root(), FETCH_BACK_WITHIN).await {
                Ok(_) => kept.push((part, lease)),
                Err(error) => tracing::warn!(%part, %error, "a new copy cannot be read back"),
            }
        }
        let stored: HashSet<_> = kept.iter().map(|(part, _)| *part).collect();
        for report in lost.iter().filter(|report| !stored.contains(&report.part)) {
            let reason = self.reason(reasons.first().cloned().unwrap_or_default());
            self.report.missing.push(MissingPart { part: report.part, reason });
        }
        for (part, lease) in kept {
            self.report.repaired.push((part, lease.by()));
            self.report.leases.push(lease);
        }
    }
}

/// Why a segment with so few columns left cannot be read.
fn unreadable(segment: Segment, state: &State) -> ReadError {
    let (required, available) = (usize::from(segment.data_columns()), state.healthy.len());
    if usize::from(segment.stored()) - state.gone < required {
        ReadError::NotHeld { segment: segment.index(), required }
    } else {
        ReadError::Unavailable { segment: segment.index(), required, available }
    }
}

impl State {
    /// What was found of a segment; of what is not healthy, `is_wanted` says what is to be made again.
    fn of(segment: Segment, found: &[PartReport], is_wanted: impl Fn(&PartReport) -> bool) -> Self {
        let (healthy, lost, waited_for) = (Vec::new(), Vec::new(), Vec::new());
        let mut state = Self { healthy, lost, waited_for, damaged: HashSet::new(), gone: 0 };
        for report in found {
            let Part::Shard { segment: at, column } = report.part else { continue };
            if at != segment.index() {
                continue;
            }
            state.gone += usize::from(report.state == PartState::Gone);
            match (report.state, report.node) {
                (PartState::Proved, Some(node)) => state.healthy.push((column, node)),
                (_, node) if !is_wanted(report) => state.waited_for.extend(node),
                (PartState::Damaged, node) => {
                    state.lost.push(column);
                    state.damaged.extend(node);
                }
                _ => state.lost.push(column),
            }
        }
        state
    }

    /// Columns on nodes that leave count as lost, as long as enough others are left to compute them from.
    fn leave(&mut self, required: usize, is_leaving: impl Fn(&PublicKey) -> bool) {
        let mut spare = self.healthy.len().saturating_sub(required);
        let (moving, staying) = std::mem::take(&mut self.healthy).into_iter().partition(|(_, node)| {
            let moves = spare > 0 && is_leaving(node);
            spare -= usize::from(moves);
            moves
        });
        self.healthy = staying;
        let moving: Vec<(Column, PublicKey)> = moving;
        self.lost.extend(moving.into_iter().map(|(column, _)| column));
    }

    /// Nodes that get no other column of the segment.
    fn taken(&self) -> Vec<PublicKey> {
        self.healthy.iter().map(|(_, node)| *node).chain(self.waited_for.iter().copied()).collect()
    }

    /// Columns that were thought healthy and could not be read.
    fn lose(&mut self, bad: &[Column]) {
        let (lost, healthy) =
            std::mem::take(&mut self.healthy).into_iter().partition(|(c, _)| bad.contains(c));
        self.healthy = healthy;
        let lost: Vec<(Column, PublicKey)> = lost;
        self.damaged.extend(lost.iter().map(|(_, node)| *node));
        self.lost.extend(lost.into_iter().map(|(column, _)| column));
    }
}
