//! How everything stands, for people: written to `status.json` by the steward, read by whoever asks.

use std::collections::BTreeMap;

use protocol::UnixSeconds;
use serde::{Deserialize, Serialize};

use crate::plan::{Fault, Object, Plan, Standing};

/// Objects listed, the most endangered first. The totals count all.
const OBJECTS_SHOWN: usize = 1000;
/// Warnings listed of one object.
pub const WARNINGS_SHOWN: usize = 3;

/// How an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectState {
    /// Some segment has fewer parts than it takes to read it.
    Unreadable,
    /// It was put wrongly; it is not repaired.
    Inconsistent,
    /// Some segment has lost as much as is repaired at once.
    AtRisk,
    /// Something is absent, but nothing needs to be done about it yet.
    Weakened,
    /// Nobody has looked yet.
    Unknown,
    /// All parts are where they should be, as far as is known.
    Whole,
}

impl ObjectState {
    /// All of them, the worst first.
    pub const ALL: [Self; 6] =
        [Self::Unreadable, Self::Inconsistent, Self::AtRisk, Self::Weakened, Self::Unknown, Self::Whole];

    /// Name for people and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Inconsistent => "inconsistent",
            Self::AtRisk => "at_risk",
            Self::Weakened => "weakened",
            Self::Unknown => "unknown",
            Self::Whole => "whole",
        }
    }
}

/// One object.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ObjectLine {
    pub cid: String,
    pub state: ObjectState,
    pub tags: Vec<String>,
    /// Parts that its weakest segment has above those needed to read it; negative when it cannot be read.
    pub spare: Option<i16>,
    pub absent: u32,
    /// When its least recently proved part was proved.
    pub proved: Option<UnixSeconds>,
    pub leases_end: Option<UnixSeconds>,
    pub care_ends: UnixSeconds,
    /// Days before the end of which was warned, the last first.
    pub warnings: Vec<u16>,
    pub inconsistent: Option<String>,
}

/// One node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct NodeLine {
    pub node: String,
    pub standing: Standing,
    pub parts: usize,
    pub offline_since: Option<UnixSeconds>,
    pub proved: Option<UnixSeconds>,
    /// Points that are left, in thousandths: offline, slow, missing, corrupt.
    pub points_milli: [u64; 4],
}

/// Everything.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Status {
    pub at: UnixSeconds,
    pub holder: String,
    pub objects_total: usize,
    /// How many objects are in each state.
    pub states: BTreeMap<ObjectState, usize>,
    pub repair_queue: usize,
    pub objects: Vec<ObjectLine>,
    pub nodes: Vec<NodeLine>,
}

impl Status {
    pub(crate) fn of(plan: &Plan, holder: String, now: UnixSeconds) -> Self {
        let mut objects: Vec<_> =
            plan.objects().iter().map(|(cid, object)| line(plan, cid, object, now)).collect();
        objects.sort_by_key(|line| (line.state, line.spare));
        let mut states = BTreeMap::new();
        for line in &objects {
            *states.entry(line.state).or_default() += 1;
        }
        objects.truncate(OBJECTS_SHOWN);
        let nodes = plan.nodes().iter().map(|(node, care)| NodeLine {
            node: node.to_string(),
            standing: care.score.standing(now),
            parts: plan.held_by(node),
            offline_since: care.offline_since,
            proved: care.proved,
            points_milli: Fault::ALL.map(|fault| care.score.milli(fault, now)),
        });
        Self {
            at: now,
            holder,
            objects_total: plan.objects().len(),
            states,
            repair_queue: plan.queue().len(),
            objects,
            nodes: nodes.collect(),
        }
    }
}

fn line(plan: &Plan, cid: &proofs::Cid, object: &Object, now: UnixSeconds) -> ObjectLine {
    let mut line = ObjectLine {
        cid: cid.to_string(),
        state: ObjectState::Whole,
        tags: object.tags.clone(),
        spare: None,
        absent: 0,
        proved: object.units.iter().flat_map(|unit| &unit.parts).map(|part| part.proved).min().flatten(),
        leases_end: object.leases.ends,
        care_ends: object.care_ends(),
        warnings: object.warned.iter().rev().map(|warned| warned.days).take(WARNINGS_SHOWN).collect(),
        inconsistent: object.inconsistent.clone(),
    };
    for (number, unit) in (0..).zip(&object.units) {
        let Some(judgement) = plan.judge(cid, number, now) else {
            line.state = line.state.min(ObjectState::Unknown);
            continue;
        };
        let spare = i16::from(judgement.proved) - i16::from(unit.needed);
        line.spare = Some(line.spare.map_or(spare, |weakest| weakest.min(spare)));
        line.absent += u32::from(judgement.absent);
        line.state = line.state.min(match judgement {
            _ if spare < 0 => ObjectState::Unreadable,
            _ if !judgement.wanted.is_empty() => ObjectState::AtRisk,
            _ if judgement.absent > 0 => ObjectState::Weakened,
            _ => ObjectState::Whole,
        });
    }
    if object.inconsistent.is_some() {
        line.state = line.state.min(ObjectState::Inconsistent);
    }
    line
}
