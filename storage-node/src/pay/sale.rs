//! A node that sells reads: its accounts, its vouchers, and one payment at a time.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::{Code, Counted, Epoch, PublicKey, Refusal, UnixSeconds, VerifiedPayment};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::accounts::{AccountError, Accounts, Charge, Reader};
use super::lanes::Lanes;
use super::unpaid::Unpaid;
use crate::config::Selling;

/// How long a read waits for others of the same payer to end, before the answer is `busy`.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// What a node needs to be paid for what is read.
#[derive(Debug)]
pub(crate) struct Sale {
    ledger: PublicKey,
    accounts: Mutex<Accounts>,
    lanes: Lanes,
    dir: PathBuf,
    /// What was written down last of what is open.
    noted: Mutex<Unpaid>,
    /// False when strangers were introduced and that is not written down: what they have read would be asked of them again.
    is_noted: AtomicBool,
    /// Held from the check of a payment until it is kept and taken.
    turn: tokio::sync::Mutex<()>,
    /// Something has ended, or was paid for.
    eased: Notify,
}

/// A read that is being counted; what was sent of it is open when this is dropped.
#[derive(Debug)]
pub(crate) struct Toll<'s> {
    sale: &'s Sale,
    charge: Charge,
    sent: u64,
}

impl Sale {
    /// Sells by these terms, with the vouchers that lie in the node's folder.
    pub(crate) fn open(dir: &Path, selling: &Selling, now: UnixSeconds) -> io::Result<Self> {
        let (lanes, kept) = Lanes::open(dir, now)?;
        let known = kept.iter().map(|kept| (kept.lane(), kept.allocation.name(), *kept.voucher.body()));
        let mut accounts = Accounts::new(selling.price.micro, selling.credit, known);
        let unpaid = Unpaid::read(dir)?;
        accounts.restore(unpaid.clone());
        Ok(Self {
            ledger: selling.price.ledger,
            accounts: Mutex::new(accounts),
            lanes,
            dir: dir.to_owned(),
            noted: Mutex::new(unpaid),
            is_noted: AtomicBool::new(true),
            turn: tokio::sync::Mutex::default(),
            eased: Notify::new(),
        })
    }

    /// By which ledger it sells.
    pub(crate) const fn ledger(&self) -> PublicKey {
        self.ledger
    }

    /// Begins a read of up to `len` bytes, when the reader has paid enough for those before; waits for those under way.
    pub(crate) async fn toll(&self, reader: Reader, len: u64, now: UnixSeconds) -> Result<Toll<'_>, Refusal> {
        let begun = async {
            loop {
                let eased = self.eased.notified();
                match self.accounts().begin(reader, len, now) {
                    Err(AccountError::Crowded { .. }) => {}
                    begun => return begun,
                }
                eased.await;
            }
        };
        let begun = match timeout(WAIT_MAX, begun).await {
            Ok(begun) => begun,
            Err(_) => self.accounts().begin(reader, len, now),
        };
        Ok(Toll { sale: self, charge: begun.map_err(refusal)?, sent: 0 })
    }

    /// Takes a payment once it is durable; says what is counted then.
    pub(crate) async fn take(
        self: &Arc<Self>,
        reader: Reader,
        payment: VerifiedPayment,
    ) -> Result<Counted, Refusal> {
        let _turn = self.turn.lock().await;
        if self.accounts().introduce(reader, payment.lane().payer) {
            self.is_noted.store(false, Ordering::Relaxed);
        }
        let is_news = self.accounts().check(&payment).map_err(refusal)?;
        if is_news {
            let (sale, kept) = (self.clone(), payment.clone());
            let written = spawn_blocking(move || sale.keep(&kept)).await;
            let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
            written.map_err(|error| {
                tracing::error!(%error, "a voucher cannot be kept");
                Refusal::new(Code::Internal, "the voucher cannot be kept")
            })?;
        }
        let counted = self.accounts().take(&payment);
        self.eased.notify_waiters();
        Ok(counted)
    }

    /// Keeps a payment durably: behind whose it is what it pays for, so that a power failure in between asks nobody twice.
    fn keep(&self, payment: &VerifiedPayment) -> io::Result<()> {
        if !self.is_noted.load(Ordering::Relaxed) {
            self.note_unpaid()?;
            self.is_noted.store(true, Ordering::Relaxed);
        }
        let counted = self.accounts().counted_with(payment);
        self.lanes.keep(payment, counted)
    }

    /// Writes down what is open, where that has changed; waits for the disk.
    pub(crate) fn note_unpaid(&self) -> io::Result<()> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let unpaid = self.accounts().unpaid();
        if *noted != unpaid {
            unpaid.write(&self.dir)?;
            *noted = unpaid;
        }
        Ok(())
    }

    /// Takes no more payments for epochs before this one.
    pub(crate) fn open_from(&self, epoch: Epoch) {
        self.accounts().open_from(epoch);
    }

    /// Bytes that were sent and not paid for, and those that were paid for since the start.
    pub(crate) fn open_and_paid(&self) -> (u64, u64) {
        let accounts = self.accounts();
        (accounts.open(), accounts.paid())
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        // Every change is made in one go.
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Toll<'_> {
    /// So many bytes more were sent.
    pub(crate) fn sent(&mut self, bytes: u64) {
        self.sent += bytes;
    }
}

impl Drop for Toll<'_> {
    fn drop(&mut self) {
        self.sale.accounts().end(&self.charge, self.sent);
        self.sale.eased.notify_waiters();
    }
}

fn refusal(error: AccountError) -> Refusal {
    Refusal::new(error.code(), error.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use protocol::{Amount, ReadPrice};

    use super::super::accounts::tests::{CREDIT, MICRO_PER_GIB, NOW, key, payment, reader};
    use super::super::lanes::DRAFTS;
    use super::*;

    /// The node that lies in this folder, as it is after a power failure.
    fn node(dir: &Path, micro: u64) -> Arc<Sale> {
        let price = ReadPrice { ledger: key(3).public(), micro: Amount::new(micro).unwrap() };
        Arc::new(Sale::open(dir, &Selling { price, credit: CREDIT }, NOW).unwrap())
    }

    async fn read(node: &Arc<Sale>, reader: Reader, bytes: u64) {
        node.toll(reader, bytes, NOW).await.unwrap().sent(bytes);
    }

    #[tokio::test]
    async fn a_power_failure_asks_nobody_twice() {
        let (dir, reader) = (tempfile::tempdir().unwrap(), reader(4, 1));
        fs::create_dir(dir.path().join(DRAFTS)).unwrap();
        let before = node(dir.path(), MICRO_PER_GIB);
        // A stranger reads, which is written down, and pays.
        read(&before, reader, 600).await;
        before.note_unpaid().unwrap();
        let first = payment(1, reader, 0, 600, 300);
        assert_eq!(before.take(reader, first.clone()).await.unwrap().bytes, 600);
        let after = node(dir.path(), MICRO_PER_GIB);
        assert_eq!(after.open_and_paid(), (0, 0));
        assert_eq!(after.take(reader, first).await.unwrap().bytes, 600);
        // The same of a payer who is known.
        read(&after, reader, 100).await;
        after.note_unpaid().unwrap();
        assert_eq!(after.take(reader, payment(1, reader, 0, 690, 345)).await.unwrap().bytes, 700);
        assert_eq!(node(dir.path(), MICRO_PER_GIB).open_and_paid().0, 10);
    }

    #[tokio::test]
    async fn a_node_that_is_started_with_another_price_asks_the_old_one_for_what_is_open() {
        let (dir, reader) = (tempfile::tempdir().unwrap(), reader(4, 1));
        fs::create_dir(dir.path().join(DRAFTS)).unwrap();
        let before = node(dir.path(), MICRO_PER_GIB);
        before.take(reader, payment(1, reader, 0, 0, 0)).await.unwrap();
        read(&before, reader, 400).await;
        before.note_unpaid().unwrap();
        let after = node(dir.path(), MICRO_PER_GIB << 2);
        let pays = async |bytes, amount| after.take(reader, payment(1, reader, 0, bytes, amount)).await;
        assert_eq!(pays(400, 199).await.unwrap_err().code(), Code::PaymentWanted);
        assert_eq!(pays(400, 200).await.unwrap().bytes, 400);
        read(&after, reader, 10).await;
        assert_eq!(pays(410, 219).await.unwrap_err().code(), Code::PaymentWanted);
        assert_eq!(pays(410, 220).await.unwrap().bytes, 410);
    }
}
