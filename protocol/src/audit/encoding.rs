//! Transcripts as canonical CBOR (spec §23).

use iroh_base::Signature;
use proofs::{AuditedShard, Root, SetPath, ShardLen, canonical};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::answer::AuditAnswer;
use super::beacon::{AuditSecret, DrandSignature, Reveal};
use super::commitment::AuditCommitment;
use super::outcome::Outcome;
use super::receipt::AuditReceipt;
use super::transcript::{Account, Pick, TranscriptError};
use crate::limits::{AUDIT_DRAWS_MAX, TRANSCRIPT_LEN_MAX};
use crate::{BoundedList, Code, Digest, UnixSeconds, Unverified};

/// The name under which transcripts are signed.
const TYPE: &str = "transcript";
const VERSION: u8 = 1;

/// A transcript as it came: canonical, and nothing else is known.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    pub(super) body: Body,
    pub(super) sig: ByteArray<64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) slices: Option<ByteBuf>,
    v: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<Unverified<AuditAnswer>>,
    pub(super) asked: UnixSeconds,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<Code>,
    pub(super) commitment: Unverified<AuditCommitment>,
    pub(super) ended: String,
    pub(super) picks: BoundedList<PickFields, AUDIT_DRAWS_MAX>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) receipt: Option<Unverified<AuditReceipt>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reveal: Option<RevealFields>,
    pub(super) took: u32,
    pub(super) within: u32,
}

/// A reveal in CBOR, where what is missing is left out.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevealFields {
    secret: AuditSecret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<DrandSignature>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PickFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<Code>,
    len: ShardLen,
    pub(super) outcome: String,
    pub(super) path: SetPath,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) proof: Option<Digest>,
    root: Root,
}

impl Fields {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, TranscriptError> {
        let fields: Self = canonical::from_slice(bytes, TRANSCRIPT_LEN_MAX)?;
        if fields.v == VERSION { Ok(fields) } else { Err(TranscriptError::Version(fields.v)) }
    }
}

impl PickFields {
    pub(super) fn shard(&self) -> AuditedShard {
        AuditedShard { root: self.root, len: self.len }
    }

    pub(super) fn outcome(&self) -> Result<Outcome, TranscriptError> {
        Ok(Outcome::from_parts(&self.outcome, self.code)?)
    }

    fn of(pick: &Pick) -> Self {
        Self {
            code: pick.outcome.code(),
            len: pick.shard.len,
            outcome: pick.outcome.name().to_owned(),
            path: pick.path.clone(),
            proof: pick.proof,
            root: pick.shard.root,
        }
    }
}

impl From<RevealFields> for Reveal {
    fn from(RevealFields { secret, signature }: RevealFields) -> Self {
        Self { secret, signature }
    }
}

impl Body {
    fn of(account: &Account) -> Self {
        let drawn = account.drawn.as_ref();
        let reveal =
            |reveal: &Reveal| RevealFields { secret: reveal.secret.clone(), signature: reveal.signature };
        let picks = drawn.map_or_else(Vec::new, |drawn| drawn.picks.iter().map(PickFields::of).collect());
        Self {
            answer: drawn.and_then(|drawn| drawn.answer.as_ref()).map(Unverified::from),
            asked: account.timing.asked,
            code: account.ending.code(),
            commitment: Unverified::from(&account.commitment),
            ended: account.ending.name().to_owned(),
            picks: BoundedList::new(picks).expect("no more shards than draws"),
            receipt: drawn.map(|drawn| Unverified::from(&drawn.receipt)),
            reveal: drawn.map(|drawn| reveal(&drawn.reveal)),
            took: account.timing.took_ms,
            within: account.timing.within_ms,
        }
    }
}

/// What the auditor signs.
pub(super) fn signed_bytes(account: &Account) -> Vec<u8> {
    crate::signed::signed_bytes(TYPE, &account.commitment.network(), &Body::of(account))
}

pub(super) fn encode(account: &Account, signature: &Signature, slices: Option<&[u8]>) -> Vec<u8> {
    let bytes = canonical::to_vec(&Fields {
        body: Body::of(account),
        sig: ByteArray::new(signature.to_bytes()),
        slices: slices.map(|slices| ByteBuf::from(slices.to_vec())),
        v: VERSION,
    });
    assert!(
        bytes.len() <= TRANSCRIPT_LEN_MAX,
        "a transcript of {} bytes: its parts are bounded",
        bytes.len()
    );
    bytes
}
