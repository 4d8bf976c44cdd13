//! Payout trees that contracts can check, as `StandardMerkleTree` of `@openzeppelin/merkle-tree` makes them (spec §25).

use protocol::{PublicKey, keys};
use serde::{Deserialize, Serialize};
use sha3::{Digest as _, Keccak256};

use crate::PayoutAddress;

/// What contracts owe to one party, all in all: what is new of it is paid.
///
/// A leaf of the types `bytes32`, `address` and `uint256`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payout {
    /// Where to.
    pub address: PayoutAddress,
    /// Micro-units that were ever owed.
    pub cumulative: u64,
    /// Who.
    #[serde(with = "keys")]
    pub party: PublicKey,
}

/// A hash of a payout tree: Keccak-256.
pub type PayoutHash = [u8; 32];

/// A tree over payouts. Their order makes no difference to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PayoutTree {
    payouts: Vec<Payout>,
    /// A binary tree in rows, the root first; the leaves are last, in descending order.
    nodes: Vec<PayoutHash>,
}

impl Payout {
    /// The hash of the hash of its ABI encoding: three words of 32 bytes. Hashed twice, no leaf can be taken for a node.
    pub fn leaf(&self) -> PayoutHash {
        let mut words = [0; 96];
        words[..32].copy_from_slice(self.party.as_bytes());
        words[44..64].copy_from_slice(self.address.as_bytes());
        words[88..].copy_from_slice(&self.cumulative.to_be_bytes());
        keccak(&[&keccak(&[&words])])
    }

    /// True when the proof leads from this payout to the root.
    pub fn verify(&self, proof: &[PayoutHash], root: &PayoutHash) -> bool {
        proof.iter().fold(self.leaf(), |node, sibling| pair(&node, sibling)) == *root
    }
}

impl PayoutTree {
    /// The tree over these payouts.
    pub fn new(payouts: Vec<Payout>) -> Self {
        let mut leaves: Vec<_> = payouts.iter().map(Payout::leaf).collect();
        leaves.sort_unstable_by(|one, two| two.cmp(one));
        let above = leaves.len().saturating_sub(1);
        let mut nodes = vec![[0; 32]; above];
        nodes.extend(leaves);
        for node in (0..above).rev() {
            nodes[node] = pair(&nodes[2 * node + 1], &nodes[2 * node + 2]);
        }
        Self { payouts, nodes }
    }

    /// The root; 32 zero bytes when there are no payouts.
    pub fn root(&self) -> PayoutHash {
        self.nodes.first().copied().unwrap_or([0; 32])
    }

    /// The payout of a party and its proof; `None` when there is none.
    pub fn proof(&self, party: &PublicKey) -> Option<(Payout, Vec<PayoutHash>)> {
        let payout = self.payouts.iter().find(|payout| payout.party == *party)?;
        let leaf = payout.leaf();
        let first_leaf = self.payouts.len() - 1;
        let mut at = first_leaf + self.nodes[first_leaf..].iter().position(|node| *node == leaf)?;
        let mut proof = Vec::new();
        while at > 0 {
            let sibling = if at % 2 == 1 { at + 1 } else { at - 1 };
            proof.push(self.nodes[sibling]);
            at = (at - 1) / 2;
        }
        Some((*payout, proof))
    }
}

/// The hash of two nodes, the lesser one first, whichever is on which side.
fn pair(one: &PayoutHash, two: &PayoutHash) -> PayoutHash {
    if one <= two { keccak(&[one, two]) } else { keccak(&[two, one]) }
}

fn keccak(parts: &[&[u8]]) -> PayoutHash {
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use protocol::SecretKey;

    use super::*;

    fn payouts(count: u8) -> Vec<Payout> {
        let payout = |seed| Payout {
            address: PayoutAddress::from_bytes([seed; 20]),
            cumulative: 1000 + u64::from(seed),
            party: SecretKey::from_bytes(&[seed; 32]).public(),
        };
        (1..=count).map(payout).collect()
    }

    #[test]
    fn keccak_is_not_sha3() {
        let empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
        assert_eq!(HEXLOWER.encode(&keccak(&[])), empty);
    }

    #[test]
    fn every_payout_is_proved_and_no_other() {
        for count in 1..12 {
            let tree = PayoutTree::new(payouts(count));
            for payout in payouts(count) {
                let (proved, proof) = tree.proof(&payout.party).unwrap();
                assert_eq!(proved, payout);
                assert!(payout.verify(&proof, &tree.root()));
                let more = Payout { cumulative: payout.cumulative + 1, ..payout };
                let elsewhere = Payout { address: PayoutAddress::from_bytes([99; 20]), ..payout };
                assert!(!more.verify(&proof, &tree.root()) && !elsewhere.verify(&proof, &tree.root()));
                assert!(count == 1 || !payout.verify(&proof[1..], &tree.root()));
            }
        }
    }

    #[test]
    fn the_order_of_payouts_makes_no_difference() {
        let (mut reversed, empty) = (payouts(7), PayoutTree::new(Vec::new()));
        reversed.reverse();
        assert_eq!(PayoutTree::new(reversed).root(), PayoutTree::new(payouts(7)).root());
        assert_eq!(empty.root(), [0; 32]);
        assert_eq!(empty.proof(&payouts(1)[0].party), None);
    }
}
