//! Whether what a line has paid can be right: by its price, by what was delivered, and by the budget that pays.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use protocol::{Amount, Digest};

use super::lines::{Line, LineBudget, Pool};
use crate::{Per, Price};

/// What the lines so far have had of the pools that pay for them.
#[derive(Clone, Default, Debug)]
pub(super) struct Pooled(BTreeMap<Digest, (LineBudget, u128)>);

impl Line {
    /// Whether the grants of this line can have asked for what it has paid. A budget that is shared as a whole may pay any
    /// part of it; another one pays no more than was asked, and of a pool no more than it has for each viewer.
    pub(super) fn costs(&self, price: &Price) -> bool {
        let (paid, asked) = (self.paid.get(), self.asked(price));
        match self.budget {
            None => asked.contains(&paid) && self.is_of_views(price),
            Some(LineBudget { whole: true, .. }) => true,
            Some(LineBudget { pool, .. }) => {
                paid <= *asked.end() && pool.is_none_or(|pool| self.paid <= pool.each)
            }
        }
    }

    /// The least and the most that this usage costs, whatever part of it each of the grants had: each was rounded down.
    fn asked(&self, price: &Price) -> RangeInclusive<u64> {
        if [self.usage.bytes, self.usage.ms].contains(&u64::MAX) {
            return 0..=u64::MAX;
        }
        let whole = price.charge(self.usage, Amount::MAX).get();
        match price.per {
            Per::Byte | Per::Second => whole.saturating_sub(self.plays.saturating_sub(1))..=whole,
            Per::View => {
                let view = price.of.get().saturating_mul(MS_PER_S);
                let most = (self.usage.ms / view).min(self.plays);
                let least = u64::from(self.usage.ms > self.plays.saturating_mul(view - 1)).min(most);
                least.saturating_mul(price.micro.get())..=most.saturating_mul(price.micro.get())
            }
        }
    }

    /// Views are paid whole.
    fn is_of_views(&self, price: &Price) -> bool {
        price.per != Per::View || self.paid.get().checked_rem(price.micro.get()).unwrap_or(0) == 0
    }
}

const MS_PER_S: u64 = 1000;

impl Pooled {
    /// Adds what a line has had of its pool; false when the pool is another one than before, or has no more.
    pub(super) fn take(&mut self, line: &Line) -> bool {
        let Some(budget @ LineBudget { pool: Some(Pool { name, amount, .. }), .. }) = line.budget else {
            return true;
        };
        let (known, paid) = self.0.entry(name).or_insert((budget, 0));
        *paid += u128::from(line.paid);
        *known == budget && *paid <= u128::from(amount)
    }

    /// A pool that is shared as a whole and has not been, unless nobody has asked for anything.
    pub(super) fn not_shared(&self) -> Option<Digest> {
        let is_left = |(budget, paid): &(LineBudget, u128)| {
            let amount = budget.pool.map_or(0, |pool| u128::from(pool.amount));
            budget.whole && *paid > 0 && *paid != amount
        };
        self.0.iter().find(|(_, pooled)| is_left(pooled)).map(|(name, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use protocol::{AgreementId, Alias, SecretKey, Usage};

    use super::*;
    use crate::Quantity;

    fn amount(micro: u64) -> Amount {
        Amount::new(micro).expect("it is small")
    }

    fn price(micro: u64, of: u64, per: Per) -> Price {
        Price { micro: amount(micro), of: Quantity::new(of).expect("it is small"), per }
    }

    fn line(paid: u64, plays: u64, bytes: u64, ms: u64, budget: impl Into<Option<LineBudget>>) -> Line {
        Line {
            agreement: AgreementId::from_bytes([1; 32]),
            alias: Alias::from_bytes([2; 32]),
            attested: false,
            budget: budget.into(),
            gateway: SecretKey::from_bytes(&[3; 32]).public(),
            paid: amount(paid),
            plays,
            usage: Usage { bytes, ms },
        }
    }

    fn pool(name: u8, micro: u64, each: u64, whole: bool) -> LineBudget {
        let pool = Pool { name: Digest::from_bytes([name; 32]), amount: amount(micro), each: amount(each) };
        LineBudget { pool: Some(pool), whole }
    }

    /// 10 micro-units for 3 bytes: 7 bytes of two grants cost 22 or 23.
    #[test]
    fn what_viewers_pay_themselves_is_what_it_costs() {
        let price = price(10, 3, Per::Byte);
        let right: Vec<u64> = (0..40).filter(|paid| line(*paid, 2, 7, 0, None).costs(&price)).collect();
        assert_eq!(right, [22, 23]);
        assert!(line(20, 1, 6, 0, None).costs(&price) && !line(19, 1, 6, 0, None).costs(&price));
    }

    /// A view counts from 2 s on: in 5 s there are up to two, and in two plays of 5 s at least one.
    #[test]
    fn views_are_paid_whole() {
        let price = price(10, 2, Per::View);
        let paid = |plays, ms| -> Vec<u64> {
            (0..60).filter(|paid| line(*paid, plays, 1, ms, None).costs(&price)).collect()
        };
        assert_eq!(paid(1, 5000), [10]);
        assert_eq!(paid(2, 5000), [10, 20]);
        assert_eq!(paid(3, 5000), [0, 10, 20]);
        assert_eq!(paid(9, 1999), [0]);
    }

    #[test]
    fn a_budget_pays_no_more_than_was_asked_and_than_each_may_have() {
        let price = price(1, 1, Per::Byte);
        let own = LineBudget { pool: None, whole: false };
        for (paid, budget, is_right) in [
            (50, own, true),
            (51, own, false),
            (0, own, true),
            (30, pool(1, 1000, 30, false), true),
            (31, pool(1, 1000, 30, false), false),
            (700, pool(1, 1000, 30, true), true),
        ] {
            assert_eq!(line(paid, 1, 50, 0, budget).costs(&price), is_right, "{paid} of {budget:?}");
        }
    }

    #[test]
    fn lines_together_have_no_more_than_their_pool() {
        let mut pooled = Pooled::default();
        let take = |pooled: &mut Pooled, paid, budget| pooled.take(&line(paid, 1, 50, 0, budget));
        assert!(
            take(&mut pooled, 60, pool(1, 100, 60, false)) && take(&mut pooled, 40, pool(1, 100, 60, false))
        );
        assert!(take(&mut pooled, 100, pool(2, 100, 60, false)), "another pool");
        assert!(!take(&mut pooled, 0, pool(1, 101, 60, false)), "it has grown");
        assert!(!take(&mut pooled, 1, pool(1, 100, 60, false)), "it is used up");

        let mut whole = Pooled::default();
        assert!(take(&mut whole, 99, pool(3, 100, 1, true)) && take(&mut whole, 0, pool(4, 100, 1, true)));
        assert_eq!(whole.not_shared(), Some(Digest::from_bytes([3; 32])));
        assert!(take(&mut whole, 1, pool(3, 100, 1, true)));
        assert_eq!(whole.not_shared(), None);
    }
}
