//! A title, a viewer who was granted some of it, and the gateway that serves it.

#![allow(dead_code, reason = "each test program uses its own part")]

use protocol::{AgreementId, Usage};

use crate::world::{Ask, Title, World};

pub(crate) const CREATOR: u8 = 1;
pub(crate) const VIEWER: u8 = 10;
pub(crate) const GATEWAY: u8 = 30;

/// A title at one micro-unit a byte: a tenth for the gateway, a fiftieth for the network, a tenth for nodes.
fn title() -> Title<'static> {
    Title { parties: &[(CREATOR, 1_000_000)], fees: [100_000, 20_000, 100_000], ..Title::default() }
}

/// A viewer with 1000, who was granted 500 bytes at the gateway.
pub(crate) fn begin() -> (World, Ask) {
    let mut world = World::new();
    let agreement = world.register(&title());
    world.deposit(VIEWER, 1000);
    world.deposit(GATEWAY, 1000);
    let ask = ask(agreement, VIEWER, 0);
    world.new_entry(ask.granted());
    (world, ask)
}

pub(crate) fn ask(agreement: AgreementId, viewer: u8, number: u8) -> Ask {
    let limit = Usage { bytes: 500, ms: 60_000 };
    Ask { viewer, agreement, gateway: GATEWAY, budget: None, charge: 500, limit, epoch: 1, number }
}

pub(crate) fn bytes(bytes: u64) -> Usage {
    Usage { bytes, ms: 0 }
}
