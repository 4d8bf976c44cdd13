//! The node's word that a commitment came before anything was drawn.

use std::fmt;

use data_encoding::HEXLOWER;
use iroh_base::PublicKey;
use serde::{Deserialize, Serialize};

use super::beacon::Beacon;
use super::commitment::AuditCommitment;
use crate::{Digest, Record, Signed, UnixSeconds};

/// What a node signs when it has seen a commitment (spec §11, §23).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditReceipt {
    /// The commitment: hash of its record.
    pub audit: Digest,
    /// Random, so that the auditor did not know the seed when it committed itself.
    #[serde(with = "serde_bytes")]
    pub nonce: [u8; 16],
    /// The node's time.
    pub time: UnixSeconds,
}

impl Record for AuditReceipt {
    const TYPE: &'static str = "audit_receipt";
}

impl Signed<AuditReceipt> {
    /// Checks that the audited node acknowledges this commitment, before its beacon was known.
    pub fn acknowledges(&self, commitment: &Signed<AuditCommitment>) -> Result<(), ReceiptError> {
        let terms = commitment.body().terms();
        if self.by() != terms.node {
            return Err(ReceiptError::OtherNode { by: self.by() });
        }
        if self.body().audit != commitment.digest() {
            return Err(ReceiptError::OtherAudit { named: self.body().audit });
        }
        match terms.beacon {
            Beacon::Drand { round } if round.time() <= self.body().time => {
                Err(ReceiptError::TooLate { round: round.get(), time: self.body().time })
            }
            _ => Ok(()),
        }
    }
}

/// Why a receipt does not acknowledge a commitment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum ReceiptError {
    #[error("receipt signed by {by}, which is not the audited node")]
    OtherNode { by: PublicKey },
    #[error("receipt for audit {named}, which is another one")]
    OtherAudit { named: Digest },
    #[error("receipt of {time}, when drand round {round} was already known")]
    TooLate { round: u64, time: UnixSeconds },
}

impl fmt::Display for AuditReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "audit       {}", self.audit)?;
        writeln!(f, "nonce       {}", HEXLOWER.encode(&self.nonce))?;
        write!(f, "time        {}", self.time)
    }
}
