//! Release: the owner lets a node drop a shard.

use std::fmt;

use iroh_base::PublicKey;
use proofs::Root;
use serde::{Deserialize, Serialize};

use crate::{Code, Lease, LeaseId, Record, Sequence, Signed, keys};

/// Ends the lease that it names; signed by the control key alone (spec §11).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
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

impl Record for Release {
    const TYPE: &'static str = "release";
}

impl Signed<Release> {
    /// Checks that `node` must end `lease` because of this record.
    pub fn releases(&self, node: &PublicKey, lease: &Lease) -> Result<(), ReleaseError> {
        let release = self.body();
        if release.node != *node {
            return Err(ReleaseError::OtherNode { named: release.node });
        }
        if release.id != lease.id() || release.root != lease.root() {
            return Err(ReleaseError::OtherLease { named: release.id });
        }
        if self.by() != lease.control() {
            return Err(ReleaseError::NotInControl { by: self.by() });
        }
        if release.seq <= lease.seq() {
            return Err(ReleaseError::Stale { held: lease.seq(), named: release.seq });
        }
        Ok(())
    }
}

/// Why a release does not end a lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum ReleaseError {
    #[error("release for node {named}")]
    OtherNode { named: PublicKey },
    #[error("release of lease {named}, which is not the one for this shard")]
    OtherLease { named: LeaseId },
    #[error("release signed by {by}, which is not the control key of the lease")]
    NotInControl { by: PublicKey },
    #[error("release with sequence {named}, the lease already has {held}")]
    Stale { held: Sequence, named: Sequence },
}

impl ReleaseError {
    /// The code with which a node refuses.
    pub const fn code(&self) -> Code {
        match self {
            Self::OtherNode { .. } => Code::BadRequest,
            Self::OtherLease { .. } => Code::UnknownLease,
            Self::NotInControl { .. } => Code::BadSignature,
            Self::Stale { .. } => Code::Stale,
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "lease       {} (to version {})", self.id, self.seq)?;
        writeln!(f, "shard       {}", self.root)?;
        write!(f, "node        {}", self.node)
    }
}

#[cfg(test)]
mod tests {
    use iroh_base::SecretKey;

    use super::*;
    use crate::NetworkId;
    use crate::records::lease::tests::terms;

    #[test]
    fn only_the_control_key_ends_exactly_the_lease_it_names() {
        let [control, node, other] = [1, 3, 4].map(|seed| SecretKey::from_bytes(&[seed; 32]));
        let lease = Lease::new(terms()).unwrap();
        let good = Release { id: lease.id(), node: node.public(), root: lease.root(), seq: Sequence::new(1) };
        let code = |by: &SecretKey, release| {
            let signed = Signed::sign(by, &NetworkId::from_bytes([0; 32]), release);
            signed.releases(&node.public(), &lease).map_err(|error| error.code())
        };

        assert_eq!(code(&control, good), Ok(()));
        assert_eq!(code(&other, good), Err(Code::BadSignature));
        assert_eq!(code(&control, Release { node: other.public(), ..good }), Err(Code::BadRequest));
        assert_eq!(
            code(&control, Release { id: LeaseId::from_bytes([0; 16]), ..good }),
            Err(Code::UnknownLease)
        );
        assert_eq!(
            code(&control, Release { root: Root::from_bytes([0; 32]), ..good }),
            Err(Code::UnknownLease)
        );
        assert_eq!(code(&control, Release { seq: Sequence::FIRST, ..good }), Err(Code::Stale));
    }
}
