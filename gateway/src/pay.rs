//! Titles that are shown for money (spec §26): sessions, receipts, and what is refused without them; and what
//! nodes are paid that sell what is read. Free titles need none of it.

mod collateral;
mod coverage;
mod fare;
mod handing;
mod lanes;
mod ledger;
mod meter;
mod nodes;
mod opening;
mod piece;
mod session;
mod sessions;
mod store;
mod till;
mod viewer;
mod writer;

pub(crate) use fare::{Fare, Shown, carried_on};
pub(crate) use meter::Asked;
pub use nodes::NodePayments;
pub(crate) use opening::OpenError;
pub(crate) use piece::{Pace, Piece};
pub(crate) use session::CREDIT_MS;
pub(crate) use till::ReceiptError;
pub use till::{PayConfig, Till, TillError};
