//! Audits of nodes: everything that a node is believed to have is committed to, then leaves are drawn, weighted by
//! length. However it ends, the transcript goes into the audit log, and the node hears why it did not pass.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use chunker::Manifest;
use client::AuditLog;
use proofs::{AuditedSet, AuditedShard, Root};
use protocol::{
    AuditSecret, AuditWish, Beacon, Draws, Ending, Outcome, Pick, PlannedAudit, PublicKey, Transcript,
    Unanswered, UnixSeconds,
};

use super::Shared;
use super::parts::{len_of, part_of, root_of};
use crate::history::{AuditResult, NodeAudit};
use crate::journal::Step;
use crate::plan::{Event, Found, Place};

/// How long a node may take for each of the two steps.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// The audit log, written by one task at a time.
pub(super) type Log = Arc<Mutex<AuditLog>>;

/// How a node is audited.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    /// Positions that are drawn.
    pub(super) draws: Draws,
    /// A proof that takes longer makes a node slow.
    pub(super) slow_after_ms: u64,
}

/// What is audited, and which part each shard is.
struct Set {
    shards: Vec<AuditedShard>,
    places: BTreeMap<Root, Place>,
}

/// Audits a node over these parts.
pub(super) async fn audit(
    shared: &Shared,
    node: PublicKey,
    held: Vec<(Place, Arc<Manifest>)>,
    how: How,
) -> Event {
    let set = Set::of(&held);
    let asked = held.first().map(|(place, _)| *place);
    let Ok(committed) = AuditedSet::new(set.shards) else {
        return Event::NodeAudited { node, found: Vec::new(), slowest_ms: 0 };
    };
    let wish = AuditWish {
        // A node answers under the identity that it has today.
        node: shared.client.members().resolve(&node).unwrap_or(node),
        set: Arc::new(committed),
        beacon: Beacon::Auditor,
        draws: how.draws,
        secret: AuditSecret::from_bytes(rand::random()),
        issued: SystemTime::now().into(),
    };
    let planned = PlannedAudit::new(&shared.holder, &shared.client.network(), wish);
    let transcripts = shared.client.audit_nodes(&shared.holder, vec![planned], ANSWER_WITHIN).await;
    // Without a beacon from outside, what was committed to always opens.
    let transcript = transcripts.into_iter().flatten().next();
    let Some(transcript) = transcript else {
        return Event::NodeAudited { node, found: Vec::new(), slowest_ms: 0 };
    };
    let found = findings(&transcript, &set.places, asked);
    let slowest_ms = u64::try_from(transcript.timing().took().as_millis()).unwrap_or(u64::MAX);
    let proved = found.iter().filter(|(_, found)| *found == Found::Proved).count();
    let asked = found.len();
    shared.write(Step::NodeAudited { node: node.to_string(), asked, proved, slowest_ms });
    note(shared, node, &transcript, how.slow_after_ms);
    tell(shared, &transcript).await;
    keep(shared, transcript).await;
    Event::NodeAudited { node, found, slowest_ms }
}

impl Set {
    /// With one data column all shards of a segment have one root; a node has one of them.
    fn of(held: &[(Place, Arc<Manifest>)]) -> Self {
        let mut lens = BTreeMap::new();
        let mut places = BTreeMap::new();
        for (place, manifest) in held {
            let part = part_of(manifest, place.unit, place.part);
            let root = root_of(manifest, part);
            lens.insert(root, len_of(manifest, part));
            places.insert(root, *place);
        }
        let shards = lens.into_iter().map(|(root, len)| AuditedShard { root, len }).collect();
        Self { shards, places }
    }
}

/// What was found of each pick; of a node that gave no answer at all, one of the parts stands for all.
fn findings(
    transcript: &Transcript,
    places: &BTreeMap<Root, Place>,
    any: Option<Place>,
) -> Vec<(Place, Found)> {
    let picks = transcript.picks().iter();
    let found: Vec<_> =
        picks.filter_map(|pick| Some((*places.get(&pick.shard().root)?, found(pick.outcome())))).collect();
    if found.is_empty() { any.map(|place| (place, Found::Offline)).into_iter().collect() } else { found }
}

const fn found(outcome: Outcome) -> Found {
    match outcome {
        Outcome::Proved => Found::Proved,
        Outcome::Corrupt => Found::Corrupt,
        Outcome::Missing => Found::Missing,
        Outcome::Late | Outcome::Offline | Outcome::Invalid | Outcome::Refused(_) => Found::Offline,
    }
}

fn note(shared: &Shared, node: PublicKey, transcript: &Transcript, slow_after_ms: u64) {
    let audit = in_short(transcript, slow_after_ms);
    let mut history = shared.history.lock().unwrap_or_else(PoisonError::into_inner);
    history.note(node, audit, SystemTime::now().into());
}

/// What an audit found, in one word and, where it was not passed, in a few more.
fn in_short(transcript: &Transcript, slow_after_ms: u64) -> NodeAudit {
    let picks = transcript.picks();
    let count = |found: fn(Outcome) -> bool| picks.iter().filter(|pick| found(pick.outcome())).count();
    let took_ms = u64::try_from(transcript.timing().took().as_millis()).unwrap_or(u64::MAX);
    let proved = count(|outcome| outcome == Outcome::Proved);
    let result = if count(|outcome| outcome == Outcome::Corrupt) > 0 {
        AuditResult::Corrupt
    } else if count(|outcome| outcome == Outcome::Missing) > 0 {
        AuditResult::Missing
    } else if !transcript.is_proved() {
        AuditResult::Offline
    } else if took_ms > slow_after_ms {
        AuditResult::Slow
    } else {
        AuditResult::Proved
    };
    let number = |count: usize| u16::try_from(count).expect("at most 64 parts are drawn");
    let reason = (!transcript.is_proved()).then(|| reason(transcript));
    NodeAudit { result, asked: number(picks.len()), proved: number(proved), took_ms, reason }
}

fn reason(transcript: &Transcript) -> String {
    match transcript.ending() {
        Ending::Answered => {
            let mut counts: BTreeMap<_, usize> = BTreeMap::new();
            let failed = transcript.picks().iter().map(Pick::outcome).filter(|it| *it != Outcome::Proved);
            for outcome in failed {
                *counts.entry(outcome.name()).or_default() += 1;
            }
            let counts = counts.iter().map(|(name, count)| format!("{count} {name}"));
            format!("of {} parts: {}", transcript.picks().len(), counts.collect::<Vec<_>>().join(", "))
        }
        Ending::Unanswered(Unanswered::Late) => {
            format!("no whole answer within {} s", transcript.timing().within().as_secs())
        }
        Ending::Unanswered(Unanswered::Offline) => "it could not be reached, or was lost".to_owned(),
        Ending::Unanswered(Unanswered::Invalid) => "what it sent is no answer".to_owned(),
        Ending::Unanswered(Unanswered::Refused(code)) => format!("it refused: {code}"),
    }
}

/// The node hears why it did not pass.
async fn tell(shared: &Shared, transcript: &Transcript) {
    let Some(verdict) = transcript.verdict(&shared.holder, UnixSeconds::from(SystemTime::now())) else {
        return;
    };
    if let Err(error) = shared.client.send_verdict(&verdict).await {
        tracing::debug!(node = %verdict.body().node.fmt_short(), %error, "the node did not take its verdict");
    }
}

async fn keep(shared: &Shared, transcript: Transcript) {
    let log = Arc::clone(&shared.audit_log);
    let append = move || log.lock().unwrap_or_else(PoisonError::into_inner).append(&transcript).map(drop);
    match tokio::task::spawn_blocking(append).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the audit log cannot be written"),
        Err(error) => tracing::error!(%error, "writing the audit log failed"),
    }
}
