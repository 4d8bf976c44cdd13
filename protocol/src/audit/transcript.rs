//! The account of one audit, under the auditor's signature: everything that somebody else needs to check it.

use std::fmt;
use std::time::Duration;

use iroh_base::{PublicKey, SecretKey, Signature};
use proofs::canonical::CanonicalError;
use proofs::{AuditedShard, Challenge, SetPath};

use super::answer::{AnswerError, AuditAnswer, Judged};
use super::beacon::{Reveal, RevealError};
use super::commitment::AuditCommitment;
use super::outcome::{Ending, Outcome, OutcomeError};
use super::receipt::{AuditReceipt, ReceiptError};
use super::selection::{Selected, SelectionError};
use super::{check, encoding};
use crate::{Digest, NetworkId, RecordError, Signed, UnixSeconds};

/// An audit and what came of it, before its auditor has signed for it.
#[derive(Debug)]
pub struct UnsignedTranscript {
    account: Account,
    slices: Option<Vec<u8>>,
}

/// An audit and what came of it. Whoever holds one has checked all that can be checked: records, seed, selection,
/// answer, outcomes, and the slices where they are attached (spec §23).
#[derive(Clone, PartialEq, Debug)]
pub struct Transcript {
    account: Account,
    signature: Signature,
    /// Of all picks that did not fail, in their order.
    slices: Option<Vec<u8>>,
}

/// What is signed.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Account {
    pub(super) commitment: Signed<AuditCommitment>,
    pub(super) timing: Timing,
    pub(super) ending: Ending,
    /// Missing when the node acknowledged nothing.
    pub(super) drawn: Option<Drawn>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Drawn {
    pub(super) receipt: Signed<AuditReceipt>,
    pub(super) reveal: Reveal,
    pub(super) picks: Vec<Pick>,
    pub(super) answer: Option<Signed<AuditAnswer>>,
}

/// One shard that was drawn.
#[derive(Clone, PartialEq, Debug)]
pub struct Pick {
    pub(super) shard: AuditedShard,
    pub(super) path: SetPath,
    pub(super) challenge: Challenge,
    pub(super) outcome: Outcome,
    pub(super) proof: Option<Digest>,
}

/// When an audit was made, by the auditor's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    pub(super) asked: UnixSeconds,
    pub(super) within_ms: u32,
    pub(super) took_ms: u32,
}

impl Timing {
    /// Asked at this time, to be answered `within` so long; it `took` so long until it was known how it ended.
    pub fn new(asked: UnixSeconds, within: Duration, took: Duration) -> Self {
        let ms = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        Self { asked, within_ms: ms(within), took_ms: ms(took) }
    }

    /// When the node was asked.
    pub const fn asked(&self) -> UnixSeconds {
        self.asked
    }

    /// How long it was allowed to take.
    pub const fn within(&self) -> Duration {
        Duration::from_millis(self.within_ms as u64)
    }

    /// How long it took.
    pub const fn took(&self) -> Duration {
        Duration::from_millis(self.took_ms as u64)
    }
}

impl Pick {
    pub(super) fn new(selected: Selected, judged: Judged) -> Self {
        let Selected { shard, path, challenge } = selected;
        let Judged { outcome, proof } = judged;
        Self { shard, path, challenge, outcome, proof }
    }

    /// The shard.
    pub fn shard(&self) -> AuditedShard {
        self.shard
    }

    /// The leaves that were drawn of it.
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// The way from the shard to the commitment.
    pub fn path(&self) -> &SetPath {
        &self.path
    }

    /// What became of it.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Hash of the slice that the node sent.
    pub fn proof(&self) -> Option<Digest> {
        self.proof
    }
}

impl UnsignedTranscript {
    pub(super) fn new(account: Account, slices: Option<Vec<u8>>) -> Self {
        Self { account, slices }
    }

    /// Signs, with the key that has signed the commitment.
    pub fn sign(self, auditor: &SecretKey) -> Transcript {
        assert_eq!(auditor.public(), self.account.commitment.by(), "another auditor's audit");
        let signature = auditor.sign(&encoding::signed_bytes(&self.account));
        Transcript { account: self.account, signature, slices: self.slices }
    }
}

impl Transcript {
    pub(super) fn new(account: Account, signature: Signature, slices: Option<Vec<u8>>) -> Self {
        Self { account, signature, slices }
    }

    /// The transcript in these bytes, when all of it holds together.
    pub fn decode(bytes: &[u8]) -> Result<Self, TranscriptError> {
        check::verify(encoding::Fields::decode(bytes)?)
    }

    /// The transcript as canonical CBOR, at most [`TRANSCRIPT_LEN_MAX`](crate::limits::TRANSCRIPT_LEN_MAX) bytes.
    pub fn encode(&self) -> Vec<u8> {
        encoding::encode(&self.account, &self.signature, self.slices.as_deref())
    }

    /// The same without its slices: shorter, and its outcomes `proved` and `corrupt` on the auditor's word.
    #[must_use]
    pub fn without_slices(mut self) -> Self {
        self.slices = None;
        self
    }

    /// What others call it: the hash of its bytes without slices.
    pub fn digest(&self) -> Digest {
        Digest::of(&encoding::encode(&self.account, &self.signature, None))
    }

    /// Hash of the commitment's record.
    pub fn audit(&self) -> Digest {
        self.account.commitment.digest()
    }

    /// Who audited, and signed.
    pub fn auditor(&self) -> PublicKey {
        self.account.commitment.by()
    }

    /// Who was audited.
    pub fn node(&self) -> PublicKey {
        self.account.commitment.body().terms().node
    }

    /// The network in which that was.
    pub fn network(&self) -> NetworkId {
        self.account.commitment.network()
    }

    /// What the auditor committed itself to.
    pub fn commitment(&self) -> &Signed<AuditCommitment> {
        &self.account.commitment
    }

    /// The node's receipt of it.
    pub fn receipt(&self) -> Option<&Signed<AuditReceipt>> {
        self.account.drawn.as_ref().map(|drawn| &drawn.receipt)
    }

    /// The node's answer.
    pub fn answer(&self) -> Option<&Signed<AuditAnswer>> {
        self.account.drawn.as_ref().and_then(|drawn| drawn.answer.as_ref())
    }

    /// When it was.
    pub fn timing(&self) -> Timing {
        self.account.timing
    }

    /// How it ended as a whole.
    pub fn ending(&self) -> Ending {
        self.account.ending
    }

    /// What was drawn, and what became of it. Empty when the node acknowledged nothing.
    pub fn picks(&self) -> &[Pick] {
        self.account.drawn.as_ref().map_or(&[], |drawn| &drawn.picks)
    }

    /// The slices, when they are attached.
    pub fn slices(&self) -> Option<&[u8]> {
        self.slices.as_deref()
    }

    /// True when the node proved all that was drawn.
    pub fn is_proved(&self) -> bool {
        self.ending() == Ending::Answered && self.picks().iter().all(|pick| pick.outcome == Outcome::Proved)
    }
}

/// Why bytes are no transcript, or one that does not hold together.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum TranscriptError {
    #[error("not a transcript: {0}")]
    Malformed(#[from] CanonicalError),
    #[error("transcript of version {0}, only version 1 is known")]
    Version(u8),
    #[error("the {which} does not verify: {source}")]
    Record { which: &'static str, source: RecordError },
    #[error("the auditor's signature does not verify")]
    Signature,
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    #[error(transparent)]
    Reveal(#[from] RevealError),
    #[error(transparent)]
    Selection(#[from] SelectionError),
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error(transparent)]
    Outcome(#[from] OutcomeError),
    #[error("it says {ending}, and {what}")]
    Contradiction { ending: &'static str, what: &'static str },
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Timing { asked, within_ms, took_ms } = self.timing();
        writeln!(f, "transcript of an audit, all signatures and the selection verified")?;
        writeln!(f, "network     {}", self.network())?;
        writeln!(f, "auditor     {}", self.auditor())?;
        writeln!(f, "audit       {}", self.audit())?;
        writeln!(f, "{}", self.commitment().body())?;
        match self.receipt() {
            Some(receipt) => writeln!(f, "acknowledged {}, before anything was drawn", receipt.body().time)?,
            None => writeln!(f, "not acknowledged, so that nothing was drawn")?,
        }
        writeln!(f, "asked       {asked}: {} after {took_ms} of {within_ms} ms", self.ending().name())?;
        if self.answer().is_some() && self.slices.is_none() {
            writeln!(f, "slices      not attached: proved and corrupt are the auditor's word")?;
        }
        for pick in self.picks() {
            let leaves: Vec<String> = pick.challenge.leaves().map(|leaf| leaf.to_string()).collect();
            writeln!(f, "{:<11} {} leaf {}", pick.outcome.to_string(), pick.shard.root, leaves.join(", "))?;
        }
        let proved = self.picks().iter().filter(|pick| pick.outcome == Outcome::Proved).count();
        write!(f, "verdict     {proved} of {} picks proved", self.picks().len())
    }
}
