//! How often one link is asked for: a bucket for each, in memory.

use std::collections::HashMap;
use std::time::Duration;

use sharing::LinkId;

/// Links whose requests are counted at a time.
const LINKS_COUNTED_MAX: usize = 16_384;
const MINUTE: Duration = Duration::from_mins(1);

/// Which links were asked for lately, and until when their requests weigh.
#[derive(Debug)]
pub(crate) struct Polls {
    /// Requests for one link, at once and in a minute.
    per_minute: u32,
    busy_until: HashMap<LinkId, Duration>,
}

impl Polls {
    /// So many requests for one link, at once or one by one.
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { per_minute, busy_until: HashMap::new() }
    }

    /// Whether this link may be asked for at `now` (time since the start). Where more links are asked for than are counted,
    /// the others have to wait.
    pub(crate) fn admit(&mut self, id: LinkId, now: Duration) -> bool {
        if !self.busy_until.contains_key(&id) && self.busy_until.len() >= LINKS_COUNTED_MAX {
            self.busy_until.retain(|_, until| *until > now);
            if self.busy_until.len() >= LINKS_COUNTED_MAX {
                return false;
            }
        }
        let until = self.busy_until.entry(id).or_insert(now);
        let next = (*until).max(now) + MINUTE / self.per_minute;
        let is_admitted = next <= now + MINUTE;
        if is_admitted {
            *until = next;
        }
        is_admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_at_once_and_then_one_by_one() {
        let (mut polls, one, other) =
            (Polls::new(60), LinkId::from_bytes([1; 32]), LinkId::from_bytes([2; 32]));
        let second = Duration::from_secs;
        let admitted = (0..100).filter(|_| polls.admit(one, second(5))).count();
        assert_eq!(admitted, 60);
        assert!(polls.admit(other, second(5)), "links do not share");
        assert!(!polls.admit(one, Duration::from_millis(5999)));
        assert!(polls.admit(one, second(6)) && !polls.admit(one, second(6)));
        assert_eq!((0..100).filter(|_| polls.admit(one, second(1000))).count(), 60, "never more than that");
    }

    #[test]
    fn what_is_counted_is_bounded_and_forgets_the_idle() {
        let mut polls = Polls::new(60);
        let link = |number: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&number.to_le_bytes());
            LinkId::from_bytes(bytes)
        };
        assert!((0..LINKS_COUNTED_MAX).all(|number| polls.admit(link(number), Duration::ZERO)));
        assert!(!polls.admit(link(LINKS_COUNTED_MAX), Duration::ZERO));
        assert!(polls.admit(link(LINKS_COUNTED_MAX), Duration::from_secs(1)));
        assert_eq!(polls.busy_until.len(), 1);
    }
}
