//! Reads that are paid for (spec §13): what is open of whom, and the vouchers that pay for it.

mod accounts;
mod lanes;
mod sale;
mod unpaid;

pub(crate) use accounts::Reader;
pub(crate) use sale::{Sale, Toll};

pub use lanes::{KeptVoucher, kept_vouchers};
