//! The types of signed records, one per file (spec §11, §25).

mod acceptance;
mod budget;
mod deposit;
mod dispute;
mod hold;
mod inquiry;
mod key_delivery;
mod licence_transfer;
mod offer;
mod page_release;
mod payee;
mod payout_claim;
mod prepayment;
mod purchase;
mod resolution;
mod reversal;
mod session_request;
mod storage_report;

pub use acceptance::Acceptance;
pub use budget::Budget;
pub use deposit::Deposit;
pub use dispute::Dispute;
pub use hold::Hold;
pub use inquiry::{Inquired, Inquiry};
pub use key_delivery::KeyDelivery;
pub use licence_transfer::LicenceTransfer;
pub use offer::Offer;
pub use page_release::PageRelease;
pub use payee::Payee;
pub use payout_claim::{PayoutClaim, Rail};
pub use prepayment::Prepayment;
pub use purchase::Purchase;
pub use resolution::Resolution;
pub use reversal::Reversal;
pub use session_request::{BudgetRef, SessionRequest};
pub use storage_report::StorageReport;
