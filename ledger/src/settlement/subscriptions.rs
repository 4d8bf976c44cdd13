//! Subscriptions: what budgets of single viewers have paid, so that their lines are bounded, and nobody sees which are whose.

use std::collections::BTreeMap;

use protocol::{Amount, Digest};
use serde::{Deserialize, Serialize};

use super::lines::{Line, LineBudget};
use super::list::ListRoot;
use super::plays::Play;
use super::sum;
use crate::BudgetRef;
use crate::fold::SetAside;
use crate::tlog::Frontier;

/// A budget of one viewer that has paid something. Ascending by name, each once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// What it has.
    pub amount: Amount,
    /// The name of its record, which says nothing to anybody else: its id is random.
    pub name: Digest,
    /// What it has paid.
    pub paid: Amount,
    /// Whether all of it is shared, whatever was asked for.
    pub whole: bool,
}

/// The subscriptions of an epoch as the log has them, beside the lines that they have paid for.
#[derive(Clone, Default, Debug)]
pub(super) struct Subscribed {
    items: Frontier,
    last: Option<Digest>,
    /// What subscriptions have paid, and what lines say so: of those that are not shared as a whole, and of those that are.
    paid: [u128; 2],
    lines: [u128; 2],
}

pub(super) fn of(plays: &[Play<'_>], budgets: &BTreeMap<BudgetRef, SetAside>) -> Vec<Subscription> {
    let mut paid: BTreeMap<Digest, (&SetAside, Amount)> = BTreeMap::new();
    for play in plays.iter().filter(|play| !play.paid.is_zero()) {
        let budget = play.session.budget.map(|budget| &budgets[&budget]);
        if let Some(budget) = budget.filter(|budget| budget.viewers.count() == 1) {
            let (_, all) = paid.entry(budget.name).or_insert((budget, Amount::ZERO));
            *all = sum([*all, play.paid]);
        }
    }
    let item = |(name, (budget, paid)): (Digest, (&SetAside, Amount))| Subscription {
        amount: budget.amount,
        name,
        paid,
        whole: budget.whole,
    };
    paid.into_iter().map(item).collect()
}

impl Subscribed {
    /// Adds a line, when a subscription has paid for it.
    pub(super) fn line(&mut self, line: &Line) {
        if let Some(LineBudget { pool: None, whole }) = line.budget {
            self.lines[usize::from(whole)] += u128::from(line.paid);
        }
    }

    /// Adds a subscription; false when it has paid nothing, more than it has, or not all of it where all is shared, or does not
    /// follow the one before.
    pub(super) fn take(&mut self, item: &Subscription, bytes: &[u8]) -> bool {
        let Subscription { amount, name, paid, whole } = *item;
        self.items.push(bytes);
        self.paid[usize::from(whole)] += u128::from(paid);
        let follows = self.last.replace(name).is_none_or(|last| last < name);
        follows && !paid.is_zero() && if whole { paid == amount } else { paid <= amount }
    }

    /// Whether lines have had what subscriptions have paid.
    pub(super) fn is_even(&self) -> bool {
        self.paid == self.lines
    }

    pub(super) fn root(&self) -> ListRoot {
        ListRoot::at(&self.items)
    }
}
