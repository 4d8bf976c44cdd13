//! Attestations with their proofs: a document was attested to, and the log has it; nothing but the document and the proof is
//! needed to see it (spec §25).

use proofs::canonical::{self, CanonicalError};
use protocol::{RecordError, RecordHeading, Signed, Unverified, name_of_bytes};
use serde::{Deserialize, Serialize};

use crate::tlog::{AcceptedCheckpoint, LogProof, LogProofError, NotProved, Policy};
use crate::{Attestation, LogEntry};

/// Longest nonce and record, in bytes of CBOR.
const ATTESTED_LEN_MAX: usize = protocol::limits::RECORD_LEN_MAX + 64;

name_of_bytes! {
    /// What hides a document behind its commitment: 32 random bytes, drawn anew for each attestation.
    Nonce, 32
}
name_of_bytes! {
    /// A keyed hash of a document: nobody who lacks the key can tell from it what it commits to, or try guesses.
    Commitment, 32
}

/// A commitment that is being computed.
#[derive(Clone, Debug)]
pub struct Committing(blake3::Hasher);

/// An attestation, and what opens its commitment.
#[derive(Clone, PartialEq, Debug)]
pub struct Attested {
    /// With what the document was committed to.
    pub nonce: Nonce,
    /// What was signed, for the network that it names.
    pub record: Signed<Attestation>,
}

/// What a proof file says: a `.tlog-proof` of the entry, with nonce and record as its extra data.
///
/// The record is verified, and nothing else before [`Proved::verify`].
#[derive(Clone, PartialEq, Debug)]
pub struct Proved {
    /// What was attested to.
    pub attested: Attested,
    /// Where the log has it; its extra data are passed over.
    pub proof: LogProof,
}

/// Why a file is no proof of an attestation.
#[derive(Debug, thiserror::Error)]
pub enum AttestedError {
    /// The file as a whole.
    #[error(transparent)]
    Proof(#[from] LogProofError),
    /// It proves something else.
    #[error("the proof carries no nonce and no attestation")]
    NoAttestation,
    /// Nonce and record.
    #[error("nonce and attestation: {0}")]
    Cbor(#[from] CanonicalError),
    /// The record.
    #[error("the attestation: {0}")]
    Record(#[from] RecordError),
}

/// Why a document was not attested to.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAttested {
    /// It is another document, or another nonce.
    #[error("this is not the file that was attested to: it does not fit the commitment {commitment}")]
    OtherDocument {
        /// What was signed.
        commitment: Commitment,
    },
    /// The log does not have the entry.
    #[error(transparent)]
    NotProved(#[from] NotProved),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    nonce: Nonce,
    record: Unverified<Attestation>,
}

impl Committing {
    /// Begins one with this nonce: BLAKE3, keyed.
    pub fn new(nonce: &Nonce) -> Self {
        Self(blake3::Hasher::new_keyed(nonce.as_bytes()))
    }

    /// Takes the next bytes of the document.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The commitment to all of them.
    pub fn finish(&self) -> Commitment {
        Commitment::from_bytes(*self.0.finalize().as_bytes())
    }
}

impl Commitment {
    /// The commitment to a whole document.
    pub fn to(document: &[u8], nonce: &Nonce) -> Self {
        let mut committing = Committing::new(nonce);
        committing.update(document);
        committing.finish()
    }
}

impl Attested {
    /// Reads `{ nonce, record }`; the record's signature has to verify for the network that it names.
    pub fn decode(bytes: &[u8]) -> Result<Self, AttestedError> {
        let Wire { nonce, record } = canonical::from_slice(bytes, ATTESTED_LEN_MAX)?;
        let network = RecordHeading::decode(record.as_bytes())?.network();
        Ok(Self { nonce, record: record.verify(&network)? })
    }

    /// The same as canonical CBOR.
    pub fn encode(&self) -> Vec<u8> {
        canonical::to_vec(&Wire { nonce: self.nonce, record: (&self.record).into() })
    }

    /// Refuses another document than the one that was attested to.
    pub fn check(&self, commitment: Commitment) -> Result<(), NotAttested> {
        let signed = self.record.body().commitment;
        if commitment == signed { Ok(()) } else { Err(NotAttested::OtherDocument { commitment: signed }) }
    }
}

impl Proved {
    /// Reads a file.
    pub fn decode(file: &[u8]) -> Result<Self, AttestedError> {
        let proof = LogProof::decode(file)?;
        let extra = proof.extra.as_deref().ok_or(AttestedError::NoAttestation)?;
        Ok(Self { attested: Attested::decode(extra)?, proof })
    }

    /// The file.
    pub fn encode(&self) -> String {
        LogProof { extra: Some(self.attested.encode()), ..self.proof.clone() }.encode()
    }

    /// The checkpoint of the log that has the entry, when the document is this one and the checkpoint counts.
    ///
    /// `commitment` is [computed](Committing) from the document with the nonce of the file.
    pub fn verify(&self, commitment: Commitment, policy: &Policy) -> Result<AcceptedCheckpoint, NotAttested> {
        self.attested.check(commitment)?;
        let entry = LogEntry::Attestation(self.attested.record.clone()).encode();
        Ok(self.proof.verify(entry.as_bytes(), policy)?)
    }
}
