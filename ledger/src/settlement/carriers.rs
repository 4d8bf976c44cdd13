//! Carriers: what nodes have of the charges, and what gateways owe to them beside that.
//!
//! Viewers pay for bytes that they acknowledged, once. A node has a share of them for what the gateway's vouchers say, and
//! the gateway for what it must have had in its cache. Vouchers over more bytes than viewers acknowledged are published as
//! disputed, and what they promise beyond the node's share the gateway pays out of what it had set aside.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Amount, PublicKey, keys};
use serde::{Deserialize, Serialize};

use super::lines::Shares;
use super::{add, sum};
use crate::apportion;
use crate::fold::OpenEpoch;

/// What a node has carried for a gateway. Ascending by gateway and node, each pair once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carrier {
    /// Bytes for which the gateway has signed vouchers.
    pub claimed: u64,
    /// Bytes of them that are paid by viewers: no more, over all nodes, than these have acknowledged.
    pub counted: u64,
    /// The gateway.
    #[serde(with = "keys")]
    pub gateway: PublicKey,
    /// The node.
    #[serde(with = "keys")]
    pub node: PublicKey,
    /// What the gateway owes beside `shared`, so that the node has what the vouchers promise.
    pub owed: Amount,
    /// What the vouchers promise.
    pub promised: Amount,
    /// What the node has of the charges.
    pub shared: Amount,
}

/// What a gateway has carried. Ascending by gateway, each once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayTotal {
    /// Bytes that viewers have acknowledged.
    pub acknowledged: u64,
    /// Bytes for which it has signed vouchers.
    pub claimed: u64,
    /// Bytes that it has signed for and no viewer has acknowledged.
    pub disputed: u64,
    /// Which gateway.
    #[serde(with = "keys")]
    pub gateway: PublicKey,
    /// What it keeps of the nodes' share, for what it did not have to fetch.
    pub kept: Amount,
    /// The nodes' share of all charges.
    pub pool: Amount,
}

pub(super) struct Carried {
    pub(super) gateways: Vec<GatewayTotal>,
    pub(super) carriers: Vec<Carrier>,
    /// What each gateway owes out of its own.
    pub(super) due: BTreeMap<PublicKey, Amount>,
}

/// What vouchers say about one node.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Claim {
    pub(super) bytes: u64,
    pub(super) promised: Amount,
}

/// The vouchers of each gateway to each node.
pub(super) type Claims = BTreeMap<PublicKey, BTreeMap<PublicKey, Claim>>;

pub(super) fn of(claims: &Claims, shares: &Shares) -> Carried {
    let Shares { acknowledged, pools, .. } = shares;
    let gateways: BTreeSet<PublicKey> = acknowledged.keys().chain(claims.keys()).copied().collect();
    let mut carried = Carried { gateways: Vec::new(), carriers: Vec::new(), due: BTreeMap::new() };
    for gateway in gateways {
        carried.settle(
            gateway,
            acknowledged.get(&gateway).copied().unwrap_or(0),
            pools.get(&gateway).copied().unwrap_or(Amount::ZERO),
            claims.get(&gateway).unwrap_or(&BTreeMap::new()),
        );
    }
    carried
}

/// All lanes of a gateway to a node, taken together; lanes without a voucher say nothing.
pub(super) fn claims(open: &OpenEpoch) -> Claims {
    let mut claims = Claims::new();
    for (key, lane) in open.lanes.iter().filter(|(_, lane)| lane.bytes > 0 || !lane.amount.is_zero()) {
        let claim = claims.entry(key.payer).or_default().entry(key.payee).or_default();
        claim.bytes = claim.bytes.saturating_add(lane.bytes);
        claim.promised = sum([claim.promised, lane.amount]);
    }
    claims
}

impl Carried {
    fn settle(
        &mut self,
        gateway: PublicKey,
        acknowledged: u64,
        pool: Amount,
        claims: &BTreeMap<PublicKey, Claim>,
    ) {
        let counted = counted(acknowledged, claims);
        let cached = acknowledged - counted.iter().map(|(_, bytes)| bytes).sum::<u64>();
        let mut weights = counted.clone();
        weights.push((gateway, cached));
        let (kept, shares) = match apportion(pool, &weights) {
            Some(mut parts) => (parts.pop().expect("the gateway's"), parts),
            // Charged without a byte: nobody has carried anything for it but the gateway.
            None => (pool, vec![Amount::ZERO; counted.len()]),
        };
        for (((node, counted), shared), claim) in counted.into_iter().zip(shares).zip(claims.values()) {
            let owed = claim.promised.minus(shared).unwrap_or(Amount::ZERO);
            add(&mut self.due, gateway, owed);
            let Claim { bytes: claimed, promised } = *claim;
            self.carriers.push(Carrier { claimed, counted, gateway, node, owed, promised, shared });
        }
        let claimed = claims.values().fold(0_u64, |sum, claim| sum.saturating_add(claim.bytes));
        let disputed = claimed.saturating_sub(acknowledged);
        self.gateways.push(GatewayTotal { acknowledged, claimed, disputed, gateway, kept, pool });
    }

    /// Adds what gateways and nodes have earned.
    pub(super) fn earned(&self, earned: &mut BTreeMap<PublicKey, Amount>) {
        for gateway in &self.gateways {
            add(earned, gateway.gateway, gateway.kept);
        }
        for carrier in &self.carriers {
            add(earned, carrier.node, carrier.shared);
            add(earned, carrier.node, carrier.owed);
        }
    }
}

/// The bytes of each node for which viewers pay: all that are claimed, or, where that is more than they acknowledged, what
/// they acknowledged in the proportion of the claims. Ascending by node, as the claims are.
fn counted(acknowledged: u64, claims: &BTreeMap<PublicKey, Claim>) -> Vec<(PublicKey, u64)> {
    let claimed: Vec<_> = claims.iter().map(|(node, claim)| (*node, claim.bytes)).collect();
    let sum: u128 = claimed.iter().map(|(_, bytes)| u128::from(*bytes)).sum();
    if sum <= u128::from(acknowledged) {
        return claimed;
    }
    let whole = Amount::new(acknowledged).unwrap_or(Amount::MAX);
    let parts = apportion(whole, &claimed).expect("more is claimed than nothing");
    claimed.into_iter().map(|(node, _)| node).zip(parts.into_iter().map(Amount::get)).collect()
}
