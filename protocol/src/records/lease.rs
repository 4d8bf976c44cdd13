//! Lease: a node promises to keep a shard until a date.

use std::fmt;

use iroh_base::PublicKey;
use proofs::{Root, ShardLen};
use serde::{Deserialize, Serialize};

use crate::limits::{LEASE_DURATION_MAX_S, LEASE_GRACE_S};
use crate::{LeaseId, Record, Sequence, UnixSeconds, keys};

/// The node's promise to keep a shard, signed once data, directory entry and index row are durable (spec §11).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "LeaseTerms", into = "LeaseTerms")]
pub struct Lease(LeaseTerms);

/// What a lease says, before [`Lease::new`] has checked that it makes sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseTerms {
    /// For whom the shard is kept: this key may release and delegate.
    #[serde(with = "keys")]
    pub control: PublicKey,
    /// The end of the promise.
    pub expires: UnixSeconds,
    /// The name of the lease, chosen by the node.
    pub id: LeaseId,
    /// Length of the shard in bytes.
    pub len: ShardLen,
    /// Who pays.
    #[serde(with = "keys")]
    pub payer: PublicKey,
    /// The shard.
    pub root: Root,
    /// 0 for a new lease, higher with each renewal.
    pub seq: Sequence,
    /// When the lease was made or last renewed.
    pub start: UnixSeconds,
}

impl Record for Lease {
    const TYPE: &'static str = "lease";
}

impl Lease {
    /// The lease with these terms, when it ends after it starts and at most 400 days later.
    pub fn new(terms: LeaseTerms) -> Result<Self, LeaseError> {
        let LeaseTerms { start, expires, .. } = terms;
        if expires <= start {
            return Err(LeaseError::EndsBeforeStart { start, expires });
        }
        if expires.seconds_since(start) > LEASE_DURATION_MAX_S {
            return Err(LeaseError::TooLong { seconds: expires.seconds_since(start) });
        }
        Ok(Self(terms))
    }

    /// Everything that the lease says.
    pub const fn terms(&self) -> &LeaseTerms {
        &self.0
    }

    /// The control key.
    pub const fn control(&self) -> PublicKey {
        self.0.control
    }

    /// The end of the promise.
    pub const fn expires(&self) -> UnixSeconds {
        self.0.expires
    }

    /// The name of the lease on its node.
    pub const fn id(&self) -> LeaseId {
        self.0.id
    }

    /// Length of the shard.
    pub const fn len(&self) -> ShardLen {
        self.0.len
    }

    /// Who pays.
    pub const fn payer(&self) -> PublicKey {
        self.0.payer
    }

    /// The shard.
    pub const fn root(&self) -> Root {
        self.0.root
    }

    /// The version of the lease.
    pub const fn seq(&self) -> Sequence {
        self.0.seq
    }

    /// When the lease was made or last renewed.
    pub const fn start(&self) -> UnixSeconds {
        self.0.start
    }

    /// True while the promise holds.
    pub const fn is_live(&self, now: UnixSeconds) -> bool {
        !self.0.expires.has_passed(now)
    }

    /// True when the promise has ended and the days of grace have passed as well: the shard may be collected.
    pub const fn is_collectable(&self, now: UnixSeconds) -> bool {
        self.0.expires.plus(LEASE_GRACE_S).has_passed(now)
    }
}

/// Why terms make no lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum LeaseError {
    #[error("lease that starts at {start} ends at {expires}")]
    EndsBeforeStart { start: UnixSeconds, expires: UnixSeconds },
    #[error("lease over {seconds} s, at most {LEASE_DURATION_MAX_S} s are allowed")]
    TooLong { seconds: u64 },
}

impl TryFrom<LeaseTerms> for Lease {
    type Error = LeaseError;

    fn try_from(terms: LeaseTerms) -> Result<Self, LeaseError> {
        Self::new(terms)
    }
}

impl From<Lease> for LeaseTerms {
    fn from(lease: Lease) -> Self {
        lease.0
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "lease       {} (version {})", self.0.id, self.0.seq)?;
        writeln!(f, "shard       {}, {} bytes", self.0.root, self.0.len.get())?;
        writeln!(f, "control key {}", self.0.control)?;
        writeln!(f, "payer       {}", self.0.payer)?;
        writeln!(f, "start       {}", self.0.start)?;
        write!(f, "expires     {}", self.0.expires)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use iroh_base::SecretKey;

    use super::*;

    /// A lease over [1000, 2000) for the control key of seed 1, paid by seed 2.
    pub(crate) fn terms() -> LeaseTerms {
        LeaseTerms {
            control: SecretKey::from_bytes(&[1; 32]).public(),
            expires: UnixSeconds::new(2000),
            id: LeaseId::from_bytes([7; 16]),
            len: ShardLen::new(1 << 20).unwrap(),
            payer: SecretKey::from_bytes(&[2; 32]).public(),
            root: Root::from_bytes([9; 32]),
            seq: Sequence::FIRST,
            start: UnixSeconds::new(1000),
        }
    }

    #[test]
    fn a_lease_ends_after_it_starts() {
        let start = UnixSeconds::new(1000);
        for expires in [UnixSeconds::new(0), start] {
            let refused = Lease::new(LeaseTerms { expires, ..terms() });
            assert_eq!(refused, Err(LeaseError::EndsBeforeStart { start, expires }));
        }
    }

    #[test]
    fn four_hundred_days_are_the_longest() {
        let longest = terms().start.plus(LEASE_DURATION_MAX_S);
        assert!(Lease::new(LeaseTerms { expires: longest, ..terms() }).is_ok());
        let refused = Lease::new(LeaseTerms { expires: longest.plus(1), ..terms() });
        assert_eq!(refused, Err(LeaseError::TooLong { seconds: LEASE_DURATION_MAX_S + 1 }));
    }

    #[test]
    fn a_shard_is_kept_for_the_days_of_grace() {
        let lease = Lease::new(terms()).unwrap();
        let end = lease.expires();
        assert!(lease.is_live(UnixSeconds::new(1999)) && !lease.is_live(end));
        assert!(!lease.is_collectable(end.plus(LEASE_GRACE_S - 1)));
        assert!(lease.is_collectable(end.plus(LEASE_GRACE_S)));
    }
}
