//! Computing every settlement again from the public log alone, with nothing of the journal.

use std::collections::BTreeMap;

use proofs::canonical;
use protocol::{AgreementId, Amount, Digest, Epoch, PublicKey, Signed};

use super::carriers::{self, Carried, Claim, Claims};
use super::cost::Pooled;
use super::lines::{LineKey, Shares};
use super::sales::Sold;
use super::subscriptions::Subscribed;
use super::views::Views;
use super::{Line, ListRoot, PayoutRoot, Summary, Totals, add};
use crate::disputes::Disputes;
use crate::fold::Agreements;
use crate::ids::digest_of;
use crate::tlog::Frontier;
use crate::{
    Carrier, Hold, HoldError, Keeper, LogEntry, Payout, PayoutTree, Per, RegisterError, Resolution, Sale,
    Terms,
};

/// Reads a log from its beginning, and says at each settlement whether it follows from what came before.
///
/// What is computed again: who has consented to what, how each line is divided, what nodes and gateways have of it, all
/// totals and roots, that no contract is told to pay more than was earned, that each line costs what its usage costs, by
/// no more grants than there are receipts, and that no pool and no subscription pays more than it has. What was delivered follows from grants and receipts, which are not public; whoever
/// has theirs compares them with their lines.
#[derive(Clone, Debug)]
pub struct LogAudit {
    terms: Terms,
    agreements: Agreements,
    pending: Pending,
    earned: BTreeMap<PublicKey, u128>,
    /// What is disputed, and what the ledger holds back for it.
    disputes: Disputes,
    /// What is held back of what each node has for each prepayment.
    held: BTreeMap<(Digest, PublicKey), Amount>,
    settled: Option<(Epoch, Digest)>,
}

/// What the log has said since the last settlement.
#[derive(Clone, Default, Debug)]
struct Pending {
    lines: Frontier,
    last: Option<LineKey>,
    gateways: Frontier,
    carriers: Frontier,
    claims: Claims,
    shares: Shares,
    pooled: Pooled,
    views: Views,
    subscribed: Subscribed,
    /// How many grants all lines have.
    plays: u64,
    /// What is charged and promised together: an amount, as both come out of deposits.
    moved: Amount,
    keepers: Vec<Keeper>,
    sales: Frontier,
    sold: Sold,
    payouts: Vec<Payout>,
}

/// Why a log is wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum LogAuditError {
    #[error("an agreement of the log: {0}")]
    Register(#[from] RegisterError),
    #[error("a line or a sale names agreement {agreement}, which the log does not have")]
    NoAgreement { agreement: AgreementId },
    #[error("a line, a keeper or a payout does not follow the one before")]
    Order,
    #[error("{paid} for a line under {agreement} are not what price, usage and budget allow")]
    Cost { agreement: AgreementId, paid: Amount },
    #[error("{paid} of subscription {name} are not what it has, or it does not follow the one before")]
    Subscription { name: Digest, paid: Amount },
    #[error("epoch {epoch}: the pool {name} is not shared as a whole")]
    NotShared { epoch: Epoch, name: Digest },
    #[error("what {node} has for storage does not follow from the log")]
    Storage { node: PublicKey },
    #[error("hold or resolution {name} is not the ledger's, or of more than its party has earned")]
    Held { name: Digest },
    #[error("hold or resolution {name}: {error}")]
    Dispute { name: Digest, error: HoldError },
    #[error("lines and vouchers over more than there can be")]
    TooMuch,
    #[error("the log settles epoch {found}, not epoch {expected} after the settlement before")]
    Epoch { found: Epoch, expected: Epoch },
    #[error("epoch {epoch}: {what} are not what follows from the log")]
    Differs { epoch: Epoch, what: &'static str },
    #[error("epoch {epoch}: {party} is to be paid more than was earned")]
    Unearned { epoch: Epoch, party: PublicKey },
}

impl LogAudit {
    /// The beginning of a log over a journal with these terms.
    pub fn new(terms: Terms) -> Self {
        let (agreements, earned) = (Agreements::default(), BTreeMap::new());
        Self {
            terms,
            agreements,
            pending: Pending::default(),
            earned,
            disputes: Disputes::default(),
            held: BTreeMap::new(),
            settled: None,
        }
    }

    /// Takes the next entry of the log. After an error nothing that this says counts.
    pub fn take(&mut self, entry: &LogEntry) -> Result<(), LogAuditError> {
        match entry {
            LogEntry::Agreement(agreed) => {
                self.agreements.register(agreed, &self.terms.unit)?;
            }
            LogEntry::Line(line) => {
                self.pending.lines.push(&canonical::to_vec(line));
                self.take_line(line)?;
            }
            LogEntry::Gateway(gateway) => self.pending.gateways.push(&canonical::to_vec(gateway)),
            LogEntry::Carrier(carrier) => {
                self.pending.carriers.push(&canonical::to_vec(carrier));
                self.pending.take_carrier(carrier)?;
            }
            LogEntry::Keeper(keeper) => self.take_keeper(keeper)?,
            LogEntry::Sale(sale) => self.take_sale(sale)?,
            // They are about no money.
            LogEntry::Attestation(_) | LogEntry::Page(_) => {}
            LogEntry::Payout(payout) => self.pending.payouts.push(*payout),
            LogEntry::Dispute(disputed) => self.disputes.dispute(*disputed),
            LogEntry::Hold(record) => self.hold(record)?,
            LogEntry::Resolution(record) => self.resolve(record)?,
            LogEntry::Settlement(summary) => self.settle(summary)?,
            LogEntry::Subscription(item) => {
                if !self.pending.subscribed.take(item, &canonical::to_vec(item)) {
                    return Err(LogAuditError::Subscription { name: item.name, paid: item.paid });
                }
            }
        }
        Ok(())
    }

    /// What the log shows that somebody has earned, whatever was paid out of it, less what is held back or was given away.
    pub fn earned(&self, owner: &PublicKey) -> u128 {
        self.earned.get(owner).copied().unwrap_or(0)
    }

    /// The last epoch that was settled, and the hash of its summary.
    pub const fn settled(&self) -> Option<(Epoch, Digest)> {
        self.settled
    }

    fn take_line(&mut self, line: &Line) -> Result<(), LogAuditError> {
        let (pending, agreement) = (&mut self.pending, line.agreement);
        let known = self.agreements.get(agreement).ok_or(LogAuditError::NoAgreement { agreement })?;
        let price = &known.parts().price;
        if !line.has_its_plays() || !line.costs(price) || !pending.pooled.take(line) {
            return Err(LogAuditError::Cost { agreement, paid: line.paid });
        }
        if pending.last.replace(line.key()).is_some_and(|last| last >= line.key()) {
            return Err(LogAuditError::Order);
        }
        if price.per == Per::View {
            no_wrong(pending.views.take(line, price))?;
        }
        pending.move_amount(line.paid)?;
        pending.plays = pending.plays.saturating_add(line.plays);
        pending.subscribed.line(line);
        pending.shares.take(&self.agreements, line);
        Ok(())
    }

    /// What is held is what was disputed and has been earned, no more and for no longer.
    fn hold(&mut self, record: &Signed<Hold>) -> Result<(), LogAuditError> {
        let (name, epoch) = (record.name(), Epoch::new(self.next_epoch()));
        let held = self.disputes.holding(record.body(), epoch, &self.terms);
        let held = held.map_err(|error| LogAuditError::Dispute { name, error })?;
        let earned = self.earned.entry(held.party).or_default();
        let left = earned.checked_sub(held.amount.into());
        let is_allowed = record.by() == self.terms.issuer && !self.disputes.has_hold(&name);
        *earned = left.filter(|_| is_allowed).ok_or(LogAuditError::Held { name })?;
        self.disputes.hold(record, held, epoch);
        Ok(())
    }

    /// What was held goes to whoever has disputed it, or back.
    fn resolve(&mut self, record: &Signed<Resolution>) -> Result<(), LogAuditError> {
        let name = record.name();
        let resolving = self.disputes.resolving(record.body());
        let resolving = resolving.map_err(|error| LogAuditError::Dispute { name, error })?;
        let (held, rest) =
            resolving.filter(|_| record.by() == self.terms.issuer).ok_or(LogAuditError::Held { name })?;
        *self.earned.entry(held.party).or_default() += u128::from(rest);
        self.disputes.resolve(record);
        Ok(())
    }

    fn take_keeper(&mut self, keeper: &Keeper) -> Result<(), LogAuditError> {
        let key = keeper.key();
        if self.pending.keepers.last().is_some_and(|last| last.key() >= key) {
            return Err(LogAuditError::Order);
        }
        let before = self.held.remove(&key).unwrap_or(Amount::ZERO);
        if keeper.after(before) != Some(*keeper) {
            return Err(LogAuditError::Storage { node: keeper.node });
        }
        if !keeper.held.is_zero() {
            self.held.insert(key, keeper.held);
        }
        self.pending.move_amount(keeper.paid)?;
        self.pending.keepers.push(*keeper);
        Ok(())
    }

    fn take_sale(&mut self, sale: &Sale) -> Result<(), LogAuditError> {
        let agreement = sale.agreement;
        if self.agreements.get(agreement).is_none() {
            return Err(LogAuditError::NoAgreement { agreement });
        }
        self.pending.move_amount(sale.paid)?;
        self.pending.sales.push(&canonical::to_vec(sale));
        self.pending.sold.take(&self.agreements, self.terms.treasury, sale);
        Ok(())
    }

    fn settle(&mut self, summary: &Summary) -> Result<(), LogAuditError> {
        let epoch = summary.epoch;
        self.check_follows(summary)?;
        let mut pending = std::mem::take(&mut self.pending);
        no_wrong(pending.views.end())?;
        let carried = carriers::of(&pending.claims, &pending.shares);
        pending.check(summary, &carried)?;
        if ListRoot::of(self.disputes.said()) != summary.disputes {
            return Err(LogAuditError::Differs { epoch, what: "the disputes" });
        }
        for (party, amount) in self.disputes.ending(epoch) {
            *self.earned.entry(party).or_default() += u128::from(amount);
        }
        self.disputes.settle(epoch);
        if let Some(name) = pending.pooled.not_shared() {
            return Err(LogAuditError::NotShared { epoch, name });
        }
        let mut earned = pending.shares.earned(self.terms.treasury);
        carried.earned(&mut earned);
        pending.keepers.iter().for_each(|keeper| add(&mut earned, keeper.node, keeper.paid));
        pending.sold.earned(&mut earned);
        for (owner, amount) in earned {
            *self.earned.entry(owner).or_default() += u128::from(amount);
        }
        if !pending.payouts.is_sorted_by(|one, other| one.party < other.party) {
            return Err(LogAuditError::Order);
        }
        let is_unearned = |payout: &&Payout| u128::from(payout.cumulative) > self.earned(&payout.party);
        if let Some(&Payout { party, .. }) = pending.payouts.iter().find(is_unearned) {
            return Err(LogAuditError::Unearned { epoch, party });
        }
        self.settled = Some((epoch, digest_of(summary)));
        Ok(())
    }

    fn next_epoch(&self) -> u64 {
        self.settled.map_or(1, |(epoch, _)| epoch.get() + 1)
    }

    fn check_follows(&self, summary: &Summary) -> Result<(), LogAuditError> {
        let (found, expected) = (summary.epoch, Epoch::new(self.next_epoch()));
        if found == expected && summary.previous == self.settled.map(|(_, digest)| digest) {
            Ok(())
        } else {
            Err(LogAuditError::Epoch { found, expected })
        }
    }
}

fn no_wrong(line: Option<Line>) -> Result<(), LogAuditError> {
    line.map_or(Ok(()), |Line { agreement, paid, .. }| Err(LogAuditError::Cost { agreement, paid }))
}

impl Pending {
    fn take_carrier(&mut self, carrier: &Carrier) -> Result<(), LogAuditError> {
        self.move_amount(carrier.promised)?;
        let claim = Claim { bytes: carrier.claimed, promised: carrier.promised };
        self.claims.entry(carrier.gateway).or_default().insert(carrier.node, claim);
        Ok(())
    }

    fn move_amount(&mut self, amount: Amount) -> Result<(), LogAuditError> {
        self.moved = self.moved.plus(amount).map_err(|_| LogAuditError::TooMuch)?;
        Ok(())
    }

    /// Every list of the summary is the one that stands before it, and the one that is computed again.
    fn check(&self, summary: &Summary, carried: &Carried) -> Result<(), LogAuditError> {
        let payouts = PayoutTree::new(self.payouts.clone()).root();
        let payouts = PayoutRoot { count: self.payouts.len() as u64, root: payouts };
        let [gateways, carriers] = [ListRoot::of(&carried.gateways), ListRoot::of(&carried.carriers)];
        let checks = [
            ("the lines", ListRoot::at(&self.lines) == summary.lines),
            // Every grant that has usage has a receipt, and so it rounds down no more than that.
            ("the plays", self.plays <= summary.receipts.count),
            (
                "the subscriptions",
                self.subscribed.root() == summary.subscriptions && self.subscribed.is_even(),
            ),
            (
                "the gateways",
                ListRoot::at(&self.gateways) == summary.gateways && gateways == summary.gateways,
            ),
            (
                "the carriers",
                ListRoot::at(&self.carriers) == summary.carriers && carriers == summary.carriers,
            ),
            ("the keepers", ListRoot::of(&self.keepers) == summary.keepers),
            ("the sales", ListRoot::at(&self.sales) == summary.sales),
            ("the payouts", payouts == summary.payouts),
            ("the totals", Totals::of(&self.shares, carried, &self.keepers, &self.sold) == summary.totals),
        ];
        match checks.into_iter().find(|(_, is_right)| !is_right) {
            Some((what, _)) => Err(LogAuditError::Differs { epoch: summary.epoch, what }),
            None => Ok(()),
        }
    }
}
