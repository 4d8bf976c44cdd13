//! A signed record about money, of whatever type.

use crate::{Acceptance, Budget, Consent, Deposit, Dispute, Payee, PayoutClaim, Reversal, SessionRequest};
use protocol::{Allocation, DeliveryReceipt, Promise, SessionGrant, Voucher};

protocol::any_record! {
    /// A verified record of one of the types of spec §11 that concern money. Its `Display` tells what it says.
    LedgerRecord,
    "acceptance, allocation, budget, consent, delivery_receipt, deposit, dispute, payee, payout_claim, promise, reversal, \
     session_grant, session_request or voucher",
    Acceptance(Acceptance),
    Allocation(Allocation),
    Budget(Budget),
    Consent(Consent),
    DeliveryReceipt(DeliveryReceipt),
    Deposit(Deposit),
    Dispute(Dispute),
    Payee(Payee),
    PayoutClaim(PayoutClaim),
    Promise(Promise),
    Reversal(Reversal),
    SessionGrant(SessionGrant),
    SessionRequest(SessionRequest),
    Voucher(Voucher),
}
