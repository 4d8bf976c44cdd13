//! Whether what was paid for a view can be right: a view is one for each viewer, title and epoch, in however many lines.

use protocol::{AgreementId, Alias, Amount, Usage};

use super::lines::{Line, LineBudget};
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
    let view = price.charge(all, Amount::MAX);
    let is_own = |line: &&Line| line.budget.is_none() && line.usage.ms > 0;
    let (own, rest): (Vec<&Line>, Vec<&Line>) = lines.iter().partition(is_own);
    if own.is_empty() {
        return rest.iter().all(|line| may_have_paid(line, view)) && of_budgets(&rest) <= u128::from(view);
    }
    let ms = own.iter().fold(0, |sum: u64, line| sum.saturating_add(line.usage.ms));
    let paid: u128 = own.iter().map(|line| u128::from(line.paid)).sum();
    paid == u128::from(view)
        && own.iter().all(|line| is_its_part(line, view, ms))
        && rest.iter().all(|line| line.paid.is_zero())
}

/// Whoever pays for themselves has paid nothing where nothing was played for their own money; a budget that is shared as a whole
/// pays any part where there was a view.
fn may_have_paid(line: &Line, view: Amount) -> bool {
    line.paid.is_zero() || (line.budget.is_some() && !view.is_zero())
}

fn of_budgets(lines: &[&Line]) -> u128 {
    let is_limited = |line: &&&Line| !line.budget.is_some_and(|LineBudget { whole, .. }| whole);
    lines.iter().filter(is_limited).map(|line| u128::from(line.paid)).sum()
}

/// Each grant has paid for the time that was played under it: its part of the view, up to a micro-unit.
fn is_its_part(line: &Line, view: Amount, ms: u64) -> bool {
    let [paid, part] = [(line.paid.get(), ms), (view.get(), line.usage.ms)]
        .map(|(micro, ms)| u128::from(micro) * u128::from(ms));
    paid.abs_diff(part) < u128::from(line.plays) * u128::from(ms)
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
    fn budgets_pay_for_a_view_where_the_viewer_does_not() {
        let pool = Pool { name: Digest::of(b"pool"), amount: amount(99), each: amount(99), viewers: 9 };
        let pooled = Some(LineBudget { pool: Some(pool), whole: false });
        let whole = Some(LineBudget { pool: None, whole: true });
        let of = |budget, paid, ms| line(1, 1, paid, ms, budget);
        assert!(are_right(&[of(pooled, 10, 3000)]) && are_right(&[of(pooled, 3, 3000)]));
        assert!(!are_right(&[of(pooled, 11, 3000)]) && !are_right(&[of(pooled, 1, 1000)]));
        assert!(are_right(&[of(whole, 70, 3000)]) && !are_right(&[of(whole, 70, 1000)]));
        assert!(are_right(&[of(None, 10, 1000), of(whole, 0, 1000)]));
        assert!(!are_right(&[of(None, 10, 1000), of(pooled, 1, 1000)]), "it was paid already");
        assert!(!are_right(&[of(None, 1, 0), of(pooled, 9, 3000)]), "nothing was played for it");
    }
}
