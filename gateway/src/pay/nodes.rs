//! Paying nodes: bills come from the client, and go back as vouchers under allocations that the ledger has promised.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use client::{Bill, Payer};
use protocol::{
    Admission, Allocation, Amount, Counted, Epoch, LaneNumber, Payment, PublicKey, Signed, Unverified,
    Voucher,
};
use tokio::sync::mpsc;

use super::collateral::{Collateral, Due, Lane, Step};
use super::lanes::KeptLane;
use super::ledger::{EpochNow, LedgerError};
use super::till::{Shared, Till};
use crate::gateway::now;

/// Bills that wait at a time.
const BILLS_QUEUED_MAX: usize = 256;
/// For how long an endpoint may act for the gateway, in seconds: it is looked at when a payment comes.
const ADMISSION_S: u64 = 3600;
/// How long the ledger's word about the epoch counts.
const EPOCH_ASKED_EVERY: Duration = Duration::from_secs(30);
/// How long nothing is asked of a ledger that did not do what it was asked.
const PAUSE: Duration = Duration::from_secs(5);

/// What the operator decides about paying nodes.
#[derive(Debug, Clone, Copy)]
pub struct NodePayments {
    /// The most that is set aside for nodes in an epoch.
    pub collateral: Amount,
    /// The most that is paid for a GiB, in micro-units.
    pub price_max: Amount,
}

/// Why a bill is not paid.
#[derive(Debug, thiserror::Error)]
enum NotPaid {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("what is owed cannot be kept: {0}")]
    Store(#[from] redb::Error),
    #[error("the collateral of epoch {0} is used up")]
    UsedUp(Epoch),
    #[error("lane {} is not kept any more", .0.get())]
    Lost(LaneNumber),
}

/// What is known between bills.
#[derive(Debug)]
struct Desk {
    collateral: Collateral,
    asked: Option<Instant>,
    paused: Option<Instant>,
}

impl Till {
    /// Pays nodes in the name of this gateway, for as long as its client lives.
    pub fn pay_nodes(&self, payments: NodePayments) -> Payer {
        let (bills, queue) = mpsc::channel(BILLS_QUEUED_MAX);
        tokio::spawn(answer(Arc::downgrade(&self.shared), queue, payments.collateral));
        Payer { ledger: self.issuer(), price_max: payments.price_max, bills }
    }
}

/// Answers bills one after the other: what is set aside for one is not there for another.
async fn answer(till: Weak<Shared>, mut bills: mpsc::Receiver<Bill>, limit: Amount) {
    let collateral = Collateral::new(limit, Epoch::new(0));
    let mut desk = Desk { collateral, asked: None, paused: None };
    while let Some(bill) = bills.recv().await {
        let Some(shared) = till.upgrade() else { return };
        let paid = desk.pay(&Till { shared }, &bill).await;
        let payment = paid.unwrap_or_else(|error| {
            tracing::warn!(node = %bill.node.fmt_short(), %error, "a node is not paid");
            None
        });
        // Whoever asked may have gone.
        let _gone = bill.answer.send(payment);
    }
}

impl Desk {
    async fn pay(&mut self, till: &Till, bill: &Bill) -> Result<Option<Payment>, NotPaid> {
        let due = Due { node: bill.node, price: bill.price, read: bill.read, counted: bill.counted };
        if self.paused.is_some_and(|until| Instant::now() < until) {
            return Ok(None);
        }
        let paid = self.steps(till, &due).await;
        self.paused = matches!(paid, Err(NotPaid::Ledger(_))).then(|| Instant::now() + PAUSE);
        Ok(paid?.and_then(|lane| till.payment(lane, bill.endpoint)))
    }

    /// Takes one step after the other until there is a voucher.
    async fn steps(&mut self, till: &Till, due: &Due) -> Result<Option<KeptLane>, NotPaid> {
        self.turn_epoch(till).await?;
        let epoch = self.collateral.epoch();
        loop {
            match self.collateral.next(due) {
                Step::Allocate { lane, amount } => {
                    let kept = till.allocate(epoch, due.node, lane, amount).await?;
                    self.collateral.add(due.node, kept);
                }
                Step::HandIn { lane } => {
                    till.hand_in(epoch, due.node, lane).await?;
                    self.collateral.promised(due.node);
                }
                Step::Owe { lane, said } => {
                    let kept = till.owe(epoch, due.node, lane, said).await?;
                    self.collateral.owes(due, said);
                    return Ok(Some(kept));
                }
                Step::Nothing => return Ok(None),
                Step::UsedUp => return Err(NotPaid::UsedUp(epoch)),
            }
        }
    }

    /// Asks the ledger for the epoch now and then, and takes up what is kept of a new one.
    async fn turn_epoch(&mut self, till: &Till) -> Result<(), NotPaid> {
        if self.asked.is_some_and(|asked| asked.elapsed() < EPOCH_ASKED_EVERY) {
            return Ok(());
        }
        let EpochNow { epoch, ends } = till.shared.ledger.epoch().await?;
        let left = Duration::from_secs(ends.seconds_since(now()));
        // The last word counts no longer than the epoch.
        self.asked = (!left.is_zero()).then(Instant::now);
        if epoch != self.collateral.epoch() {
            let network = till.signed_for();
            let kept = till.blocking(move |store| {
                store.forget_lanes(epoch)?;
                store.lanes_of(epoch, &network)
            });
            let kept = kept.await?;
            self.collateral.begin(epoch);
            for lane in kept {
                self.collateral.add(lane.allocation.body().payee, lane.lane());
            }
        }
        Ok(())
    }
}

impl Till {
    /// Sets something aside, on this machine: the ledger has it when it is handed in.
    async fn allocate(
        &self,
        epoch: Epoch,
        payee: PublicKey,
        lane: LaneNumber,
        amount: Amount,
    ) -> Result<Lane, NotPaid> {
        let body = Allocation { amount, epoch, issued: now(), lane, payee };
        let allocation = Signed::sign(self.secret(), &self.signed_for(), body);
        let kept = KeptLane { allocation, promise: None, voucher: None };
        let lane = kept.lane();
        self.blocking(move |store| store.keep_lane(&kept)).await?;
        Ok(lane)
    }

    /// Has the ledger promise an allocation; the same one as often as it takes.
    async fn hand_in(&self, epoch: Epoch, node: PublicKey, lane: LaneNumber) -> Result<(), NotPaid> {
        let mut kept = self.kept_lane(epoch, node, lane).await?;
        let promise = self.shared.ledger.record(&kept.allocation, self.issuer()).await?;
        kept.promise = Some(promise);
        Ok(self.blocking(move |store| store.keep_lane(&kept)).await?)
    }

    /// Signs a voucher, and keeps it.
    async fn owe(
        &self,
        epoch: Epoch,
        node: PublicKey,
        lane: LaneNumber,
        said: Counted,
    ) -> Result<KeptLane, NotPaid> {
        let mut kept = self.kept_lane(epoch, node, lane).await?;
        let Counted { bytes, amount } = said;
        let voucher = Voucher { amount, bytes, epoch, lane, payee: node };
        if kept.voucher.as_ref().is_none_or(|known| *known.body() != voucher) {
            kept.voucher = Some(Signed::sign(self.secret(), &self.signed_for(), voucher));
            let keep = kept.clone();
            self.blocking(move |store| store.keep_lane(&keep)).await?;
        }
        Ok(kept)
    }

    async fn kept_lane(&self, epoch: Epoch, node: PublicKey, lane: LaneNumber) -> Result<KeptLane, NotPaid> {
        let network = self.signed_for();
        let kept = self.blocking(move |store| store.lane(epoch, &node, lane, &network)).await?;
        kept.ok_or(NotPaid::Lost(lane))
    }

    /// What a node is shown.
    fn payment(&self, lane: KeptLane, endpoint: PublicKey) -> Option<Payment> {
        let admission = Admission { endpoint, expires: now().plus(ADMISSION_S) };
        let admission = Signed::sign(self.secret(), &self.network(), admission);
        Some(Payment {
            admission: Unverified::from(&admission),
            allocation: Unverified::from(&lane.allocation),
            promise: Unverified::from(&lane.promise?),
            voucher: Unverified::from(&lane.voucher?),
        })
    }
}
