//! An audit step by step, as its auditor goes through it. Each step consumes the one before.

use std::sync::Arc;

use iroh_base::{PublicKey, SecretKey};
use proofs::AuditedSet;
use serde::{Deserialize, Serialize};

use super::answer::{AnswerError, AuditAnswer, Judged};
use super::beacon::{AuditSecret, Beacon, DrandSignature, Reveal, RevealError};
use super::commitment::{AuditCommitment, AuditTerms, Draws};
use super::outcome::{Ending, Unanswered};
use super::picks::AuditPicks;
use super::receipt::{AuditReceipt, ReceiptError};
use super::selection::{Selected, select};
use super::transcript::{Account, Drawn, Pick, Timing, UnsignedTranscript};
use crate::{Digest, NetworkId, RecordError, Signed, UnixSeconds, Unverified};

/// What an auditor wants to know.
#[derive(Debug, Clone)]
pub struct AuditWish {
    /// Who is audited.
    pub node: PublicKey,
    /// The shards that it should have.
    pub set: Arc<AuditedSet>,
    /// Where the randomness comes from.
    pub beacon: Beacon,
    /// How many positions are drawn.
    pub draws: Draws,
    /// Random, and used once.
    pub secret: AuditSecret,
    /// The auditor's time.
    pub issued: UnixSeconds,
}

/// An audit with a commitment that the node has not seen yet.
#[derive(Debug)]
pub struct PlannedAudit {
    commitment: Signed<AuditCommitment>,
    secret: AuditSecret,
    set: Arc<AuditedSet>,
}

impl PlannedAudit {
    /// Commits to what is wished for.
    pub fn new(auditor: &SecretKey, network: &NetworkId, wish: AuditWish) -> Self {
        let AuditWish { node, set, beacon, draws, secret, issued } = wish;
        let terms =
            AuditTerms { beacon, draws, issued, node, secret: secret.digest(), set: set.commitment() };
        let body =
            AuditCommitment::new(terms).expect("a set has one byte at least, and a bounded number of shards");
        Self { commitment: Signed::sign(auditor, network, body), secret, set }
    }

    /// Who is audited.
    pub fn node(&self) -> PublicKey {
        self.commitment.body().terms().node
    }

    /// What the node is to acknowledge.
    pub fn commitment(&self) -> &Signed<AuditCommitment> {
        &self.commitment
    }

    /// Goes on with the node's receipt.
    pub fn acknowledged(
        self,
        receipt: &Unverified<AuditReceipt>,
    ) -> Result<AcknowledgedAudit, Box<NotAcknowledged>> {
        match self.check(receipt) {
            Ok(receipt) => Ok(AcknowledgedAudit { planned: self, receipt }),
            Err(error) => Err(Box::new(NotAcknowledged { audit: self, error })),
        }
    }

    /// Ends without a receipt: nothing could be drawn.
    pub fn unanswered(self, why: Unanswered, timing: Timing) -> UnsignedTranscript {
        let ending = Ending::Unanswered(why);
        UnsignedTranscript::new(Account { commitment: self.commitment, timing, ending, drawn: None }, None)
    }

    fn check(&self, receipt: &Unverified<AuditReceipt>) -> Result<Signed<AuditReceipt>, NotAReceipt> {
        let receipt = receipt.verify(&self.commitment.network())?;
        receipt.acknowledges(&self.commitment)?;
        Ok(receipt)
    }
}

/// An audit whose receipt is none, and why.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct NotAcknowledged {
    /// The audit, which can still be ended.
    pub audit: PlannedAudit,
    error: NotAReceipt,
}

#[derive(Debug, thiserror::Error)]
enum NotAReceipt {
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
}

/// An audit that the node has acknowledged: from now on nothing about it can be chosen.
#[derive(Debug)]
pub struct AcknowledgedAudit {
    planned: PlannedAudit,
    receipt: Signed<AuditReceipt>,
}

impl AcknowledgedAudit {
    /// Who is audited.
    pub fn node(&self) -> PublicKey {
        self.planned.node()
    }

    /// The beacon that was committed to.
    pub fn beacon(&self) -> Beacon {
        self.planned.commitment.body().terms().beacon
    }

    /// Draws, with what drand signed in the round that was committed to, or nothing.
    pub fn draw(self, signature: Option<DrandSignature>) -> Result<DrawnAudit, RevealError> {
        let PlannedAudit { commitment, secret, set } = self.planned;
        let terms = *commitment.body().terms();
        let reveal = Reveal { secret, signature };
        reveal.opens(&terms.secret, terms.beacon)?;
        let seed = reveal.seed(&terms.node, &self.receipt.digest());
        let selected = select(&set, &seed, terms.draws);
        Ok(DrawnAudit { commitment, receipt: self.receipt, reveal, selected })
    }
}

/// An audit of which it is known what to ask.
#[derive(Debug)]
pub struct DrawnAudit {
    commitment: Signed<AuditCommitment>,
    receipt: Signed<AuditReceipt>,
    reveal: Reveal,
    selected: Vec<Selected>,
}

/// What a node is asked in an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRequest {
    /// The commitment: hash of its record.
    pub audit: Digest,
    /// What opens it.
    pub reveal: Reveal,
    /// What to prove.
    pub picks: AuditPicks,
}

impl DrawnAudit {
    /// Who is audited.
    pub fn node(&self) -> PublicKey {
        self.commitment.body().terms().node
    }

    /// What to ask the node.
    pub fn request(&self) -> AuditRequest {
        AuditRequest { audit: self.commitment.digest(), reveal: self.reveal.clone(), picks: self.picks() }
    }

    /// Ends with the node's answer and the slices behind it; with [`Unanswered::Invalid`] when that is none.
    pub fn answered(
        self,
        answer: &Unverified<AuditAnswer>,
        slices: Vec<u8>,
        timing: Timing,
    ) -> UnsignedTranscript {
        match self.check(answer, &slices) {
            Ok((answer, judged)) => self.end(Ending::Answered, timing, Some(answer), &judged, Some(slices)),
            Err(_) => self.unanswered(Unanswered::Invalid, timing),
        }
    }

    /// Ends without an answer.
    pub fn unanswered(self, why: Unanswered, timing: Timing) -> UnsignedTranscript {
        let judged = vec![Judged { outcome: why.into(), proof: None }; self.selected.len()];
        self.end(Ending::Unanswered(why), timing, None, &judged, None)
    }

    fn picks(&self) -> AuditPicks {
        let challenges = self.selected.iter().map(|selected| selected.challenge.clone()).collect();
        AuditPicks::new(challenges).expect("ascending by root, at most as many leaves as draws")
    }

    fn check(
        &self,
        answer: &Unverified<AuditAnswer>,
        slices: &[u8],
    ) -> Result<(Signed<AuditAnswer>, Vec<Judged>), NotAnAnswer> {
        let answer = answer.verify(&self.commitment.network())?;
        let picks = self.picks();
        answer.answers(&self.node(), &self.commitment.digest(), &picks)?;
        let judged = answer.body().judge(&picks, slices)?;
        Ok((answer, judged))
    }

    fn end(
        self,
        ending: Ending,
        timing: Timing,
        answer: Option<Signed<AuditAnswer>>,
        judged: &[Judged],
        slices: Option<Vec<u8>>,
    ) -> UnsignedTranscript {
        let picks = self.selected.into_iter().zip(judged);
        let picks = picks.map(|(selected, judged)| Pick::new(selected, *judged)).collect();
        let drawn = Drawn { receipt: self.receipt, reveal: self.reveal, picks, answer };
        let account = Account { commitment: self.commitment, timing, ending, drawn: Some(drawn) };
        UnsignedTranscript::new(account, slices)
    }
}

#[derive(Debug, thiserror::Error)]
enum NotAnAnswer {
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Answer(#[from] AnswerError),
}
