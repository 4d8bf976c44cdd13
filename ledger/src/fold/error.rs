//! Why an entry is refused.

use protocol::{AgreementId, Alias, Amount, Digest, Epoch, Ppm, PublicKey, Serial, UnixSeconds, Usage};

use super::STORAGE_NODES_MAX;
use crate::{GENERATIONS_MAX, Overdrawn, Rail, Unit};

/// Why the ledger refuses an entry. It is as it was.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum ApplyError {
    #[error("entry of {at}, the one before is of {before}")]
    Clock { at: UnixSeconds, before: UnixSeconds },
    #[error("epoch {epoch} is not open, the next to be settled is {next}")]
    NotOpen { epoch: Epoch, next: Epoch },
    #[error("{0} of this name is known and says something else")]
    Conflict(&'static str),
    #[error("{most} disputes of this key, or of all that are not known, wait for the next settlement")]
    TooManyDisputes { most: usize },
    #[error(transparent)]
    Overdrawn(#[from] Overdrawn),
    #[error(transparent)]
    Register(#[from] RegisterError),
    #[error(transparent)]
    Payment(#[from] PaymentError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Grant(#[from] GrantError),
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    #[error(transparent)]
    Lane(#[from] LaneError),
    #[error(transparent)]
    Licence(#[from] LicenceError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Hold(#[from] HoldError),
    #[error(transparent)]
    Settle(#[from] SettleError),
}

/// Why an agreement is not registered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum RegisterError {
    #[error("{party} has not consented")]
    NoConsent { party: PublicKey },
    #[error("{by} has signed, but is not asked or has signed twice or something else")]
    OtherConsent { by: PublicKey },
    #[error("the price is in {found}, this ledger counts {expected}")]
    Unit { found: Unit, expected: Unit },
    #[error("the title has an agreement of its creator already: {current}")]
    Taken { current: AgreementId },
    #[error("version {superseded} is not the one that holds for this title")]
    NotCurrent { superseded: AgreementId },
    #[error("version {found} follows version {before}")]
    Version { found: u32, before: u32 },
    #[error("parent {parent} is not registered, or superseded")]
    NoParent { parent: AgreementId },
    #[error("parent {parent} is given {given}, it asks for {least}")]
    TooLittle { parent: AgreementId, given: Ppm, least: Ppm },
    #[error("nothing may be made from parent {parent}")]
    NotLicensed { parent: AgreementId },
    #[error("more than {GENERATIONS_MAX} generations of works")]
    TooDeep,
    #[error("all works that this one is made from have more than the whole")]
    AncestorSum,
}

/// Why a payment is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum PaymentError {
    #[error("a deposit in {found}, this ledger counts {expected}")]
    Unit { found: Unit, expected: Unit },
    #[error("a payment of nothing")]
    Nothing,
    #[error("signed by {by}, who is not the ledger")]
    NotTheLedger { by: PublicKey },
    #[error("the acceptance is of {name}, which is another record")]
    OtherAccepted { name: Digest },
    #[error("no deposit or payout is called {entry}")]
    NothingToReverse { entry: Digest },
}

/// Why somebody is not paid out.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum ClaimError {
    #[error("{claimed} in all is no more than what was paid: {paid}")]
    NothingNew { claimed: Amount, paid: Amount },
    #[error("claimed by {rail}, but payments to this party go by contracts alone, or not by these")]
    Rail { rail: Rail },
    #[error("payee of an older sequence than the one that counts")]
    Stale,
}

/// Why a grant is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum GrantError {
    #[error("signed by {by}, who is not the ledger")]
    NotTheLedger { by: PublicKey },
    #[error("grant {serial} is not what its request asks for")]
    OtherRequest { serial: Serial },
    #[error("alias {alias} is not the viewer's in this epoch")]
    Alias { alias: Alias },
    #[error("a grant for epoch {epoch}, which has not begun: epoch {current} runs")]
    Early { epoch: Epoch, current: Epoch },
    #[error("the same key stands for more than one of viewer, session, gateway and ledger")]
    Roles,
    #[error("agreement {agreement} does not hold")]
    NotCurrent { agreement: AgreementId },
    #[error("a grant from {starts} to {expires}")]
    Time { starts: UnixSeconds, expires: UnixSeconds },
    #[error("a limit of {limit}")]
    Limit { limit: Usage },
    #[error("a charge of {charge}, the limit costs {least}")]
    Charge { charge: Amount, least: Amount },
    #[error("no such budget in this epoch, or it is for another title or viewer")]
    NoBudget,
    #[error("{left} of the budget is left for this viewer, {most} may be asked for")]
    UsedUp { left: Amount, most: Amount },
}

/// Why a receipt is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum ReceiptError {
    #[error("no grant {serial} is open")]
    NoGrant { serial: Serial },
    #[error("receipt signed by {by}, not by the session key of grant {serial}")]
    NotTheSession { serial: Serial, by: PublicKey },
    #[error("receipt at {at}, the grant holds from {starts} to {expires}")]
    Time { at: UnixSeconds, starts: UnixSeconds, expires: UnixSeconds },
    #[error("receipt for {usage}, the limit is {limit}")]
    OverLimit { usage: Usage, limit: Usage },
}

/// Why an allocation or a voucher is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum LaneError {
    #[error("{payer} pays itself")]
    Itself { payer: PublicKey },
    #[error("no lane of {payer} to {payee} has this number in this epoch")]
    NoLane { payer: PublicKey, payee: PublicKey },
    #[error("voucher over {amount}, {allocated} is set aside")]
    OverAllocation { amount: Amount, allocated: Amount },
}

/// Why an epoch is not settled.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum SettleError {
    #[error("epoch {epoch} is settled after epoch {next}")]
    Order { epoch: Epoch, next: Epoch },
    #[error("the settlement of epoch {epoch} is not what follows from the journal")]
    Differs { epoch: Epoch },
}

/// Why an offer, a purchase, a key or a transfer is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum LicenceError {
    #[error("an offer by {by}, who is not the creator of a work whose agreement holds")]
    NotTheCreator { by: PublicKey },
    #[error("an offer until {until} with {term} s for the delivery")]
    Term { until: UnixSeconds, term: u32 },
    #[error("no such offer, or it has ended")]
    NoOffer,
    #[error("nothing was bought or delivered under the name {purchase}")]
    NoPurchase { purchase: Digest },
    #[error("a key delivered by {by}, who has not sold it")]
    NotTheSeller { by: PublicKey },
    #[error("a key delivered after {due}")]
    Late { due: UnixSeconds },
    #[error("transfer {number} by {by}, who does not hold the licence, or it is not the next one")]
    NotTheHolder { by: PublicKey, number: u32 },
    #[error("{to} has not accepted the transfer, or holds the licence already")]
    NotAccepted { to: PublicKey },
    #[error("the licence cannot be transferred")]
    NotTransferable,
}

/// Why a prepayment or a report about storage is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum StorageError {
    #[error("a prepayment until {until}, which has passed")]
    Ended { until: UnixSeconds },
    #[error("no such prepayment, or it has ended")]
    NoPrepayment,
    #[error("a report by {by}, whom the prepayment does not name, or who is the node")]
    NotTheAuditor { by: PublicKey },
    #[error("a report from hour {from}, all before hour {paid_until} is reported already")]
    Overlap { from: u64, paid_until: u64 },
    #[error("a report about the hours from {from} to {to}: too many, none, or not all of them are paid for")]
    Hours { from: u64, to: u64 },
    #[error(
        "a report about the hours until {to}, here it is hour {now}: hand it in again once they have passed"
    )]
    Early { to: u64, now: u64 },
    #[error("more than {STORAGE_NODES_MAX} nodes under one prepayment")]
    TooManyNodes,
    #[error("a report of more than can be counted")]
    TooMuch,
    #[error("all reports together are above the {amount} that are prepaid")]
    UsedUp { amount: Amount },
}

/// Why no money is kept back, or kept back still.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum HoldError {
    #[error("no dispute {dispute} since the last settlement")]
    NoDispute { dispute: Digest },
    #[error("the dispute is signed by {by}: the party itself, or the ledger")]
    OwnDispute { by: PublicKey },
    #[error("the dispute is signed by {by}, who has no money here")]
    Stranger { by: PublicKey },
    #[error("{amount} is more than what is left of the {disputed} that are disputed")]
    MoreThanDisputed { amount: Amount, disputed: Amount },
    #[error("what was held of {party} has come free: nothing is held again before epoch {from}")]
    Again { party: PublicKey, from: Epoch },
    #[error("{party} is paid by contracts, which cannot be held back")]
    ByContract { party: PublicKey },
    #[error("no hold is called {hold}")]
    NoHold { hold: Digest },
    #[error("{given} of the {held} that are held")]
    TooMuch { given: Amount, held: Amount },
}
