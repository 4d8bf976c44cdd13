//! Where a gateway counts what it delivers for money: sessions, their receipts, and the ledger that gets these.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::{
    AgreementId, DeliveryReceipt, NetworkId, PublicKey, SecretKey, SessionGrant, Signed, UnixSeconds, Usage,
};
use quick_cache::sync::Cache;
use reqwest::Url;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::ledger::{LedgerClient, LedgerError, Title};
use super::session::{ReceiptRefused, Session};
use super::sessions::{OpenSession, Sessions};
use super::store::{Kept, ReceiptStore, UnheldStore};
use crate::handles::Handle;

/// Agreements whose title is remembered.
const TITLES_MAX: usize = 10_000;
/// Receipts that wait for the disk at a time.
const RECEIPTS_QUEUED_MAX: usize = 4096;
/// Receipts of one write.
const RECEIPTS_OF_WRITE_MAX: usize = 1024;
/// Receipts that are handed to the ledger at once.
const BATCH_MAX: usize = 4096;
/// How long the last receipts may take when the gateway ends.
const LAST_WITHIN: Duration = Duration::from_secs(10);

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
    /// The receipts cannot be kept.
    #[error("the receipts cannot be kept: {0}")]
    Store(#[from] redb::Error),
}

/// Why a session is not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("the grant is not by the ledger {0}")]
    OtherLedger(PublicKey),
    #[error("the grant is for the gateway {0}")]
    OtherGateway(PublicKey),
    #[error("the receipt is not the first one of the grant's session key, without usage")]
    NoProof,
    #[error("the grant holds from {starts} to {expires}")]
    Time { starts: UnixSeconds, expires: UnixSeconds },
    #[error("a page of this gateway asks for grants that say so")]
    NotAttested,
    #[error("the ledger does not know the grant's agreement")]
    NoAgreement,
    #[error("no more sessions can be open")]
    Full,
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the receipts cannot be read: {0}")]
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
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ledger: LedgerClient,
    issuer: PublicKey,
    network: NetworkId,
    secret: SecretKey,
    credit: u64,
    store: ReceiptStore,
    sessions: Mutex<Sessions>,
    titles: Cache<AgreementId, Title>,
    writes: mpsc::Sender<Write>,
}

type Write = (Kept, oneshot::Sender<bool>);

impl Till {
    /// Opens the file of receipts, and learns who the ledger is. A ledger that is known already need not answer.
    pub async fn open(config: PayConfig, network: NetworkId) -> Result<Self, TillError> {
        let store = ReceiptStore::open(&config.receipts)?;
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

    pub(crate) fn credit(&self) -> u64 {
        self.shared.credit
    }

    pub(crate) fn network(&self) -> NetworkId {
        self.shared.network
    }

    pub(crate) fn open_sessions(&self) -> usize {
        self.sessions().len()
    }

    /// The session that a token stands for.
    pub(crate) fn session(&self, token: Handle) -> Option<Arc<OpenSession>> {
        self.sessions().get(token)
    }

    /// Opens a session under `token`. `proof` is a receipt of the session key that acknowledges nothing; `is_own_page`
    /// says that a page of this gateway asks.
    pub(crate) async fn open_session(
        &self,
        token: Handle,
        grant: &Signed<SessionGrant>,
        proof: &Signed<DeliveryReceipt>,
        is_own_page: bool,
        now: UnixSeconds,
    ) -> Result<(), OpenError> {
        self.check(grant, proof, is_own_page, now)?;
        let known = self.sessions().of_grant(&grant.body().serial);
        let session = match known {
            Some(session) => session,
            None => Arc::new(self.begin(*grant.body()).await?),
        };
        self.sessions().open(token, session).map(drop).ok_or(OpenError::Full)
    }

    fn check(
        &self,
        grant: &Signed<SessionGrant>,
        proof: &Signed<DeliveryReceipt>,
        is_own_page: bool,
        now: UnixSeconds,
    ) -> Result<(), OpenError> {
        let (body, first) = (grant.body(), proof.body());
        if grant.by() != self.issuer() {
            return Err(OpenError::OtherLedger(self.issuer()));
        }
        if body.gateway != self.key() {
            return Err(OpenError::OtherGateway(body.gateway));
        }
        let is_first = first.serial == body.serial && first.seq.get() == 0 && first.usage == Usage::default();
        if proof.by() != body.session || !is_first {
            return Err(OpenError::NoProof);
        }
        let SessionGrant { starts, expires, .. } = *body;
        if starts > now.plus(protocol::limits::CLOCK_SKEW_MAX_S) || expires.has_passed(now) {
            return Err(OpenError::Time { starts, expires });
        }
        if is_own_page && !body.attested { Err(OpenError::NotAttested) } else { Ok(()) }
    }

    /// A session as it was when this gateway last took a receipt under its grant.
    async fn begin(&self, grant: SessionGrant) -> Result<OpenSession, OpenError> {
        let title = self.title(grant.agreement).await?;
        let mut session = Session::new(grant, self.shared.credit);
        for record in self.blocking(move |store| store.of_grant(&grant.serial)).await? {
            let receipt = Signed::<DeliveryReceipt>::decode(&record, &self.network());
            session.restore(receipt.expect("only verified receipts are kept").body());
        }
        Ok(OpenSession::new(title, session))
    }

    async fn title(&self, agreement: AgreementId) -> Result<Title, OpenError> {
        if let Some(title) = self.shared.titles.get(&agreement) {
            return Ok(title);
        }
        let title = self.shared.ledger.title(agreement).await?.ok_or(OpenError::NoAgreement)?;
        self.shared.titles.insert(agreement, title);
        Ok(title)
    }

    /// Takes a receipt, durably; false when it says nothing new.
    pub(crate) async fn take(
        &self,
        session: &OpenSession,
        receipt: Signed<DeliveryReceipt>,
    ) -> Result<bool, ReceiptError> {
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
        let is_news = session.state().take(&body);
        session.acknowledged.notify_waiters();
        Ok(is_news)
    }

    /// Hands what waits to the ledger; how many records that were. Some of them it may have refused for good.
    pub(crate) async fn hand_over(&self) -> Result<usize, HandOverError> {
        let waiting = self.blocking(|store| store.waiting(BATCH_MAX)).await?;
        if waiting.is_empty() {
            return Ok(0);
        }
        let records = waiting.iter().map(|receipt| receipt.record.clone()).collect();
        let taken = self.shared.ledger.hand_over(records).await?;
        for refused in &taken.refused {
            tracing::warn!(
                at = refused.at,
                code = refused.code,
                detail = refused.detail,
                "a receipt is refused"
            );
        }
        let len = waiting.len();
        self.blocking(move |store| store.handed_over(&waiting)).await?;
        Ok(len)
    }

    /// Hands over all that waits, before the gateway ends.
    pub(crate) async fn close(&self) {
        let all = async {
            while self.hand_over().await? > 0 {}
            Ok::<_, HandOverError>(())
        };
        match timeout(LAST_WITHIN, all).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "receipts wait for the next start"),
            Err(_) => tracing::warn!("receipts wait for the next start, since the ledger is slow"),
        }
    }

    pub(crate) async fn sweep(&self, now: UnixSeconds) -> Result<(), redb::Error> {
        self.sessions().sweep(now);
        self.blocking(move |store| store.sweep(now)).await
    }

    /// How many receipts the ledger has not taken.
    pub(crate) async fn waiting(&self) -> u64 {
        self.blocking(ReceiptStore::waiting_len).await.unwrap_or_default()
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ReceiptStore) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, redb::Error> {
        let store = self.shared.store.clone();
        tokio::task::spawn_blocking(move || work(&store)).await.expect("the store does not panic")
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.shared.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why receipts were not handed over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandOverError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the receipts cannot be read: {0}")]
    Store(#[from] redb::Error),
}

/// Writes receipts as they come, those that came together at once. The file is closed when the till is gone.
async fn write(store: UnheldStore, mut queue: mpsc::Receiver<Write>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, RECEIPTS_OF_WRITE_MAX).await > 0 {
        let (kept, done): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
        let Some(store) = store.get() else { return };
        let written = tokio::task::spawn_blocking(move || store.keep(&kept)).await;
        let written = written.expect("the store does not panic");
        if let Err(error) = &written {
            tracing::error!(%error, "receipts cannot be kept");
        }
        for done in done {
            // Whoever asked may have gone.
            let _gone = done.send(written.is_ok());
        }
    }
}
