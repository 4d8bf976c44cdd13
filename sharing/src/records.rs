//! The types of signed records about publications, one per file (spec §11).

mod denial;
mod publication;
mod withdrawal;

pub use denial::Denial;
pub use publication::Publication;
pub use withdrawal::Withdrawal;
