//! Which gateway is asked next: a decision without a clock or a socket.

/// Failures in a row after which a gateway is not asked any more: two for each of the parts that are fetched at once.
const FAILURES_MAX: u32 = 8;

/// What those have who will never do better.
const FOR_GOOD: u32 = u32::MAX;

/// How the gateways of one download have behaved so far.
#[derive(Debug)]
pub(super) struct Standing {
    /// Failures in a row, by the gateway's number.
    failures: Vec<u32>,
}

impl Standing {
    /// Nothing is known of so many gateways.
    pub(super) fn new(gateways: usize) -> Self {
        Self { failures: vec![0; gateways] }
    }

    /// The gateway to ask for something for which each was asked `tries` times already; `None` when no one is left.
    pub(super) fn next(&self, tries: &[u32]) -> Option<usize> {
        let left = (0..self.failures.len()).filter(|gateway| self.failures[*gateway] < FAILURES_MAX);
        left.min_by_key(|gateway| (tries[*gateway], self.failures[*gateway], *gateway))
    }

    /// It answered as it must.
    pub(super) fn succeeded(&mut self, gateway: usize) {
        // What was condemned while this was on its way stays so.
        if self.failures[gateway] < FAILURES_MAX {
            self.failures[gateway] = 0;
        }
    }

    /// It did not; with `is_definite` it never will.
    pub(super) fn failed(&mut self, gateway: usize, is_definite: bool) {
        let failures = &mut self.failures[gateway];
        *failures = if is_definite { FOR_GOOD } else { failures.saturating_add(1) };
    }

    /// Where no gateway is left, those that have only failed get another chance.
    pub(super) fn pardon(&mut self) {
        if self.failures.iter().all(|failures| *failures >= FAILURES_MAX) {
            let failed = self.failures.iter_mut().filter(|failures| **failures < FOR_GOOD);
            failed.for_each(|failures| *failures = 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_asked_until_it_fails() {
        let mut standing = Standing::new(3);
        assert_eq!(standing.next(&[0, 0, 0]), Some(0));
        standing.failed(0, false);
        assert_eq!(standing.next(&[1, 0, 0]), Some(1));
        standing.succeeded(1);
        assert_eq!(standing.next(&[0, 0, 0]), Some(1), "the one that has not failed comes first from now on");
    }

    #[test]
    fn a_liar_is_never_asked_again() {
        let mut standing = Standing::new(2);
        standing.failed(0, true);
        standing.succeeded(0);
        assert_eq!(standing.next(&[0, 5]), Some(1));
        standing.failed(1, true);
        assert_eq!(standing.next(&[0, 0]), None);
    }

    #[test]
    fn a_pardon_is_for_those_who_have_only_failed() {
        let mut standing = Standing::new(2);
        standing.failed(0, true);
        (0..FAILURES_MAX).for_each(|_| standing.failed(1, false));
        assert_eq!(standing.next(&[0, 0]), None);
        standing.pardon();
        assert_eq!(standing.next(&[0, 0]), Some(1));
        standing.failed(1, false);
        standing.pardon();
        assert_eq!(standing.failures[1], 1, "there is one left");
    }

    #[test]
    fn failures_count_in_a_row_only() {
        let mut standing = Standing::new(1);
        for _ in 0..10 {
            standing.failed(0, false);
            standing.failed(0, false);
            standing.succeeded(0);
        }
        assert_eq!(standing.next(&[20]), Some(0));
        for tries in 0..FAILURES_MAX {
            assert_eq!(standing.next(&[tries]), Some(0));
            standing.failed(0, false);
        }
        assert_eq!(standing.next(&[FAILURES_MAX]), None);
    }
}
