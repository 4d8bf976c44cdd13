//! What each grant of an epoch costs, and who pays how much of it.

use std::collections::BTreeMap;

use protocol::{Amount, PublicKey, Serial, Usage};

use crate::fold::{Agreements, OpenEpoch, Session, SetAside};
use crate::{BudgetRef, apportion};

/// A grant that is being settled.
pub(super) struct Play<'a> {
    pub(super) session: &'a Session,
    pub(super) usage: Usage,
    /// What it costs by its price.
    asked: Amount,
    /// What is paid.
    pub(super) paid: Amount,
}

/// All grants of the epoch, ascending by serial. Whoever pays for themselves pays what it costs; budgets share.
pub(super) fn paid<'a>(agreements: &Agreements, open: &'a OpenEpoch) -> Vec<Play<'a>> {
    let mut plays: Vec<_> = open.sessions.values().map(|session| play(agreements, session)).collect();
    let mut of_budgets: BTreeMap<BudgetRef, Vec<&mut Play<'a>>> = BTreeMap::new();
    for play in &mut plays {
        match play.session.budget {
            None => play.paid = play.asked,
            Some(budget) => of_budgets.entry(budget).or_default().push(play),
        }
    }
    for (name, plays) in of_budgets {
        share(&open.budgets[&name], plays);
    }
    plays
}

fn play<'a>(agreements: &Agreements, session: &'a Session) -> Play<'a> {
    let usage = session.usage();
    let agreement = agreements.get(session.grant.agreement).expect("a grant names a registered agreement");
    let asked = agreement.parts().price.charge(usage, session.grant.charge);
    Play { session, usage, asked, paid: Amount::ZERO }
}

/// Each viewer counts for what their plays cost, up to `each`. All of the budget is shared in this proportion where the
/// payer wants that, or where there is not enough; otherwise everybody's plays are paid as far as they count.
fn share(budget: &SetAside, plays: Vec<&mut Play<'_>>) {
    let mut of_viewers: BTreeMap<PublicKey, Vec<&mut Play<'_>>> = BTreeMap::new();
    for play in plays {
        of_viewers.entry(play.session.viewer).or_default().push(play);
    }
    let counts: Vec<_> = of_viewers.iter().map(|(viewer, plays)| (*viewer, counted(budget, plays))).collect();
    let sum: u128 = counts.iter().map(|(_, counted)| u128::from(*counted)).sum();
    let parts = if budget.whole || sum > u128::from(budget.amount) {
        apportion(budget.amount, &counts)
    } else {
        Some(counts.iter().map(|(_, counted)| Amount::new(*counted).expect("no more than each")).collect())
    };
    for (plays, part) in of_viewers.into_values().zip(parts.unwrap_or_default()) {
        divide(part, plays);
    }
}

fn counted(budget: &SetAside, plays: &[&mut Play<'_>]) -> u64 {
    let asked: u128 = plays.iter().map(|play| u128::from(play.asked)).sum();
    Amount::try_from(asked).map_or(budget.each, |asked: Amount| asked.min(budget.each)).get()
}

/// Divides what is paid for one viewer in proportion to what the plays cost.
fn divide(part: Amount, plays: Vec<&mut Play<'_>>) {
    let weight = |play: &&mut Play<'_>| (play.session.grant.serial, play.asked.get());
    let weights: Vec<(Serial, u64)> = plays.iter().map(weight).collect();
    for (play, part) in plays.into_iter().zip(apportion(part, &weights).unwrap_or_default()) {
        play.paid = part;
    }
}
