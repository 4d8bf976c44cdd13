//! The publications that this gateway was offered, and what it must not serve: signed records, kept durably.
//!
//! The records are the truth; the summary beside each of them was made from a verified bundle and only saves fetching it again.

use std::path::Path;
use std::sync::Arc;

use proofs::Cid;
use protocol::{NetworkId, RecordError, Signed};
use redb::backends::InMemoryBackend;
use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, TableDefinition,
};
use serde::{Deserialize, Serialize};
use sharing::{Denial, Publication, PublicationId, Withdrawal};

use super::summary::Summary;

/// By publication id.
const PUBLICATIONS: TableDefinition<&[u8; 36], &[u8]> = TableDefinition::new("publications");
/// What is listed, newest first: `u64::MAX` − the time of the bundle, and the publication id.
const NEWEST: TableDefinition<(u64, &[u8; 36]), ()> = TableDefinition::new("newest");
/// By target.
const DENIALS: TableDefinition<&[u8; 36], &[u8]> = TableDefinition::new("denials");

/// Publications of one catalogue, whoever made them: about 600 MB on the disk.
const PUBLICATIONS_MAX: u64 = 100_000;

/// Bytes of memory that the database caches.
const DATABASE_CACHE_LEN: usize = 4 << 20;

/// The durable catalogue of one gateway. Its methods block for as long as a disk does.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    database: Arc<Database>,
    network: NetworkId,
}

/// A publication as it was offered.
#[derive(Debug, Clone)]
pub(crate) struct Offered {
    pub(crate) record: Signed<Publication>,
    pub(crate) summary: Summary,
    pub(crate) is_withdrawn: bool,
}

/// What became of a publication that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is kept, or a later record for it is.
    Now,
    /// It was kept before, by this record or a later one.
    Known,
    /// Its creator has withdrawn it, for ever.
    Withdrawn,
    /// It is somebody else's.
    Foreign,
    /// There is no room for another one.
    Full,
}

/// A place in the list: the entry before the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) created: u64,
    pub(crate) id: PublicationId,
}

/// The catalogue cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The database failed.
    #[error("the catalogue failed: {0}")]
    Database(#[from] redb::Error),
    /// A row does not hold what was written.
    #[error("the catalogue's row of {id} is damaged: {reason}")]
    Row {
        /// Which.
        id: String,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Row {
    #[serde(with = "serde_bytes")]
    record: Vec<u8>,
    summary: Summary,
    #[serde(with = "serde_bytes")]
    withdrawal: Option<Vec<u8>>,
}

impl Catalogue {
    /// The catalogue in the file `path`, which is created when it is missing.
    pub(crate) fn open(path: &Path, network: NetworkId) -> Result<Self, CatalogueError> {
        let database = Database::builder().set_cache_size(DATABASE_CACHE_LEN).create(path);
        Self::with(database.map_err(redb::Error::from)?, network)
    }

    /// A catalogue that ends with the process.
    pub(crate) fn in_memory(network: NetworkId) -> Result<Self, CatalogueError> {
        let database = Database::builder().create_with_backend(InMemoryBackend::new());
        Self::with(database.map_err(redb::Error::from)?, network)
    }

    fn with(database: Database, network: NetworkId) -> Result<Self, CatalogueError> {
        let catalogue = Self { database: Arc::new(database), network };
        catalogue.change(|_| Ok(()))?;
        Ok(catalogue)
    }

    /// Keeps a publication; of two records for one bundle the later counts.
    pub(crate) fn keep(
        &self,
        record: &Signed<Publication>,
        summary: Summary,
    ) -> Result<Kept, CatalogueError> {
        let body = record.body();
        let (place, id) = ((u64::MAX - summary.created, key(body.bundle)), body.bundle);
        self.change(|tables| {
            if let Some(row) = tables.row(id)? {
                let known = self.decode(id, &row)?;
                if row.withdrawal.is_some() {
                    return Ok(Kept::Withdrawn);
                }
                if known.by() != record.by() {
                    return Ok(Kept::Foreign);
                }
                if known.body().issued >= body.issued {
                    return Ok(Kept::Known);
                }
            } else if tables.publications.len().map_err(redb::Error::from)? >= PUBLICATIONS_MAX {
                return Ok(Kept::Full);
            }
            tables.put(id, &Row { record: record.encode(), summary, withdrawal: None })?;
            if body.listed {
                tables.newest.insert((place.0, &place.1), ()).map_err(redb::Error::from)?;
            } else {
                tables.newest.remove((place.0, &place.1)).map_err(redb::Error::from)?;
            }
            Ok(Kept::Now)
        })
    }

    /// Ends a publication of the same creator; false when there is none.
    pub(crate) fn withdraw(&self, record: &Signed<Withdrawal>) -> Result<bool, CatalogueError> {
        let id = record.body().bundle;
        self.change(|tables| {
            let Some(mut row) = tables.row(id)? else { return Ok(false) };
            let place = (u64::MAX - row.summary.created, key(id));
            row.withdrawal = Some(record.encode());
            tables.put(id, &row)?;
            tables.newest.remove((place.0, &place.1)).map_err(redb::Error::from)?;
            Ok(true)
        })
    }

    /// Keeps a denial; whether its keeper is trusted, the caller has checked.
    pub(crate) fn deny(&self, record: &Signed<Denial>) -> Result<(), CatalogueError> {
        let (target, bytes) = (record.body().target.to_bytes(), record.encode());
        self.change(|tables| {
            tables.denials.insert(&target, bytes.as_slice()).map_err(redb::Error::from)?;
            Ok(())
        })
    }

    /// Why this publication or object must not be served.
    pub(crate) fn denial(&self, target: &Cid) -> Result<Option<Signed<Denial>>, CatalogueError> {
        let view = self.database.begin_read().map_err(redb::Error::from)?;
        let denials = view.open_table(DENIALS).map_err(redb::Error::from)?;
        let Some(bytes) = denials.get(&target.to_bytes()).map_err(redb::Error::from)? else {
            return Ok(None);
        };
        let damaged = |error: RecordError| damaged(target, &error);
        Signed::decode(bytes.value(), &self.network).map(Some).map_err(damaged)
    }

    /// A publication, listed or not.
    pub(crate) fn get(&self, id: PublicationId) -> Result<Option<Offered>, CatalogueError> {
        let view = self.database.begin_read().map_err(redb::Error::from)?;
        let publications = view.open_table(PUBLICATIONS).map_err(redb::Error::from)?;
        let row = publications.get(&key(id)).map_err(redb::Error::from)?;
        row.map(|row| self.offered(id, row.value())).transpose()
    }

    /// Up to `limit` listed publications after `after` that nothing denies, newest first.
    pub(crate) fn list(&self, after: Option<Cursor>, limit: usize) -> Result<Vec<Offered>, CatalogueError> {
        let view = self.database.begin_read().map_err(redb::Error::from)?;
        let newest = view.open_table(NEWEST).map_err(redb::Error::from)?;
        let publications = view.open_table(PUBLICATIONS).map_err(redb::Error::from)?;
        let denials = view.open_table(DENIALS).map_err(redb::Error::from)?;
        let first = after.map_or((0, [0; 36]), |cursor| (u64::MAX - cursor.created, key(cursor.id)));
        let places = newest.range((first.0, &first.1)..).map_err(redb::Error::from)?;
        let mut list = Vec::new();
        for place in places {
            let (place, ()) = place.map(|(place, row)| (place, row.value())).map_err(redb::Error::from)?;
            let (_, id) = place.value();
            let id = Cid::from_bytes(id).map_err(|error| damaged(&"a listed id", &error))?;
            let id = PublicationId::from_cid(id);
            if after.is_some_and(|cursor| cursor.id == id) {
                continue;
            }
            if list.len() == limit {
                break;
            }
            let row = publications.get(&key(id)).map_err(redb::Error::from)?;
            let row = row.ok_or_else(|| damaged(&id, &"it is listed, but not there"))?;
            let offered = self.offered(id, row.value())?;
            let mut is_denied = false;
            for target in [id.cid(), offered.record.body().object] {
                is_denied |= denials.get(&target.to_bytes()).map_err(redb::Error::from)?.is_some();
            }
            if !is_denied {
                list.push(offered);
            }
        }
        Ok(list)
    }

    fn offered(&self, id: PublicationId, row: &[u8]) -> Result<Offered, CatalogueError> {
        let row: Row = serde_ipld_dagcbor::from_slice(row).map_err(|error| damaged(&id, &error))?;
        let record = self.decode(id, &row)?;
        Ok(Offered { record, summary: row.summary, is_withdrawn: row.withdrawal.is_some() })
    }

    fn decode(&self, id: PublicationId, row: &Row) -> Result<Signed<Publication>, CatalogueError> {
        Signed::decode(&row.record, &self.network).map_err(|error| damaged(&id, &error))
    }

    /// One durable transaction.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Tables<'_>) -> Result<T, CatalogueError>,
    ) -> Result<T, CatalogueError> {
        let transaction = self.database.begin_write().map_err(redb::Error::from)?;
        let result = {
            let mut tables = Tables {
                publications: transaction.open_table(PUBLICATIONS).map_err(redb::Error::from)?,
                newest: transaction.open_table(NEWEST).map_err(redb::Error::from)?,
                denials: transaction.open_table(DENIALS).map_err(redb::Error::from)?,
            };
            change(&mut tables)?
        };
        transaction.commit().map_err(redb::Error::from)?;
        Ok(result)
    }
}

struct Tables<'t> {
    publications: redb::Table<'t, &'static [u8; 36], &'static [u8]>,
    newest: redb::Table<'t, (u64, &'static [u8; 36]), ()>,
    denials: redb::Table<'t, &'static [u8; 36], &'static [u8]>,
}

impl Tables<'_> {
    fn row(&self, id: PublicationId) -> Result<Option<Row>, CatalogueError> {
        let row = self.publications.get(&key(id)).map_err(redb::Error::from)?;
        let row = row.map(|row| serde_ipld_dagcbor::from_slice(row.value()));
        row.transpose().map_err(|error| damaged(&id, &error))
    }

    fn put(&mut self, id: PublicationId, row: &Row) -> Result<(), CatalogueError> {
        let bytes = serde_ipld_dagcbor::to_vec(row).expect("texts, numbers and bytes are CBOR");
        self.publications.insert(&key(id), bytes.as_slice()).map_err(redb::Error::from)?;
        Ok(())
    }
}

fn damaged(id: &dyn std::fmt::Display, reason: &dyn std::fmt::Display) -> CatalogueError {
    CatalogueError::Row { id: id.to_string(), reason: reason.to_string() }
}

fn key(id: PublicationId) -> [u8; 36] {
    id.cid().to_bytes()
}
