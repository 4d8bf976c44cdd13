//! The account's audit trail on this machine: a file beside its index that only grows (spec §29), and what is entered into it.

mod alarms;
mod committed;
mod facts;
mod fetch;
mod file;
mod head;
mod reads;

pub(crate) use alarms::raise_alarms;
pub(crate) use committed::{CommittedHead, commit, commit_or_say, ledger_of, then_committed};
pub(crate) use facts::{facts_of, facts_of_share, facts_of_stream};
pub(crate) use fetch::{Asked, Fetching};
pub(crate) use file::TrailFile;
pub(crate) use reads::Reads;
