//! What a node did lately, and what follows from it. The table is in `docs/operating.md`; the numbers are here.

use protocol::UnixSeconds;
use serde::{Deserialize, Serialize};

/// What a node can do wrong. Four different things, with different consequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It did not answer an audit at all.
    Offline,
    /// It proved what was asked, but took long.
    Slow,
    /// It has not what it signed a lease for.
    Missing,
    /// It has it, but not as it should be.
    Corrupt,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Offline, Self::Slow, Self::Missing, Self::Corrupt];

    /// What one such fault counts.
    const fn points(self) -> u64 {
        match self {
            Self::Offline | Self::Slow => 1,
            Self::Missing => 4,
            Self::Corrupt => 8,
        }
    }

    /// After how many seconds it counts half.
    const fn half_life(self) -> u64 {
        const HOUR: u64 = 3600;
        match self {
            Self::Slow => 6 * HOUR,
            Self::Offline => 24 * HOUR,
            Self::Missing => 30 * 24 * HOUR,
            Self::Corrupt => 60 * 24 * HOUR,
        }
    }

    /// From how many points on a node is avoided.
    const fn limit(self) -> u64 {
        match self {
            Self::Slow => 5,
            Self::Offline => 12,
            Self::Missing | Self::Corrupt => 8,
        }
    }

    /// Name for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Slow => "slow",
            Self::Missing => "missing",
            Self::Corrupt => "corrupt",
        }
    }
}

/// What a score means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It gets shards by its rank.
    Trusted,
    /// It gets a shard only when no other node takes it. What it has stays where it is.
    Avoided,
}

/// Thousandths of a point, as they were at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Decaying {
    milli: u64,
    at: u64,
}

/// A node's faults, each halved again and again by time: nothing is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Score([Decaying; 4]);

impl Score {
    /// Adds a fault.
    pub fn add(&mut self, fault: Fault, now: UnixSeconds) {
        let milli = self.milli(fault, now).saturating_add(1000 * fault.points());
        self.0[fault as usize] = Decaying { milli, at: now.get() };
    }

    /// The points of one kind that are left at `now`, in thousandths.
    pub fn milli(&self, fault: Fault, now: UnixSeconds) -> u64 {
        let Decaying { milli, at } = self.0[fault as usize];
        let passed = now.get().saturating_sub(at);
        let (halvings, rest) = (passed / fault.half_life(), passed % fault.half_life());
        let halved = milli.checked_shr(u32::try_from(halvings).unwrap_or(u32::MAX)).unwrap_or(0);
        // A straight line between two halvings.
        halved - halved * rest / (2 * fault.half_life())
    }

    /// What follows from all of it.
    pub fn standing(&self, now: UnixSeconds) -> Standing {
        let is_over = |fault: &Fault| self.milli(*fault, now) >= 1000 * fault.limit();
        if Fault::ALL.iter().any(is_over) { Standing::Avoided } else { Standing::Trusted }
    }
}

/// What a steward knows of a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NodeCare {
    /// Its faults.
    pub score: Score,
    /// Since when it has not answered.
    pub offline_since: Option<UnixSeconds>,
    /// When it last proved something.
    pub proved: Option<UnixSeconds>,
    /// When it is audited next.
    pub next_audit: Option<UnixSeconds>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn at(days: u64) -> UnixSeconds {
        UnixSeconds::new(1_000_000 + days * DAY)
    }

    #[test]
    fn a_spoilt_shard_counts_for_months_and_a_silent_hour_for_days() {
        let mut score = Score::default();
        score.add(Fault::Corrupt, at(0));
        score.add(Fault::Offline, at(0));
        assert_eq!(score.standing(at(0)), Standing::Avoided);
        assert_eq!(score.milli(Fault::Corrupt, at(60)), 4000);
        assert_eq!(score.standing(at(1)), Standing::Trusted, "one alone is forgiven at once");
        score.add(Fault::Corrupt, at(1));
        assert_eq!(score.standing(at(30)), Standing::Avoided);
        assert_eq!(score.standing(at(70)), Standing::Trusted, "and two after two months");
        assert!(score.milli(Fault::Offline, at(10)) < 2);
    }

    #[test]
    fn two_missing_shards_or_half_a_day_offline_are_enough() {
        let mut score = Score::default();
        score.add(Fault::Missing, at(0));
        assert_eq!(score.standing(at(0)), Standing::Trusted);
        score.add(Fault::Missing, at(0));
        assert_eq!(score.standing(at(0)), Standing::Avoided);
        let mut score = Score::default();
        for hour in 0..24 {
            score.add(Fault::Offline, UnixSeconds::new(hour * 3600));
        }
        assert_eq!(score.standing(UnixSeconds::new(DAY)), Standing::Avoided);
        assert_eq!(score.standing(UnixSeconds::new(3 * DAY)), Standing::Trusted);
    }

    #[test]
    fn points_only_ever_fall() {
        let mut score = Score::default();
        for fault in Fault::ALL {
            score.add(fault, at(0));
            let points: Vec<_> = (0..4000).map(|hour| score.milli(fault, at(0).plus(hour * 3600))).collect();
            assert!(points.is_sorted_by(|earlier, later| earlier >= later), "{fault:?}");
        }
        assert!(Fault::ALL.iter().all(|fault| score.milli(*fault, at(100_000)) == 0));
    }
}
