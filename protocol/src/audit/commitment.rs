//! What an auditor promises before anybody knows what will be drawn.

use std::fmt;

use iroh_base::PublicKey;
use proofs::{AUDITED_SHARDS_MAX, SHARD_LEN_MAX, SetCommitment};
use serde::{Deserialize, Serialize};

use super::beacon::{Beacon, DrandRound, DrandRoundError};
use crate::limits::AUDIT_DRAWS_MAX;
use crate::{Digest, Record, UnixSeconds, keys};

/// The auditor's promise to draw from this set, with this secret and that beacon (spec §11, §23).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct AuditCommitment(AuditTerms);

/// What a commitment says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AuditTerms {
    /// Where the randomness comes from.
    pub beacon: Beacon,
    /// How many positions are drawn.
    pub draws: Draws,
    /// The auditor's time.
    pub issued: UnixSeconds,
    /// Who is audited.
    pub node: PublicKey,
    /// Hash of the secret.
    pub secret: Digest,
    /// The shards from which is drawn.
    pub set: SetCommitment,
}

impl Record for AuditCommitment {
    const TYPE: &'static str = "audit_commitment";
}

impl AuditCommitment {
    /// The commitment with these terms, when a set can have such a total.
    pub fn new(terms: AuditTerms) -> Result<Self, AuditTermsError> {
        let total = terms.set.total;
        if total == 0 || total > TOTAL_MAX { Err(AuditTermsError::Total { total }) } else { Ok(Self(terms)) }
    }

    /// Everything that it says.
    pub const fn terms(&self) -> &AuditTerms {
        &self.0
    }
}

/// Bytes of the largest set.
const TOTAL_MAX: u64 = AUDITED_SHARDS_MAX as u64 * SHARD_LEN_MAX;

/// How many positions an audit draws: 1 to 64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Draws(u8);

/// A number of draws that no audit has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0} draws, 1 to {AUDIT_DRAWS_MAX} are allowed")]
pub struct DrawsError(u8);

impl Draws {
    /// So many draws.
    pub const fn new(draws: u8) -> Result<Self, DrawsError> {
        if draws == 0 || draws as usize > AUDIT_DRAWS_MAX { Err(DrawsError(draws)) } else { Ok(Self(draws)) }
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Draws {
    type Error = DrawsError;

    fn try_from(draws: u8) -> Result<Self, DrawsError> {
        Self::new(draws)
    }
}

impl From<Draws> for u8 {
    fn from(draws: Draws) -> Self {
        draws.0
    }
}

/// Why terms make no commitment.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum AuditTermsError {
    #[error("a set of {total} bytes, 1 to {TOTAL_MAX} are allowed")]
    Total { total: u64 },
    #[error("no beacon is called {0:?}, or it needs a round where there is none")]
    Beacon(String),
    #[error(transparent)]
    Round(#[from] DrandRoundError),
}

/// The map of spec §11.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    beacon: String,
    draws: Draws,
    issued: UnixSeconds,
    #[serde(with = "keys")]
    node: PublicKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    round: Option<u64>,
    secret: Digest,
    #[serde(with = "serde_bytes")]
    set: [u8; 32],
    total: u64,
}

impl TryFrom<Fields> for AuditCommitment {
    type Error = AuditTermsError;

    fn try_from(fields: Fields) -> Result<Self, AuditTermsError> {
        let beacon = match (fields.beacon.as_str(), fields.round) {
            ("auditor", None) => Beacon::Auditor,
            ("drand", Some(round)) => Beacon::Drand { round: DrandRound::new(round)? },
            _ => return Err(AuditTermsError::Beacon(fields.beacon)),
        };
        let Fields { draws, issued, node, secret, set, total, .. } = fields;
        Self::new(AuditTerms { beacon, draws, issued, node, secret, set: SetCommitment { root: set, total } })
    }
}

impl From<AuditCommitment> for Fields {
    fn from(AuditCommitment(terms): AuditCommitment) -> Self {
        let AuditTerms { beacon, draws, issued, node, secret, set } = terms;
        let round = match beacon {
            Beacon::Auditor => None,
            Beacon::Drand { round } => Some(round.get()),
        };
        let beacon = beacon.name().to_owned();
        Self { beacon, draws, issued, node, round, secret, set: set.root, total: set.total }
    }
}

impl fmt::Display for AuditCommitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AuditTerms { beacon, draws, issued, node, secret, set } = &self.0;
        writeln!(f, "node        {node}")?;
        writeln!(f, "set         {}, {} bytes", Digest::from_bytes(set.root), set.total)?;
        writeln!(f, "draws       {}", draws.get())?;
        writeln!(f, "beacon      {beacon}")?;
        writeln!(f, "secret      committed to as {secret}")?;
        write!(f, "issued      {issued}")
    }
}
