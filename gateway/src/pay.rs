//! Titles that are shown for money (spec §26): sessions, receipts, and what is refused without them. Free titles need none of it.

mod fare;
mod ledger;
mod meter;
mod session;
mod sessions;
mod store;
mod till;

pub(crate) use fare::{Fare, shown_token, with_session};
pub(crate) use till::{OpenError, ReceiptError};
pub use till::{PayConfig, Till, TillError};
