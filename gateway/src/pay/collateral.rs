//! What a gateway sets aside for nodes in one epoch, and what it owes them (spec §26). No clock, no disk, no ledger.

use std::collections::HashMap;

use protocol::limits::LANES_MAX;
use protocol::{Amount, Counted, Epoch, LaneNumber, PricedBytes, PublicKey, ReadPrice};

/// The first allocation for a node is this part of the collateral; each further one is twice the one before.
const FIRST_PART: u64 = 64;
/// Bytes that a node is believed beyond what the gateway counts, for each node and epoch, however often the gateway is started: what
/// was read before a restart.
const TRUST_LEN: u64 = 16 << 20;

/// What a node is owed, as far as the gateway knows.
#[derive(Debug, Clone)]
pub(super) struct Due {
    pub(super) node: PublicKey,
    /// What it asks now: for what it says besides.
    pub(super) price: ReadPrice,
    /// Bytes read from it since the gateway was started, each at the price of then.
    pub(super) read: PricedBytes,
    /// What it has answered to the last voucher.
    pub(super) counted: Option<Counted>,
}

/// What has to be done next to pay a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Set this aside, on a new lane.
    Allocate { lane: LaneNumber, amount: Amount },
    /// Have the ledger promise the allocation of this lane.
    HandIn { lane: LaneNumber },
    /// Sign this voucher.
    Owe { lane: LaneNumber, said: Counted },
    /// Nothing more is owed.
    Nothing,
    /// More is owed than the collateral has left, or than a node has lanes.
    UsedUp,
}

/// One lane, as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) number: LaneNumber,
    pub(super) allocated: Amount,
    pub(super) is_promised: bool,
    pub(super) said: Counted,
}

/// The collateral of one epoch.
#[derive(Debug)]
pub(super) struct Collateral {
    limit: Amount,
    epoch: Epoch,
    set_aside: Amount,
    nodes: HashMap<PublicKey, Tab>,
}

#[derive(Debug)]
struct Tab {
    /// The lane with the highest number.
    lane: Option<Lane>,
    /// Bytes that were read from the node since the start and that vouchers cover.
    covered: u64,
    trust: u64,
}

impl Default for Tab {
    fn default() -> Self {
        Self { lane: None, covered: 0, trust: TRUST_LEN }
    }
}

impl Collateral {
    /// Nothing is set aside yet.
    pub(super) fn new(limit: Amount, epoch: Epoch) -> Self {
        Self { limit, epoch, set_aside: Amount::ZERO, nodes: HashMap::new() }
    }

    pub(super) const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Begins another epoch: nothing is set aside for it, and what vouchers cover stays covered.
    pub(super) fn begin(&mut self, epoch: Epoch) {
        (self.epoch, self.set_aside) = (epoch, Amount::ZERO);
        for tab in self.nodes.values_mut() {
            *tab = Tab { covered: tab.covered, ..Tab::default() };
        }
    }

    /// A lane that is kept, of this epoch.
    pub(super) fn add(&mut self, node: PublicKey, lane: Lane) {
        self.set_aside = self.set_aside.plus(lane.allocated).unwrap_or(Amount::MAX);
        let tab = self.nodes.entry(node).or_default();
        if tab.lane.is_none_or(|known| known.number < lane.number) {
            tab.lane = Some(lane);
        }
    }

    /// So many bytes were believed of a node in this epoch, before a restart.
    pub(super) fn has_believed(&mut self, node: PublicKey, bytes: u64) {
        self.nodes.entry(node).or_default().trust = TRUST_LEN.saturating_sub(bytes);
    }

    /// How many bytes are believed of a node in this epoch once this voucher is given.
    pub(super) fn believed_with(&self, due: &Due, said: Counted) -> u64 {
        let unknown = Tab::default();
        let tab = self.nodes.get(&due.node).unwrap_or(&unknown);
        let (_, beyond) = tab.split(due, said);
        TRUST_LEN - tab.trust.saturating_sub(beyond)
    }

    /// What has to be done to pay a node; a voucher also where it says nothing new, if the node has said nothing yet.
    pub(super) fn next(&self, due: &Due) -> Step {
        let unknown = Tab::default();
        let tab = self.nodes.get(&due.node).unwrap_or(&unknown);
        let said = tab.lane.map_or(NOTHING, |lane| lane.said);
        let bytes = tab.payable(due, said);
        if bytes == 0 && due.counted.is_some() {
            return Step::Nothing;
        }
        match tab.lane {
            Some(Lane { number: lane, is_promised: false, .. }) => Step::HandIn { lane },
            Some(Lane { number: lane, allocated, .. }) => match more(&said, bytes, tab.cost(due, bytes), due)
            {
                Some(said) if said.amount <= allocated => Step::Owe { lane, said },
                _ => self.allocate(lane.get() + 1, tab.cost(due, bytes)),
            },
            None => self.allocate(0, tab.cost(due, bytes)),
        }
    }

    /// The ledger has promised the allocation of the newest lane to a node.
    pub(super) fn promised(&mut self, node: PublicKey) {
        if let Some(lane) = self.nodes.get_mut(&node).and_then(|tab| tab.lane.as_mut()) {
            lane.is_promised = true;
        }
    }

    /// A voucher that was asked for is kept.
    pub(super) fn owes(&mut self, due: &Due, said: Counted) {
        let tab = self.nodes.entry(due.node).or_default();
        let (own, beyond) = tab.split(due, said);
        let Some(lane) = &mut tab.lane else { return };
        lane.said = said;
        tab.covered += own;
        tab.trust = tab.trust.saturating_sub(beyond);
    }

    fn allocate(&self, lane: u32, least: Amount) -> Step {
        let least = least.max(Amount::new(1).expect("1 is an amount"));
        let left = self.limit.minus(self.set_aside).unwrap_or(Amount::ZERO);
        if lane >= LANES_MAX || left < least {
            return Step::UsedUp;
        }
        let part = (u128::from(self.limit) / u128::from(FIRST_PART)) << lane.min(u64::BITS);
        let part = Amount::try_from(part).unwrap_or(Amount::MAX);
        Step::Allocate { lane: LaneNumber::new(lane), amount: part.max(least).min(left) }
    }
}

impl Tab {
    /// How many of the bytes that a voucher says beyond the one before the gateway has counted, and how many not.
    fn split(&self, due: &Due, said: Counted) -> (u64, u64) {
        let before = self.lane.map_or(0, |lane| lane.said.bytes);
        let bytes = said.bytes.saturating_sub(before);
        let own = bytes.min(self.own(due).bytes());
        (own, bytes - own)
    }

    /// What was read and no voucher covers.
    fn own(&self, due: &Due) -> PricedBytes {
        due.read.after(self.covered)
    }

    /// What `bytes` more cost: those that were read what was asked then, the others what is asked now.
    fn cost(&self, due: &Due, bytes: u64) -> Amount {
        let mut priced = self.own(due).first(bytes);
        priced.add(due.price.micro, bytes - priced.bytes());
        priced.cost().at_least()
    }

    /// Bytes that the next voucher says beyond this one.
    fn payable(&self, due: &Due, said: Counted) -> u64 {
        let own = self.own(due).bytes();
        match due.counted {
            None => own,
            Some(counted) => counted.bytes.saturating_sub(said.bytes).min(own.saturating_add(self.trust)),
        }
    }
}

/// What a voucher says after `bytes` more, which cost so much.
fn more(said: &Counted, bytes: u64, cost: Amount, due: &Due) -> Option<Counted> {
    let bytes_all = said.bytes.checked_add(bytes)?;
    let amount = said.amount.plus(cost).ok()?;
    // Where all is paid, the node has named the amount to the micro-unit.
    let named = due.counted.filter(|counted| counted.bytes == bytes_all).map(|counted| counted.amount);
    let amount = named.map_or(amount, |named| amount.min(named.max(said.amount)));
    Some(Counted { bytes: bytes_all, amount })
}

const NOTHING: Counted = Counted { bytes: 0, amount: Amount::ZERO };

#[cfg(test)]
#[path = "collateral_tests.rs"]
mod tests;
