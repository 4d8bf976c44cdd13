//! Pays for one title: a grant of the ledger and a session for each gateway that is asked, never above the viewer's limit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use ledger::SessionRequest;
use protocol::{Amount, DeliveryReceipt, Epoch, SecretKey, SessionGrant, Signed, UnixSeconds};
use publishing::download::{Download, Fault, Part};
use reqwest::Url;
use serde::Serialize;
use sharing::VerifiedBytes;

use super::kept::{Keep, Kept};
use super::limit;
use super::offer::{Epochs, Offer};
use super::session::{Reserved, Session};
use super::stream::Piece;
use super::till::{Till, TillError};
use crate::ledger_api::{LedgerApi, Refused};
use crate::output::Output;

/// How often one gateway is asked for a segment, when it wants to be paid in another way first.
const TRIES_MAX: usize = 4;
/// How often what came is acknowledged, though little has.
const ACKNOWLEDGE_EVERY: Duration = Duration::from_secs(10);
/// How often the last receipt is offered to its gateway, before the ledger has it.
const LAST_TRIES: usize = 2;

/// Pays what is asked for one title.
#[derive(Debug)]
pub(crate) struct Fare {
    offer: Offer,
    viewer: SecretKey,
    keep: Keep,
    limit: Amount,
    slots: Vec<Slot>,
    /// All that were opened; whoever spends looks at them alone.
    sessions: Mutex<Vec<Arc<Session>>>,
    /// Why nothing more is paid, as it was said last: players ask for the same again and again.
    said: Mutex<Option<String>>,
    output: Output,
}

/// The session that is in use at one gateway.
#[derive(Debug)]
struct Slot {
    gateway: Url,
    session: tokio::sync::Mutex<Option<Arc<Session>>>,
}

/// A grant, and what was paid under it.
#[derive(Debug, Serialize)]
pub(crate) struct UsedGrant {
    gateway_url: String,
    gateway: String,
    agreement: String,
    alias: String,
    serial: String,
    /// All that came under this grant, in earlier visits too.
    segments: u64,
    bytes: u64,
    ms: u64,
    /// What all of it costs, in micro-units.
    pub(crate) paid: u64,
    /// Whether gateway or ledger has heard of all of it.
    pub(crate) acknowledged: bool,
}

impl Fare {
    /// Pays with the viewer's key, at most `limit` all in all.
    pub(crate) fn new(
        offer: Offer,
        gateways: &[Url],
        viewer: SecretKey,
        keep: Keep,
        limit: Amount,
        output: Output,
    ) -> Self {
        let slot = |gateway: &Url| Slot { gateway: gateway.clone(), session: tokio::sync::Mutex::default() };
        let slots = gateways.iter().map(slot).collect();
        let (sessions, said) = (Mutex::default(), Mutex::default());
        Self { offer, viewer, keep, limit, slots, sessions, said, output }
    }

    /// The segment out of one gateway, paid for: its receipt is durable before this returns. Says when nothing more is paid.
    pub(super) async fn part(
        &self,
        download: &Download,
        gateway: Url,
        part: &Part,
        piece: &Piece,
    ) -> Result<VerifiedBytes, Fault> {
        let paid = self.paid_part(download, gateway, part, piece).await;
        if let Err(Fault::Unpaid(reason)) = &paid {
            self.say(reason);
        }
        paid
    }

    /// Says why a segment is not played, unless that was the last thing said.
    fn say(&self, reason: &str) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.as_deref() != Some(reason) {
            self.output.note(format_args!("a segment is not played: {reason}"));
            *said = Some(reason.to_owned());
        }
    }

    async fn paid_part(
        &self,
        download: &Download,
        gateway: Url,
        part: &Part,
        piece: &Piece,
    ) -> Result<VerifiedBytes, Fault> {
        let mut last = None;
        for _ in 0..TRIES_MAX {
            let reserved = self.reserve(&gateway, piece).await?;
            let session = &reserved.session;
            let delivery = download.part_from(&gateway, part, Some(&session.token())).await;
            match delivery.part {
                Ok(bytes) => {
                    tokio::task::block_in_place(|| session.take(piece))?;
                    Self::tell(session);
                    return Ok(bytes);
                }
                Err(Fault::Payment { code }) => {
                    self.settle(session, &code).await?;
                    last = Some(code);
                }
                Err(fault) => {
                    if !fault.is_definite() {
                        tokio::task::block_in_place(|| session.broke_off(delivery.came))?;
                    }
                    return Err(fault);
                }
            }
        }
        Err(Fault::Payment { code: last.unwrap_or_default() })
    }

    /// Acknowledges every now and then what came, however little.
    pub(crate) async fn acknowledge_always(&self) {
        loop {
            tokio::time::sleep(ACKNOWLEDGE_EVERY).await;
            for session in self.all() {
                // The next receipt says the same and more.
                drop(session.acknowledge().await);
            }
        }
    }

    /// Hands in the last receipts, and says what was paid. What nobody takes is kept, and handed in by the next program.
    pub(crate) async fn finish(&self) -> anyhow::Result<Vec<UsedGrant>> {
        let sessions = self.all();
        for session in &sessions {
            if let Err(error) = self.hand_in(session).await {
                self.output.note(format_args!(
                    "what came from {} is not acknowledged: {error:#}; `headwater watch` hands it in next time",
                    session.gateway
                ));
            }
            session.close().context("cannot keep what was acknowledged")?;
        }
        Ok(sessions.iter().map(|session| self.used(session)).collect())
    }

    /// Offers the last receipts to their gateways, and to nobody else; what was paid.
    pub(super) async fn acknowledge_last(&self) -> anyhow::Result<Vec<UsedGrant>> {
        let sessions = self.all();
        for session in &sessions {
            if !Self::is_taken(session).await {
                self.output.note(format_args!("{} does not take the last receipt", session.gateway));
            }
            session.close().context("cannot keep what was acknowledged")?;
        }
        Ok(sessions.iter().map(|session| self.used(session)).collect())
    }

    /// Hands in what earlier programs could not; forgets grants that are over.
    pub(crate) async fn catch_up(&self) -> anyhow::Result<()> {
        for mut kept in self.keep.all()? {
            if let Some(receipt) = kept.receipt.clone().filter(|_| kept.is_owed()) {
                match handed_in(&kept.ledger, &receipt).await {
                    Ok(()) => {
                        kept.acknowledged = receipt.body().seq.get();
                        kept.write()?;
                    }
                    Err(error) if error.downcast_ref().is_some_and(Refused::is_for_good) => {
                        self.output.note(format_args!(
                            "a receipt of an earlier title is refused for good, and forgotten: {error:#}"
                        ));
                        kept.remove()?;
                        continue;
                    }
                    Err(error) => self.output.note(format_args!(
                        "a receipt of an earlier title could not be handed in at {}: {error:#}",
                        kept.ledger
                    )),
                }
            }
            if kept.is_over(now()) {
                kept.remove()?;
            }
        }
        Ok(())
    }

    /// The most that it may cost.
    pub(crate) const fn limit(&self) -> Amount {
        self.limit
    }

    /// In what it is paid.
    pub(crate) fn unit(&self) -> &str {
        self.offer.unit()
    }

    async fn hand_in(&self, session: &Session) -> anyhow::Result<()> {
        if Self::is_taken(session).await { Ok(()) } else { session.hand_in(&self.offer.ledger).await }
    }

    /// Whether the gateway takes the last receipt.
    async fn is_taken(session: &Session) -> bool {
        for _ in 0..LAST_TRIES {
            if session.acknowledge().await.is_ok() {
                return true;
            }
        }
        false
    }

    fn used(&self, session: &Session) -> UsedGrant {
        let (usage, segments) = session.came();
        let grant = &session.grant;
        UsedGrant {
            gateway_url: session.gateway.to_string(),
            gateway: grant.gateway.to_string(),
            agreement: grant.agreement.to_string(),
            alias: grant.alias.to_string(),
            serial: grant.serial.to_string(),
            segments,
            bytes: usage.bytes,
            ms: usage.ms,
            paid: self.offer.price().charge(usage, grant.charge).get(),
            acknowledged: session.is_settled(),
        }
    }

    /// Acknowledges when so much has come that the gateway should hear of it, while the player goes on.
    fn tell(session: &Arc<Session>) {
        if session.is_due() {
            let session = Arc::clone(session);
            // Whoever is refused for want of receipts acknowledges and waits.
            tokio::spawn(async move { drop(session.acknowledge().await) });
        }
    }

    /// Does what a gateway wants before it goes on.
    async fn settle(&self, session: &Arc<Session>, code: &str) -> Result<(), Fault> {
        match code {
            "receipts_wanted" => session.acknowledge().await.map_err(fault),
            "no_session" => session.reopen().await.map_err(fault),
            "grant_used_up" | "grant_expired" => {
                self.retire(session).await;
                Ok(())
            }
            _ if self.is_settled(session).await? => {
                self.retire(session).await;
                Ok(())
            }
            _ => Err(Fault::Payment { code: code.to_owned() }),
        }
    }

    /// Whether the epoch of a grant was settled, so that nothing more is paid under it.
    async fn is_settled(&self, session: &Session) -> Result<bool, Fault> {
        let epochs = self.offer.epochs().await.map_err(unpaid)?;
        Ok(epochs.are_settled(session.grant.epoch))
    }

    /// Room in a grant for this gateway: in the one that is in use, or in another.
    async fn reserve(&self, gateway: &Url, piece: &Piece) -> Result<Reserved, Fault> {
        for _ in 0..2 {
            let session = self.session(gateway, piece).await?;
            match self.spend(&session, piece)? {
                Some(reserved) => return Ok(reserved),
                None => self.retire(&session).await,
            }
        }
        Err(Fault::Unpaid("no grant is good for a segment".to_owned()))
    }

    /// Room in the limit, and in the grant of a session where it is good for it.
    fn spend(&self, session: &Arc<Session>, piece: &Piece) -> Result<Option<Reserved>, Fault> {
        let sessions = self.sessions();
        let cost = total(&sessions).plus(session.cost_of(piece.usage()));
        if cost.is_ok_and(|cost| cost <= self.limit) {
            return Ok(session.reserve(piece.usage()));
        }
        Err(self.limit_reached())
    }

    fn limit_reached(&self) -> Fault {
        let (limit, unit) = (self.limit, self.offer.unit());
        Fault::Unpaid(format!("the limit of {limit} {unit} is reached; --limit sets another one"))
    }

    async fn session(&self, gateway: &Url, piece: &Piece) -> Result<Arc<Session>, Fault> {
        let slot = self.slots.iter().find(|slot| slot.gateway == *gateway);
        let mut held = slot.expect("only gateways that were named are asked").session.lock().await;
        if let Some(session) = held.as_ref().filter(|session| !session.is_over(now())) {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(self.open(gateway, piece).await?);
        self.sessions().push(Arc::clone(&session));
        *held = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Uses a session no more. What came in it stays counted.
    async fn retire(&self, session: &Arc<Session>) {
        for slot in self.slots.iter().filter(|slot| slot.gateway == session.gateway) {
            let mut held = slot.session.lock().await;
            if held.as_ref().is_some_and(|there| Arc::ptr_eq(there, session)) {
                *held = None;
            }
        }
        let session = Arc::clone(session);
        tokio::spawn(async move { drop(session.acknowledge().await) });
    }

    async fn open(&self, gateway: &Url, piece: &Piece) -> Result<Session, Fault> {
        let till = Till::of(gateway).map_err(|error| Fault::Broken(error.to_string()))?;
        let paid_by = till.ledger().await.map_err(fault)?;
        let paid_by = paid_by
            .filter(|by| by.network.at_ledger(&by.issuer) == self.offer.network)
            .ok_or_else(|| Fault::Unpayable("it takes part in another ledger, or in none".to_owned()))?;
        let epochs = self.offer.epochs().await;
        let kept = match self.kept_for(paid_by.gateway, piece, epochs.as_ref().ok()).map_err(unpaid)? {
            Some(kept) => kept,
            None => self.begin(paid_by.gateway, epochs.map_err(unpaid)?.now)?,
        };
        let kept = self.granted(kept).await.map_err(unpaid)?;
        Session::open(gateway.clone(), till, paid_by.credit, *self.offer.price(), kept).await.map_err(fault)
    }

    /// A grant of an earlier program for this gateway that is still good for a segment.
    fn kept_for(
        &self,
        gateway: protocol::PublicKey,
        piece: &Piece,
        epochs: Option<&Epochs>,
    ) -> anyhow::Result<Option<Kept>> {
        let is_good = |kept: &Kept| {
            let request = kept.request.body();
            let came = kept.receipt.as_ref().map(|receipt| receipt.body().usage).unwrap_or_default();
            let all = came.plus(piece.usage());
            request.agreement == self.offer.agreement.id()
                && request.gateway == gateway
                && !epochs.is_some_and(|epochs| epochs.are_settled(request.epoch))
                && kept.request.by() == self.viewer.public()
                && kept.network == self.offer.network
                && all.is_within(request.limit)
                && self.offer.price().is_covered(all, request.charge)
                && kept.grant.as_ref().is_none_or(|grant| !grant.body().expires.has_passed(now().plus(60)))
        };
        Ok(self.keep.all()?.into_iter().find(is_good))
    }

    /// A request for as much as the limit has left.
    fn begin(&self, gateway: protocol::PublicKey, epoch: Epoch) -> Result<Kept, Fault> {
        let spent = total(&self.all());
        let left = self.limit.minus(spent).unwrap_or(Amount::ZERO);
        let price = self.offer.price();
        let limit = limit::affordable(price, left, self.offer.need).ok_or_else(|| self.limit_reached())?;
        let key = SecretKey::from_bytes(&rand::random());
        let request = SessionRequest {
            agreement: self.offer.agreement.id(),
            attested: false,
            budget: None,
            charge: limit::charge(price, limit),
            epoch,
            gateway,
            issued: now(),
            limit,
            session: key.public(),
        };
        let request = Signed::sign(&self.viewer, &self.offer.network, request);
        self.keep.begin(request, key, self.offer.ledger.url().as_str()).map_err(unpaid)
    }

    /// With the grant for its request, which is the same however often it is asked for.
    async fn granted(&self, mut kept: Kept) -> anyhow::Result<Kept> {
        if kept.grant.is_some() {
            return Ok(kept);
        }
        let record = match self.offer.ledger.post("v1/grants", kept.request.encode()).await {
            Ok(record) => record,
            Err(error) => {
                // What was not refused may have been granted: then the same request gives the same grant.
                let is_refused = error.is::<Refused>();
                let error = self.explained(error);
                if is_refused {
                    kept.remove()?;
                }
                return Err(error);
            }
        };
        let grant = Signed::<SessionGrant>::decode(&record, &self.offer.network)?;
        if grant.by() != self.offer.issuer || !says_what_was_asked(grant.body(), &kept.request) {
            bail!("the ledger has granted something else than was asked for");
        }
        kept.grant = Some(grant);
        kept.write()?;
        Ok(kept)
    }

    /// Why nothing is granted; where money is missing, whose.
    fn explained(&self, error: anyhow::Error) -> anyhow::Error {
        if !error.downcast_ref::<Refused>().is_some_and(Refused::is_for_want_of_money) {
            return error.context("nothing is granted");
        }
        let key = self.viewer.public();
        error.context(format!("the funds of your payment key {key} do not suffice (headwater ledger top-up)"))
    }

    fn all(&self) -> Vec<Arc<Session>> {
        self.sessions().clone()
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands in a receipt of an earlier program.
async fn handed_in(ledger: &str, receipt: &Signed<DeliveryReceipt>) -> anyhow::Result<()> {
    LedgerApi::connect(ledger).await?.record(receipt).await.map(drop)
}

/// What was spent since this program began, with what is on its way.
fn total(sessions: &[Arc<Session>]) -> Amount {
    sessions.iter().fold(Amount::ZERO, |sum, session| sum.plus(session.cost()).unwrap_or(Amount::MAX))
}

fn says_what_was_asked(grant: &SessionGrant, request: &Signed<SessionRequest>) -> bool {
    let asked = request.body();
    grant.agreement == asked.agreement
        && grant.attested == asked.attested
        && grant.charge == asked.charge
        && grant.epoch == asked.epoch
        && grant.gateway == asked.gateway
        && grant.limit == asked.limit
        && grant.session == asked.session
        && grant.serial == asked.serial(&request.by())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what errors are mapped with")]
fn unpaid(error: anyhow::Error) -> Fault {
    Fault::Unpaid(format!("{error:#}"))
}

/// What a gateway's answer about money means for the segment that was asked for.
fn fault(error: TillError) -> Fault {
    match error {
        TillError::Unreachable(reason) => Fault::Broken(reason),
        TillError::Refused { .. } | TillError::Strange(_) => Fault::Unpayable(error.to_string()),
    }
}

fn now() -> UnixSeconds {
    SystemTime::now().into()
}
