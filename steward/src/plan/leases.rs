//! When leases are renewed, and until when.

use protocol::UnixSeconds;

use super::{Object, Rules};

/// A renewal must bring at least so much, in seconds: less than a day is charged as one.
const WORTH_IT: u64 = 86_400;

impl Object {
    /// Until when leases are to last that are made or renewed now; `None` when the mandate has ended.
    pub fn lease_goal(&self, rules: &Rules, now: UnixSeconds) -> Option<UnixSeconds> {
        let goal = now.plus(rules.lease_term).min(self.care_ends());
        (!goal.has_passed(now)).then_some(goal)
    }

    /// Leases that end before this are renewed now.
    pub(super) fn renew_below(&self, rules: &Rules, now: UnixSeconds) -> UnixSeconds {
        now.plus(rules.renew_before).min(self.care_ends())
    }

    /// When to look at the leases again, after a look that found them as they are.
    pub(super) fn next_look_at_leases(&self, rules: &Rules, now: UnixSeconds) -> Option<UnixSeconds> {
        if self.care_ends().has_passed(now) {
            return None;
        }
        if self.leases.failures > 0 {
            return Some(now.plus(rules.backoff(self.leases.failures)));
        }
        let due = UnixSeconds::new(self.leases.ends?.get().saturating_sub(rules.renew_before));
        let care_ends_first = self.leases.ends?.plus(WORTH_IT) > self.care_ends();
        // What nodes say of their leases is looked at now and then all the same.
        let at = if care_ends_first { now.plus(rules.object_audit_every) } else { due };
        Some(at.min(now.plus(rules.object_audit_every)).max(now.plus(rules.retry_min)))
    }
}
