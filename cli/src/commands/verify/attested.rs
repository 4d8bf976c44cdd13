//! A file that somebody has attested to, checked with its proof and nothing else.

use std::fmt;
use std::path::Path;

use anyhow::Context;
use ledger::Proved;
use ledger::tlog::{AcceptedCheckpoint, LOG_PROOF_LEN_MAX, Policy};
use protocol::UnixSeconds;
use serde::Serialize;
use sharing::{OPEN_BADGE_LEN_MAX, OpenBadge};

use crate::attest::commitment_to;
use crate::commands::attest::{in_words, witnessed};
use crate::record_file;

/// A file that is the one that was attested to.
#[derive(Serialize)]
pub(super) struct AttestedFile {
    #[serde(rename = "type")]
    kind: &'static str,
    attested: &'static str,
    by: String,
    network: String,
    /// When it was attested to, by the word of who did, in Unix time in seconds.
    issued: u64,
    origin: String,
    index: u64,
    size: u64,
    /// How many witnesses of the policy, who are not the log itself, have cosigned.
    witnesses: usize,
    /// What an Open Badge says.
    #[serde(skip_serializing_if = "Option::is_none")]
    badge: Option<String>,
}

impl AttestedFile {
    pub(super) fn check(file: &Path, proof: &Path, policy: &Policy) -> anyhow::Result<Self> {
        let does_not_verify = || format!("{} does not verify", proof.display());
        let bytes = record_file::read(proof, LOG_PROOF_LEN_MAX as u64)?;
        let proved = Proved::decode(&bytes).with_context(does_not_verify)?;
        let commitment = commitment_to(file, &proved.attested.nonce)?;
        let accepted = proved.verify(commitment, policy).with_context(does_not_verify)?;
        let AcceptedCheckpoint { checkpoint, witnessed_by, .. } = accepted;
        let record = &proved.attested.record;
        let badge = OpenBadge::of(&record_file::read(file, OPEN_BADGE_LEN_MAX as u64)?);
        Ok(Self {
            kind: "attestation",
            attested: record.body().kind.as_str(),
            by: record.by().to_string(),
            network: record.network().to_string(),
            issued: record.body().issued.get(),
            origin: checkpoint.origin.to_string(),
            index: proved.proof.index,
            size: checkpoint.size,
            witnesses: witnessed_by,
            badge: badge.as_ref().map(in_words),
        })
    }
}

impl fmt::Display for AttestedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issued = UnixSeconds::new(self.issued);
        writeln!(f, "attested    this file, to the byte, as a {}", self.attested)?;
        writeln!(f, "by          {}", self.by)?;
        writeln!(f, "at          {issued}, by their own word")?;
        writeln!(f, "network     {}", self.network)?;
        writeln!(f, "log         {}, entry {} of {}", self.origin, self.index, self.size)?;
        if let Some(badge) = &self.badge {
            writeln!(f, "{badge}")?;
        }
        writeln!(f, "{}", witnessed(self.witnesses))
    }
}
