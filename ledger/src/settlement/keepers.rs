//! Keepers: what nodes have for what they have proved to keep.

use protocol::{Amount, Digest, Ppm, PublicKey, keys};
use serde::{Deserialize, Serialize};

use crate::apportion;

/// What a node has kept under a prepayment since the last settlement. Ascending by prepayment and node, each pair once.
///
/// A part of every charge is held back until the node proves more, and is lost with the first shard: it stays the payer's,
/// who needs it for the repair.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keeper {
    /// What it has proved: bytes, by hours.
    pub byte_hours: u64,
    /// Whether the prepayment has ended, so that nothing is held back any more.
    pub ended: bool,
    /// What was held back and is lost.
    pub forfeited: Amount,
    /// What is held back after this settlement.
    pub held: Amount,
    /// How many shards it has lost.
    pub lost: u64,
    /// The node.
    #[serde(with = "keys")]
    pub node: PublicKey,
    /// What it is paid.
    pub paid: Amount,
    /// The prepayment, by the name of its record.
    pub prepayment: Digest,
    /// The price of the prepayment.
    pub price: Amount,
    /// The part of a charge that is held back.
    pub withheld: Ppm,
}

/// Byte-hours of one GiB kept over 30 days.
const GIB_MONTH: u128 = (1 << 30) * 720;

impl Keeper {
    /// The same, with `paid`, `held` and `forfeited` as they follow when so much was held back before; `None` when that is
    /// no amount.
    pub(crate) fn after(self, held_before: Amount) -> Option<Self> {
        let charge = Self::charge(self.price, self.byte_hours)?;
        let weights = [(0, u64::from(self.withheld.get())), (1, u64::from(self.withheld.rest().get()))];
        let [held, at_once] = apportion(charge, &weights)?.try_into().ok()?;
        let [all_held, all_paid] = [held, at_once].map(|amount| amount.plus(held_before).ok());
        let nothing = Amount::ZERO;
        let (paid, held, forfeited) = match (self.lost > 0, self.ended) {
            (true, _) => (at_once, nothing, all_held?),
            (false, true) => (charge.plus(held_before).ok()?, nothing, nothing),
            (false, false) => (all_paid?, held, nothing),
        };
        Some(Self { forfeited, held, paid, ..self })
    }

    /// What so many byte-hours cost, rounded down.
    pub(crate) fn charge(price: Amount, byte_hours: u64) -> Option<Amount> {
        Amount::try_from(u128::from(price) * u128::from(byte_hours) / GIB_MONTH).ok()
    }

    pub(super) const fn key(&self) -> (Digest, PublicKey) {
        (self.prepayment, self.node)
    }
}
