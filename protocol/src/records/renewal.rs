//! Renewal: the owner, or whoever cares for it, has a lease prolonged.

use std::fmt;

use iroh_base::PublicKey;
use proofs::Root;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Lease, LeaseError, LeaseId, LeaseTerms, Mandate, Record, Sequence, Signed, UnixSeconds, keys,
};

/// Prolongs the lease that it names; signed by the control key or the holder of a mandate (spec §11).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    /// The control key of the lease.
    #[serde(with = "keys")]
    pub control: PublicKey,
    /// The new end.
    pub expires: UnixSeconds,
    /// The lease.
    pub id: LeaseId,
    /// The node that keeps the shard.
    #[serde(with = "keys")]
    pub node: PublicKey,
    /// The shard.
    pub root: Root,
    /// Above the lease's.
    pub seq: Sequence,
}

impl Record for Renewal {
    const TYPE: &'static str = "renewal";
}

impl Signed<Renewal> {
    /// The lease that `node` owes instead of `lease` from `now` on. What is spent under the mandate is for
    /// the caller to check ([`Mandate::covers`]).
    pub fn renew(
        &self,
        node: &PublicKey,
        lease: &Lease,
        mandate: Option<&Signed<Mandate>>,
        now: UnixSeconds,
    ) -> Result<Lease, RenewalError> {
        let renewal = self.body();
        if renewal.node != *node {
            return Err(RenewalError::OtherNode { named: renewal.node });
        }
        if renewal.id != lease.id() || renewal.root != lease.root() || renewal.control != lease.control() {
            return Err(RenewalError::OtherLease { named: renewal.id });
        }
        if !self.is_authorised_by(&lease.control(), mandate) {
            return Err(RenewalError::NotInControl { by: self.by() });
        }
        // Exactly the next one: a carer who jumped to the last number would take the owner's release away.
        if renewal.seq <= lease.seq() || renewal.seq != lease.seq().next() {
            return Err(RenewalError::Stale { held: lease.seq(), named: renewal.seq });
        }
        if renewal.expires <= lease.expires() {
            return Err(RenewalError::Shorter { held: lease.expires(), named: renewal.expires });
        }
        let terms = LeaseTerms { expires: renewal.expires, seq: renewal.seq, start: now, ..*lease.terms() };
        Lease::new(terms).map_err(RenewalError::Term)
    }

    fn is_authorised_by(&self, control: &PublicKey, mandate: Option<&Signed<Mandate>>) -> bool {
        self.by() == *control
            || mandate.is_some_and(|mandate| mandate.by() == *control && mandate.body().holder == self.by())
    }
}

/// Why a renewal does not prolong a lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum RenewalError {
    #[error("renewal for node {named}")]
    OtherNode { named: PublicKey },
    #[error("renewal of lease {named}, which is not the one for this shard and control key")]
    OtherLease { named: LeaseId },
    #[error("renewal signed by {by}, neither the control key nor the holder of a mandate of it")]
    NotInControl { by: PublicKey },
    #[error("renewal with sequence {named}, the next after {held} is wanted")]
    Stale { held: Sequence, named: Sequence },
    #[error("renewal until {named}, the lease already holds until {held}")]
    Shorter { held: UnixSeconds, named: UnixSeconds },
    #[error(transparent)]
    Term(LeaseError),
}

impl RenewalError {
    /// The code with which a node refuses.
    pub const fn code(&self) -> Code {
        match self {
            Self::OtherNode { .. } | Self::Shorter { .. } => Code::BadRequest,
            Self::OtherLease { .. } => Code::UnknownLease,
            Self::NotInControl { .. } => Code::BadSignature,
            Self::Stale { .. } => Code::Stale,
            Self::Term(_) => Code::Expired,
        }
    }
}

impl fmt::Display for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "lease       {} (to version {})", self.id, self.seq)?;
        writeln!(f, "shard       {}", self.root)?;
        writeln!(f, "node        {}", self.node)?;
        writeln!(f, "control key {}", self.control)?;
        write!(f, "expires     {}", self.expires)
    }
}

#[cfg(test)]
mod tests {
    use iroh_base::SecretKey;

    use super::*;
    use crate::limits::LEASE_DURATION_MAX_S;
    use crate::records::lease::tests::terms;
    use crate::{ByteHours, NetworkId};

    const NETWORK: NetworkId = NetworkId::from_bytes([0; 32]);
    const NOW: UnixSeconds = UnixSeconds::new(1500);

    fn secret(seed: u8) -> SecretKey {
        SecretKey::from_bytes(&[seed; 32])
    }

    fn lease() -> Lease {
        Lease::new(terms()).unwrap()
    }

    fn renewal() -> Renewal {
        Renewal {
            control: lease().control(),
            expires: UnixSeconds::new(3000),
            id: lease().id(),
            node: secret(3).public(),
            root: lease().root(),
            seq: Sequence::new(1),
        }
    }

    fn renew(by: u8, renewal: Renewal, mandate: Option<&Signed<Mandate>>) -> Result<Lease, Code> {
        let signed = Signed::sign(&secret(by), &NETWORK, renewal);
        signed.renew(&secret(3).public(), &lease(), mandate, NOW).map_err(|error| error.code())
    }

    fn mandate(by: u8, holder: u8) -> Signed<Mandate> {
        let body = Mandate {
            byte_hours: ByteHours::new(1),
            expires: UnixSeconds::new(1),
            holder: secret(holder).public(),
            object: None,
        };
        Signed::sign(&secret(by), &NETWORK, body)
    }

    #[test]
    fn the_owner_prolongs_its_lease() {
        let prolonged =
            LeaseTerms { expires: UnixSeconds::new(3000), seq: Sequence::new(1), start: NOW, ..terms() };
        assert_eq!(renew(1, renewal(), None), Ok(Lease::new(prolonged).unwrap()));
    }

    #[test]
    fn the_holder_of_a_mandate_prolongs_it_too_and_nobody_else() {
        assert!(renew(5, renewal(), Some(&mandate(1, 5))).is_ok());
        assert_eq!(renew(5, renewal(), None), Err(Code::BadSignature));
        assert_eq!(renew(5, renewal(), Some(&mandate(1, 6))), Err(Code::BadSignature), "another holder");
        assert_eq!(renew(5, renewal(), Some(&mandate(5, 5))), Err(Code::BadSignature), "another control key");
    }

    #[test]
    fn what_does_not_fit_the_lease_is_refused() {
        let cases = [
            (Renewal { node: secret(4).public(), ..renewal() }, Code::BadRequest),
            (Renewal { id: LeaseId::from_bytes([0; 16]), ..renewal() }, Code::UnknownLease),
            (Renewal { root: Root::from_bytes([0; 32]), ..renewal() }, Code::UnknownLease),
            (Renewal { control: secret(4).public(), ..renewal() }, Code::UnknownLease),
            (Renewal { seq: Sequence::FIRST, ..renewal() }, Code::Stale),
            (Renewal { expires: UnixSeconds::new(1999), ..renewal() }, Code::BadRequest),
            (Renewal { expires: NOW.plus(LEASE_DURATION_MAX_S + 1), ..renewal() }, Code::Expired),
        ];
        for (renewal, code) in cases {
            assert_eq!(renew(1, renewal, None), Err(code), "{renewal:?}");
        }
    }
}
