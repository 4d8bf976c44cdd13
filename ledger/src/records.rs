//! The types of signed records, one per file (spec §11, §25).

mod acceptance;
mod budget;
mod deposit;
mod dispute;
mod payee;
mod payout_claim;
mod reversal;
mod session_request;

pub use acceptance::Acceptance;
pub use budget::Budget;
pub use deposit::Deposit;
pub use dispute::Dispute;
pub use payee::Payee;
pub use payout_claim::{PayoutClaim, Rail};
pub use reversal::Reversal;
pub use session_request::{BudgetRef, SessionRequest};
