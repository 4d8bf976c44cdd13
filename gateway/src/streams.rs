//! What devices send that have no program of ours, kept until its owner fetches it (spec §32). A gateway reads nothing of it.

mod desk;
mod postgres;
mod redb;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use desk::StreamDesk;
pub(crate) use postgres::PostgresBatches;
pub(crate) use redb::RedbBatches;
pub use store::{Appended, BatchStore, STREAMS_BYTES_MAX};
