//! What an auditor tells the node about an audit that it did not pass.

use std::fmt;

use iroh_base::{PublicKey, SecretKey};
use proofs::Root;
use serde::{Deserialize, Serialize};

use super::outcome::{Ending, Outcome, OutcomeError};
use super::transcript::{Pick, Transcript};
use crate::limits::VERDICT_FAULTS_MAX;
use crate::{BoundedList, Code, Digest, Record, Signed, UnixSeconds, keys};

/// The reason for a failed audit, signed by the auditor (spec §11, §23).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct AuditVerdict {
    /// The commitment: hash of its record.
    pub audit: Digest,
    /// How the audit ended as a whole.
    pub ending: Ending,
    /// How many picks were not proved.
    pub failed: u8,
    /// The first of them.
    pub faults: BoundedList<Fault, VERDICT_FAULTS_MAX>,
    /// The auditor's time.
    pub issued: UnixSeconds,
    /// Who was audited.
    pub node: PublicKey,
    /// How many shards were drawn.
    pub picks: u8,
    /// Hash of the transcript without slices.
    pub transcript: Digest,
}

impl Record for AuditVerdict {
    const TYPE: &'static str = "audit_verdict";
}

/// A pick that was not proved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "FaultFields", into = "FaultFields")]
pub struct Fault {
    /// The first leaf that was drawn.
    pub leaf: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// The shard.
    pub root: Root,
}

impl Transcript {
    /// What the node is told when it has not proved everything.
    pub fn verdict(&self, auditor: &SecretKey, issued: UnixSeconds) -> Option<Signed<AuditVerdict>> {
        if self.is_proved() {
            return None;
        }
        let failed = || self.picks().iter().filter(|pick| pick.outcome != Outcome::Proved);
        let count = |picks: usize| u8::try_from(picks).expect("no more shards than draws");
        let faults = failed().take(VERDICT_FAULTS_MAX).map(Fault::of).collect();
        let verdict = AuditVerdict {
            audit: self.audit(),
            ending: self.ending(),
            failed: count(failed().count()),
            faults: BoundedList::new(faults).expect("no more were taken"),
            issued,
            node: self.node(),
            picks: count(self.picks().len()),
            transcript: self.digest(),
        };
        Some(Signed::sign(auditor, &self.network(), verdict))
    }
}

impl Fault {
    fn of(pick: &Pick) -> Self {
        let leaf = pick.challenge.leaves().next().expect("a challenge names a leaf");
        Self { leaf, outcome: pick.outcome, root: pick.shard.root }
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    audit: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    ended: String,
    failed: u8,
    faults: BoundedList<Fault, VERDICT_FAULTS_MAX>,
    issued: UnixSeconds,
    #[serde(with = "keys")]
    node: PublicKey,
    picks: u8,
    transcript: Digest,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    leaf: u32,
    outcome: String,
    root: Root,
}

impl TryFrom<Fields> for AuditVerdict {
    type Error = OutcomeError;

    fn try_from(fields: Fields) -> Result<Self, OutcomeError> {
        let Fields { audit, code, ended, failed, faults, issued, node, picks, transcript } = fields;
        let ending = Ending::from_parts(&ended, code)?;
        Ok(Self { audit, ending, failed, faults, issued, node, picks, transcript })
    }
}

impl From<AuditVerdict> for Fields {
    fn from(verdict: AuditVerdict) -> Self {
        let AuditVerdict { audit, ending, failed, faults, issued, node, picks, transcript } = verdict;
        let (code, ended) = (ending.code(), ending.name().to_owned());
        Self { audit, code, ended, failed, faults, issued, node, picks, transcript }
    }
}

impl TryFrom<FaultFields> for Fault {
    type Error = OutcomeError;

    fn try_from(FaultFields { code, leaf, outcome, root }: FaultFields) -> Result<Self, OutcomeError> {
        match Outcome::from_parts(&outcome, code)? {
            Outcome::Proved => Err(OutcomeError(outcome)),
            outcome => Ok(Self { leaf, outcome, root }),
        }
    }
}

impl From<Fault> for FaultFields {
    fn from(Fault { leaf, outcome, root }: Fault) -> Self {
        Self { code: outcome.code(), leaf, outcome: outcome.name().to_owned(), root }
    }
}

impl fmt::Display for AuditVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "node        {}", self.node)?;
        writeln!(f, "audit       {}", self.audit)?;
        writeln!(f, "transcript  {}", self.transcript)?;
        writeln!(f, "issued      {}", self.issued)?;
        for Fault { leaf, outcome, root } in self.faults.iter() {
            writeln!(f, "{:<11} {root} leaf {leaf}", outcome.to_string())?;
        }
        let ended = self.ending.name();
        match self.ending.code() {
            Some(code) => write!(f, "verdict     {ended} ({code})")?,
            None => write!(f, "verdict     {ended}")?,
        }
        match self.picks {
            0 => write!(f, ", before anything was drawn"),
            picks => write!(f, ", {} of {picks} picks not proved", self.failed),
        }
    }
}
