//! How endangered a unit is, and what of it is to be made again.

use protocol::{PublicKey, UnixSeconds};

use super::{Found, Rules, Unit};

/// What is to be done about a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Parts that were proved and whose nodes answer.
    pub proved: u8,
    /// These, and those whose nodes have not been offline for long.
    pub healthy: u8,
    /// Parts that are not there now, whether they count as lost or not.
    pub absent: u8,
    /// Parts to be made again now; empty when nothing is to be done yet.
    pub wanted: Vec<u8>,
    /// Since when it is short of something.
    pub since: Option<UnixSeconds>,
    /// When time alone changes this judgement.
    pub changes_at: Option<UnixSeconds>,
}

/// Judges a unit, unless nothing is known of it yet. `offline_since` says since when a node has not answered.
///
/// A part is lost when it is missing or corrupt, and when its node has been offline for longer than the grace. What
/// is lost is made again when the unit is down to its threshold, or when the loss is old; and when only just enough
/// parts are proved, what is offline is made again as well, without any grace.
pub fn judge(
    unit: &Unit,
    offline_since: impl Fn(&PublicKey) -> Option<UnixSeconds>,
    rules: &Rules,
    now: UnixSeconds,
) -> Option<Judgement> {
    if unit.parts.iter().any(|part| part.found == Found::Unknown) {
        return None;
    }
    let mut view = View::default();
    for (number, part) in (0_u8..).zip(&unit.parts) {
        let node_offline = part.node.as_ref().and_then(&offline_since);
        match part.found {
            Found::Missing | Found::Corrupt => view.lose(number, part.since),
            Found::Offline => {
                view.wait(number, node_offline.map_or(part.since, |s| s.min(part.since)), rules, now);
            }
            Found::Proved | Found::Unknown => match node_offline {
                Some(since) => view.wait(number, since, rules, now),
                None => view.proved += 1,
            },
        }
    }
    Some(view.judgement(unit, rules, now))
}

#[derive(Default)]
struct View {
    proved: u8,
    lost: Vec<u8>,
    waiting: Vec<u8>,
    since: Option<UnixSeconds>,
    lost_since: Option<UnixSeconds>,
    changes_at: Option<UnixSeconds>,
}

impl View {
    fn lose(&mut self, number: u8, since: UnixSeconds) {
        self.lost.push(number);
        self.since = Some(earlier(self.since, since));
        self.lost_since = Some(earlier(self.lost_since, since));
    }

    fn wait(&mut self, number: u8, since: UnixSeconds, rules: &Rules, now: UnixSeconds) {
        let lost_at = since.plus(rules.grace);
        if lost_at.has_passed(now) {
            return self.lose(number, since);
        }
        self.waiting.push(number);
        self.since = Some(earlier(self.since, since));
        self.changes_at = Some(earlier(self.changes_at, lost_at));
    }

    fn judgement(mut self, unit: &Unit, rules: &Rules, now: UnixSeconds) -> Judgement {
        let count = |list: &[u8]| u8::try_from(list.len()).expect("a unit has at most 255 parts");
        let healthy = self.proved + count(&self.waiting);
        let absent = count(&self.lost) + count(&self.waiting);
        let mut wanted = Vec::new();
        let is_old = self.lost_since.is_some_and(|since| since.plus(rules.tidy_after).has_passed(now));
        if healthy <= unit.threshold || is_old {
            wanted.append(&mut self.lost);
        } else if let Some(since) = self.lost_since {
            self.changes_at = Some(earlier(self.changes_at, since.plus(rules.tidy_after)));
        }
        if self.proved <= unit.needed {
            wanted.append(&mut self.lost);
            wanted.append(&mut self.waiting);
            wanted.sort_unstable();
        }
        let (proved, since, changes_at) = (self.proved, self.since, self.changes_at);
        Judgement { proved, healthy, absent, wanted, since, changes_at }
    }
}

fn earlier(known: Option<UnixSeconds>, other: UnixSeconds) -> UnixSeconds {
    known.map_or(other, |known| known.min(other))
}

#[cfg(test)]
mod tests {
    use protocol::SecretKey;

    use super::*;
    use crate::plan::{PartCare, Repair};

    const START: UnixSeconds = UnixSeconds::new(1_000_000);

    fn unit(needed: u8, founds: &[Found]) -> Unit {
        let part = |(number, found): (usize, &Found)| PartCare {
            node: Some(node(u8::try_from(number).unwrap())),
            found: *found,
            since: START,
            proved: None,
        };
        let parts = founds.iter().enumerate().map(part).collect();
        let threshold = needed + (u8::try_from(founds.len()).unwrap() - needed).div_ceil(2);
        Unit { needed, threshold, parts, repair: Repair::default(), whole: None }
    }

    fn node(number: u8) -> PublicKey {
        SecretKey::from_bytes(&[number + 1; 32]).public()
    }

    fn wanted(unit: &Unit, offline: &[u8], after: u64) -> Vec<u8> {
        let since = |key: &PublicKey| offline.iter().any(|number| node(*number) == *key).then_some(START);
        judge(unit, since, &Rules::default(), START.plus(after)).unwrap().wanted
    }

    #[test]
    fn what_is_missing_or_corrupt_is_made_again_at_once() {
        use Found::{Corrupt, Missing, Proved};
        let unit = unit(4, &[Proved, Missing, Proved, Proved, Proved, Corrupt]);
        assert_eq!(wanted(&unit, &[], 0), [1, 5]);
    }

    #[test]
    fn what_is_offline_is_waited_for_unless_it_is_needed() {
        let whole = unit(4, &[Found::Proved; 6]);
        let grace = Rules::default().grace;
        assert_eq!(wanted(&whole, &[], 0), [0; 0]);
        assert_eq!(wanted(&whole, &[3], grace - 1), [0; 0]);
        assert_eq!(wanted(&whole, &[3], grace), [3]);
        assert_eq!(wanted(&whole, &[2, 3], 0), [2, 3], "only k are left");
    }

    #[test]
    fn wide_codings_wait_for_their_threshold_or_a_month() {
        let mut founds = [Found::Proved; 16];
        founds[7] = Found::Missing;
        assert_eq!(wanted(&unit(10, &founds), &[], 0), [0; 0]);
        assert_eq!(wanted(&unit(10, &founds), &[], Rules::default().tidy_after), [7]);
        founds[8] = Found::Corrupt;
        founds[9] = Found::Missing;
        assert_eq!(wanted(&unit(10, &founds), &[], 0), [7, 8, 9]);
    }

    #[test]
    fn nothing_is_judged_before_somebody_has_looked() {
        let unknown = unit(4, &[Found::Unknown; 6]);
        assert_eq!(judge(&unknown, |_| None, &Rules::default(), START), None);
    }

    #[test]
    fn it_says_when_time_changes_its_mind() {
        let whole = unit(4, &[Found::Proved; 6]);
        let offline = |key: &PublicKey| (*key == node(0)).then_some(START);
        let judgement = judge(&whole, offline, &Rules::default(), START.plus(5)).unwrap();
        assert_eq!((judgement.proved, judgement.healthy, judgement.absent), (5, 6, 1));
        assert_eq!(judgement.changes_at, Some(START.plus(Rules::default().grace)));
    }
}
