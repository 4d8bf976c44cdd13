//! What readers have read and not paid for. Decided without a clock and a disk of its own.

use std::collections::HashMap;
use std::net::IpAddr;

use protocol::{
    Amount, Code, Counted, Digest, Epoch, PayLane, PricedBytes, PublicKey, ReadCost, UnixSeconds,
    VerifiedPayment, Voucher,
};

use super::unpaid::{Unpaid, UnpaidLane, UnpaidStrangers};

/// How long what a stranger has read is remembered, in seconds: a day from its first read on.
const STRANGER_REMEMBERED_S: u64 = 86_400;
/// Addresses whose strangers are remembered. When there are as many, further ones have to pay before they read.
const ADDRESSES_MAX: usize = 4096;
/// Strangers of one address that are told apart; further ones are counted for the address alone.
const STRANGERS_PER_ADDRESS_MAX: usize = 64;
/// Endpoints whose payer is remembered. When there are as many, all are forgotten, and introduced again when they pay.
const ENDPOINTS_MAX: usize = 65_536;
/// Lanes that a node keeps a voucher of.
const LANES_MAX: usize = 16_384;

/// Who reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader {
    pub(crate) endpoint: PublicKey,
    /// An IPv4 address, or the /64 of an IPv6 address.
    pub(crate) address: IpAddr,
}

/// What everybody owes.
#[derive(Debug)]
pub(crate) struct Accounts {
    /// For 2^30 bytes that are sent from now on. What was sent before keeps the price that it had.
    price: Amount,
    credit: u64,
    payers: HashMap<PublicKey, Tab>,
    /// For whom endpoints read that have paid.
    endpoints: HashMap<PublicKey, PublicKey>,
    strangers: HashMap<IpAddr, Strangers>,
    lanes: HashMap<PayLane, Lane>,
    /// The first epoch that is not settled, as far as the node knows.
    open_from: Epoch,
    paid: u64,
}

/// Bytes of one account.
#[derive(Clone, Default, Debug)]
struct Tab {
    /// Sent and not paid for.
    open: PricedBytes,
    /// Of reads under way, as much as they may come to.
    under_way: u64,
}

/// Those at one address of whom no payer is known.
#[derive(Debug)]
struct Strangers {
    tab: Tab,
    since: UnixSeconds,
    each: HashMap<PublicKey, PricedBytes>,
}

/// The newest voucher of a lane.
#[derive(Clone, Copy, Debug)]
struct Lane {
    allocation: Digest,
    newest: Counted,
    /// What it said when the node started or first saw the lane.
    base: Amount,
    /// What vouchers have paid for since then.
    cost: ReadCost,
}

/// A read that was begun.
#[derive(Debug)]
pub(crate) struct Charge {
    reader: Reader,
    payer: Option<PublicKey>,
    len: u64,
}

/// Why nothing is sent, or a voucher is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum AccountError {
    #[error("{open} bytes are read and not paid for, {credit} may be")]
    CreditUsedUp { open: u64, credit: u64 },
    #[error("reads of {under_way} bytes are under way, {credit} may be without a payment")]
    Crowded { under_way: u64, credit: u64 },
    #[error("epoch {epoch} is settled")]
    Settled { epoch: Epoch },
    #[error("voucher of {bytes} bytes and {amount}, one of {} bytes and {} is kept", .kept.bytes, .kept.amount)]
    Stale { bytes: u64, amount: Amount, kept: Counted },
    #[error("another allocation of this lane is kept")]
    OtherAllocation,
    #[error("voucher of {amount} for {bytes} bytes, {due} are due")]
    TooLittle { amount: Amount, bytes: u64, due: Amount },
    #[error("vouchers of {LANES_MAX} lanes are kept")]
    TooManyLanes,
}

impl AccountError {
    pub(crate) const fn code(&self) -> Code {
        match self {
            Self::CreditUsedUp { .. } | Self::TooLittle { .. } => Code::PaymentWanted,
            Self::Crowded { .. } => Code::Busy,
            Self::Settled { .. } => Code::Expired,
            Self::Stale { .. } | Self::OtherAllocation => Code::Stale,
            Self::TooManyLanes => Code::Quota,
        }
    }
}

impl Accounts {
    /// Nobody owes anything; a GiB costs `price`; of each lane this voucher under this allocation is kept.
    pub(crate) fn new(
        price: Amount,
        credit: u64,
        kept: impl IntoIterator<Item = (PayLane, Digest, Voucher)>,
    ) -> Self {
        let lanes = kept.into_iter().map(|(lane, allocation, voucher)| {
            let newest = said(&voucher);
            (lane, Lane { allocation, newest, base: newest.amount, cost: ReadCost::ZERO })
        });
        Self {
            price,
            credit,
            payers: HashMap::new(),
            endpoints: HashMap::new(),
            strangers: HashMap::new(),
            lanes: lanes.collect(),
            open_from: Epoch::new(0),
            paid: 0,
        }
    }

    /// What is open, without those of whom nothing is, and which vouchers are taken into account there.
    pub(crate) fn unpaid(&self) -> Unpaid {
        let payers = self.payers.iter().filter(|(_, tab)| tab.open.bytes() > 0);
        let mut payers: Vec<_> = payers.map(|(payer, tab)| (*payer, tab.open.clone())).collect();
        payers.sort_unstable();
        let strangers = self.strangers.iter().filter(|(_, strangers)| strangers.tab.open.bytes() > 0);
        let mut strangers: Vec<_> = strangers.map(|(address, all)| all.unpaid(*address)).collect();
        strangers.sort_unstable_by_key(|all| all.address);
        let mut lanes: Vec<_> =
            self.lanes.iter().map(|(lane, known)| UnpaidLane::of(lane, known.newest)).collect();
        lanes.sort_unstable();
        Unpaid { open_from: self.open_from, lanes, payers, strangers }
    }

    /// Puts back what was open when a node ended, less what vouchers that were taken after it was written have paid for:
    /// nobody is asked twice.
    pub(crate) fn restore(&mut self, unpaid: Unpaid) {
        let Unpaid { open_from, lanes, payers, strangers } = unpaid;
        for (payer, open) in payers {
            self.payers.entry(payer).or_default().open.append(&open);
        }
        let noted: HashMap<_, _> =
            lanes.iter().map(|lane| ((lane.payer, lane.epoch, lane.number), lane.bytes)).collect();
        for (PayLane { payer, epoch, number }, known) in &self.lanes {
            let before = noted.get(&(*payer, *epoch, *number)).copied().unwrap_or(0);
            // For what was settled before, no vouchers were taken after it.
            if let Some(tab) = self.payers.get_mut(payer).filter(|_| *epoch >= open_from) {
                tab.open = tab.open.after(known.newest.bytes.saturating_sub(before));
            }
        }
        for UnpaidStrangers { address, since, open, each } in strangers.into_iter().take(ADDRESSES_MAX) {
            let tab = Tab { open, under_way: 0 };
            let each = each.into_iter().take(STRANGERS_PER_ADDRESS_MAX).collect();
            self.strangers.insert(address, Strangers { tab, since, each });
        }
    }

    /// Begins a read of up to `len` bytes, when the credit allows it. Whoever owes nothing may always begin one; where only
    /// other reads stand in the way it helps to wait until they have ended.
    pub(crate) fn begin(
        &mut self,
        reader: Reader,
        len: u64,
        now: UnixSeconds,
    ) -> Result<Charge, AccountError> {
        let (credit, payer) = (self.credit, self.endpoints.get(&reader.endpoint).copied());
        let tab = match payer {
            Some(payer) => self.payers.entry(payer).or_default(),
            None => &mut self.strangers_at(reader.address, now)?.tab,
        };
        let (open, under_way) = (tab.open.bytes(), tab.under_way);
        if open > 0 && open.saturating_add(len) > credit {
            return Err(AccountError::CreditUsedUp { open, credit });
        }
        if under_way > 0 && open.saturating_add(under_way).saturating_add(len) > credit {
            return Err(AccountError::Crowded { under_way, credit });
        }
        tab.under_way = under_way.saturating_add(len);
        Ok(Charge { reader, payer, len })
    }

    /// Ends a read of which so many bytes were sent.
    pub(crate) fn end(&mut self, charge: &Charge, sent: u64) {
        let Charge { reader: Reader { endpoint, address }, payer, len } = *charge;
        let tab = match payer {
            Some(payer) => self.payers.get_mut(&payer),
            None => self.strangers.get_mut(&address).map(|strangers| &mut strangers.tab),
        };
        if let Some(tab) = tab {
            tab.under_way = tab.under_way.saturating_sub(len);
        }
        // It may have paid for the first time meanwhile.
        match payer.or_else(|| self.endpoints.get(&endpoint).copied()) {
            Some(payer) => self.payers.entry(payer).or_default().open.add(self.price, sent),
            None => {
                if let Some(strangers) = self.strangers.get_mut(&address) {
                    strangers.add(endpoint, self.price, sent);
                }
            }
        }
    }

    /// Remembers for whom this endpoint reads: what it has read as a stranger is the payer's. True when it has read something.
    pub(crate) fn introduce(&mut self, reader: Reader, payer: PublicKey) -> bool {
        if self.endpoints.len() >= ENDPOINTS_MAX && !self.endpoints.contains_key(&reader.endpoint) {
            self.endpoints.clear();
        }
        if self.endpoints.insert(reader.endpoint, payer) == Some(payer) {
            return false;
        }
        let Some(strangers) = self.strangers.get_mut(&reader.address) else { return false };
        let Some(open) = strangers.each.remove(&reader.endpoint) else { return false };
        strangers.tab.open = strangers.tab.open.after(open.bytes());
        self.payers.entry(payer).or_default().open.append(&open);
        true
    }

    /// Whether a payment says something new, when it may be taken at all.
    pub(crate) fn check(&self, payment: &VerifiedPayment) -> Result<bool, AccountError> {
        let (lane, voucher) = (payment.lane(), payment.voucher().body());
        if lane.epoch < self.open_from {
            return Err(AccountError::Settled { epoch: lane.epoch });
        }
        let known = self.lanes.get(&lane);
        if known.is_none() && self.lanes.len() >= LANES_MAX {
            return Err(AccountError::TooManyLanes);
        }
        let new = Lane::new(payment.allocation().name());
        let known = known.unwrap_or(&new);
        if known.allocation != payment.allocation().name() {
            return Err(AccountError::OtherAllocation);
        }
        let Voucher { amount, bytes, .. } = *voucher;
        if bytes < known.newest.bytes || amount < known.newest.amount {
            return Err(AccountError::Stale { bytes, amount, kept: known.newest });
        }
        let due = known.due(self.open_of(&lane.payer).first(bytes - known.newest.bytes).cost());
        if amount < due {
            return Err(AccountError::TooLittle { amount, bytes, due });
        }
        Ok(known.newest != said(voucher) || !self.lanes.contains_key(&lane))
    }

    /// The bytes on the lane that will be counted once this payment is taken.
    pub(crate) fn counted_with(&self, payment: &VerifiedPayment) -> u64 {
        let (lane, bytes) = (payment.lane(), payment.voucher().body().bytes);
        let known = self.lanes.get(&lane).map_or(0, |lane| lane.newest.bytes);
        bytes.saturating_add(self.open_of(&lane.payer).after(bytes.saturating_sub(known)).bytes())
    }

    /// Takes a payment that was checked and is kept. Says what is counted now.
    pub(crate) fn take(&mut self, payment: &VerifiedPayment) -> Counted {
        let (lane, newest) = (payment.lane(), said(payment.voucher().body()));
        let known = self.lanes.entry(lane).or_insert_with(|| Lane::new(payment.allocation().name()));
        let bytes = newest.bytes.saturating_sub(known.newest.bytes);
        let open = &mut self.payers.entry(lane.payer).or_default().open;
        known.cost = known.cost.plus(open.first(bytes).cost());
        *open = open.after(bytes);
        known.newest = newest;
        self.paid = self.paid.saturating_add(bytes);
        let bytes = newest.bytes.saturating_add(open.bytes());
        Counted { bytes, amount: known.due(open.cost()).max(newest.amount) }
    }

    /// Takes no more payments for earlier epochs, and forgets their lanes.
    pub(crate) fn open_from(&mut self, epoch: Epoch) {
        self.open_from = self.open_from.max(epoch);
        self.lanes.retain(|lane, _| lane.epoch >= epoch);
    }

    /// Bytes that were sent and not paid for.
    pub(crate) fn open(&self) -> u64 {
        let strangers = self.strangers.values().map(|strangers| &strangers.tab);
        self.payers.values().chain(strangers).map(|tab| tab.open.bytes()).sum()
    }

    /// Bytes that were paid for since the node was started.
    pub(crate) const fn paid(&self) -> u64 {
        self.paid
    }

    fn open_of(&self, payer: &PublicKey) -> PricedBytes {
        self.payers.get(payer).map(|tab| tab.open.clone()).unwrap_or_default()
    }

    fn strangers_at(&mut self, address: IpAddr, now: UnixSeconds) -> Result<&mut Strangers, AccountError> {
        let is_over = |strangers: &Strangers| {
            strangers.tab.under_way == 0 && strangers.since.plus(STRANGER_REMEMBERED_S).has_passed(now)
        };
        if self.strangers.get(&address).is_some_and(is_over) {
            self.strangers.remove(&address);
        }
        if self.strangers.len() >= ADDRESSES_MAX && !self.strangers.contains_key(&address) {
            self.strangers.retain(|_, strangers| !is_over(strangers));
            if self.strangers.len() >= ADDRESSES_MAX {
                return Err(AccountError::CreditUsedUp { open: 0, credit: 0 });
            }
        }
        let new = || Strangers { tab: Tab::default(), since: now, each: HashMap::new() };
        Ok(self.strangers.entry(address).or_insert_with(new))
    }
}

impl Lane {
    const fn new(allocation: Digest) -> Self {
        Self { allocation, newest: NOTHING, base: Amount::ZERO, cost: ReadCost::ZERO }
    }

    /// What a voucher has to come to that pays for so much more. What the node has not counted costs nothing: it may have
    /// been sent before a power failure, at another price.
    fn due(&self, more: ReadCost) -> Amount {
        self.base.plus(self.cost.plus(more).at_most()).unwrap_or(Amount::MAX)
    }
}

impl Strangers {
    fn unpaid(&self, address: IpAddr) -> UnpaidStrangers {
        let mut each: Vec<_> = self.each.iter().map(|(endpoint, open)| (*endpoint, open.clone())).collect();
        each.sort_unstable();
        UnpaidStrangers { address, since: self.since, open: self.tab.open.clone(), each }
    }

    fn add(&mut self, endpoint: PublicKey, price: Amount, sent: u64) {
        self.tab.open.add(price, sent);
        if sent > 0 && (self.each.len() < STRANGERS_PER_ADDRESS_MAX || self.each.contains_key(&endpoint)) {
            self.each.entry(endpoint).or_default().add(price, sent);
        }
    }
}

const NOTHING: Counted = Counted { bytes: 0, amount: Amount::ZERO };

fn said(voucher: &Voucher) -> Counted {
    Counted { bytes: voucher.bytes, amount: voucher.amount }
}

#[cfg(test)]
#[path = "accounts_tests.rs"]
pub(super) mod tests;
