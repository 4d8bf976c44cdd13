//! The index: which shards, leases and pointers there are. The only file that names redb.
//!
//! It is written by one writer in durable transactions, over the same [`Disk`] seam as everything else. Here it is
//! tables of bytes; [`Lookup`] reads them as rows, and [`Change`] keeps in step what the tables say of each other.

mod change;
mod keys;
mod lookup;

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError, RwLock};

use redb::{
    Database, Durability, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata as _,
    TableDefinition, WriteTransaction,
};

use crate::disk::{Disk, DiskFile};
use crate::layout::{FileName, Folder};

pub(crate) use lookup::{Counter, Lookup};

/// Memory for cached pages, in bytes. A node is meant to idle within 32 MiB.
const CACHE_LEN: usize = 8 << 20;

/// What the index keeps; keys and values are bytes to redb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Shards,
    Leases,
    LeasesByExpiry,
    Usage,
    Spent,
    Pointers,
    Packs,
    Graves,
    Counters,
}

impl Table {
    const ALL: [Self; 9] = [
        Self::Shards,
        Self::Leases,
        Self::LeasesByExpiry,
        Self::Usage,
        Self::Spent,
        Self::Pointers,
        Self::Packs,
        Self::Graves,
        Self::Counters,
    ];

    const fn definition(self) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
        TableDefinition::new(match self {
            Self::Shards => "shards",
            Self::Leases => "leases",
            Self::LeasesByExpiry => "leases by expiry",
            Self::Usage => "usage",
            Self::Spent => "spent",
            Self::Pointers => "pointers",
            Self::Packs => "packs",
            Self::Graves => "graves",
            Self::Counters => "counters",
        })
    }
}

/// Why the index did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IndexError {
    #[error("index: {0}")]
    Database(#[from] redb::Error),
    #[error("index: a row cannot be read: {0}")]
    Row(#[from] postcard::Error),
    #[error("index: {0}")]
    File(#[from] io::Error),
    #[error("index: {0}")]
    Damaged(&'static str),
}

impl IndexError {
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Database(redb::Error::Io(error)) | Self::File(error) => is_full(error),
            _ => false,
        }
    }
}

impl IndexError {
    /// Whether the disk failed, so that nothing is known against the index itself.
    pub(crate) fn is_of_the_disk(&self) -> bool {
        use io::ErrorKind::{InvalidData, UnexpectedEof};
        match self {
            Self::Database(redb::Error::Io(error)) => !matches!(error.kind(), InvalidData | UnexpectedEof),
            Self::Database(redb::Error::PreviousIo) | Self::File(_) => true,
            _ => false,
        }
    }
}

pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Makes the conversions of redb's many error types one `?`.
fn redb_error(error: impl Into<redb::Error>) -> IndexError {
    IndexError::Database(error.into())
}

type Result<T> = std::result::Result<T, IndexError>;

/// The open index.
#[derive(Debug)]
pub(crate) struct Index {
    disk: Arc<dyn Disk>,
    /// `None` only while and after reopening has failed.
    database: RwLock<Option<Database>>,
}

impl Index {
    /// Opens the index, or an empty one when there is none. An error means that it is of no use any more, and
    /// [`Index::discard`] makes way for a new one.
    pub(crate) fn open(disk: Arc<dyn Disk>) -> Result<Self> {
        let database = open_database(&disk)?;
        Ok(Self { disk, database: RwLock::new(Some(database)) })
    }

    /// Removes the index file. Everything in it can be rebuilt.
    pub(crate) fn discard(disk: &dyn Disk) -> io::Result<()> {
        disk.remove(FileName::Index)?;
        disk.sync_folder(Folder::Top)
    }

    /// Opens it again after an error: redb refuses to go on after the first one.
    pub(crate) fn reopen(&self) -> Result<()> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        *database = None;
        *database = Some(open_database(&self.disk)?);
        Ok(())
    }

    /// What was committed last. Short-lived: an old view pins old pages.
    pub(crate) fn view(&self) -> Result<View> {
        self.with(|database| Ok(View(database.begin_read().map_err(redb_error)?)))
    }

    /// Begins a change. There is one writer; a second one waits here.
    pub(crate) fn change(&self) -> Result<Change> {
        self.with(|database| {
            let mut transaction = database.begin_write().map_err(redb_error)?;
            transaction.set_durability(Durability::Immediate).map_err(redb_error)?;
            Ok(Change(transaction))
        })
    }

    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T>) -> Result<T> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        work(database.as_ref().ok_or(IndexError::Damaged("it could not be opened again after an error"))?)
    }
}

fn open_database(disk: &Arc<dyn Disk>) -> Result<Database> {
    let file = match disk.open(FileName::Index) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => disk.create(FileName::Index)?,
        other => other?,
    };
    disk.sync_folder(Folder::Top)?;
    // A damaged file can make redb panic. To us that is one more way of being unreadable.
    let opened = std::panic::catch_unwind(AssertUnwindSafe(|| {
        Database::builder().set_cache_size(CACHE_LEN).create_with_backend(Backend(file))
    }));
    let database = opened.map_err(|_| IndexError::Damaged("it cannot be read"))?.map_err(redb_error)?;
    let change = database.begin_write().map_err(redb_error)?;
    create_tables(&change)?;
    change.commit().map_err(redb_error)?;
    Ok(database)
}

/// A view can only open tables that exist.
fn create_tables(transaction: &WriteTransaction) -> Result<()> {
    for table in Table::ALL {
        drop(transaction.open_table(table.definition()).map_err(redb_error)?);
    }
    Ok(())
}

/// redb's file, by way of the disk seam.
#[derive(Debug)]
struct Backend(Arc<dyn DiskFile>);

impl redb::StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, data)
    }
}

/// The index as it was committed last.
pub(crate) struct View(ReadTransaction);

/// A change of the index: nothing of it is seen or kept before [`Change::commit`].
pub(crate) struct Change(WriteTransaction);

/// A key and its value.
pub(crate) type Item = (Vec<u8>, Vec<u8>);

/// What can open a table: redb has one type of table for reading and another one for writing.
trait Tables {
    fn table(&self, table: Table) -> Result<impl ReadableTable<&'static [u8], &'static [u8]>>;
}

impl Tables for View {
    fn table(&self, table: Table) -> Result<impl ReadableTable<&'static [u8], &'static [u8]>> {
        self.0.open_table(table.definition()).map_err(redb_error)
    }
}

impl Tables for Change {
    fn table(&self, table: Table) -> Result<impl ReadableTable<&'static [u8], &'static [u8]>> {
        self.0.open_table(table.definition()).map_err(redb_error)
    }
}

impl<T: Tables> Lookup for T {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.table(table)?.get(key).map_err(redb_error)?.map(|value| value.value().to_vec()))
    }

    fn range(&self, table: Table, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Item>> {
        let table = self.table(table)?;
        let found = table.range::<&[u8]>(from..=to).map_err(redb_error)?;
        found
            .take(limit)
            .map(|item| {
                let (key, value) = item.map_err(redb_error)?;
                Ok((key.value().to_vec(), value.value().to_vec()))
            })
            .collect()
    }

    fn len(&self, table: Table) -> Result<u64> {
        self.table(table)?.len().map_err(redb_error)
    }
}

impl Change {
    /// Returns when the change is durable. After an error it is unknown whether it was made.
    pub(crate) fn commit(self) -> Result<()> {
        self.0.commit().map_err(redb_error)
    }

    fn insert(&self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        let mut table = self.0.open_table(table.definition()).map_err(redb_error)?;
        table.insert(key, value).map_err(redb_error)?;
        Ok(())
    }

    fn remove(&self, table: Table, key: &[u8]) -> Result<()> {
        let mut table = self.0.open_table(table.definition()).map_err(redb_error)?;
        table.remove(key).map_err(redb_error)?;
        Ok(())
    }
}
