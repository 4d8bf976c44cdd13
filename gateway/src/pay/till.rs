//! Where a gateway counts what it delivers for money: sessions, their receipts, and the ledger that gets these.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::{AgreementId, DeliveryReceipt, NetworkId, PublicKey, SecretKey, Signed, UnixSeconds};
use quick_cache::sync::Cache;
use reqwest::Url;
use tokio::sync::{mpsc, oneshot};

use super::handing::Deferred;
use super::ledger::{LedgerClient, LedgerError, Title};
use super::session::ReceiptRefused;
use super::sessions::{OpenSession, Sessions};
use super::store::{Kept, ReceiptStore};
use super::writer::{RECEIPTS_QUEUED_MAX, Write, write};
use crate::handles::Handle;

/// Agreements whose title is remembered.
const TITLES_MAX: usize = 10_000;

/// What the operator decides about payments.
#[derive(Debug)]
pub struct PayConfig {
    /// Where the ledger is.
    pub ledger: Url,
    /// The file of receipts, made when it is missing.
    pub receipts: PathBuf,
    /// The key that grants name, and that earns.
    pub secret: SecretKey,
    /// Bytes of one session that may be sent before they are acknowledged.
    pub credit_bytes: u64,
}

impl PayConfig {
    /// The usual credit: 16 MiB.
    pub const CREDIT_BYTES: u64 = 16 << 20;
}

/// Why a gateway cannot take part in payments.
#[derive(Debug, thiserror::Error)]
pub enum TillError {
    /// The ledger says nothing, and was never heard before.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Another ledger than the one that was learnt.
    #[error(
        "the ledger at this address has the key {found}, it was {known}: if that is right, move {file} away"
    )]
    OtherLedger {
        /// The key now.
        found: PublicKey,
        /// The key that was learnt.
        known: PublicKey,
        /// Where that is kept.
        file: String,
    },
    /// A ledger of another network.
    #[error("the ledger is one of network {found}, not of {expected}")]
    OtherNetwork {
        /// The ledger's network.
        found: NetworkId,
        /// The gateway's.
        expected: NetworkId,
    },
    /// Another gateway keeps its receipts there.
    #[error("another program has {file} open")]
    InUse {
        /// Where the receipts are kept.
        file: String,
    },
    /// The receipts cannot be kept.
    #[error("the receipts cannot be kept: {0}")]
    Store(#[from] redb::Error),
}

/// Why a receipt is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiptError {
    #[error(transparent)]
    Refused(#[from] ReceiptRefused),
    #[error("it is not signed by the grant's session key")]
    Signer,
    #[error("too many receipts wait for the disk")]
    Busy,
    #[error("it could not be kept")]
    NotKept,
}

/// The till of one gateway; clones are the same one.
#[derive(Debug, Clone)]
pub struct Till {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) ledger: LedgerClient,
    issuer: PublicKey,
    network: NetworkId,
    secret: SecretKey,
    credit: u64,
    store: ReceiptStore,
    sessions: Mutex<Sessions>,
    pub(super) titles: Cache<AgreementId, Title>,
    writes: mpsc::Sender<Write>,
    pub(super) deferred: Mutex<Deferred>,
}

impl Till {
    /// Opens the file of receipts, and learns who the ledger is. A ledger that is known already need not answer.
    pub async fn open(config: PayConfig, network: NetworkId) -> Result<Self, TillError> {
        let store = ReceiptStore::open(&config.receipts).map_err(|error| match error {
            redb::Error::DatabaseAlreadyOpen => {
                TillError::InUse { file: config.receipts.display().to_string() }
            }
            other => other.into(),
        })?;
        let ledger = LedgerClient::new(config.ledger)?;
        let known = store.issuer()?;
        let issuer = match (ledger.terms().await, known) {
            (Ok(terms), _) if terms.network != network => {
                return Err(TillError::OtherNetwork { found: terms.network, expected: network });
            }
            (Ok(terms), Some(known)) if terms.issuer != known => {
                let file = config.receipts.display().to_string();
                return Err(TillError::OtherLedger { found: terms.issuer, known, file });
            }
            (Ok(terms), _) => terms.issuer,
            (Err(error), None) => return Err(error.into()),
            (Err(error), Some(known)) => {
                tracing::warn!(%error, "the ledger does not answer; receipts are kept for it");
                known
            }
        };
        if known.is_none() {
            store.learn_issuer(issuer)?;
        }
        let (writes, queue) = mpsc::channel(RECEIPTS_QUEUED_MAX);
        tokio::spawn(write(store.unheld(), queue));
        let shared = Shared {
            ledger,
            issuer,
            network,
            secret: config.secret,
            credit: config.credit_bytes,
            store,
            sessions: Mutex::default(),
            titles: Cache::new(TITLES_MAX),
            writes,
            deferred: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub(crate) fn url(&self) -> &Url {
        self.shared.ledger.url()
    }

    /// The key of the ledger.
    pub(crate) fn issuer(&self) -> PublicKey {
        self.shared.issuer
    }

    /// The key that grants have to name.
    pub(crate) fn key(&self) -> PublicKey {
        self.shared.secret.public()
    }

    pub(super) fn secret(&self) -> &SecretKey {
        &self.shared.secret
    }

    pub(crate) fn credit(&self) -> u64 {
        self.shared.credit
    }

    pub(crate) fn network(&self) -> NetworkId {
        self.shared.network
    }

    /// For what all records are signed that the ledger takes or has signed.
    pub(crate) fn signed_for(&self) -> NetworkId {
        self.shared.network.at_ledger(&self.shared.issuer)
    }

    pub(crate) fn open_sessions(&self) -> usize {
        self.sessions().len()
    }

    /// The session that a token stands for.
    pub(crate) fn session(&self, token: Handle) -> Option<Arc<OpenSession>> {
        self.sessions().get(token)
    }

    /// Takes a receipt, durably; false when it says nothing new.
    pub(crate) async fn take(
        &self,
        session: &OpenSession,
        receipt: Signed<DeliveryReceipt>,
    ) -> Result<bool, ReceiptError> {
        let _turn = session.receipts.lock().await;
        let expires = {
            let state = session.state();
            if receipt.by() != state.grant().session {
                return Err(ReceiptError::Signer);
            }
            if !state.check(receipt.body())? {
                return Ok(false);
            }
            state.grant().expires
        };
        let body = *receipt.body();
        let (done, kept) = oneshot::channel();
        let queued = self.shared.writes.try_send((Kept { receipt, expires }, done));
        queued.map_err(|_| ReceiptError::Busy)?;
        if kept.await != Ok(true) {
            return Err(ReceiptError::NotKept);
        }
        let is_news = session.change(|state, _| state.take(&body));
        session.viewer.acknowledged.notify_waiters();
        Ok(is_news)
    }

    pub(crate) async fn sweep(&self, now: UnixSeconds) -> Result<(), redb::Error> {
        self.sessions().sweep(now);
        self.blocking(move |store| store.sweep(now)).await
    }

    /// How many receipts the ledger has not taken.
    pub(crate) async fn waiting(&self) -> u64 {
        self.blocking(ReceiptStore::waiting_len).await.unwrap_or_default()
    }

    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ReceiptStore) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, redb::Error> {
        let store = self.shared.store.clone();
        tokio::task::spawn_blocking(move || work(&store)).await.expect("the store does not panic")
    }

    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.shared.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
