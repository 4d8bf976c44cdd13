//! Settlement: what an epoch comes to for everybody, computed in one way only (spec §25).

mod acknowledged;
mod audit;
mod carriers;
mod cost;
mod counted;
mod divisions;
mod keepers;
mod lines;
mod list;
mod plays;
mod published;
mod sales;
mod subscriptions;
mod views;

use std::collections::BTreeMap;

use protocol::{Amount, Digest, Epoch, PublicKey};
use serde::{Deserialize, Serialize};

pub use self::acknowledged::Acknowledged;
pub use self::audit::{LogAudit, LogAuditError};
use self::carriers::Carried;
pub use self::carriers::{Carrier, GatewayTotal};
pub use self::counted::{Counted, Shown};
pub use self::divisions::Divisions;
pub use self::keepers::Keeper;
use self::lines::Shares;
pub use self::lines::{Line, LineBudget, Pool};
pub use self::list::{ListProof, ListRoot};
use self::plays::Play;
pub(crate) use self::plays::asked;
pub use self::published::{LEAVES_MAX, NotPublished, Published};
use self::sales::Sold;
pub use self::sales::{Resale, Sale};
pub use self::subscriptions::Subscription;
use crate::fold::{Agreements, OpenEpoch, Session};
use crate::transaction::Draft;
use crate::{Account, Head, Ledger, LogEntry, Payout, PayoutTree, Transaction};

/// A settlement with all that its summary is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settlement {
    /// What is signed and logged.
    pub summary: Summary,
    /// What was paid for each title by each viewer, at each gateway.
    pub lines: Vec<Line>,
    /// What each subscription has paid.
    pub subscriptions: Vec<Subscription>,
    /// What each gateway has carried.
    pub gateways: Vec<GatewayTotal>,
    /// What each node has carried for each gateway.
    pub carriers: Vec<Carrier>,
    /// What each node has kept under each prepayment.
    pub keepers: Vec<Keeper>,
    /// What was paid for each licence.
    pub sales: Vec<Sale>,
    /// What contracts owe to whom, all in all.
    pub payouts: Vec<Payout>,
    /// The newest receipt of every stream. Their hashes are published, so that each can be seen to be among them, or not.
    pub receipts: Vec<Acknowledged>,
    /// What is posted; `None` when nothing moves.
    pub transaction: Option<Transaction>,
}

/// What a settlement comes to. The journal and this page lead to the same bytes, however often they are computed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Over all [`Carrier`]s.
    pub carriers: ListRoot,
    /// Over the names of all disputes, holds and resolutions since the last settlement.
    pub disputes: ListRoot,
    /// Which epoch.
    pub epoch: Epoch,
    /// Over all [`GatewayTotal`]s.
    pub gateways: ListRoot,
    /// How far the journal went.
    pub journal: Head,
    /// Over all [`Keeper`]s.
    pub keepers: ListRoot,
    /// Over all [`Line`]s.
    pub lines: ListRoot,
    /// The payout tree.
    pub payouts: PayoutRoot,
    /// The hash of what is posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posted: Option<Digest>,
    /// The hash of the summary before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// Over all [`Acknowledged`] receipts.
    pub receipts: ListRoot,
    /// How it was rounded.
    pub rule: Rule,
    /// Over all [`Sale`]s.
    pub sales: ListRoot,
    /// Over all [`Subscription`]s.
    pub subscriptions: ListRoot,
    /// What it comes to.
    pub totals: Totals,
}

/// How a settlement rounds and divides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Rule {
    /// Spec §25.
    #[serde(rename = "largest-remainder-1")]
    LargestRemainder1,
}

/// A payout tree by its root.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayoutRoot {
    /// How many payouts.
    pub count: u64,
    /// The root, 32 zero bytes when there are none.
    #[serde(with = "serde_bytes")]
    pub root: [u8; 32],
}

/// Sums of a settlement: what was charged is what gateways, network, nodes and parties have together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// What all lines have paid.
    pub charged: Amount,
    /// What gateways owe to nodes beside that, out of what they had set aside.
    pub collateral: Amount,
    /// What gateways have of it.
    pub gateways: Amount,
    /// What the network has of it.
    pub network: Amount,
    /// What nodes have of it.
    pub nodes: Amount,
    /// What parties have of it.
    pub parties: Amount,
    /// What was paid for licences beside that.
    pub sold: Amount,
    /// What was paid for storage beside that.
    pub stored: Amount,
}

/// What each key has of a sale, the treasury included.
pub(crate) fn divided(
    agreements: &Agreements,
    treasury: PublicKey,
    sale: &Sale,
) -> BTreeMap<PublicKey, Amount> {
    let (mut sold, mut earned) = (Sold::default(), BTreeMap::new());
    sold.take(agreements, treasury, sale);
    sold.earned(&mut earned);
    earned
}

impl Settlement {
    /// What of it is published, in this order: everything that the summary is about, then the summary.
    pub fn log_entries(&self) -> impl Iterator<Item = LogEntry> {
        let lines = self.lines.iter().copied().map(LogEntry::Line);
        let subscriptions = self.subscriptions.iter().copied().map(LogEntry::Subscription);
        let gateways = self.gateways.iter().copied().map(LogEntry::Gateway);
        let carriers = self.carriers.iter().copied().map(LogEntry::Carrier);
        let keepers = self.keepers.iter().copied().map(LogEntry::Keeper);
        let sales = self.sales.iter().copied().map(LogEntry::Sale);
        let payouts = self.payouts.iter().copied().map(LogEntry::Payout);
        let summary = LogEntry::Settlement(Box::new(self.summary.clone()));
        let carried = gateways.chain(carriers);
        let beside = keepers.chain(sales).chain(payouts);
        lines.chain(subscriptions).chain(carried).chain(beside).chain(self.leaves()).chain([summary])
    }

    pub(crate) fn of(ledger: &Ledger, epoch: Epoch) -> Self {
        let nothing = OpenEpoch::default();
        let open = ledger.open_epoch(epoch).unwrap_or(&nothing);
        let plays = plays::paid(ledger.agreements(), open);
        let lines = lines::of(&plays, &open.budgets);
        let subscriptions = subscriptions::of(&plays, &open.budgets);
        let shares = Shares::of(ledger.agreements(), &lines);
        let carried = carriers::of(&carriers::claims(open), &shares);
        let mut earned = shares.earned(ledger.terms().treasury);
        carried.earned(&mut earned);
        let (keepers, sold) = beside(ledger, &mut earned);
        let sales: Vec<Sale> = ledger.licences().sold().iter().map(|(_, sale)| *sale).collect();
        let transaction = postings(ledger, open, &plays, &carried.due, &earned);
        let payouts = payouts(ledger, &earned);
        let receipts: Vec<_> = open.sessions.values().flat_map(Session::receipts).collect();
        let summary = Summary {
            carriers: ListRoot::of(&carried.carriers),
            disputes: ListRoot::of(ledger.disputes().said()),
            epoch,
            gateways: ListRoot::of(&carried.gateways),
            journal: ledger.head(),
            keepers: ListRoot::of(&keepers),
            lines: ListRoot::of(&lines),
            payouts: PayoutRoot {
                count: payouts.len() as u64,
                root: PayoutTree::new(payouts.clone()).root(),
            },
            posted: transaction.as_ref().map(Transaction::digest),
            previous: ledger.settled(Epoch::new(epoch.get() - 1)),
            receipts: ListRoot::of(&receipts),
            rule: Rule::LargestRemainder1,
            sales: ListRoot::of(&sales),
            subscriptions: ListRoot::of(&subscriptions),
            totals: Totals::of(&shares, &carried, &keepers, &sold),
        };
        let Carried { gateways, carriers, .. } = carried;
        Self {
            summary,
            lines,
            subscriptions,
            gateways,
            carriers,
            keepers,
            sales,
            payouts,
            receipts,
            transaction,
        }
    }
}

impl Totals {
    fn of(shares: &Shares, carried: &Carried, keepers: &[Keeper], sold: &Sold) -> Self {
        let kept = carried.gateways.iter().map(|gateway| gateway.kept);
        Self {
            charged: shares.charged,
            collateral: sum(carried.due.values().copied()),
            gateways: sum(shares.gateways.values().copied().chain(kept)),
            network: shares.network,
            nodes: sum(carried.carriers.iter().map(|carrier| carrier.shared)),
            parties: sum(shares.parties.values().copied()),
            sold: sold.paid,
            stored: sum(keepers.iter().map(|keeper| keeper.paid)),
        }
    }
}

/// What storage and licences bring beside the charges: what each node has kept, ascending, and what was sold.
fn beside(ledger: &Ledger, earned: &mut BTreeMap<PublicKey, Amount>) -> (Vec<Keeper>, Sold) {
    let mut keepers: Vec<Keeper> =
        ledger.storage().values().flat_map(|paid| paid.keepers(ledger.at())).collect();
    keepers.sort_unstable_by_key(Keeper::key);
    for keeper in &keepers {
        add(earned, keeper.node, keeper.paid);
    }
    let mut sold = Sold::default();
    for (_, sale) in ledger.licences().sold() {
        sold.take(ledger.agreements(), ledger.terms().treasury, sale);
    }
    sold.earned(earned);
    (keepers, sold)
}

/// What was set aside for the epoch is taken; what was earned is given; the rest goes back to whose it was.
fn postings(
    ledger: &Ledger,
    open: &OpenEpoch,
    plays: &[Play<'_>],
    due: &BTreeMap<PublicKey, Amount>,
    earned: &BTreeMap<PublicKey, Amount>,
) -> Option<Transaction> {
    let mut draft = Draft::default();
    for play in plays {
        let own = play.session.viewer;
        draft.take(Account::Funds(play.session.budget.map_or(own, |budget| budget.payer)), play.paid);
        if play.session.budget.is_none() {
            release(&mut draft, own, play.session.grant.charge);
        }
    }
    for (name, budget) in &open.budgets {
        release(&mut draft, name.payer, budget.amount);
    }
    for (key, lane) in &open.lanes {
        release(&mut draft, key.payer, lane.allocated);
    }
    for (payer, amount) in due {
        draft.take(Account::Funds(*payer), *amount);
    }
    take_beside(&mut draft, ledger);
    for (party, amount) in ledger.disputes().ending(ledger.next_epoch()) {
        draft.take(Account::Held(party), amount);
        draft.give(Account::Earned(party), amount);
    }
    for (owner, amount) in earned {
        draft.give(Account::Earned(*owner), *amount);
    }
    draft.finish()
}

/// What storage and licences cost is taken from what was set aside for them, and what has ended is given back.
fn take_beside(draft: &mut Draft, ledger: &Ledger) {
    let at = ledger.at();
    for (name, prepaid) in ledger.storage() {
        prepaid.keepers(at).for_each(|keeper| draft.take(Account::Reserved(name.payer), keeper.paid));
        if prepaid.has_ended(at) {
            release(draft, name.payer, prepaid.rest(at));
        }
    }
    for (payer, sale) in ledger.licences().sold() {
        draft.take(Account::Reserved(*payer), sale.paid);
    }
    for (buyer, price) in ledger.licences().refunds(at) {
        release(draft, buyer, price);
    }
}

fn release(draft: &mut Draft, owner: PublicKey, amount: Amount) {
    draft.take(Account::Reserved(owner), amount);
    draft.give(Account::Funds(owner), amount);
}

/// Everything that contracts have paid or have yet to pay to those whom they pay.
fn payouts(ledger: &Ledger, earned: &BTreeMap<PublicKey, Amount>) -> Vec<Payout> {
    let payout = |(party, address, by_contract): (PublicKey, _, Amount)| {
        let unpaid = Amount::new(ledger.balance(Account::Earned(party))).expect("a balance is an amount");
        let earned = earned.get(&party).copied().unwrap_or(Amount::ZERO);
        // What is on accounts is an amount, and what was paid is one.
        let freed = ledger.disputes().ending(ledger.next_epoch()).filter(|(owner, _)| *owner == party);
        let freed: u64 = freed.map(|(_, amount)| amount.get()).sum();
        let cumulative = unpaid.get() + earned.get() + freed + by_contract.get();
        (cumulative > 0).then_some(Payout { address, cumulative, party })
    };
    ledger.payments().payees().filter_map(payout).collect()
}

/// Amounts of one settlement come out of deposits, whose sum is an amount.
fn sum(amounts: impl IntoIterator<Item = Amount>) -> Amount {
    let micro: u128 = amounts.into_iter().map(u128::from).sum();
    Amount::try_from(micro).expect("no more than was deposited")
}

/// Adds to what somebody has earned.
fn add(earned: &mut BTreeMap<PublicKey, Amount>, owner: PublicKey, amount: Amount) {
    if !amount.is_zero() {
        let before = earned.entry(owner).or_insert(Amount::ZERO);
        *before = sum([*before, amount]);
    }
}
