//! What each grant of an epoch costs, and who pays how much of it.

use std::collections::BTreeMap;

use protocol::{AgreementId, Amount, PublicKey, Serial, Usage};

use crate::fold::{Agreements, OpenEpoch, Session};
use crate::{BudgetRef, Per, Price, apportion};

/// A grant that is being settled.
pub(crate) struct Play<'a> {
    pub(crate) session: &'a Session,
    pub(crate) usage: Usage,
    /// What it costs by its price.
    pub(crate) asked: Amount,
    /// What is paid.
    pub(super) paid: Amount,
}

/// All grants of the epoch, ascending by serial. Each pays what it costs, which its payer has set aside; of a budget that is
/// shared as a whole each has its part by that, which is no less.
pub(super) fn paid<'a>(agreements: &Agreements, open: &'a OpenEpoch) -> Vec<Play<'a>> {
    let mut plays = asked(agreements, open.sessions.values());
    let mut shared: BTreeMap<BudgetRef, Vec<&mut Play<'a>>> = BTreeMap::new();
    for play in &mut plays {
        match play.session.budget.filter(|budget| open.budgets[budget].whole) {
            None => play.paid = play.asked,
            Some(budget) => shared.entry(budget).or_default().push(play),
        }
    }
    for (name, plays) in shared {
        divide(open.budgets[&name].amount, plays);
    }
    plays
}

/// What grants of one epoch ask for, each by what came under it; views by all that came under the viewer's grants for the title,
/// which all have to be among them.
pub(crate) fn asked<'a>(
    agreements: &Agreements,
    sessions: impl Iterator<Item = &'a Session>,
) -> Vec<Play<'a>> {
    let price = |session: &Session| {
        let agreement = agreements.get(session.grant.agreement);
        agreement.expect("a grant names a registered agreement").parts().price
    };
    let mut views: BTreeMap<(PublicKey, AgreementId), (Price, Vec<usize>)> = BTreeMap::new();
    let mut plays: Vec<Play<'a>> = Vec::with_capacity(sessions.size_hint().0);
    for session in sessions {
        let (price, usage) = (price(session), session.usage());
        let asked = if price.per == Per::View {
            let title = (session.viewer, session.grant.agreement);
            views.entry(title).or_insert_with(|| (price, Vec::new())).1.push(plays.len());
            Amount::ZERO
        } else {
            price.charge(usage, session.grant.charge)
        };
        plays.push(Play { session, usage, asked, paid: Amount::ZERO });
    }
    for (price, places) in views.into_values() {
        ask_for_a_view(&price, &places, &mut plays);
    }
    plays
}

/// A view is asked for once in an epoch, of whatever grants it was made up, when all of them together were played for long
/// enough. Each asks for its part by what was played under it, whoever pays, which counts for no more than what makes a view:
/// time that nobody has served takes no more from who did than one view of the same.
fn ask_for_a_view(price: &Price, places: &[usize], plays: &mut [Play<'_>]) {
    let all = places.iter().fold(Usage::default(), |sum, at| sum.plus(plays[*at].usage));
    let view = price.charge(all, Amount::MAX);
    let weight = |at: &usize| (plays[*at].session.grant.serial, plays[*at].usage.ms.min(view_ms(price)));
    let weights: Vec<(Serial, u64)> = places.iter().map(weight).collect();
    for (at, part) in places.iter().zip(apportion(view, &weights).unwrap_or_default()) {
        plays[*at].asked = part;
    }
}

/// How long a title is played that has been viewed, in milliseconds.
pub(super) fn view_ms(price: &Price) -> u64 {
    price.of.get().saturating_mul(1000)
}

/// Divides a budget in proportion to what its grants cost.
fn divide(whole: Amount, plays: Vec<&mut Play<'_>>) {
    let weight = |play: &&mut Play<'_>| (play.session.grant.serial, play.asked.get());
    let weights: Vec<(Serial, u64)> = plays.iter().map(weight).collect();
    for (play, part) in plays.into_iter().zip(apportion(whole, &weights).unwrap_or_default()) {
        play.paid = part;
    }
}
