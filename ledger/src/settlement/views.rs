//! Whether what was paid for a view can be right: a view is one for each viewer, title and epoch, in however many lines.

use protocol::{AgreementId, Alias, Amount, Usage};

use super::lines::{Line, LineBudget};
use super::plays::view_ms;
use crate::Price;

/// The lines of one viewer for one title that has a price per view.
#[derive(Clone, Default, Debug)]
pub(super) struct Views {
    of: Option<(AgreementId, Alias, Price)>,
    lines: Vec<Line>,
}

impl Views {
    /// Adds a line for a title that has this price per view. Where it is of another viewer than the one before, gives a line
    /// of that one which cannot be right, when there is one.
    pub(super) fn take(&mut self, line: &Line, price: &Price) -> Option<Line> {
        let of = Some((line.agreement, line.alias, *price));
        let wrong = if self.of == of { None } else { self.end() };
        self.of = of;
        self.lines.push(*line);
        wrong
    }

    /// A line of the last viewer that cannot be right; and nothing is left of that one.
    pub(super) fn end(&mut self) -> Option<Line> {
        let lines = std::mem::take(&mut self.lines);
        let (_, _, price) = self.of.take()?;
        if is_right(&price, &lines) { None } else { lines.first().copied() }
    }
}

fn is_right(price: &Price, lines: &[Line]) -> bool {
    let all = usage(lines);
    if all.ms == u64::MAX || lines.iter().any(Line::is_beyond_counting) {
        return true;
    }
    have_shared(lines, price, price.charge(all, Amount::MAX))
}

/// Whether these lines have paid for the view, each its part of it; a budget that is shared as a whole may have paid more.
fn have_shared(lines: &[Line], price: &Price, view: Amount) -> bool {
    let weights: Vec<Weight> = lines.iter().map(|line| Weight::of(line, price)).collect();
    let sum = weights.iter().copied().fold(Weight::default(), Weight::plus);
    let has_its_part = |(line, weight): (&Line, &Weight)| weight.is_part(line, sum, view);
    let limited = lines.iter().filter(|line| !is_whole(line));
    let paid: u128 = limited.clone().map(|line| u128::from(line.paid)).sum();
    let is_all = limited.count() == lines.len();
    let is_paid = if is_all { paid == u128::from(view) } else { paid <= u128::from(view) };
    is_paid && lines.iter().zip(&weights).all(has_its_part)
}

fn is_whole(line: &Line) -> bool {
    line.budget.is_some_and(|LineBudget { whole, .. }| whole)
}

/// What the grants of a line count for together when a view is shared, in milliseconds: each of them for no more than what makes
/// a view, so that it is known exactly of a single one.
#[derive(Clone, Copy, Default, Debug)]
struct Weight {
    least: u128,
    most: u128,
}

impl Weight {
    fn of(line: &Line, price: &Price) -> Self {
        let (ms, of_grant) = (u128::from(line.usage.ms), u128::from(view_ms(price)));
        let most = of_grant.saturating_mul(line.plays.into());
        Self { least: ms.min(of_grant), most: ms.min(most) }
    }

    const fn plus(self, other: Self) -> Self {
        Self { least: self.least + other.least, most: self.most + other.most }
    }

    /// Whether a line that counts for this, of all, has had its part of the view: each of its grants up to a micro-unit.
    fn is_part(self, line: &Line, all: Self, view: Amount) -> bool {
        let [paid, plays, view] = [line.paid.get(), line.plays, view.get()].map(u128::from);
        if view == 0 || self.most == 0 {
            return paid == 0 || (view > 0 && is_whole(line));
        }
        let beside = Self { least: all.least - self.least, most: all.most - self.most };
        let [low, high] = [self.least + beside.most, self.most + beside.least];
        let is_enough = (paid + plays).saturating_mul(low) > view.saturating_mul(self.least);
        let most = view.saturating_mul(self.most).saturating_add(plays.saturating_mul(high));
        is_enough && (is_whole(line) || paid.saturating_mul(high) < most)
    }
}

fn usage(lines: &[Line]) -> Usage {
    lines.iter().fold(Usage::default(), |sum, line| sum.plus(line.usage))
}

#[cfg(test)]
mod tests {
    use protocol::{Digest, SecretKey};

    use super::super::lines::Pool;
    use super::*;
    use crate::{Per, Quantity};

    fn amount(micro: u64) -> Amount {
        Amount::new(micro).expect("it is small")
    }

    fn line(viewer: u8, gateway: u8, paid: u64, ms: u64, budget: Option<LineBudget>) -> Line {
        Line {
            agreement: AgreementId::from_bytes([1; 32]),
            alias: Alias::from_bytes([viewer; 32]),
            attested: false,
            budget,
            gateway: SecretKey::from_bytes(&[gateway; 32]).public(),
            paid: amount(paid),
            plays: 1,
            usage: Usage { bytes: 1, ms },
        }
    }

    /// 10 micro-units for a view, which begins after 2 s.
    fn are_right(lines: &[Line]) -> bool {
        let price = Price { micro: amount(10), of: Quantity::new(2).expect("it is small"), per: Per::View };
        let mut views = Views::default();
        let found = lines.iter().filter_map(|line| views.take(line, &price)).count();
        found == 0 && views.end().is_none()
    }

    #[test]
    fn a_view_is_paid_once_in_however_many_lines() {
        let own = |viewer, gateway, paid, ms| line(viewer, gateway, paid, ms, None);
        assert!(are_right(&[own(1, 1, 10, 2000)]) && are_right(&[own(1, 1, 0, 1999)]));
        assert!(!are_right(&[own(1, 1, 0, 2000)]), "for nothing");
        assert!(!are_right(&[own(1, 1, 10, 1999)]), "what is none");
        assert!(are_right(&[own(1, 1, 5, 1000), own(1, 2, 5, 1000)]), "of two halves");
        assert!(!are_right(&[own(1, 1, 0, 1500), own(1, 2, 0, 1500)]), "short ones add up");
        assert!(!are_right(&[own(1, 1, 10, 5000), own(1, 2, 10, 5000)]), "twice");
        assert!(!are_right(&[own(1, 1, 8, 5000), own(1, 2, 2, 5000)]), "each its part");
        assert!(are_right(&[own(1, 1, 10, 9000), own(2, 1, 0, 1000), own(3, 1, 10, 2500)]));
        assert!(!are_right(&[own(1, 1, 0, 9000), own(2, 1, 0, 1000)]), "the one before");
    }

    #[test]
    fn budgets_pay_for_a_view_as_viewers_do() {
        let pool = Pool { name: Digest::of(b"pool"), amount: amount(99), each: amount(99), viewers: 9 };
        let pooled = Some(LineBudget { pool: Some(pool), whole: false });
        let subscribed = Some(LineBudget { pool: None, whole: false });
        let whole = Some(LineBudget { pool: None, whole: true });
        let of = |budget, paid, ms| line(1, 1, paid, ms, budget);
        assert!(are_right(&[of(pooled, 10, 3000)]) && are_right(&[of(subscribed, 10, 3000)]));
        assert!(!are_right(&[of(pooled, 3, 3000)]) && !are_right(&[of(subscribed, 0, 3000)]), "too little");
        assert!(!are_right(&[of(pooled, 11, 3000)]) && !are_right(&[of(pooled, 1, 1000)]));
        assert!(are_right(&[of(whole, 70, 3000)]) && !are_right(&[of(whole, 70, 1000)]));
        assert!(!are_right(&[of(whole, 9, 3000)]), "less than was asked");
        assert!(are_right(&[of(subscribed, 5, 2000), of(whole, 50, 2000)]));
        assert!(!are_right(&[of(subscribed, 5, 2000), of(whole, 4, 2000)]), "less than its part");
        assert!(!are_right(&[of(subscribed, 0, 2000), of(whole, 50, 2000)]));
        assert!(are_right(&[of(None, 5, 1000), of(pooled, 5, 1000)]), "each its part, whoever pays");
        assert!(!are_right(&[of(None, 10, 1000), of(pooled, 1, 1000)]), "it was paid already");
        assert!(!are_right(&[of(None, 10, 1), of(pooled, 0, 3000)]), "a millisecond does not pay for all");
        assert!(!are_right(&[of(None, 1, 0), of(pooled, 9, 3000)]), "nothing was played for it");
    }

    /// A grant counts for what makes a view, however long somebody says that it was played: who has served one has its part.
    #[test]
    fn a_long_play_elsewhere_takes_no_more_than_one_view_of_a_part() {
        let own = |gateway, paid, ms| line(1, gateway, paid, ms, None);
        assert!(are_right(&[own(1, 5, 2000), own(2, 5, 1 << 31)]));
        assert!(!are_right(&[own(1, 0, 2000), own(2, 10, 1 << 31)]));
        let several = |paid, plays, ms| Line { plays, ..own(2, paid, ms) };
        assert!(are_right(&[own(1, 4, 2000), several(6, 2, 4000)]), "of two grants both may count as a view");
        assert!(are_right(&[own(1, 5, 2000), several(5, 2, 4000)]), "or one of them may have almost all");
        assert!(!are_right(&[own(1, 1, 2000), several(9, 2, 4000)]));
    }
}
