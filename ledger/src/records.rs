//! The types of signed records, one per file (spec §11, §25).

mod acceptance;
mod allocation;
mod budget;
mod deposit;
mod dispute;
mod payee;
mod payout_claim;
mod receipt;
mod reversal;
mod session_grant;
mod session_request;
mod voucher;

pub use acceptance::Acceptance;
pub use allocation::Allocation;
pub use budget::Budget;
pub use deposit::Deposit;
pub use dispute::Dispute;
pub use payee::Payee;
pub use payout_claim::{PayoutClaim, Rail};
pub use receipt::DeliveryReceipt;
pub use reversal::Reversal;
pub use session_grant::SessionGrant;
pub use session_request::{BudgetRef, SessionRequest};
pub use voucher::Voucher;
