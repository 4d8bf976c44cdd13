//! Lanes: what gateways owe to nodes, backed by what they have set aside.

use protocol::{Allocation, Amount, LaneNumber, PublicKey, Signed, Voucher};

use super::payments::known_or_conflict;
use super::{Applied, ApplyError, LaneError, Ledger, PaymentError};
use crate::{Account, Transaction};

/// Whose lane, to whom, and which.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct LaneKey {
    pub(crate) payer: PublicKey,
    pub(crate) payee: PublicKey,
    number: LaneNumber,
}

/// What is set aside for a lane, and the most that its vouchers say. Their order makes no difference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lane {
    pub(crate) allocated: Amount,
    pub(crate) amount: Amount,
    pub(crate) bytes: u64,
}

impl Ledger {
    /// Lanes together are never more than their payer has: each one takes its part out of the funds.
    pub(super) fn allocate(&mut self, record: &Signed<Allocation>) -> Result<Applied, ApplyError> {
        let (payer, body) = (record.by(), record.body());
        self.check_open(body.epoch)?;
        if payer == body.payee {
            return Err(LaneError::Itself { payer }.into());
        }
        let key = LaneKey { payer, payee: body.payee, number: body.lane };
        let known = self.open.get(&body.epoch).and_then(|epoch| epoch.lanes.get(&key));
        if let Some(known) = known {
            return known_or_conflict(known.allocated == body.amount, "an allocation");
        }
        let transaction = Transaction::transfer(Account::Funds(payer), Account::Reserved(payer), body.amount);
        let applied = self.post(Some(transaction.ok_or(PaymentError::Nothing)?))?;
        let lane = Lane { allocated: body.amount, amount: Amount::ZERO, bytes: 0 };
        self.open.entry(body.epoch).or_default().lanes.insert(key, lane);
        Ok(applied)
    }

    pub(super) fn owe(&mut self, record: &Signed<Voucher>) -> Result<Applied, ApplyError> {
        let Voucher { amount, bytes, epoch, lane: number, payee } = *record.body();
        self.check_open(epoch)?;
        let payer = record.by();
        let key = LaneKey { payer, payee, number };
        let lane = self.open.get_mut(&epoch).and_then(|epoch| epoch.lanes.get_mut(&key));
        let lane = lane.ok_or(LaneError::NoLane { payer, payee })?;
        if amount > lane.allocated {
            return Err(LaneError::OverAllocation { amount, allocated: lane.allocated }.into());
        }
        let joined = Lane { amount: lane.amount.max(amount), bytes: lane.bytes.max(bytes), ..*lane };
        let is_new = joined != *lane;
        *lane = joined;
        Ok(if is_new { Applied::New(None) } else { Applied::Known })
    }
}
