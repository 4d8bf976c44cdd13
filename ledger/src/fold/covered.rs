//! What a budget covers: whatever may be asked for under its grants, so that whoever serves under one is paid.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{AgreementId, Amount, PublicKey, Serial, UnixSeconds};

use super::GrantError;
use crate::Per;

/// What of a budget its grants hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Covered {
    all: u64,
    of_viewers: BTreeMap<PublicKey, u64>,
    /// A view is asked for once, of however many grants it is made up: the first of them holds it.
    views: BTreeSet<(PublicKey, AgreementId)>,
    /// All other grants by the time when no receipt comes any more, with whose they are and what each holds.
    until: BTreeMap<(UnixSeconds, Serial), (PublicKey, u64)>,
}

/// A grant that is to be covered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Covering {
    pub(super) viewer: PublicKey,
    pub(super) agreement: AgreementId,
    pub(super) serial: Serial,
    /// When no receipt of it is taken any more.
    pub(super) until: UnixSeconds,
    /// What may be asked for under it.
    pub(super) most: Amount,
    pub(super) per: Per,
}

/// A grant that can ask for no more than it has.
#[derive(Clone, Copy, Debug)]
struct Ended {
    at: (UnixSeconds, Serial),
    viewer: PublicKey,
    unused: u64,
}

impl Covered {
    /// Covers one more grant out of a budget of so much, and so much for `each` viewer; what ended grants have not `asked` for is
    /// free. Where less is left it refuses, and stays as it is.
    pub(super) fn take(
        &mut self,
        [amount, each]: [Amount; 2],
        grant: &Covering,
        at: UnixSeconds,
        asked: impl Fn(&Serial) -> u64,
    ) -> Result<(), GrantError> {
        let ended = self.ended(at, asked);
        let own = |ended: &&Ended| ended.viewer == grant.viewer;
        let free: u64 = ended.iter().map(|ended| ended.unused).sum();
        let free_of_own: u64 = ended.iter().filter(own).map(|ended| ended.unused).sum();
        let held = self.all - free;
        let held_of_own = self.of_viewers.get(&grant.viewer).map_or(0, |held| held - free_of_own);
        let left = amount.get().saturating_sub(held).min(each.get().saturating_sub(held_of_own));
        let is_view = grant.per == Per::View;
        let is_held = is_view && self.views.contains(&(grant.viewer, grant.agreement));
        let more = if is_held { 0 } else { grant.most.get() };
        if more > left {
            let left = Amount::new(left).expect("no more than the budget has");
            return Err(GrantError::UsedUp { left, most: grant.most });
        }
        for ended in ended {
            self.free(&ended);
        }
        self.all += more;
        *self.of_viewers.entry(grant.viewer).or_default() += more;
        if is_view {
            self.views.insert((grant.viewer, grant.agreement));
        } else {
            self.until.insert((grant.until, grant.serial), (grant.viewer, more));
        }
        Ok(())
    }

    fn ended(&self, at: UnixSeconds, asked: impl Fn(&Serial) -> u64) -> Vec<Ended> {
        let ended = self.until.iter().take_while(|((until, _), _)| until.has_passed(at));
        let unused = ended.map(|(key, (viewer, held))| Ended {
            at: *key,
            viewer: *viewer,
            unused: held.saturating_sub(asked(&key.1)),
        });
        unused.collect()
    }

    fn free(&mut self, Ended { at, viewer, unused }: &Ended) {
        self.until.remove(at);
        self.all -= unused;
        *self.of_viewers.get_mut(viewer).expect("it was covered for its viewer") -= unused;
    }
}
