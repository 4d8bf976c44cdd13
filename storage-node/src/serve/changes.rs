//! Requests that change what is kept. Each answer waits until the change is durable.

use std::sync::PoisonError;
use std::time::Instant;

use network::Inbound;
use proofs::{Root, ShardLen};
use protocol::limits::LEASE_DURATION_MAX_S;
use protocol::{
    ByteHours, Code, Lease, LeaseEnd, LeaseId, LeaseTerms, Mandate, Pointer, PublicKey, Refusal, Release,
    Renewal, Response, Sequence, Signed, UnixSeconds, Unverified,
};
use tokio::task::spawn_blocking;

use super::{Caller, Service, Unanswered};
use crate::claims::Claimed;
use crate::store::{Done, Job, Put, Renew, SetPointer};
use crate::upload;

impl Service {
    pub(super) async fn put(
        &self,
        inbound: &mut Inbound,
        caller: Caller,
        max_len: ShardLen,
        expires: UnixSeconds,
        mandate: &Unverified<Mandate>,
    ) -> Result<(), Unanswered> {
        self.stays()?;
        let payer = self.admit_visitor(caller.payer)?;
        let mandate = self.verify(mandate)?;
        let now = self.clock.now();
        let covered = mandate.body().covers(&payer, now, ByteHours::default());
        covered.map_err(|error| Refusal::new(error.code(), error.to_string()))?;
        check_end(expires, now)?;
        let _turn = self.turns.upload(caller, payer).await?;
        let (receiving, _reservation) =
            self.ask(move |store| Ok((store.receive(), store.reserve(max_len.get())?))).await?;
        inbound.sending.header(&Response::Go).await?;

        inbound.receiving.wait_up_to(self.put_pause);
        let received = upload::receive(&mut inbound.receiving, receiving, max_len, &self.counts).await;
        let receiving = received.map_err(|error| error.refusal())?;
        let coming = self.committer.announce();
        let (control, id) = (mandate.by(), LeaseId::from_bytes(rand::random()));
        let lease = move |root: Root, len: ShardLen| {
            let seq = Sequence::FIRST;
            let terms = LeaseTerms { control, expires, id, len, payer, root, seq, start: now };
            Lease::new(terms).expect("the end was checked against now")
        };
        let (staged, lease) = self.ask(move |_| receiving.finish(lease)).await?;
        drop(coming);
        let response = self.change(Job::Put(Put { staged, lease, mandate })).await?;
        Ok(inbound.sending.header(&response).await?)
    }

    pub(super) async fn renew(
        &self,
        renewal: &Unverified<Renewal>,
        mandate: Option<&Unverified<Mandate>>,
    ) -> Result<Response, Refusal> {
        let renewal = self.verify(renewal)?;
        let mandate = mandate.map(|mandate| self.verify(mandate)).transpose()?;
        let now = self.clock.now();
        check_end(renewal.body().expires, now)?;
        if let Some(mandate) = &mandate {
            self.admit(&mandate.body().holder)?;
        }
        self.change(Job::Renew(Renew { renewal, mandate, now })).await
    }

    pub(super) async fn release(&self, release: &Unverified<Release>) -> Result<Response, Refusal> {
        let release = self.verify(release)?;
        let end = LeaseEnd::of(&release, self.clock.now());
        match self.committer.commit(Job::Release(release)).await? {
            Done::Released => Ok(Response::Released { end: self.sign_record(end).await? }),
            done => unreachable!("{done:?} is no answer to a release"),
        }
    }

    pub(super) fn claim(
        &self,
        payer: Option<PublicKey>,
        subject: Root,
        seconds: u16,
        mandate: &Unverified<Mandate>,
    ) -> Result<Response, Refusal> {
        let holder = self.admit_visitor(payer)?;
        let mandate = self.verify(mandate)?;
        let covered = mandate.body().covers(&holder, self.clock.now(), ByteHours::default());
        covered.map_err(|error| Refusal::new(error.code(), error.to_string()))?;
        let what = Claimed { control: mandate.by(), subject };
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        claims.claim(what, holder, seconds, Instant::now())?;
        Ok(Response::Claimed)
    }

    pub(super) async fn set_pointer(
        &self,
        payer: Option<PublicKey>,
        pointer: &Unverified<Pointer>,
    ) -> Result<Response, Refusal> {
        self.stays()?;
        let payer = self.admit_visitor(payer)?;
        let pointer = self.verify(pointer)?;
        check_end(pointer.body().expires, self.clock.now())?;
        // A pointer takes as much room as the smallest of shards, and is refused like one.
        let _reservation = self.ask(|store| store.reserve(1)).await?;
        self.change(Job::SetPointer(SetPointer { pointer, payer })).await
    }

    /// A node that leaves takes nothing new.
    fn stays(&self) -> Result<(), Refusal> {
        if self.membership.is_leaving() {
            return Err(Refusal::new(Code::Leaving, "this node gives up what it keeps"));
        }
        Ok(())
    }

    async fn change(&self, job: Job) -> Result<Response, Refusal> {
        match self.committer.commit(job).await? {
            Done::Leased(lease) => self.sign(lease).await,
            Done::PointerKept => Ok(Response::PointerKept),
            done @ (Done::Kept | Done::Released | Done::Compacted { .. }) => {
                unreachable!("{done:?} answers upkeep or a release")
            }
        }
    }

    async fn sign(&self, lease: Lease) -> Result<Response, Refusal> {
        let (secret, network) = (self.secret.clone(), self.network);
        let signed = spawn_blocking(move || Unverified::from(&Signed::sign(&secret, &network, lease))).await;
        self.counts.leases_signed.add(1);
        let lease = signed.map_err(|_| Refusal::new(Code::Internal, "the lease could not be signed"))?;
        Ok(Response::Leased { lease })
    }
}

fn check_end(expires: UnixSeconds, now: UnixSeconds) -> Result<(), Refusal> {
    if expires.has_passed(now) {
        return Err(Refusal::new(Code::Expired, format!("{expires} has passed, it is {now}")));
    }
    if expires.seconds_since(now) > LEASE_DURATION_MAX_S {
        return Err(Refusal::new(Code::Expired, format!("{expires} is more than 400 days away")));
    }
    Ok(())
}
