//! Which prepayment pays for which hours. No clock, no disk, no ledger.

use ledger::{Prepayment, STORAGE_GRACE_S};
use protocol::{Signed, UnixSeconds};

use super::intervals::{HOUR_S, Interval};

/// The part of an interval that is reported next, and for which prepayment: the earliest hours that one of them is for; of two
/// for the same hours the first one. Those of `refused` are passed over. `None` where nobody pays for any of it.
pub(super) fn next_part(
    prepayments: &[Signed<Prepayment>],
    interval: &Interval,
    refused: &[usize],
) -> Option<(usize, Interval)> {
    let open = prepayments.iter().enumerate().filter(|(index, _)| !refused.contains(index));
    let parts = open.filter_map(|(index, prepayment)| Some((index, part(prepayment.body(), interval)?)));
    parts.min_by_key(|(_, part)| part.from)
}

/// The hours of an interval that a prepayment is for.
fn part(prepayment: &Prepayment, interval: &Interval) -> Option<Interval> {
    let Prepayment { issued, until, .. } = *prepayment;
    let from = interval.from.max(issued.get() / HOUR_S);
    let to = interval.to.min(until.get() / HOUR_S);
    (from < to).then_some(Interval { from, to, ..*interval })
}

/// Whether a ledger takes no more reports for a prepayment.
pub(super) fn is_over(prepayment: &Prepayment, now: UnixSeconds) -> bool {
    prepayment.until.plus(STORAGE_GRACE_S).has_passed(now)
}

#[cfg(test)]
mod tests {
    use ledger::PaymentId;
    use protocol::{Amount, Digest, NetworkId, Ppm, SecretKey};

    use super::*;

    fn prepayment(id: u8, hours: std::ops::Range<u64>) -> Signed<Prepayment> {
        let key = SecretKey::from_bytes(&[id; 32]);
        let body = Prepayment {
            amount: Amount::new(9).unwrap(),
            auditor: key.public(),
            id: PaymentId::from_bytes([id; 16]),
            issued: UnixSeconds::new(hours.start * HOUR_S + 5),
            price: Amount::new(1).unwrap(),
            until: UnixSeconds::new(hours.end * HOUR_S + 5),
            withheld: Ppm::ZERO,
        };
        Signed::sign(&key, &NetworkId::from_bytes([2; 32]), body)
    }

    fn hours(from: u64, to: u64) -> Interval {
        let (node, at) = (SecretKey::from_bytes(&[1; 32]).public(), UnixSeconds::new(to * HOUR_S));
        Interval { node, from, to, bytes: 7, lost: 0, at, transcript: Digest::from_bytes([3; 32]) }
    }

    #[test]
    fn every_hour_is_reported_for_the_first_prepayment_that_is_for_it() {
        let all = [prepayment(1, 10..20), prepayment(2, 15..40), prepayment(3, 50..60)];
        let next = |from, to, refused: &[usize]| {
            next_part(&all, &hours(from, to), refused).map(|(index, part)| (index, part.from, part.to))
        };
        assert_eq!(next(12, 30, &[]), Some((0, 12, 20)), "the rest is the next one's");
        assert_eq!(next(20, 30, &[]), Some((1, 20, 30)));
        assert_eq!(next(5, 12, &[]), Some((0, 10, 12)), "nobody pays for the hours before");
        assert_eq!(next(12, 30, &[0]), Some((1, 15, 30)), "the first one has nothing left");
        assert_eq!(next(39, 55, &[]), Some((1, 39, 40)));
        assert_eq!(next(40, 55, &[]), Some((2, 50, 55)));
        assert_eq!([next(40, 50, &[]), next(12, 15, &[0]), next(60, 70, &[])], [None; 3]);
    }
}
