//! Whether what a line has paid can be right: by its price, by what was delivered, and by the budget that pays.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use protocol::{AgreementId, Alias, Amount, Digest, Usage};

use super::lines::{Line, LineBudget, Pool};
use crate::{GRANT_BYTES_MAX, GRANT_MS_MAX, Per, Price};

/// What the lines so far have had of the pools that pay for them.
#[derive(Clone, Default, Debug)]
pub(super) struct Pooled(BTreeMap<Digest, OfPool>);

/// What the lines so far have had of one pool.
#[derive(Clone, Copy, Debug)]
struct OfPool {
    budget: LineBudget,
    paid: u128,
    /// Title and viewer of its last line.
    last: Option<(AgreementId, Alias)>,
    /// How many viewers of this title there were.
    viewers: u64,
    /// What the last one of them has had for it.
    of_viewer: u128,
}

impl Line {
    /// Whether the grants of this line can have asked for what it has paid; of views the lines of a viewer say it together.
    /// Whoever pays has set aside what is asked, so that it is paid; a budget that is shared as a whole may pay more of it, where
    /// something was asked.
    pub(super) fn costs(&self, price: &Price) -> bool {
        let (paid, asked) = (self.paid.get(), self.asked(price));
        match self.budget {
            Some(LineBudget { whole: true, .. }) => paid >= *asked.start() && (*asked.end() > 0 || paid == 0),
            _ => asked.contains(&paid),
        }
    }

    /// Whether so many grants can have so much usage: each has some, and none more than one grant may be for.
    pub(super) fn has_its_plays(&self) -> bool {
        let Usage { bytes, ms } = self.usage;
        let most = Usage {
            bytes: self.plays.saturating_mul(GRANT_BYTES_MAX),
            ms: self.plays.saturating_mul(GRANT_MS_MAX),
        };
        self.usage.is_within(most) && (1..=bytes.saturating_add(ms)).contains(&self.plays)
    }

    /// The least and the most that this usage costs, whatever part of it each of the grants had: each was rounded down.
    fn asked(&self, price: &Price) -> RangeInclusive<u64> {
        if self.is_beyond_counting() {
            return 0..=u64::MAX;
        }
        match price.per {
            Per::Byte | Per::Second => {
                let whole = price.charge(self.usage, Amount::MAX).get();
                whole.saturating_sub(self.plays.saturating_sub(1))..=whole
            }
            Per::View => 0..=price.micro.get(),
        }
    }

    /// Whether its usage is a sum that stayed at the largest number.
    pub(super) fn is_beyond_counting(&self) -> bool {
        [self.usage.bytes, self.usage.ms].contains(&u64::MAX)
    }
}

impl Pooled {
    /// Adds what a line has had of its pool; false when the pool is another one than before, has no more, or has had more
    /// viewers, or paid more for one of them, than it may.
    pub(super) fn take(&mut self, line: &Line) -> bool {
        let Some(budget @ LineBudget { pool: Some(pool), whole }) = line.budget else { return true };
        let nothing = OfPool { budget, paid: 0, last: None, viewers: 0, of_viewer: 0 };
        let known = self.0.entry(pool.name).or_insert(nothing);
        known.take(line);
        let Pool { amount, each, viewers, .. } = pool;
        let [amount, each] = [amount, each].map(u128::from);
        let is_capped = known.of_viewer <= each && known.paid <= each.saturating_mul(u128::from(viewers));
        known.budget == budget && known.paid <= amount && known.viewers <= viewers && (whole || is_capped)
    }

    /// A pool that is shared as a whole and has not been, unless nobody has asked for anything.
    pub(super) fn not_shared(&self) -> Option<Digest> {
        let is_left = |OfPool { budget, paid, .. }: &OfPool| {
            let amount = budget.pool.map_or(0, |pool| u128::from(pool.amount));
            budget.whole && *paid > 0 && *paid != amount
        };
        self.0.iter().find(|(_, pooled)| is_left(pooled)).map(|(name, _)| *name)
    }
}

impl OfPool {
    fn take(&mut self, line: &Line) {
        let (title, paid) = (line.agreement, u128::from(line.paid));
        self.paid += paid;
        match self.last.replace((title, line.alias)) {
            Some(last) if last == (title, line.alias) => self.of_viewer += paid,
            last => {
                let others = last.filter(|(before, _)| *before == title).map_or(0, |_| self.viewers);
                (self.viewers, self.of_viewer) = (others + 1, paid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{AgreementId, Alias, SecretKey};

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
        let name = Digest::from_bytes([name; 32]);
        let pool = Pool { name, amount: amount(micro), each: amount(each), viewers: 2 };
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

    /// Nobody says that 2^63 grants were rounded down, and nobody that more was watched than can be counted.
    #[test]
    fn a_line_has_no_more_grants_than_bytes_and_no_more_bytes_than_its_grants() {
        let has = |plays, bytes, ms| line(0, plays, bytes, ms, None).has_its_plays();
        assert!(has(1, 1, 0) && has(2, 1, 1) && has(1, GRANT_BYTES_MAX, GRANT_MS_MAX));
        assert!(!has(0, 1, 0) && !has(2, 1, 0) && !has(1 << 63, 1 << 40, 1 << 40));
        assert!(!has(1, GRANT_BYTES_MAX + 1, 0) && !has(1, 1, GRANT_MS_MAX + 1) && !has(9, u64::MAX, 0));
    }

    #[test]
    fn a_budget_pays_what_was_asked_or_all_of_it() {
        let price = price(1, 1, Per::Byte);
        let own = LineBudget { pool: None, whole: false };
        for (paid, budget, is_right) in [
            (50, own, true),
            (51, own, false),
            (49, own, false),
            (0, own, false),
            (50, pool(1, 1000, 60, false), true),
            (49, pool(1, 1000, 60, false), false),
            (51, pool(1, 1000, 60, false), false),
            (700, pool(1, 1000, 60, true), true),
            (49, pool(1, 1000, 60, true), false),
        ] {
            assert_eq!(line(paid, 1, 50, 0, budget).costs(&price), is_right, "{paid} of {budget:?}");
        }
    }

    #[test]
    fn where_nothing_was_asked_nothing_is_shared() {
        let price = price(1, 10, Per::Byte);
        let [nothing, something] = [9, 10].map(|bytes| line(700, 1, bytes, 0, pool(1, 1000, 30, true)));
        assert!(!nothing.costs(&price) && something.costs(&price));
    }

    fn of_viewer(viewer: u8, paid: u64, budget: LineBudget) -> Line {
        Line { alias: Alias::from_bytes([viewer; 32]), ..line(paid, 1, 50, 0, budget) }
    }

    #[test]
    fn lines_together_have_no_more_than_their_pool() {
        let mut pooled = Pooled::default();
        let take = |pooled: &mut Pooled, viewer, paid, budget| pooled.take(&of_viewer(viewer, paid, budget));
        assert!(
            take(&mut pooled, 1, 60, pool(1, 100, 60, false))
                && take(&mut pooled, 2, 40, pool(1, 100, 60, false))
        );
        assert!(take(&mut pooled, 1, 60, pool(2, 100, 60, false)), "another pool");
        let mut grown = pooled.clone();
        assert!(!take(&mut grown, 2, 0, pool(1, 101, 60, false)), "it has grown");
        assert!(!take(&mut pooled, 2, 1, pool(1, 100, 60, false)), "it is used up");
    }

    /// A pool names its viewers: whoever counts more of them for a title, or more for one of them, is found.
    #[test]
    fn a_pool_has_as_many_viewers_as_it_names_and_pays_for_each_what_it_says() {
        let budget = pool(1, 1000, 60, false);
        let takes = |lines: &[(u8, u64)]| {
            let mut pooled = Pooled::default();
            lines.iter().all(|(viewer, paid)| pooled.take(&of_viewer(*viewer, *paid, budget)))
        };
        assert!(takes(&[(1, 30), (1, 30), (2, 60)]));
        assert!(!takes(&[(1, 30), (1, 31)]), "at two gateways");
        assert!(!takes(&[(1, 1), (2, 1), (3, 1)]), "a third one");
        let mut pooled = Pooled::default();
        let of_title = |title, viewer, paid| Line {
            agreement: AgreementId::from_bytes([title; 32]),
            ..of_viewer(viewer, paid, budget)
        };
        assert!(
            [(1, 1, 60), (1, 2, 30), (2, 3, 30)].into_iter().all(|(t, v, p)| pooled.take(&of_title(t, v, p)))
        );
        assert!(!pooled.take(&of_title(2, 4, 1)), "two viewers count for 120 all in all");
    }

    #[test]
    fn a_whole_pool_is_shared_or_nobody_has_asked() {
        let take = |pooled: &mut Pooled, paid, budget| pooled.take(&line(paid, 1, 50, 0, budget));

        let mut whole = Pooled::default();
        assert!(take(&mut whole, 99, pool(3, 100, 1, true)) && take(&mut whole, 0, pool(4, 100, 1, true)));
        assert_eq!(whole.not_shared(), Some(Digest::from_bytes([3; 32])));
        assert!(take(&mut whole, 1, pool(3, 100, 1, true)));
        assert_eq!(whole.not_shared(), None);
    }
}
