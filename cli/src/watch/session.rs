//! One grant in use at one gateway: what comes is acknowledged, durably here before it goes on to a player.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::{Amount, SessionGrant, Signed, TitlePrice, UnixSeconds, Usage};
use reqwest::Url;

use super::kept::Kept;
use super::stream::{Piece, Stream};
use super::till::{Till, TillError};
use crate::ledger_api::LedgerApi;

/// A grant that ends so soon is not used any more, in seconds.
const LEFT_MIN_S: u64 = 60;

/// A session of one gateway.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) gateway: Url,
    pub(super) grant: SessionGrant,
    till: Till,
    credit: Usage,
    price: TitlePrice,
    token: Mutex<String>,
    state: Mutex<State>,
    /// Receipts are handed in one after the other.
    posting: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    stream: Stream,
    reserved: Usage,
    kept: Kept,
    /// What earlier programs have spent under the same grant.
    before: Amount,
}

/// Room in a grant for a segment that is on its way; given back when this is dropped.
#[derive(Debug)]
pub(super) struct Reserved {
    pub(super) session: Arc<Session>,
    usage: Usage,
}

impl Session {
    /// Opens a session under a grant that is kept, and hands in what is owed under it.
    pub(super) async fn open(
        gateway: Url,
        till: Till,
        credit: Usage,
        price: TitlePrice,
        kept: Kept,
    ) -> Result<Self, TillError> {
        let grant = *kept.grant.as_ref().expect("who opens has been granted it").body();
        let newest = kept.receipt.as_ref().map(Signed::body).copied();
        let stream = newest.map_or_else(|| Stream::new(grant.serial), Stream::resumed);
        let before = price.charge(stream.usage(), grant.charge);
        let state = State { stream, reserved: Usage::default(), kept, before };
        let session = Self {
            gateway,
            grant,
            till,
            credit,
            price,
            token: Mutex::default(),
            state: Mutex::new(state),
            posting: tokio::sync::Mutex::default(),
        };
        session.reopen().await?;
        session.acknowledge().await?;
        Ok(session)
    }

    /// Another session under the same grant, in place of one that the gateway does not know any more.
    pub(super) async fn reopen(&self) -> Result<(), TillError> {
        let (record, receipt) = {
            let State { stream, kept, .. } = &*self.state();
            let record = kept.grant.as_ref().map(Signed::encode).unwrap_or_default();
            (record, Signed::sign(&kept.key, &kept.network, stream.opening()))
        };
        let token = self.till.open(&record, &receipt).await?;
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
        Ok(())
    }

    pub(super) fn token(&self) -> String {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the grant ends too soon for anything more.
    pub(super) fn is_over(&self, now: UnixSeconds) -> bool {
        self.grant.expires.has_passed(now.plus(LEFT_MIN_S))
    }

    /// What was spent since this program began, with what is on its way.
    pub(super) fn cost(&self) -> Amount {
        let State { stream, reserved, before, .. } = &*self.state();
        let cost = self.price.charge(stream.usage().plus(*reserved), self.grant.charge);
        cost.minus(*before).unwrap_or(Amount::ZERO)
    }

    /// What it costs more when so much comes as well.
    pub(super) fn cost_of(&self, usage: Usage) -> Amount {
        let there = {
            let state = self.state();
            state.stream.usage().plus(state.reserved)
        };
        let [with, without] =
            [there.plus(usage), there].map(|usage| self.price.charge(usage, self.grant.charge));
        with.minus(without).unwrap_or(Amount::ZERO)
    }

    /// Room for so much; `None` when the grant is not good for it.
    pub(super) fn reserve(self: &Arc<Self>, usage: Usage) -> Option<Reserved> {
        let mut state = self.state();
        let all = state.stream.usage().plus(state.reserved).plus(usage);
        let fits = all.is_within(self.grant.limit) && self.price.is_covered(all, self.grant.charge);
        fits.then(|| {
            state.reserved = state.reserved.plus(usage);
            Reserved { session: Arc::clone(self), usage }
        })
    }

    /// A segment has come whole: its receipt is durable when this returns.
    pub(super) fn take(&self, piece: &Piece) -> io::Result<()> {
        self.keep(|stream| stream.take(piece))
    }

    /// So many bytes have come of a segment that broke off.
    pub(super) fn broke_off(&self, bytes: u64) -> io::Result<()> {
        if bytes == 0 { Ok(()) } else { self.keep(|stream| stream.broke_off(bytes)) }
    }

    fn keep(&self, count: impl FnOnce(&mut Stream) -> protocol::DeliveryReceipt) -> io::Result<()> {
        let State { stream, kept, .. } = &mut *self.state();
        kept.receipt = Some(Signed::sign(&kept.key, &kept.network, count(stream)));
        kept.write()
    }

    pub(super) fn is_due(&self) -> bool {
        self.state().stream.is_due(self.credit)
    }

    pub(super) fn is_settled(&self) -> bool {
        self.state().stream.is_settled()
    }

    /// All that came under this grant, and in how many segments.
    pub(super) fn came(&self) -> (Usage, u64) {
        let state = self.state();
        (state.stream.usage(), state.stream.segments())
    }

    /// Hands in the newest receipt, unless the gateway has it.
    pub(super) async fn acknowledge(&self) -> Result<(), TillError> {
        let _one = self.posting.lock().await;
        let Some(receipt) = self.owed() else { return Ok(()) };
        let taken = match self.till.take(&self.token(), &receipt).await {
            Err(TillError::Refused { code, .. }) if code == "no_session" => {
                self.reopen().await?;
                self.till.take(&self.token(), &receipt).await
            }
            taken => taken,
        };
        taken.map(|()| self.acknowledged(&receipt))
    }

    /// Hands it in at the ledger itself.
    pub(super) async fn hand_in(&self, ledger: &LedgerApi) -> anyhow::Result<()> {
        let _one = self.posting.lock().await;
        let Some(receipt) = self.owed() else { return Ok(()) };
        ledger.record(&receipt).await?;
        self.acknowledged(&receipt);
        Ok(())
    }

    /// Makes durable what was acknowledged.
    pub(super) fn close(&self) -> io::Result<()> {
        self.state().kept.write()
    }

    fn owed(&self) -> Option<Signed<protocol::DeliveryReceipt>> {
        let state = self.state();
        state.kept.receipt.clone().filter(|_| !state.stream.is_settled())
    }

    fn acknowledged(&self, receipt: &Signed<protocol::DeliveryReceipt>) {
        let State { stream, kept, .. } = &mut *self.state();
        stream.acknowledge(receipt.body());
        kept.acknowledged = kept.acknowledged.max(receipt.body().seq.get());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Counters stay usable whatever panicked beside them.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut state = self.session.state();
        let Usage { bytes, ms } = state.reserved;
        state.reserved =
            Usage { bytes: bytes.saturating_sub(self.usage.bytes), ms: ms.saturating_sub(self.usage.ms) };
    }
}
