//! What a node is asked to prove, and what it is told of that.

use std::time::Duration;

use bytes::Bytes;
use proofs::{Challenge, Proven};
use protocol::{
    AuditAnswer, AuditCommitment, AuditReceipt, AuditRequest, AuditVerdict, PublicKey, Request, Response,
    Signed, Unverified,
};

use super::{CHANGE_WITHIN, Wire, WireError, expect, in_time, wrong};

impl Wire {
    /// A proof of storage, verified.
    pub(crate) async fn prove(
        &self,
        node: PublicKey,
        challenge: &Challenge,
        within: Duration,
    ) -> Result<Proven, WireError> {
        self.paying(node, || self.prove_once(node, challenge, within)).await
    }

    async fn prove_once(
        &self,
        node: PublicKey,
        challenge: &Challenge,
        within: Duration,
    ) -> Result<Proven, WireError> {
        let all = async {
            let mut exchange = self.request(node, &Request::Prove { challenge: challenge.clone() }).await?;
            expect(exchange.response().await?, |r| matches!(r, Response::Proof).then_some(()))?;
            let max = usize::try_from(challenge.leaf_set().slice_len()).expect("64 leaves fit");
            let proof = exchange.receiving.rest(max).await?;
            challenge.verify(&proof).map_err(wrong)
        };
        let proven = in_time(within, all).await??;
        self.heard(node);
        Ok(proven)
    }

    /// A node's receipt of a commitment, as it came.
    pub(crate) async fn commit_audit(
        &self,
        node: PublicKey,
        commitment: &Signed<AuditCommitment>,
        within: Duration,
    ) -> Result<Unverified<AuditReceipt>, WireError> {
        let request = Request::CommitAudit { commitment: Unverified::from(commitment) };
        let response = self.ask(node, &request, within).await?;
        self.heard(node);
        expect(response, |r| if let Response::AuditCommitted { receipt } = r { Some(receipt) } else { None })
    }

    /// A node's answer to an audit and the slices behind it, as they came.
    pub(crate) async fn audit(
        &self,
        node: PublicKey,
        request: AuditRequest,
        within: Duration,
    ) -> Result<(Unverified<AuditAnswer>, Bytes), WireError> {
        let max = usize::try_from(request.picks.slices_len()).expect("64 leaves fit");
        let request = Request::Audit(request);
        self.paying(node, || self.audit_once(node, &request, max, within)).await
    }

    async fn audit_once(
        &self,
        node: PublicKey,
        request: &Request,
        max: usize,
        within: Duration,
    ) -> Result<(Unverified<AuditAnswer>, Bytes), WireError> {
        let all = async {
            let mut exchange = self.request(node, request).await?;
            let response = exchange.response().await?;
            let answer =
                expect(response, |r| if let Response::Audited { answer } = r { Some(answer) } else { None })?;
            Ok::<_, WireError>((answer, exchange.receiving.rest(max).await?))
        };
        let answered = in_time(within, all).await??;
        self.heard(node);
        Ok(answered)
    }

    /// Tells a node what an auditor says of it.
    pub(crate) async fn send_verdict(&self, verdict: &Signed<AuditVerdict>) -> Result<(), WireError> {
        let request = Request::Verdict { verdict: Unverified::from(verdict) };
        let response = self.ask(verdict.body().node, &request, CHANGE_WITHIN).await?;
        expect(response, |r| matches!(r, Response::VerdictKept).then_some(()))
    }
}
