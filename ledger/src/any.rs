//! A signed record about money, of whatever type.

use crate::{
    Acceptance, Attestation, Budget, Consent, Deposit, Dispute, Hold, Inquiry, KeyDelivery, LicenceTransfer,
    Offer, PageRelease, Payee, PayoutClaim, Prepayment, Purchase, Resolution, Reversal, SessionRequest,
    StorageReport,
};
use protocol::{Allocation, DeliveryReceipt, Promise, SessionGrant, Voucher};

protocol::any_record! {
    /// A verified record of one of the types of spec §11 that concern money. Its `Display` tells what it says.
    LedgerRecord,
    "acceptance, allocation, attestation, budget, consent, delivery_receipt, deposit, dispute, hold, inquiry, key_delivery, \
     licence_transfer, offer, page_release, payee, payout_claim, prepayment, promise, purchase, resolution, reversal, session_grant, \
     session_request, storage_report or voucher",
    Acceptance(Acceptance),
    Allocation(Allocation),
    Attestation(Attestation),
    Budget(Budget),
    Consent(Consent),
    DeliveryReceipt(DeliveryReceipt),
    Deposit(Deposit),
    Dispute(Dispute),
    Hold(Hold),
    Inquiry(Inquiry),
    KeyDelivery(KeyDelivery),
    LicenceTransfer(LicenceTransfer),
    Offer(Offer),
    PageRelease(PageRelease),
    Payee(Payee),
    PayoutClaim(PayoutClaim),
    Prepayment(Prepayment),
    Promise(Promise),
    Purchase(Purchase),
    Resolution(Resolution),
    Reversal(Reversal),
    SessionGrant(SessionGrant),
    SessionRequest(SessionRequest),
    StorageReport(StorageReport),
    Voucher(Voucher),
}
