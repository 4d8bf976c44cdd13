//! Answering: one task per request, a named number of them at a time.

mod changes;
mod reads;

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use network::{Inbound, StreamError, Visitor};
use protocol::{
    Code, NetworkId, PublicKey, Record, Refusal, Request, Response, SecretKey, Signed, Unverified,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use crate::Clock;
use crate::committer::Committer;
use crate::config::AdmissionPolicy;
use crate::egress::{Bucket, Month};
use crate::stats::Counts;
use crate::store::{Store, StoreError};

/// Requests in flight, over all connections. Beyond that the answer is `busy`.
pub(crate) const REQUESTS_MAX: usize = 512;
/// Shards received at one time: they hold two buffers of 256 KiB each.
const UPLOADS_MAX: usize = 32;
/// Slices read at one time: they hold a thread and up to four pieces of 128 KiB each.
const READS_MAX: usize = 48;
/// How long a request waits for its turn, in milliseconds, before the answer is `busy`.
const TURN_TIMEOUT_MS: u64 = 2000;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) store: Arc<Store>,
    pub(crate) committer: Committer,
    pub(crate) secret: SecretKey,
    pub(crate) network: NetworkId,
    pub(crate) admission: AdmissionPolicy,
    pub(crate) capacity: u64,
    pub(crate) clock: Clock,
    pub(crate) egress: Egress,
    pub(crate) counts: Arc<Counts>,
    pub(crate) turns: Turns,
}

/// Limits of what is sent.
#[derive(Debug)]
pub(crate) struct Egress {
    pub(crate) bucket: Option<Mutex<Bucket>>,
    pub(crate) month: Mutex<Month>,
    pub(crate) monthly_cap: Option<u64>,
}

/// How many requests of each kind may run.
#[derive(Debug)]
pub(crate) struct Turns {
    pub(crate) requests: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    reads: Arc<Semaphore>,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            requests: Arc::new(Semaphore::new(REQUESTS_MAX)),
            uploads: Arc::new(Semaphore::new(UPLOADS_MAX)),
            reads: Arc::new(Semaphore::new(READS_MAX)),
        }
    }
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
        let payer = visitor.payer();
        let mut requests = JoinSet::new();
        while let Some(inbound) = visitor.next().await {
            while requests.try_join_next().is_some() {}
            self.counts.requests.add(1);
            let service = self.clone();
            requests.spawn(async move { service.serve(inbound, payer).await });
        }
        requests.abort_all();
    }

    /// A request takes its turn when it has arrived whole: a client that dawdles over it keeps nobody waiting. How
    /// many such there are is bounded by connections and streams.
    async fn serve(&self, mut inbound: Inbound, payer: Option<PublicKey>) {
        let unanswered = match inbound.request().await {
            Ok(request) => match self.turns.requests.try_acquire() {
                Ok(_turn) => self.answer(&mut inbound, request, payer).await,
                Err(_) => Err(busy().into()),
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
        payer: Option<PublicKey>,
    ) -> Result<(), Unanswered> {
        let response = match request {
            Request::Put { max_len, expires, mandate } => {
                return self.put(inbound, payer, max_len, expires, &mandate).await;
            }
            Request::Read { root, leaves } => {
                return self.send_slice(&mut inbound.sending, &Response::Slice, root, leaves).await;
            }
            Request::Prove { challenge } => {
                self.counts.proofs.add(1);
                let leaves = challenge.leaf_set().clone();
                return self
                    .send_slice(&mut inbound.sending, &Response::Proof, challenge.root(), leaves)
                    .await;
            }
            Request::Fetch { root } => return self.send_whole(&mut inbound.sending, root).await,
            Request::Hello { .. } => {
                return Err(Refusal::new(Code::BadRequest, "hello was already said").into());
            }
            Request::Stat { roots, control } => self.stat(roots.into_vec(), control).await?,
            Request::Renew { renewal, mandate } => self.renew(&renewal, mandate.as_ref()).await?,
            Request::Release { release } => self.release(&release).await?,
            Request::SetPointer { pointer } => self.set_pointer(payer, &pointer).await?,
            Request::GetPointers { owner } => self.pointers(owner).await?,
            Request::Status => self.status().await?,
        };
        Ok(inbound.sending.header(&response).await?)
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

async fn turn(turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Refusal> {
    let waited = timeout(Duration::from_millis(TURN_TIMEOUT_MS), turns.clone().acquire_owned()).await;
    waited.ok().and_then(Result::ok).ok_or_else(busy)
}

fn busy() -> Refusal {
    Refusal::new(Code::Busy, "too many requests in flight")
}
