//! A viewer, a gateway and a node, and what one of them says.

#![allow(dead_code, reason = "each test program uses its own part")]

use ledger::{ApplyError, PayoutClaim, Rail, What};
use protocol::{AgreementId, Record, Signed, Usage};

use crate::world::{Ask, NETWORK, NOW, Title, World, amount, secret};

pub(crate) const VIEWER: u8 = 10;
pub(crate) const GATEWAY: u8 = 30;
pub(crate) const NODE: u8 = 40;

pub(crate) fn signed<T: Record>(seed: u8, body: T) -> Signed<T> {
    Signed::sign(&secret(seed), &NETWORK, body)
}

/// Refused, for this reason, and nothing has changed.
pub(crate) fn refused(world: &mut World, what: What) -> ApplyError {
    let before = world.ledger.clone();
    let error = world.apply(what).unwrap_err();
    assert_eq!(world.ledger, before, "{error}");
    error
}

pub(crate) fn ask(agreement: AgreementId) -> Ask {
    let limit = Usage { bytes: 500, ms: 1000 };
    Ask { viewer: VIEWER, agreement, gateway: GATEWAY, budget: None, charge: 500, limit, epoch: 1, number: 0 }
}

pub(crate) fn funded() -> (World, Ask) {
    let mut world = World::new();
    let agreement = world.register(&Title { parties: &[(1, 600_000), (2, 400_000)], ..Title::default() });
    world.deposit(VIEWER, 1000);
    world.deposit(GATEWAY, 1000);
    (world, ask(agreement))
}

pub(crate) fn claim(seed: u8, cumulative: u64, rail: Rail) -> What {
    What::Claim(signed(seed, PayoutClaim { cumulative: amount(cumulative), rail, remark: None, issued: NOW }))
}
