//! How a session is opened under a grant.

use std::sync::Arc;

use protocol::{AgreementId, DeliveryReceipt, PublicKey, SessionGrant, Signed, UnixSeconds, Usage};

use super::ledger::{LedgerError, Title};
use super::session::Session;
use super::sessions::OpenSession;
use super::till::Till;
use crate::handles::Handle;

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

impl Till {
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
        let mut session = Session::new(grant, title.price, self.credit());
        for record in self.blocking(move |store| store.of_grant(&grant.serial)).await? {
            let receipt = Signed::<DeliveryReceipt>::decode(&record, &self.signed_for());
            session.restore(receipt.expect("only verified receipts are kept").body());
        }
        let viewer = self.sessions().viewer(&grant).ok_or(OpenError::Full)?;
        Ok(OpenSession::new(title, viewer, session))
    }

    async fn title(&self, agreement: AgreementId) -> Result<Title, OpenError> {
        if let Some(title) = self.shared.titles.get(&agreement) {
            return Ok(title);
        }
        let title = self.shared.ledger.title(agreement).await?.ok_or(OpenError::NoAgreement)?;
        self.shared.titles.insert(agreement, title);
        Ok(title)
    }
}
