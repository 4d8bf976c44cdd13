//! Which hours of storage follow from a row of audits (spec §25). No clock, no disk, no ledger.

use std::collections::BTreeMap;

use protocol::{Digest, Outcome, PublicKey, Transcript, UnixSeconds};

pub(super) const HOUR_S: u64 = 3600;

/// What one audit of a node has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Audited {
    pub(super) node: PublicKey,
    pub(super) at: UnixSeconds,
    /// Bytes of the set from which was drawn, when everything that was drawn is proved.
    pub(super) proved: Option<u64>,
    /// Drawn shards that the node has not any more, or not as they should be.
    pub(super) lost: u64,
    pub(super) transcript: Digest,
}

/// What is reported of a node: hours of which both ends are proved, and losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) node: PublicKey,
    /// The first hour, counted from 1970.
    pub(super) from: u64,
    /// The hour after the last one.
    pub(super) to: u64,
    /// What it has kept all the time; 0 where that is not proved.
    pub(super) bytes: u64,
    pub(super) lost: u64,
    /// The audit that ends it.
    pub(super) at: UnixSeconds,
    pub(super) transcript: Digest,
}

/// All nodes since the first audit. The same audits lead to the same intervals.
#[derive(Debug, Default)]
pub(super) struct Intervals {
    nodes: BTreeMap<PublicKey, Since>,
}

/// The audits of one node in the hour of its last one.
#[derive(Debug, Clone, Copy)]
struct Since {
    hour: u64,
    proved: Option<u64>,
    lost: u64,
}

impl Interval {
    /// How many hours it has.
    pub(super) const fn hours(&self) -> u64 {
        self.to - self.from
    }

    /// The first so many hours of it.
    pub(super) fn first(self, hours: u64) -> Self {
        Self { to: self.to.min(self.from.saturating_add(hours)), ..self }
    }

    /// What of it is behind `hour`.
    pub(super) fn after(self, hour: u64) -> Option<Self> {
        let from = self.from.max(hour);
        (from < self.to).then_some(Self { from, ..self })
    }
}

impl Audited {
    pub(super) fn of(transcript: &Transcript) -> Self {
        let is_lost = |outcome| matches!(outcome, Outcome::Missing | Outcome::Corrupt);
        let lost = transcript.picks().iter().filter(|pick| is_lost(pick.outcome())).count();
        let total = transcript.commitment().body().terms().set.total;
        Self {
            node: transcript.node(),
            at: transcript.timing().asked(),
            proved: transcript.is_proved().then_some(total),
            lost: lost as u64,
            transcript: transcript.digest(),
        }
    }
}

impl Intervals {
    /// What follows from one more audit: something once an hour, where everything in between was proved or something is lost.
    pub(super) fn take(&mut self, audit: &Audited) -> Option<Interval> {
        let Audited { node, at, proved, lost, transcript } = *audit;
        let hour = at.get() / HOUR_S;
        let before = self.nodes.get(&node).copied();
        let before = before.filter(|before| before.hour <= hour);
        let least = |before: Since| Some(before.proved?.min(proved?));
        let Some(before) = before.filter(|before| before.hour < hour) else {
            // Within one hour the least counts.
            let so_far = before.map_or(proved, least);
            let lost = before.map_or(0, |before| before.lost).saturating_add(lost);
            self.nodes.insert(node, Since { hour, proved: so_far, lost });
            return None;
        };
        self.nodes.insert(node, Since { hour, proved, lost: 0 });
        let lost = before.lost.saturating_add(lost);
        let from = before.hour.max(hour.saturating_sub(ledger::REPORT_HOURS_MAX));
        let bytes = least(before).filter(|_| lost == 0).unwrap_or(0);
        (bytes > 0 || lost > 0).then_some(Interval { node, from, to: hour, bytes, lost, at, transcript })
    }
}

#[cfg(test)]
mod tests {
    use protocol::SecretKey;

    use super::*;

    fn audit(minute: u64, proved: Option<u64>, lost: u64) -> Audited {
        Audited {
            node: SecretKey::from_bytes(&[1; 32]).public(),
            at: UnixSeconds::new(1000 * HOUR_S + 60 * minute),
            proved,
            lost,
            transcript: Digest::from_bytes([7; 32]),
        }
    }

    /// Hours, bytes and losses of what follows.
    fn follows(audits: &[Audited]) -> Vec<(u64, u64, u64, u64)> {
        let mut intervals = Intervals::default();
        let found = audits.iter().filter_map(|audit| intervals.take(audit));
        found.map(|it| (it.from - 1000, it.to - 1000, it.bytes, it.lost)).collect()
    }

    #[test]
    fn an_hour_is_kept_when_it_is_proved_at_both_ends() {
        let proved = |minute, bytes| audit(minute, Some(bytes), 0);
        assert!(follows(&[proved(30, 9)]).is_empty());
        assert!(follows(&[proved(5, 9), proved(30, 7), proved(55, 8)]).is_empty());
        assert_eq!(
            follows(&[proved(5, 9), proved(30, 7), proved(61, 8), proved(130, 9)]),
            [(0, 1, 7, 0), (1, 2, 8, 0)]
        );
        assert_eq!(follows(&[proved(5, 9), proved(200, 9)]), [(0, 3, 9, 0)]);
    }

    #[test]
    fn what_is_not_proved_is_not_kept_and_what_is_lost_is_reported() {
        let (proved, offline) = (|minute| audit(minute, Some(9), 0), |minute| audit(minute, None, 0));
        assert!(follows(&[proved(5), offline(65), proved(70), proved(130)]).is_empty());
        assert_eq!(follows(&[proved(5), offline(20), proved(65), proved(125)]), [(1, 2, 9, 0)]);
        let lost = |minute| audit(minute, None, 2);
        assert_eq!(follows(&[proved(5), lost(65), proved(125)]), [(0, 1, 0, 2)]);
        assert_eq!(follows(&[lost(5), proved(65), proved(125)]), [(0, 1, 0, 2), (1, 2, 9, 0)]);
    }

    #[test]
    fn no_report_is_longer_than_a_week_and_none_goes_back() {
        let hours = ledger::REPORT_HOURS_MAX;
        let late = audit(60 * (hours + 5), Some(9), 0);
        assert_eq!(follows(&[audit(5, Some(9), 0), late]), [(5, hours + 5, 9, 0)]);
        assert_eq!(follows(&[late, audit(5, Some(9), 0), audit(61, Some(9), 0)]), [(0, 1, 9, 0)]);
    }
}
