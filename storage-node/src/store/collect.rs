//! What ends by itself: leases after their days of grace, pointers, the graves of released leases, and what was spent
//! under mandates that have ended.

use protocol::limits::LEASE_GRACE_S;
use protocol::{Refusal, UnixSeconds};

use super::group::Group;
use super::job::{Done, Job};
use super::{Store, StoreError};
use crate::index::Lookup as _;
use crate::rows::LeaseKey;

/// Most of each kind that one round of collection ends.
const COLLECT_MAX: usize = 256;

impl Group<'_> {
    /// The lease may have been renewed since it was chosen.
    pub(super) fn collect(
        &mut self,
        key: &LeaseKey,
        now: UnixSeconds,
    ) -> Result<Result<Done, Refusal>, StoreError> {
        if self.change.lease(key)?.is_some_and(|row| row.lease.is_collectable(now)) {
            self.end_lease(key)?;
        }
        Ok(Ok(Done::Kept))
    }

    pub(super) fn forget(&mut self, now: UnixSeconds) -> Result<Result<Done, Refusal>, StoreError> {
        let view = self.store.index.view()?;
        for (owner, slot) in view.pointers_ended(now)?.into_iter().take(COLLECT_MAX) {
            if self.change.pointer(&owner, slot)?.is_some_and(|row| row.expires.has_passed(now)) {
                self.change.remove_pointer(&owner, slot)?;
            }
        }
        for key in view.graves(|grave| grave.until.has_passed(now))?.into_iter().take(COLLECT_MAX) {
            if self.change.grave(&key)?.is_some_and(|row| row.until.has_passed(now)) {
                self.change.remove_grave(&key)?;
            }
        }
        for (control, holder) in view.spent_ended(now)?.into_iter().take(COLLECT_MAX) {
            if self.change.spent_row(&control, &holder)?.is_some_and(|row| row.until.has_passed(now)) {
                self.change.remove_spent(&control, &holder)?;
            }
        }
        Ok(Ok(Done::Kept))
    }
}

impl Store {
    /// Ends what has ended; returns the number of leases, and whether there may be more.
    pub(crate) fn collect(&self, now: UnixSeconds) -> Result<(usize, bool), StoreError> {
        let until = UnixSeconds::new(now.get().saturating_sub(LEASE_GRACE_S));
        let ended = self.index.view()?.leases_ending(until, COLLECT_MAX)?;
        let count = ended.len();
        let jobs = ended.into_iter().map(|lease| Job::Collect { lease, now });
        self.commit(jobs.chain([Job::Forget { now }]).collect());
        Ok((count, count == COLLECT_MAX))
    }
}
