//! How everything stands, for people: written to `status.json` by the steward, and shown to its observers.

use std::collections::{BTreeMap, BTreeSet};

use proofs::Cid;
use protocol::UnixSeconds;
use serde::{Deserialize, Serialize};

use crate::plan::{Fault, Judgement, Object, Plan, Standing, Unit};
use crate::traffic::Traffic;

/// Objects listed, the most endangered first. The totals count all.
const OBJECTS_SHOWN: usize = 1000;
/// Repairs listed, the most endangered segment first. The total counts all.
const REPAIRS_SHOWN: usize = 200;
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
    /// That segment.
    pub weakest: Option<Weakest>,
    pub absent: u32,
    /// When its least recently proved part was proved.
    pub proved: Option<UnixSeconds>,
    pub leases_end: Option<UnixSeconds>,
    pub care_ends: UnixSeconds,
    /// Until when it is protected as things stand: the end of care, or of leases that cannot be renewed.
    pub protected_until: UnixSeconds,
    /// Days before the end of which was warned, the last first. What no longer ends then is not among them.
    pub warnings: Vec<u16>,
    pub inconsistent: Option<String>,
}

/// The segment of an object, or the copies of its manifest, that can lose the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weakest {
    /// Parts that are proved, or whose nodes have not been offline for long.
    pub healthy: u8,
    /// Parts that it takes to read it.
    pub needed: u8,
    /// Parts that there should be.
    pub parts: u8,
    /// It is repaired when so few are healthy.
    pub threshold: u8,
}

/// One segment, or the copies of a manifest, in the queue of repairs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RepairLine {
    pub cid: String,
    /// The segment; the number after the last one stands for the copies of the manifest.
    pub unit: u32,
    pub is_manifest: bool,
    pub state: RepairState,
    /// Proved parts above those needed to read it.
    pub spare: i16,
    pub proved: u8,
    pub needed: u8,
    pub parts: u8,
    /// Since when it is short of something.
    pub since: UnixSeconds,
    /// Attempts in a row that failed.
    pub failures: u32,
    /// When it is tried again.
    pub again: Option<UnixSeconds>,
}

/// What is done about a segment that lacks something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepairState {
    /// It is being repaired.
    Running,
    /// It waits for its turn.
    Waiting,
    /// An attempt failed; it waits for the next one.
    Failed,
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
    /// Segments that wait to be repaired, those that wait after a failure left out.
    pub repair_queue: usize,
    /// Those that are being repaired, or wait for it, for whatever reason.
    pub repairs: Vec<RepairLine>,
    pub traffic: Traffic,
    pub objects: Vec<ObjectLine>,
    pub nodes: Vec<NodeLine>,
}

impl Status {
    pub(crate) fn of(plan: &Plan, holder: String, traffic: Traffic, now: UnixSeconds) -> Self {
        let mut survey = Survey { plan, now, queued: plan.queue().collect(), repairs: Vec::new() };
        let mut objects: Vec<_> =
            plan.objects().iter().map(|(cid, object)| survey.line(cid, object)).collect();
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
            repairs: survey.repairs(),
            traffic,
            objects,
            nodes: nodes.collect(),
        }
    }
}

/// Goes over all objects once.
struct Survey<'a> {
    plan: &'a Plan,
    now: UnixSeconds,
    queued: BTreeSet<(Cid, u32)>,
    repairs: Vec<RepairLine>,
}

impl Survey<'_> {
    fn line(&mut self, cid: &Cid, object: &Object) -> ObjectLine {
        let parts = object.units.iter().flat_map(|unit| &unit.parts);
        let mut line = ObjectLine {
            cid: cid.to_string(),
            state: ObjectState::Whole,
            tags: object.tags.clone(),
            spare: None,
            weakest: None,
            absent: 0,
            proved: parts.map(|part| part.proved).min().flatten(),
            leases_end: object.leases.ends,
            care_ends: object.care_ends(),
            protected_until: object.protected_until(),
            warnings: object.warnings().map(|warned| warned.days).take(WARNINGS_SHOWN).collect(),
            inconsistent: object.inconsistent.clone(),
        };
        for (number, unit) in (0..).zip(&object.units) {
            match self.plan.judge(cid, number, self.now) {
                Some(judgement) => {
                    line.take_in(unit, &judgement);
                    self.note_repair(cid, object, number, &judgement);
                }
                None => line.state = line.state.min(ObjectState::Unknown),
            }
        }
        if object.inconsistent.is_some() {
            line.state = line.state.min(ObjectState::Inconsistent);
        }
        line
    }

    fn note_repair(&mut self, cid: &Cid, object: &Object, number: u32, judgement: &Judgement) {
        let unit = &object.units[number as usize];
        let again = unit.repair.not_before.filter(|at| !at.has_passed(self.now));
        let state = if self.plan.is_repairing(*cid, number) {
            RepairState::Running
        } else if self.queued.contains(&(*cid, number)) {
            RepairState::Waiting
        } else if again.is_some() && !judgement.wanted.is_empty() {
            RepairState::Failed
        } else {
            return;
        };
        self.repairs.push(RepairLine {
            cid: cid.to_string(),
            unit: number,
            is_manifest: number == object.copies(),
            state,
            spare: spare(unit, judgement),
            proved: judgement.proved,
            needed: unit.needed,
            parts: parts(unit),
            since: judgement.since.unwrap_or(self.now),
            failures: unit.repair.failures,
            again: again.filter(|_| state == RepairState::Failed),
        });
    }

    /// As many as are shown, most endangered first, and among those the oldest loss.
    fn repairs(mut self) -> Vec<RepairLine> {
        self.repairs.sort_by_key(|line| (line.spare, line.state, line.since));
        self.repairs.truncate(REPAIRS_SHOWN);
        self.repairs
    }
}

impl ObjectLine {
    fn take_in(&mut self, unit: &Unit, judgement: &Judgement) {
        let spare = spare(unit, judgement);
        if self.spare.is_none_or(|weakest| spare < weakest) {
            let Judgement { healthy, .. } = *judgement;
            let (needed, threshold) = (unit.needed, unit.threshold);
            self.spare = Some(spare);
            self.weakest = Some(Weakest { healthy, needed, parts: parts(unit), threshold });
        }
        self.absent += u32::from(judgement.absent);
        self.state = self.state.min(match judgement {
            _ if spare < 0 => ObjectState::Unreadable,
            _ if !judgement.wanted.is_empty() => ObjectState::AtRisk,
            _ if judgement.absent > 0 => ObjectState::Weakened,
            _ => ObjectState::Whole,
        });
    }
}

fn spare(unit: &Unit, judgement: &Judgement) -> i16 {
    i16::from(judgement.proved) - i16::from(unit.needed)
}

fn parts(unit: &Unit) -> u8 {
    u8::try_from(unit.parts.len()).expect("a unit has at most 255 parts")
}

#[cfg(test)]
mod tests {
    use chunker::{CellSize, Geometry};
    use protocol::SecretKey;

    use super::*;
    use crate::plan::{Event, Finding, Found, Rules};

    const NOW: UnixSeconds = UnixSeconds::new(1_000_000);

    fn key(number: u8) -> protocol::PublicKey {
        SecretKey::from_bytes(&[number; 32]).public()
    }

    /// A plan that looks after objects, of each of which so many parts of its only segment are corrupt.
    fn plan(lost: &[u8]) -> Plan {
        let rules = Rules { repairs_abreast: 1, ..Rules::default() };
        let mut plan = Plan::new(rules, key(99), [7; 32], BTreeMap::new(), BTreeMap::new(), NOW);
        let geometry = Geometry::new("4+4".parse().unwrap(), CellSize::LARGEST, 9).unwrap();
        for (number, lost) in (0_u8..).zip(lost) {
            let cid = Cid::of(&[number]);
            let ends = NOW.plus(1000 * 86_400);
            let object = Object::new(&geometry, ends, ends, Vec::new(), NOW);
            plan.handle(NOW, Event::Added(cid, Box::new(object)));
            let finding = |(unit, part)| {
                let found = if unit == 0 && part < *lost { Found::Corrupt } else { Found::Proved };
                Finding { unit, part, node: Some(key(part + 1)), found }
            };
            let findings = (0..2).flat_map(|unit| (0..8).map(move |part| (unit, part))).map(finding);
            plan.handle(NOW, Event::ObjectAudited(cid, findings.collect()));
        }
        plan
    }

    #[test]
    fn the_most_endangered_come_first_and_say_how_far_from_the_edge_they_are() {
        let status = Status::of(&plan(&[0, 4, 3, 5]), String::new(), Traffic::default(), NOW);
        let found: Vec<_> = status.objects.iter().map(|line| (line.state, line.spare)).collect();
        assert_eq!(found[0], (ObjectState::Unreadable, Some(-1)));
        assert_eq!(found[1], (ObjectState::AtRisk, Some(0)));
        assert_eq!(found[3], (ObjectState::Whole, Some(4)));
        let weakest = status.objects[1].weakest.unwrap();
        assert_eq!((weakest.healthy, weakest.needed, weakest.parts), (4, 4, 8));
        assert!((4..8).contains(&weakest.threshold));
    }

    #[test]
    fn the_queue_shows_what_runs_and_what_waits() {
        // The first repair that is found takes the only place there is.
        let status = Status::of(&plan(&[4, 3, 5]), String::new(), Traffic::default(), NOW);
        let repairs: Vec<_> = status.repairs.iter().map(|line| (line.spare, line.state)).collect();
        assert_eq!(
            repairs,
            [(-1, RepairState::Waiting), (0, RepairState::Running), (1, RepairState::Waiting)],
        );
        assert_eq!(status.repair_queue, 2);
        assert!(status.repairs.iter().all(|line| !line.is_manifest && line.parts == 8 && line.needed == 4));
    }
}
