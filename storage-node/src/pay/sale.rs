//! A node that sells reads: its accounts, its vouchers, and one payment at a time.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::{Code, Counted, Epoch, PublicKey, Refusal, UnixSeconds, VerifiedPayment};
use tokio::task::spawn_blocking;

use super::accounts::{AccountError, Accounts, Charge, Reader};
use super::lanes::Lanes;
use crate::config::Selling;

/// What a node needs to be paid for what is read.
#[derive(Debug)]
pub(crate) struct Sale {
    ledger: PublicKey,
    accounts: Mutex<Accounts>,
    lanes: Arc<Lanes>,
    /// Held from the check of a payment until it is kept and taken.
    turn: tokio::sync::Mutex<()>,
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
        let accounts = Mutex::new(Accounts::new(selling.price, selling.credit, known));
        Ok(Self {
            ledger: selling.price.ledger,
            accounts,
            lanes: Arc::new(lanes),
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// By which ledger it sells.
    pub(crate) const fn ledger(&self) -> PublicKey {
        self.ledger
    }

    /// Begins a read of up to `len` bytes, when the reader has paid enough for those before.
    pub(crate) fn toll(&self, reader: Reader, len: u64, now: UnixSeconds) -> Result<Toll<'_>, Refusal> {
        let charge = self.accounts().begin(reader, len, now).map_err(refusal)?;
        Ok(Toll { sale: self, charge, sent: 0 })
    }

    /// Takes a payment once it is durable; says what is counted then.
    pub(crate) async fn take(&self, reader: Reader, payment: VerifiedPayment) -> Result<Counted, Refusal> {
        let _turn = self.turn.lock().await;
        let is_news = self.accounts().check(&payment).map_err(refusal)?;
        if is_news {
            let counted = self.accounts().counted_with(reader, &payment);
            let (lanes, kept) = (self.lanes.clone(), payment.clone());
            let written = spawn_blocking(move || lanes.keep(&kept, counted)).await;
            let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
            written.map_err(|error| {
                tracing::error!(%error, "a voucher cannot be kept");
                Refusal::new(Code::Internal, "the voucher cannot be kept")
            })?;
        }
        Ok(self.accounts().take(reader, &payment))
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
    }
}

fn refusal(error: AccountError) -> Refusal {
    Refusal::new(error.code(), error.to_string())
}
