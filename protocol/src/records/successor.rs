//! Successor: an identity that is given up names the one that takes its place.

use std::fmt;

use iroh_base::PublicKey;
use serde::{Deserialize, Serialize};

use super::NodeRecord;
use crate::{NetworkId, Record, RecordError, Signed, UnixSeconds, keys};

/// Signed by the identity that ends: what it kept is at `node` from now on (spec §22).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Successor {
    /// When it was written.
    pub issued: UnixSeconds,
    /// The identity that follows.
    #[serde(with = "keys")]
    pub node: PublicKey,
}

impl Record for Successor {
    const TYPE: &'static str = "successor";
}

impl fmt::Display for Successor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "successor   {}", self.node)?;
        write!(f, "issued      {}", self.issued)
    }
}

/// Why the former identities of a node record are not its own.
#[derive(Debug, thiserror::Error)]
pub enum FormerIdentitiesError {
    /// A successor record does not verify.
    #[error("former identity {place}: {source}")]
    Record {
        /// Which one, from 0.
        place: usize,
        /// What is wrong with it.
        source: RecordError,
    },
    /// A link of the chain names another identity than the next one.
    #[error("former identity {place} named {named} as its successor, not {next}")]
    Broken {
        /// Which one, from 0.
        place: usize,
        /// Whom it named.
        named: PublicKey,
        /// Who follows here.
        next: PublicKey,
    },
    /// The chain leads in a circle.
    #[error("former identity {} stands in its own place", .0.fmt_short())]
    Circle(PublicKey),
}

impl Signed<NodeRecord> {
    /// The identities that this node had before, the oldest first: each has signed for the next one, and the last one
    /// for this node.
    pub fn former_identities(&self) -> Result<Vec<Signed<Successor>>, FormerIdentitiesError> {
        let network: NetworkId = self.network();
        let records = self.body().formerly.iter().enumerate();
        let verified: Vec<_> = records
            .map(|(place, record)| {
                record.verify(&network).map_err(|source| FormerIdentitiesError::Record { place, source })
            })
            .collect::<Result<_, _>>()?;
        for (place, record) in verified.iter().enumerate() {
            let next = verified.get(place + 1).map_or(self.by(), Signed::by);
            if verified[..place].iter().any(|earlier| earlier.by() == record.by()) || record.by() == self.by()
            {
                return Err(FormerIdentitiesError::Circle(record.by()));
            }
            if record.body().node != next {
                let named = record.body().node;
                return Err(FormerIdentitiesError::Broken { place, named, next });
            }
        }
        Ok(verified)
    }
}

#[cfg(test)]
mod tests {
    use iroh_base::SecretKey;

    use super::*;
    use crate::{Addresses, CapacityClass, Sequence, Unverified};

    const NETWORK: NetworkId = NetworkId::from_bytes([1; 32]);

    fn secret(seed: u8) -> SecretKey {
        SecretKey::from_bytes(&[seed; 32])
    }

    fn succession(from: u8, to: u8, network: NetworkId) -> Unverified<Successor> {
        let body = Successor { issued: UnixSeconds::new(9), node: secret(to).public() };
        (&Signed::sign(&secret(from), &network, body)).into()
    }

    fn record(by: u8, formerly: Vec<Unverified<Successor>>) -> Signed<NodeRecord> {
        let addrs = Addresses::new(vec!["127.0.0.1:1".parse().unwrap()]).unwrap();
        let class = CapacityClass::new(0).unwrap();
        let mut body = NodeRecord::new(addrs, class, UnixSeconds::new(9), Sequence::new(9));
        body.formerly = crate::BoundedList::new(formerly).unwrap();
        Signed::sign(&secret(by), &NETWORK, body)
    }

    #[test]
    fn a_chain_leads_from_the_oldest_identity_to_the_signer() {
        let chain = record(3, vec![succession(1, 2, NETWORK), succession(2, 3, NETWORK)]);
        let former: Vec<_> = chain.former_identities().unwrap().iter().map(Signed::by).collect();
        assert_eq!(former, [secret(1).public(), secret(2).public()]);
    }

    #[test]
    fn nobody_takes_the_place_of_an_identity_that_did_not_name_it() {
        let stolen = record(3, vec![succession(1, 2, NETWORK)]);
        assert!(matches!(stolen.former_identities(), Err(FormerIdentitiesError::Broken { place: 0, .. })));
        let gap = record(4, vec![succession(1, 2, NETWORK), succession(3, 4, NETWORK)]);
        assert!(matches!(gap.former_identities(), Err(FormerIdentitiesError::Broken { place: 0, .. })));
        let circle = record(1, vec![succession(1, 2, NETWORK), succession(2, 1, NETWORK)]);
        assert!(matches!(circle.former_identities(), Err(FormerIdentitiesError::Circle(_))));
        let elsewhere = record(2, vec![succession(1, 2, NetworkId::from_bytes([2; 32]))]);
        assert!(matches!(elsewhere.former_identities(), Err(FormerIdentitiesError::Record { place: 0, .. })));
    }
}
