//! Where a journal lasts. A store appends where the writer thinks that the end is, and reads; nothing else (spec §25).

mod copy;
mod postgres;
mod redb;

use std::future::Future;

use ledger::Head;

pub use self::copy::{CopyError, copy_journal};
pub use self::postgres::PostgresStore;
pub use self::redb::RedbStore;

/// Most entries that one read gives.
pub const READ_ENTRIES_MAX: u64 = 1024;

/// A journal that lasts. Whoever opens one names its terms, and finds another one's journal in no store.
pub trait Store: Send + 'static {
    /// Appends these entries, all or none, when the journal ends at `head`. They are durable when this returns.
    ///
    /// After [`AppendError::Store`] they may or may not be there: the end has to be read again.
    fn append_if(
        &mut self,
        head: Head,
        entries: &[Vec<u8>],
    ) -> impl Future<Output = Result<(), AppendError>> + Send;

    /// The entries from number `from` on, at most [`READ_ENTRIES_MAX`]; none where the journal ends. The first one is 0.
    fn read(&mut self, from: u64) -> impl Future<Output = Result<Vec<Vec<u8>>, StoreError>> + Send;
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum AppendError {
    #[error("the journal does not end at {expected} any more")]
    NotAtHead { expected: Head },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a store does not answer.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum StoreError {
    #[error("the store holds the journal of other terms")]
    OtherTerms,
    #[error("another program has the journal open")]
    InUse,
    #[error("the database: {0}")]
    Redb(Box<::redb::Error>),
    #[error("the database: {0}")]
    Postgres(#[from] database::DatabaseError),
    #[error("entry {number} is missing or broken")]
    Broken { number: u64 },
}
