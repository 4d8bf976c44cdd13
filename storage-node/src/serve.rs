//! Answering: one task per request, a named number of them at a time.

mod audits;
mod changes;
mod payments;
mod reads;
mod turns;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use network::{Inbound, StreamError, Visitor};
use protocol::{Code, NetworkId, PublicKey, Record, Refusal, Request, SecretKey, Signed, Unverified};
use tokio::task::{JoinSet, spawn_blocking};

use crate::Clock;
use crate::audits::Audits;
use crate::claims::Claims;
use crate::committer::Committer;
use crate::config::AdmissionPolicy;
use crate::egress::{Bucket, Month};
use crate::membership::Membership;
use crate::pay::Sale;
use crate::stats::{Counts, NodeStats};
use crate::store::{Store, StoreError};
use crate::verdicts::Verdicts;

pub(crate) use turns::Turns;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) store: Arc<Store>,
    pub(crate) committer: Committer,
    pub(crate) secret: SecretKey,
    pub(crate) membership: Arc<Membership>,
    pub(crate) network: NetworkId,
    pub(crate) admission: AdmissionPolicy,
    pub(crate) capacity: u64,
    pub(crate) clock: Clock,
    pub(crate) egress: Egress,
    pub(crate) counts: Arc<Counts>,
    pub(crate) turns: Turns,
    pub(crate) audits: Audits,
    pub(crate) verdicts: Arc<Verdicts>,
    /// Where reads are sold.
    pub(crate) sale: Option<Arc<Sale>>,
    pub(crate) claims: Mutex<Claims>,
    /// How long the body of a put may pause.
    pub(crate) put_pause: Duration,
}

/// Limits of what is sent.
#[derive(Debug)]
pub(crate) struct Egress {
    pub(crate) bucket: Option<Mutex<Bucket>>,
    pub(crate) month: Mutex<Month>,
    pub(crate) monthly_cap: Option<u64>,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    endpoint: PublicKey,
    /// An IPv4 address, or the /64 of an IPv6 address.
    address: IpAddr,
    payer: Option<PublicKey>,
}

/// Why a request was not answered as it wished.
#[derive(Debug)]
enum Unanswered {
    /// The refusal is still to be sent.
    Refuse(Refusal),
    /// The answer had begun: the stream is reset.
    Reset(Code),
    /// The client is gone.
    Gone(StreamError),
}

impl From<Refusal> for Unanswered {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}

impl From<StreamError> for Unanswered {
    fn from(error: StreamError) -> Self {
        Self::Gone(error)
    }
}

impl Service {
    /// Serves one client until it leaves. Its requests end with it.
    pub(crate) async fn visit(self: Arc<Self>, visitor: Visitor) {
        self.counts.connections.add(1);
        let caller = Caller { endpoint: visitor.id(), address: visitor.address(), payer: visitor.payer() };
        let mut requests = JoinSet::new();
        while let Some(inbound) = visitor.next().await {
            while requests.try_join_next().is_some() {}
            self.counts.requests.add(1);
            let service = self.clone();
            requests.spawn(async move { service.serve(inbound, caller).await });
        }
        requests.abort_all();
    }

    /// A request takes its turn when it has arrived whole: a client that dawdles over it keeps nobody waiting. How
    /// many such there are is bounded by connections and streams.
    async fn serve(&self, mut inbound: Inbound, caller: Caller) {
        let unanswered = match inbound.request().await {
            Ok(request) => match self.turns.request(caller) {
                Ok(_turn) => self.answer(&mut inbound, request, caller).await,
                Err(busy) => Err(busy.into()),
            },
            Err(error) => Err(Refusal::new(error.code(), error.to_string()).into()),
        };
        match unanswered {
            Ok(()) => inbound.sending.finish(),
            Err(Unanswered::Refuse(refusal)) => self.refuse(inbound, refusal).await,
            Err(Unanswered::Reset(code)) => inbound.sending.reset(code),
            Err(Unanswered::Gone(error)) => tracing::debug!(%error, "the client left in mid-request"),
        }
    }

    async fn refuse(&self, inbound: Inbound, refusal: Refusal) {
        self.counts.refused.add(1);
        tracing::debug!(%refusal, "refused");
        if let Err(error) = inbound.refuse(refusal).await {
            tracing::debug!(%error, "the client did not wait for the refusal");
        }
    }

    async fn answer(
        &self,
        inbound: &mut Inbound,
        request: Request,
        caller: Caller,
    ) -> Result<(), Unanswered> {
        let response = match request {
            Request::Put { max_len, expires, mandate } => {
                return self.put(inbound, caller, max_len, expires, &mandate).await;
            }
            Request::Read { root, leaves } => {
                let toll = self.toll(caller, leaves.slice_len()).await?;
                return self.send_slice(caller, &mut inbound.sending, toll, root, leaves).await;
            }
            Request::Prove { challenge } => {
                self.counts.proofs.add(1);
                let leaves = challenge.leaf_set().clone();
                let root = challenge.root();
                return self.send_proof(caller, &mut inbound.sending, root, leaves).await;
            }
            Request::Fetch { root } => return self.send_whole(caller, &mut inbound.sending, root).await,
            Request::Hello { .. } => {
                return Err(Refusal::new(Code::BadRequest, "hello was already said").into());
            }
            Request::Stat { roots, control } => self.stat(roots.into_vec(), control).await?,
            Request::Renew { renewal, mandate } => self.renew(&renewal, mandate.as_ref()).await?,
            Request::Release { release } => self.release(&release).await?,
            Request::SetPointer { pointer } => self.set_pointer(caller.payer, &pointer).await?,
            Request::GetPointers { owner } => self.pointers(owner).await?,
            Request::Status => self.status().await?,
            Request::CommitAudit { commitment } => self.commit_audit(caller, &commitment).await?,
            Request::Audit(request) => return self.audit(inbound, caller, request).await,
            Request::Verdict { verdict } => self.verdict(caller, &verdict).await?,
            Request::Claim { subject, seconds, mandate } => {
                self.claim(caller.payer, subject, seconds, &mandate)?
            }
            Request::Members { after, limit } => self.membership.page(after, limit),
            Request::Pay(payment) => self.pay(caller, &payment).await?,
            Request::Announce { record } => self.membership.announced(&record, caller.address)?,
        };
        Ok(inbound.sending.header(&response).await?)
    }

    /// What was done so far, and what is kept. Waits for the disk.
    pub(crate) fn stats(&self) -> NodeStats {
        let Self { counts, store, .. } = self;
        let (unpaid, paid) = self.sale.as_deref().map(Sale::open_and_paid).unwrap_or_default();
        NodeStats {
            connections: counts.connections.get(),
            requests: counts.requests.get(),
            requests_in_flight: self.turns.requests_in_flight() as u64,
            refused: counts.refused.get(),
            received: counts.received.get(),
            sent: counts.sent.get(),
            unpaid,
            paid,
            leases_signed: counts.leases_signed.get(),
            proofs: counts.proofs.get(),
            failed_audits: counts.failed_audits.get(),
            scrubbed: counts.scrubbed.get(),
            scrub_rounds: counts.scrub_rounds.get(),
            collected: counts.collected.get(),
            shards: store.shard_count().unwrap_or_default(),
            corrupt: store.corrupt_count().unwrap_or_default(),
            stored: store.stored(),
            capacity: self.capacity,
            free: store.free_space().unwrap_or_default(),
            members: self.membership.members().len() as u64,
        }
    }

    fn verify<T: Record>(&self, record: &Unverified<T>) -> Result<Signed<T>, Refusal> {
        record.verify(&self.network).map_err(|error| Refusal::new(error.code(), error.to_string()))
    }

    fn admit(&self, payer: &PublicKey) -> Result<(), Refusal> {
        if self.admission.admits(payer) {
            Ok(())
        } else {
            Err(Refusal::new(Code::NotAdmitted, format!("payer {payer} may not store here")))
        }
    }

    fn admit_visitor(&self, payer: Option<PublicKey>) -> Result<PublicKey, Refusal> {
        let none = || Refusal::new(Code::NotAdmitted, "the hello carried no admission");
        let payer = payer.ok_or_else(none)?;
        self.admit(&payer)?;
        Ok(payer)
    }

    /// Asks the store, beside the network.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let store = self.store.clone();
        let answer = spawn_blocking(move || question(&store)).await;
        answer.map_err(|_| Refusal::new(Code::Internal, "the node's store failed"))?.map_err(|error| {
            if !error.is_full() {
                tracing::error!(%error, "the store failed");
            }
            error.refusal()
        })
    }
}
