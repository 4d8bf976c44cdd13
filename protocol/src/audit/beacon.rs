//! Where the randomness of an audit comes from, and the seed that it becomes.

use std::fmt;

use iroh_base::PublicKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Digest, UnixSeconds};

/// Where an auditor takes its randomness from, beside its secret and the node's nonce.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Beacon {
    /// Nowhere: secret and nonce decide. Neither side can choose alone, both together could: auditor-trusted.
    Auditor,
    /// A round of drand's quicknet, which nobody knew when the audit was committed to.
    Drand {
        /// The round.
        round: DrandRound,
    },
}

impl Beacon {
    /// The name in commitments.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auditor => "auditor",
            Self::Drand { .. } => "drand",
        }
    }
}

impl fmt::Display for Beacon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auditor => f.write_str("auditor-trusted: the auditor's secret and the node's nonce alone"),
            Self::Drand { round } => {
                write!(
                    f,
                    "drand quicknet round {}, known from {} on; not checked here",
                    round.get(),
                    round.time()
                )
            }
        }
    }
}

/// A round of drand's quicknet, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DrandRound(u64);

/// A number that no round has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no drand round {0}")]
pub struct DrandRoundError(u64);

/// When quicknet's first round was published, in seconds since 1970.
const QUICKNET_GENESIS_S: u64 = 1_692_803_367;
/// Seconds from one of its rounds to the next.
const QUICKNET_PERIOD_S: u64 = 3;
/// The last round with a time below 2^63.
const ROUND_MAX: u64 = ((1 << 63) - QUICKNET_GENESIS_S) / QUICKNET_PERIOD_S;

impl DrandRound {
    /// The round with this number.
    pub const fn new(number: u64) -> Result<Self, DrandRoundError> {
        if number == 0 || number > ROUND_MAX { Err(DrandRoundError(number)) } else { Ok(Self(number)) }
    }

    /// The first round that is published later than `time`.
    pub const fn first_after(time: UnixSeconds) -> Self {
        Self(
            time.seconds_since(UnixSeconds::new(QUICKNET_GENESIS_S - QUICKNET_PERIOD_S)) / QUICKNET_PERIOD_S
                + 1,
        )
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// When it is published: nobody knows its value before.
    pub const fn time(self) -> UnixSeconds {
        UnixSeconds::new(QUICKNET_GENESIS_S + (self.0 - 1) * QUICKNET_PERIOD_S)
    }
}

/// What drand signed in a round: a point of BLS12-381 in 48 bytes. It is kept, and not verified here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DrandSignature(#[serde(with = "serde_bytes")] [u8; 48]);

impl DrandSignature {
    /// The signature with these bytes.
    pub const fn from_bytes(bytes: [u8; 48]) -> Self {
        Self(bytes)
    }

    /// The 48 bytes.
    pub const fn as_bytes(&self) -> &[u8; 48] {
        &self.0
    }

    /// The round's randomness, which is the SHA-256 hash of its signature.
    pub fn randomness(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

/// What an auditor draws before it commits, and shows afterwards.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuditSecret(#[serde(with = "serde_bytes")] [u8; 32]);

impl AuditSecret {
    /// The secret with these random bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What is committed to.
    pub fn digest(&self) -> Digest {
        Digest::derive("headwater v1 audit secret", &self.0)
    }
}

impl fmt::Debug for AuditSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditSecret(…)")
    }
}

/// What opens a commitment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reveal {
    /// The secret.
    pub secret: AuditSecret,
    /// What drand signed, when the beacon is drand.
    pub signature: Option<DrandSignature>,
}

impl Reveal {
    /// Checks that this opens a commitment to `secret` with this beacon.
    pub fn opens(&self, secret: &Digest, beacon: Beacon) -> Result<(), RevealError> {
        if self.secret.digest() != *secret {
            return Err(RevealError::Secret);
        }
        match (beacon, self.signature) {
            (Beacon::Auditor, None) | (Beacon::Drand { .. }, Some(_)) => Ok(()),
            _ => Err(RevealError::Beacon { expected: beacon.name() }),
        }
    }

    /// The seed from which positions are drawn.
    pub(super) fn seed(&self, node: &PublicKey, receipt: &Digest) -> [u8; 32] {
        let beacon = self.signature.map_or([0; 32], |signature| signature.randomness());
        let material = [beacon, *self.secret.as_bytes(), *node.as_bytes(), *receipt.as_bytes()];
        *Digest::derive("headwater v1 audit seed", material.as_flattened()).as_bytes()
    }
}

/// Why a secret and a beacon do not open a commitment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum RevealError {
    #[error("the secret is not the one that was committed to")]
    Secret,
    #[error("the beacon is not {expected}, which was committed to")]
    Beacon { expected: &'static str },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_and_times_belong_together() {
        let first = DrandRound::new(1).unwrap();
        assert_eq!(first.time().get(), QUICKNET_GENESIS_S);
        for offset in 0..20 {
            let now = UnixSeconds::new(QUICKNET_GENESIS_S - 5 + offset);
            let next = DrandRound::first_after(now);
            assert!(next.time() > now);
            assert!(next == first || DrandRound::new(next.get() - 1).unwrap().time() <= now);
        }
        assert_eq!(DrandRound::first_after(UnixSeconds::new(0)), first);
        assert_eq!(DrandRound::new(0), Err(DrandRoundError(0)));
        assert!(DrandRound::new(ROUND_MAX).unwrap().time().get() < 1 << 63);
        assert!(DrandRound::new(ROUND_MAX + 1).is_err());
    }

    #[test]
    fn a_commitment_is_opened_by_its_own_secret_and_beacon() {
        let secret = AuditSecret::from_bytes([7; 32]);
        let drand = Beacon::Drand { round: DrandRound::new(9).unwrap() };
        let without = Reveal { secret: secret.clone(), signature: None };
        let with = Reveal { signature: Some(DrandSignature::from_bytes([1; 48])), ..without.clone() };
        assert_eq!(without.opens(&secret.digest(), Beacon::Auditor), Ok(()));
        assert_eq!(with.opens(&secret.digest(), drand), Ok(()));
        assert_eq!(with.opens(&Digest::of(b"other"), drand), Err(RevealError::Secret));
        assert_eq!(without.opens(&secret.digest(), drand), Err(RevealError::Beacon { expected: "drand" }));
        let expected = RevealError::Beacon { expected: "auditor" };
        assert_eq!(with.opens(&secret.digest(), Beacon::Auditor), Err(expected));
    }
}
