//! What the audits of every node found, hour by hour, for a week.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use protocol::{PublicKey, UnixSeconds};
use serde::{Deserialize, Serialize};

/// Hours kept of each node.
pub const HOURS_KEPT: usize = 7 * 24;
/// Longest reason, in bytes; what is beyond is cut off.
const REASON_LEN_MAX: usize = 160;
const HOUR: u64 = 3600;

/// What an audit of a node found, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditResult {
    /// It proved everything.
    Proved,
    /// It proved everything, and took long.
    Slow,
    /// It did not answer as it should, in time or at all.
    Offline,
    /// It has not what it signed a lease for.
    Missing,
    /// It has it, but not as it should be.
    Corrupt,
}

impl AuditResult {
    /// Name for people and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Slow => "slow",
            Self::Offline => "offline",
            Self::Missing => "missing",
            Self::Corrupt => "corrupt",
        }
    }
}

/// One audit of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct NodeAudit {
    pub result: AuditResult,
    /// Parts that were drawn.
    pub asked: u16,
    pub proved: u16,
    pub took_ms: u64,
    /// Why it was not passed, in words.
    pub reason: Option<String>,
}

/// The audits of a node in one hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourLine {
    /// Whole hours since 1970.
    pub hour: u64,
    /// How many there were.
    pub audits: u32,
    /// How many of them were not passed.
    pub failed: u32,
    /// The worst of them, the last one where several are as bad.
    pub worst: NodeAudit,
}

/// What the audits of nodes found lately.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditedNodes {
    /// How many nodes were audited.
    pub total: usize,
    /// The hours of each, the oldest first, in the order of their ids; of too many nodes those with most audits not passed.
    pub nodes: Vec<(PublicKey, Vec<HourLine>)>,
}

/// All hours of all nodes. Bounded: [`HOURS_KEPT`] lines for each node that was audited within them.
#[derive(Debug, Default)]
pub(crate) struct History {
    nodes: BTreeMap<PublicKey, Vec<HourLine>>,
    changed: BTreeSet<PublicKey>,
    hour: u64,
}

impl History {
    /// What was saved, as far as it is not too old.
    pub(crate) fn new(saved: BTreeMap<PublicKey, Vec<HourLine>>, now: UnixSeconds) -> Self {
        let mut history = Self { nodes: saved, ..Self::default() };
        history.begin(now.get() / HOUR);
        history
    }

    pub(crate) fn note(&mut self, node: PublicKey, mut audit: NodeAudit, now: UnixSeconds) {
        let hour = now.get() / HOUR;
        if hour != self.hour {
            self.begin(hour);
        }
        if let Some(reason) = &mut audit.reason {
            reason.truncate(reason.floor_char_boundary(REASON_LEN_MAX));
        }
        let failed = u32::from(audit.result > AuditResult::Slow);
        let lines = self.nodes.entry(node).or_default();
        match lines.last_mut().filter(|line| line.hour >= hour) {
            Some(line) => {
                line.audits = line.audits.saturating_add(1);
                line.failed = line.failed.saturating_add(failed);
                if audit.result >= line.worst.result {
                    line.worst = audit;
                }
            }
            None => lines.push(HourLine { hour, audits: 1, failed, worst: audit }),
        }
        self.changed.insert(node);
    }

    /// The nodes whose lines changed since this was asked last; none are left of those that are forgotten.
    pub(crate) fn take_changed(&mut self) -> Vec<(PublicKey, Vec<HourLine>)> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        changed.map(|node| (node, self.nodes.get(&node).cloned().unwrap_or_default())).collect()
    }

    /// The lines of the last hours, the current one included. Only what is given out is copied.
    pub(crate) fn last(&self, hours: usize, most: usize, now: UnixSeconds) -> AuditedNodes {
        let first = first_of(now.get() / HOUR, hours);
        // Lines are in the order of their hours.
        let recent = |lines: &[HourLine]| lines.partition_point(|line| line.hour < first);
        let nodes = self.nodes.iter().map(|(node, lines)| (node, &lines[recent(lines)..]));
        let mut nodes: Vec<_> = nodes.filter(|(_, lines)| !lines.is_empty()).collect();
        let total = nodes.len();
        if total > most {
            let failed = |lines: &[HourLine]| lines.iter().map(|line| u64::from(line.failed)).sum::<u64>();
            nodes.sort_by_cached_key(|(_, lines)| Reverse(failed(lines)));
            nodes.truncate(most);
            nodes.sort_unstable_by_key(|(node, _)| **node);
        }
        let nodes = nodes.into_iter().map(|(node, lines)| (*node, lines.to_vec())).collect();
        AuditedNodes { total, nodes }
    }

    /// Forgets what is too old.
    fn begin(&mut self, hour: u64) {
        self.hour = hour;
        let first = first_of(hour, HOURS_KEPT);
        for (node, lines) in &mut self.nodes {
            let before = lines.len();
            lines.retain(|line| line.hour >= first);
            if lines.len() != before {
                self.changed.insert(*node);
            }
        }
        self.nodes.retain(|_, lines| !lines.is_empty());
    }
}

fn first_of(hour: u64, hours: usize) -> u64 {
    (hour + 1).saturating_sub(hours as u64)
}

#[cfg(test)]
mod tests {
    use protocol::SecretKey;

    use super::*;

    fn node(number: u8) -> PublicKey {
        SecretKey::from_bytes(&[number; 32]).public()
    }

    fn audit(result: AuditResult, reason: &str) -> NodeAudit {
        let reason = Some(reason.to_owned()).filter(|reason| !reason.is_empty());
        NodeAudit { result, asked: 8, proved: 8, took_ms: 5, reason }
    }

    fn at(hour: u64, second: u64) -> UnixSeconds {
        UnixSeconds::new(hour * HOUR + second)
    }

    #[test]
    fn an_hour_shows_the_worst_of_its_audits() {
        let mut history = History::default();
        for (second, result, reason) in [
            (0, AuditResult::Proved, ""),
            (60, AuditResult::Missing, "1 missing"),
            (120, AuditResult::Offline, "not reached"),
            (180, AuditResult::Missing, "2 missing"),
        ] {
            history.note(node(1), audit(result, reason), at(1000, second));
        }
        history.note(node(1), audit(AuditResult::Slow, ""), at(1001, 0));
        let lines = &history.last(2, 9, at(1001, 59)).nodes[0].1;
        assert_eq!((lines[0].audits, lines[0].failed), (4, 3));
        assert_eq!(lines[0].worst.reason.as_deref(), Some("2 missing"));
        assert_eq!((lines[1].audits, lines[1].failed), (1, 0));
        assert_eq!(history.last(1, 9, at(1001, 59)).nodes[0].1.len(), 1);
        assert!(history.last(1, 9, at(1002, 0)).nodes.is_empty());
    }

    #[test]
    fn of_too_many_nodes_the_worst_are_shown_in_a_steady_order() {
        let mut history = History::default();
        for (number, failed) in [(1, 0), (2, 1), (3, 7), (4, 3)] {
            for audit_number in 0..9 {
                let result = if audit_number < failed { AuditResult::Offline } else { AuditResult::Proved };
                history.note(node(number), audit(result, ""), at(1000, audit_number));
            }
        }
        let shown = |most| {
            let AuditedNodes { total, nodes } = history.last(1, most, at(1000, 60));
            (total, nodes.into_iter().map(|(node, _)| node).collect::<Vec<_>>())
        };
        let in_order = |numbers: &[u8]| {
            let mut nodes: Vec<_> = numbers.iter().map(|number| node(*number)).collect();
            nodes.sort_unstable();
            nodes
        };
        assert_eq!(shown(4), (4, in_order(&[1, 2, 3, 4])));
        assert_eq!(shown(2), (4, in_order(&[3, 4])));
    }

    #[test]
    fn a_week_is_kept_and_no_more_however_long_it_goes_on() {
        let mut history = History::default();
        for hour in 1000..1400 {
            history.note(node(1), audit(AuditResult::Proved, ""), at(hour, 0));
            if hour == 1000 {
                history.note(node(2), audit(AuditResult::Proved, ""), at(hour, 0));
            }
        }
        assert_eq!(history.nodes[&node(1)].len(), HOURS_KEPT);
        assert!(!history.nodes.contains_key(&node(2)), "it is audited no more");
        let changed: BTreeMap<_, _> = history.take_changed().into_iter().collect();
        assert!(changed[&node(2)].is_empty() && changed[&node(1)].len() == HOURS_KEPT);
        assert!(history.take_changed().is_empty());
        let again = History::new(changed, at(1450, 0));
        assert_eq!(again.nodes[&node(1)].len(), HOURS_KEPT - 51);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_take_an_hour_twice() {
        let mut history = History::default();
        history.note(node(1), audit(AuditResult::Proved, ""), at(1001, 0));
        history.note(node(1), audit(AuditResult::Corrupt, &"é".repeat(200)), at(1000, 0));
        let lines = &history.nodes[&node(1)];
        assert_eq!((lines.len(), lines[0].hour, lines[0].audits), (1, 1001, 2));
        assert_eq!(lines[0].worst.reason.as_ref().map(String::len), Some(REASON_LEN_MAX));
    }
}
