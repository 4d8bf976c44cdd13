//! What a node signs over the slices that it sends.

use std::fmt;

use iroh_base::PublicKey;
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use super::picks::AuditPicks;
use crate::limits::AUDIT_DRAWS_MAX;
use crate::{Code, Digest, Record, Signed, UnixSeconds};

/// The node's answer to an audit: which slices it sends, and what it does not have (spec §11, §23).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditAnswer {
    /// What was asked: [`AuditPicks::digest`].
    pub asked: Digest,
    /// The commitment: hash of its record.
    pub audit: Digest,
    /// The picks for which there is no slice.
    pub failed: FailedPicks,
    /// [`digest_of_slices`] of the others, in their order.
    pub slices: Digest,
    /// The node's time.
    pub time: UnixSeconds,
}

impl Record for AuditAnswer {
    const TYPE: &'static str = "audit_answer";
}

/// A pick that a node cannot prove.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailedPick {
    /// Its number among the picks.
    pub at: u8,
    /// Why.
    pub code: Code,
}

/// At most 64 of them, ascending.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<FailedPick>", into = "Vec<FailedPick>")]
pub struct FailedPicks(Vec<FailedPick>);

/// Picks named out of order, or more than there can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("failed picks are not ascending numbers below {AUDIT_DRAWS_MAX}")]
pub struct FailedPicksError;

impl FailedPicks {
    /// The list of these.
    pub fn new(failed: Vec<FailedPick>) -> Result<Self, FailedPicksError> {
        let ascend = failed.windows(2).all(|pair| pair[0].at < pair[1].at);
        let fit = failed.last().is_none_or(|last| usize::from(last.at) < AUDIT_DRAWS_MAX);
        if ascend && fit { Ok(Self(failed)) } else { Err(FailedPicksError) }
    }

    /// Why the pick with this number failed, if it did.
    fn code(&self, at: usize) -> Option<Code> {
        self.0.iter().find(|failed| usize::from(failed.at) == at).map(|failed| failed.code)
    }

    fn fit(&self, picks: usize) -> bool {
        self.0.last().is_none_or(|last| usize::from(last.at) < picks)
    }
}

impl TryFrom<Vec<FailedPick>> for FailedPicks {
    type Error = FailedPicksError;

    fn try_from(failed: Vec<FailedPick>) -> Result<Self, FailedPicksError> {
        Self::new(failed)
    }
}

impl From<FailedPicks> for Vec<FailedPick> {
    fn from(failed: FailedPicks) -> Self {
        failed.0
    }
}

/// The hash over the hashes of slices in their order.
pub fn digest_of_slices<'a>(slices: impl IntoIterator<Item = &'a [u8]>) -> Digest {
    digest_of_proofs(slices.into_iter().map(Digest::of))
}

fn digest_of_proofs(proofs: impl Iterator<Item = Digest>) -> Digest {
    let hashes: Vec<[u8; 32]> = proofs.map(|proof| *proof.as_bytes()).collect();
    Digest::of(hashes.as_flattened())
}

/// What became of one pick, and the hash of its slice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Judged {
    pub(super) outcome: Outcome,
    pub(super) proof: Option<Digest>,
}

impl Signed<AuditAnswer> {
    /// Checks that `node` answers what it was asked in this audit.
    pub fn answers(&self, node: &PublicKey, audit: &Digest, picks: &AuditPicks) -> Result<(), AnswerError> {
        if self.by() != *node {
            return Err(AnswerError::OtherNode { by: self.by() });
        }
        let body = self.body();
        let is_for_this = body.audit == *audit && body.asked == picks.digest();
        if is_for_this && body.failed.fit(picks.challenges().len()) {
            Ok(())
        } else {
            Err(AnswerError::OtherPicks)
        }
    }
}

impl AuditAnswer {
    /// What the slices prove. They must be those that the node signed.
    pub(super) fn judge(&self, picks: &AuditPicks, slices: &[u8]) -> Result<Vec<Judged>, AnswerError> {
        let mut rest = slices;
        let mut judged = Vec::new();
        for (at, challenge) in picks.challenges().iter().enumerate() {
            if let Some(code) = self.failed.code(at) {
                judged.push(Judged { outcome: Outcome::of_code(code), proof: None });
                continue;
            }
            let len = usize::try_from(challenge.leaf_set().slice_len()).expect("64 leaves fit into memory");
            let (slice, tail) =
                rest.split_at_checked(len).ok_or(AnswerError::Length { len: slices.len() })?;
            rest = tail;
            let outcome = if challenge.verify(slice).is_ok() { Outcome::Proved } else { Outcome::Corrupt };
            judged.push(Judged { outcome, proof: Some(Digest::of(slice)) });
        }
        if !rest.is_empty() {
            return Err(AnswerError::Length { len: slices.len() });
        }
        self.check(&judged)?;
        Ok(judged)
    }

    /// Checks what is said of the picks as far as that is possible without the slices.
    pub(super) fn check(&self, judged: &[Judged]) -> Result<(), AnswerError> {
        for (at, Judged { outcome, proof }) in judged.iter().enumerate() {
            let agrees = match (self.failed.code(at), proof) {
                (Some(code), None) => *outcome == Outcome::of_code(code),
                (None, Some(_)) => matches!(outcome, Outcome::Proved | Outcome::Corrupt),
                _ => false,
            };
            if !agrees {
                return Err(AnswerError::Outcome { at });
            }
        }
        let signed = digest_of_proofs(judged.iter().filter_map(|judged| judged.proof));
        if signed == self.slices { Ok(()) } else { Err(AnswerError::OtherSlices) }
    }
}

/// Why an answer is none to what was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum AnswerError {
    #[error("answer signed by {by}, which is not the audited node")]
    OtherNode { by: PublicKey },
    #[error("answer to other picks or to another audit")]
    OtherPicks,
    #[error("{len} bytes of slices are not as many as the answer announces")]
    Length { len: usize },
    #[error("slices other than those that the node signed")]
    OtherSlices,
    #[error("pick {at} has another outcome than the answer gives it")]
    Outcome { at: usize },
}

impl fmt::Display for AuditAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "audit       {}", self.audit)?;
        writeln!(f, "asked       {}", self.asked)?;
        for FailedPick { at, code } in &self.failed.0 {
            writeln!(f, "pick {at:<6} {code}")?;
        }
        writeln!(f, "slices      {}", self.slices)?;
        write!(f, "time        {}", self.time)
    }
}
