//! Disputes with what was held for them, as anybody may list them; all of it stands in the log, too.

use std::collections::VecDeque;

use ledger::{Disputed, Hold, Resolution};
use protocol::{Amount, Digest, Signed, UnixSeconds};

/// Most disputes that are listed: of more of them, the oldest for which nothing was held goes first.
const LISTED_MAX: usize = 1000;

/// The newest disputes, in the order in which they came.
#[derive(Clone, Default, Debug)]
pub(crate) struct ListedDisputes(VecDeque<ListedDispute>);

/// Something that was said, when, and by which entry of the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub(crate) index: u64,
    pub(crate) at: UnixSeconds,
}

/// A dispute, and what was held for it.
#[derive(Clone, Debug)]
pub(crate) struct ListedDispute {
    pub(crate) disputed: Disputed,
    pub(crate) said: Said,
    pub(crate) holds: Vec<ListedHold>,
}

/// Something that was held; `given` once it was resolved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListedHold {
    pub(crate) name: Digest,
    pub(crate) amount: Amount,
    pub(crate) said: Said,
    pub(crate) given: Option<(Amount, Said)>,
}

impl ListedDisputes {
    pub(crate) fn dispute(&mut self, disputed: Disputed, index: u64, at: UnixSeconds) {
        if self.0.len() >= LISTED_MAX {
            let oldest = self.0.iter().position(|listed| listed.holds.is_empty()).unwrap_or(0);
            self.0.remove(oldest);
        }
        self.0.push_back(ListedDispute { disputed, said: Said { index, at }, holds: Vec::new() });
    }

    pub(crate) fn hold(&mut self, record: &Signed<Hold>, index: u64, at: UnixSeconds) {
        let Hold { amount, dispute, .. } = *record.body();
        let hold = ListedHold { name: record.name(), amount, said: Said { index, at }, given: None };
        let listed = self.0.iter_mut().rev().find(|listed| listed.disputed.name == dispute);
        if let Some(listed) = listed {
            listed.holds.push(hold);
        }
    }

    pub(crate) fn resolve(&mut self, record: &Signed<Resolution>, index: u64, at: UnixSeconds) {
        let Resolution { given, hold, .. } = *record.body();
        let held = self.0.iter_mut().flat_map(|listed| &mut listed.holds).find(|held| held.name == hold);
        if let Some(held) = held {
            held.given = Some((given, Said { index, at }));
        }
    }

    /// All that are listed, the newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &ListedDispute> {
        self.0.iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use protocol::SecretKey;

    use super::*;

    #[test]
    fn a_crowd_of_disputes_hides_none_for_which_something_is_held() {
        let key = SecretKey::from_bytes(&[1; 32]);
        let amount = Amount::new(5).unwrap();
        let dispute = |number: usize| {
            let name = Digest::of(&number.to_le_bytes());
            Disputed { amount, by: key.public(), name, party: key.public() }
        };
        let mut listed = ListedDisputes::default();
        let at = UnixSeconds::new(7);
        listed.dispute(dispute(0), 0, at);
        let hold = Hold { amount, dispute: dispute(0).name, issued: at };
        listed.hold(&Signed::sign(&key, &protocol::NetworkId::from_bytes([1; 32]), hold), 1, at);
        for number in 1..=LISTED_MAX {
            listed.dispute(dispute(number), number as u64 + 1, at);
        }
        let all: Vec<_> = listed.newest_first().map(|listed| listed.disputed.name).collect();
        assert_eq!((all.len(), all[0]), (LISTED_MAX, dispute(LISTED_MAX).name));
        assert_eq!(all.last(), Some(&dispute(0).name));
        assert!(!all.contains(&dispute(1).name));
    }
}
