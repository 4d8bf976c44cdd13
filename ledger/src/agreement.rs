//! Agreements: who has a share in a title, what it costs, and who said so (spec §25).

mod consent;
mod rules;

use proofs::Cid;
use proofs::canonical::{self, CanonicalError};
use protocol::{AgreementId, BoundedList, Digest, Ppm, PpmError, PublicKey, UnixSeconds, keys};
use serde::{Deserialize, Serialize};

pub use self::consent::Consent;
use crate::{Ipi, Iscc, Isrc, Iswc, Price, Unit};

/// Longest agreement, in bytes.
pub const AGREEMENT_LEN_MAX: usize = 16_384;
/// Most shares that one agreement divides a title into.
pub const PARTIES_MAX: usize = 64;
/// Most works that one is made from directly.
pub const PARENTS_MAX: usize = 16;
/// Most generations of works, the first one included.
pub const GENERATIONS_MAX: u8 = 8;

/// An agreement that keeps to all rules which concern nothing but itself. It is never changed, only superseded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SplitAgreement {
    parts: AgreementParts,
    id: AgreementId,
}

/// What an agreement says, before [`SplitAgreement::new`] has checked it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreementParts {
    /// The title: a publication id.
    pub content: Cid,
    /// The creator key of the publication; it consents, whether it has a share or not.
    #[serde(with = "keys")]
    pub creator: PublicKey,
    /// What is taken before the parties share.
    pub fees: Fees,
    /// What the content is like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iscc: Option<Iscc>,
    /// Which recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isrc: Option<Isrc>,
    /// When it was written.
    pub issued: UnixSeconds,
    /// Which musical work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iswc: Option<Iswc>,
    /// The works that this one is made from, ascending.
    pub parents: BoundedList<Parent, PARENTS_MAX>,
    /// Who shares, ascending by key and role.
    pub parties: BoundedList<Party, PARTIES_MAX>,
    /// What the title costs.
    pub price: Price,
    /// The least share for which others may make works from this one; without it they may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secondary: Option<Ppm>,
    /// The version that this one takes the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<AgreementId>,
    /// In what the price is counted.
    pub unit: Unit,
    /// 1 for the first version of the format.
    pub v: u8,
    /// 1, and one more with each version.
    pub version: u32,
}

/// What of each charge goes to those who carry the title.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fees {
    /// To the gateway that served it.
    pub gateway: Ppm,
    /// To the network.
    pub network: Ppm,
    /// To the nodes that the gateway has read from.
    pub node: Ppm,
}

/// A share of one party.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Who it is to collecting societies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipi: Option<Ipi>,
    /// Who it is here.
    #[serde(with = "keys")]
    pub party: PublicKey,
    /// How much of what the parties share, at least a millionth.
    pub ppm: Ppm,
    /// What for.
    pub role: Role,
}

/// What a party has done for a title.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are the words of the trade")]
pub enum Role {
    Author,
    Composer,
    Director,
    Label,
    Lyricist,
    Other,
    Performer,
    Producer,
    Publisher,
}

/// A work that another one is made from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// The agreement about it.
    pub agreement: AgreementId,
    /// Its share in all that the new work and whatever is made from that brings, at least a millionth.
    pub ppm: Ppm,
}

/// Why something is no agreement.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum AgreementError {
    #[error("the agreement is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("the agreement has format {found}, only 1 is known")]
    Format { found: u8 },
    #[error("agreement of {len} bytes, at most {AGREEMENT_LEN_MAX} are allowed")]
    TooLong { len: usize },
    #[error("party {at} does not follow the one before")]
    PartyOrder { at: usize },
    #[error("party {at} has no share")]
    NoShare { at: usize },
    #[error("the parties have {found} millionths together, not 1000000")]
    PartySum { found: u64 },
    #[error("parent {at} does not follow the one before")]
    ParentOrder { at: usize },
    #[error("parent {at} has no share")]
    NoParentShare { at: usize },
    #[error("the parents together: {0}")]
    ParentSum(PpmError),
    #[error("the fees together: {0}")]
    FeeSum(PpmError),
    #[error("version {version} supersedes nothing, or the first one something")]
    Version { version: u32 },
}

impl SplitAgreement {
    /// The agreement that says this, when it keeps to the rules.
    pub fn new(parts: AgreementParts) -> Result<Self, AgreementError> {
        rules::check(&parts)?;
        let bytes = canonical::to_vec(&parts);
        if bytes.len() > AGREEMENT_LEN_MAX {
            return Err(AgreementError::TooLong { len: bytes.len() });
        }
        Ok(Self { parts, id: Digest::of(&bytes).into() })
    }

    /// Reads an agreement.
    pub fn decode(bytes: &[u8]) -> Result<Self, AgreementError> {
        Self::new(canonical::from_slice(bytes, AGREEMENT_LEN_MAX)?)
    }

    /// The agreement as canonical CBOR, at most [`AGREEMENT_LEN_MAX`] bytes.
    pub fn encode(&self) -> Vec<u8> {
        canonical::to_vec(&self.parts)
    }

    /// Its name.
    pub const fn id(&self) -> AgreementId {
        self.id
    }

    /// All that it says.
    pub const fn parts(&self) -> &AgreementParts {
        &self.parts
    }

    /// Everybody who has to consent to it: the creator and all parties, each once, in order.
    pub fn signatories(&self) -> Vec<PublicKey> {
        let mut keys: Vec<_> = self.parts.parties.iter().map(|party| party.party).collect();
        keys.push(self.parts.creator);
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

impl Fees {
    /// What is left for the parties.
    ///
    /// An agreement has checked that there is no more than the whole.
    pub(crate) fn rest(&self) -> Ppm {
        Ppm::sum([self.gateway, self.network, self.node]).map_or(Ppm::ZERO, Ppm::rest)
    }
}
