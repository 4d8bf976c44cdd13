//! The journal in a file, in an embedded database that one process has open.

use std::path::Path;

use ledger::{Head, Terms};
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use super::{AppendError, READ_ENTRIES_MAX, Store, StoreError};
use crate::durable;

/// Entries by their number.
const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("entries");
/// The hash before the first entry under 0, and under `n` the one after the first `n`: only the last of these is kept.
const HASHES: TableDefinition<'_, u64, [u8; 32]> = TableDefinition::new("hashes");

/// A journal in one file.
#[derive(Debug)]
pub struct RedbStore {
    database: Database,
}

impl RedbStore {
    /// The journal with these terms in this file, which is made when it is not there.
    pub fn open(path: &Path, terms: &Terms) -> Result<Self, StoreError> {
        durable::make_private(path).map_err(failed)?;
        let database = Database::create(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse,
            other => failed(other),
        })?;
        let store = Self { database };
        store.begin(terms)?;
        durable::sync_name(path).map_err(failed)?;
        Ok(store)
    }

    /// The journal with these terms on any other disk.
    pub fn on(disk: impl redb::StorageBackend, terms: &Terms) -> Result<Self, StoreError> {
        let store = Self { database: Database::builder().create_with_backend(disk).map_err(failed)? };
        store.begin(terms)?;
        Ok(store)
    }

    fn begin(&self, terms: &Terms) -> Result<(), StoreError> {
        let hash = *Head::of(terms).hash.as_bytes();
        let transaction = self.database.begin_write().map_err(failed)?;
        {
            let mut hashes = transaction.open_table(HASHES).map_err(failed)?;
            let known = hashes.get(0).map_err(failed)?.map(|known| known.value());
            match known {
                Some(known) if known != hash => return Err(StoreError::OtherTerms),
                Some(_) => return Ok(()),
                None => drop(hashes.insert(0, hash).map_err(failed)?),
            }
            drop(transaction.open_table(ENTRIES).map_err(failed)?);
        }
        transaction.commit().map_err(failed)
    }

    fn append(&self, head: Head, entries: &[Vec<u8>]) -> Result<(), AppendError> {
        let transaction = self.database.begin_write().map_err(failed)?;
        {
            let mut hashes = transaction.open_table(HASHES).map_err(failed)?;
            let last = hashes.last().map_err(failed)?.map(|(count, hash)| (count.value(), hash.value()));
            if last != Some((head.count, *head.hash.as_bytes())) {
                return Err(AppendError::NotAtHead { expected: head });
            }
            let mut table = transaction.open_table(ENTRIES).map_err(failed)?;
            let mut after = head;
            for entry in entries {
                table.insert(after.count, entry.as_slice()).map_err(failed)?;
                after = after.after(entry);
            }
            if head.count > 0 {
                hashes.remove(head.count).map_err(failed)?;
            }
            hashes.insert(after.count, after.hash.as_bytes()).map_err(failed)?;
        }
        Ok(transaction.commit().map_err(failed)?)
    }

    fn entries(&self, from: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let table = match transaction.open_table(ENTRIES) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut entries = Vec::new();
        for row in table.range(from..from.saturating_add(READ_ENTRIES_MAX)).map_err(failed)? {
            let (number, entry) = row.map_err(failed)?;
            let expected = from + entries.len() as u64;
            if number.value() != expected {
                return Err(StoreError::Broken { number: expected });
            }
            entries.push(entry.value().to_vec());
        }
        Ok(entries)
    }
}

impl Store for RedbStore {
    async fn append_if(&mut self, head: Head, entries: &[Vec<u8>]) -> Result<(), AppendError> {
        tokio::task::block_in_place(|| self.append(head, entries))
    }

    async fn read(&mut self, from: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        tokio::task::block_in_place(|| self.entries(from))
    }
}

fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Redb(Box::new(error.into()))
}
