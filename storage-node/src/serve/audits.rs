//! Audits: a receipt before anything is drawn, then all slices under one signature; and what auditors say afterwards.

use bytes::{Bytes, BytesMut};
use network::Inbound;
use proofs::Challenge;
use protocol::{
    AuditAnswer, AuditCommitment, AuditReceipt, AuditRequest, AuditVerdict, Code, FailedPick, FailedPicks,
    Record, Refusal, Response, Signed, UnixSeconds, Unverified, digest_of_slices,
};
use tokio::task::spawn_blocking;

use super::{Caller, Service, Unanswered};
use crate::audits::Origin;
use crate::download;

impl Service {
    pub(super) async fn commit_audit(
        &self,
        caller: Caller,
        commitment: &Unverified<AuditCommitment>,
    ) -> Result<Response, Refusal> {
        let commitment = self.verify(commitment)?;
        let now = self.clock.now();
        let origin = Origin { address: caller.address, is_admitted: self.is_of_payer(caller) };
        self.audits.remember(&self.secret.public(), &commitment, origin, now)?;
        let receipt = AuditReceipt { audit: commitment.digest(), nonce: rand::random(), time: now };
        Ok(Response::AuditCommitted { receipt: self.sign_record(receipt).await? })
    }

    pub(super) async fn audit(
        &self,
        inbound: &mut Inbound,
        caller: Caller,
        request: AuditRequest,
    ) -> Result<(), Unanswered> {
        let _under_way = self.audits.begin(&request, self.clock.now())?;
        self.may_send(request.picks.slices_len())?;
        let _turn = self.turns.read(caller).await?;
        let (mut failed, mut slices) = (Vec::new(), Vec::new());
        for (at, pick) in (0..).zip(request.picks.challenges()) {
            self.counts.proofs.add(1);
            match self.slice(pick).await {
                Ok(slice) => slices.push(slice),
                Err(refusal) => failed.push(FailedPick { at, code: refusal.code() }),
            }
        }
        let answer = self.sign_record(answer(&request, failed, &slices, self.clock.now())).await?;
        inbound.sending.header(&Response::Audited { answer }).await?;
        for slice in slices {
            self.send(&mut inbound.sending, slice).await?;
        }
        Ok(())
    }

    pub(super) async fn verdict(
        &self,
        caller: Caller,
        verdict: &Unverified<AuditVerdict>,
    ) -> Result<Response, Refusal> {
        let verdict = self.verify(verdict)?;
        if verdict.body().node != self.secret.public() {
            return Err(Refusal::new(Code::BadRequest, "a verdict about another node"));
        }
        let is_of_payer = self.is_of_payer(caller);
        if !is_of_payer && !self.audits.knows(&verdict.body().audit, &verdict.by()) {
            return Err(Refusal::new(Code::NotAdmitted, "no such audit was acknowledged"));
        }
        self.counts.failed_audits.add(1);
        tracing::warn!(auditor = %verdict.by(), failed = verdict.body().failed, "an audit was not passed");
        let verdicts = self.verdicts.clone();
        let kept = spawn_blocking(move || verdicts.keep(&verdict, is_of_payer)).await;
        let failed = |error: String| {
            tracing::error!(error, "a verdict cannot be kept");
            Refusal::new(Code::Internal, "the verdict cannot be kept")
        };
        kept.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
        Ok(Response::VerdictKept)
    }

    /// The slice of one pick: at most 64 leaves, so that it fits into memory whole.
    async fn slice(&self, pick: &Challenge) -> Result<Bytes, Refusal> {
        let mut pieces = download::slice(self.store.clone(), pick.root(), pick.leaf_set().clone());
        let mut slice = BytesMut::new();
        while let Some(piece) = pieces.recv().await {
            slice.extend_from_slice(&piece?);
        }
        Ok(slice.freeze())
    }

    fn is_of_payer(&self, caller: Caller) -> bool {
        caller.payer.is_some_and(|payer| self.admission.admits(&payer))
    }

    pub(super) async fn sign_record<T: Record + Send + 'static>(
        &self,
        body: T,
    ) -> Result<Unverified<T>, Refusal> {
        let (secret, network) = (self.secret.clone(), self.network);
        let signed = spawn_blocking(move || Unverified::from(&Signed::sign(&secret, &network, body))).await;
        signed.map_err(|_| Refusal::new(Code::Internal, "a record could not be signed"))
    }
}

fn answer(
    request: &AuditRequest,
    failed: Vec<FailedPick>,
    slices: &[Bytes],
    time: UnixSeconds,
) -> AuditAnswer {
    let failed = FailedPicks::new(failed).expect("numbered in order, at most 64");
    let slices = digest_of_slices(slices.iter().map(AsRef::as_ref));
    AuditAnswer { asked: request.picks.digest(), audit: request.audit, failed, slices, time }
}
