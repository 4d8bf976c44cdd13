//! Paying nodes: bills come from the client, and go back as vouchers under allocations that the ledger has promised.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};

use client::{Bill, Payer};
use protocol::{
    Admission, Allocation, Amount, Counted, Epoch, LaneNumber, Payment, PublicKey, Signed, Unverified,
    Voucher,
};
use tokio::sync::{Mutex, Semaphore, mpsc};

use super::collateral::{Collateral, Due, Lane, Step};
use super::lanes::KeptLane;
use super::ledger::{EpochNow, LedgerError};
use super::till::{Shared, Till};
use crate::gateway::now;

/// Bills that wait at a time.
const BILLS_QUEUED_MAX: usize = 256;
/// Bills that are answered at a time; those of one payee one after the other.
const BILLS_AT_ONCE_MAX: usize = 256;
/// Allocations that a ledger is shown at a time. Whoever has a promise already does not wait for these.
const HAND_INS_AT_ONCE_MAX: usize = 8;
/// For how long an endpoint may act for the gateway, in seconds: it is looked at when a payment comes.
const ADMISSION_S: u64 = 3600;
/// How long the ledger's word about the epoch counts.
const EPOCH_ASKED_EVERY: Duration = Duration::from_secs(30);
/// How long the last word counts, at most, when the ledger says nothing more.
const EPOCH_TRUSTED: Duration = Duration::from_hours(1);
/// How long nothing more is handed in for a payee for whom the ledger did not do what it was asked; and how long it is not asked
/// for the epoch when it did not say it. What is done for others goes on.
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
    /// Held while the disk writes, never while the ledger is asked: what is set aside for one is not there for another.
    collateral: Mutex<Collateral>,
    clock: Clock,
    handing: Semaphore,
    /// One for each payee: no more than there are nodes.
    turns: std::sync::Mutex<HashMap<PublicKey, Arc<Mutex<Turn>>>>,
}

/// What is known of one payee.
#[derive(Debug, Default)]
struct Turn {
    /// Until when nothing is handed in for it.
    paused: Option<Instant>,
}

/// Which epoch it is, by the ledger's word.
#[derive(Debug, Default)]
struct Clock {
    word: std::sync::Mutex<Option<Word>>,
    /// Whoever asks the ledger; until when it is not asked.
    asking: Mutex<Option<Instant>>,
}

#[derive(Debug, Clone, Copy)]
struct Word {
    asked: Instant,
    ends: Instant,
}

impl Till {
    /// Pays nodes in the name of this gateway, for as long as its client lives.
    pub fn pay_nodes(&self, payments: NodePayments) -> Payer {
        let (bills, queue) = mpsc::channel(BILLS_QUEUED_MAX);
        tokio::spawn(answer(Arc::downgrade(&self.shared), queue, payments.collateral));
        Payer { ledger: self.issuer(), price_max: payments.price_max, bills }
    }
}

/// Answers bills: those of one payee one after the other, so that a ledger that is slow about one keeps nobody else waiting.
async fn answer(till: Weak<Shared>, mut bills: mpsc::Receiver<Bill>, limit: Amount) {
    let desk = Arc::new(Desk::new(limit));
    let places = Arc::new(Semaphore::new(BILLS_AT_ONCE_MAX));
    while let Some(bill) = bills.recv().await {
        let place = Arc::clone(&places).acquire_owned().await.expect("nobody closes it");
        let Some(shared) = till.upgrade() else { return };
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            let _place = place;
            desk.answer(&Till { shared }, bill).await;
        });
    }
}

impl Desk {
    fn new(limit: Amount) -> Self {
        Self {
            collateral: Mutex::new(Collateral::new(limit, Epoch::new(0))),
            clock: Clock::default(),
            handing: Semaphore::new(HAND_INS_AT_ONCE_MAX),
            turns: std::sync::Mutex::default(),
        }
    }

    async fn answer(&self, till: &Till, bill: Bill) {
        let turn = Arc::clone(locked(&self.turns).entry(bill.node).or_default());
        let mut turn = turn.lock().await;
        let due = Due { node: bill.node, price: bill.price, read: bill.read, counted: bill.counted };
        let paid = self.steps(till, &due, turn.is_paused()).await;
        if matches!(paid, Err(NotPaid::Ledger(_))) {
            turn.paused = Some(Instant::now() + PAUSE);
        }
        let lane = paid.unwrap_or_else(|error| {
            tracing::warn!(node = %bill.node.fmt_short(), %error, "a node is not paid");
            None
        });
        // Whoever asked may have gone.
        let _gone = bill.answer.send(lane.and_then(|lane| till.payment(lane, bill.endpoint)));
    }

    /// Takes one step after the other until there is a voucher.
    async fn steps(&self, till: &Till, due: &Due, is_paused: bool) -> Result<Option<KeptLane>, NotPaid> {
        if !self.knows_epoch(till).await? {
            return Ok(None);
        }
        loop {
            let mut collateral = self.collateral.lock().await;
            let epoch = collateral.epoch();
            match collateral.next(due) {
                Step::Allocate { lane, amount } => {
                    let kept = till.allocate(epoch, due.node, lane, amount).await?;
                    collateral.add(due.node, kept);
                }
                Step::HandIn { lane } => {
                    drop(collateral);
                    if is_paused {
                        return Ok(None);
                    }
                    let _place = self.handing.acquire().await.expect("nobody closes it");
                    till.hand_in(epoch, due.node, lane).await?;
                    let mut collateral = self.collateral.lock().await;
                    if collateral.epoch() == epoch {
                        collateral.promised(due.node);
                    }
                }
                Step::Owe { lane, said } => {
                    // What is believed is kept with the voucher: a node that is paid anew after a restart is not believed anew.
                    let believed = collateral.believed_with(due, said);
                    let kept = till.owe(epoch, due.node, lane, said, believed).await?;
                    collateral.owes(due, said);
                    return Ok(Some(kept));
                }
                Step::Nothing => return Ok(None),
                Step::UsedUp => return Err(NotPaid::UsedUp(epoch)),
            }
        }
    }

    /// Whether it is known which epoch it is. The ledger is asked now and then, by one at a time: all others go by its last
    /// word, as long as that epoch lasts.
    async fn knows_epoch(&self, till: &Till) -> Result<bool, NotPaid> {
        let mut asking = match self.clock.word() {
            Some(word) if word.asked.elapsed() < EPOCH_ASKED_EVERY => return Ok(true),
            Some(_) => match self.clock.asking.try_lock() {
                Ok(asking) => asking,
                Err(_) => return Ok(true),
            },
            None => self.clock.asking.lock().await,
        };
        let word = self.clock.word();
        if word.is_some_and(|word| word.asked.elapsed() < EPOCH_ASKED_EVERY) {
            return Ok(true);
        }
        if asking.is_some_and(|until| Instant::now() < until) {
            return Ok(word.is_some());
        }
        match self.turn_epoch(till).await {
            Err(NotPaid::Ledger(error)) if word.is_some() => {
                tracing::warn!(%error, "the ledger does not say which epoch it is");
                *asking = Some(Instant::now() + PAUSE);
                Ok(true)
            }
            Err(error) => {
                *asking = Some(Instant::now() + PAUSE);
                Err(error)
            }
            Ok(()) => Ok(true),
        }
    }

    /// Asks the ledger for the epoch, and takes up what is kept of a new one.
    async fn turn_epoch(&self, till: &Till) -> Result<(), NotPaid> {
        let EpochNow { epoch, ends } = till.shared.ledger.epoch().await?;
        let asked = Instant::now();
        let mut collateral = self.collateral.lock().await;
        if epoch != collateral.epoch() {
            let network = till.signed_for();
            let kept = till.blocking(move |store| {
                store.forget_lanes(epoch)?;
                Ok((store.lanes_of(epoch, &network)?, store.believed_in(epoch)?))
            });
            let (kept, believed) = kept.await?;
            collateral.begin(epoch);
            for lane in kept {
                collateral.add(lane.allocation.body().payee, lane.lane());
            }
            for (node, bytes) in believed {
                collateral.has_believed(node, bytes);
            }
        }
        let left = Duration::from_secs(ends.seconds_since(now())).min(EPOCH_TRUSTED);
        *locked(&self.clock.word) = Some(Word { asked, ends: asked + left });
        Ok(())
    }
}

impl Turn {
    fn is_paused(&self) -> bool {
        self.paused.is_some_and(|until| Instant::now() < until)
    }
}

impl Clock {
    /// The ledger's last word, as long as the epoch lasts.
    fn word(&self) -> Option<Word> {
        locked(&self.word).filter(|word| Instant::now() < word.ends)
    }
}

/// Every change is made in one go, whatever panicked beside it.
fn locked<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        believed: u64,
    ) -> Result<KeptLane, NotPaid> {
        let mut kept = self.kept_lane(epoch, node, lane).await?;
        let Counted { bytes, amount } = said;
        let voucher = Voucher { amount, bytes, epoch, lane, payee: node };
        if kept.voucher.as_ref().is_none_or(|known| *known.body() != voucher) {
            kept.voucher = Some(Signed::sign(self.secret(), &self.signed_for(), voucher));
            let keep = kept.clone();
            self.blocking(move |store| store.keep_voucher(&keep, believed)).await?;
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
