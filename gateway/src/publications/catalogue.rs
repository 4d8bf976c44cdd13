//! The publications that this gateway was offered, and what it must not serve: signed records, kept durably.
//!
//! The records are the truth; what stands beside each of them was made from it and from a verified bundle, and only saves checking and
//! fetching them again.

mod held;
mod rows;

use std::collections::HashSet;
use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use proofs::Cid;
use protocol::{NetworkId, PublicKey, Record, RecordError, Signed};
use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase as _};
use sharing::{Denial, Publication, PublicationId, Withdrawal};

use self::held::Held;
pub(crate) use self::held::{PaidKind, PaidTitle};
use self::rows::{DENIALS, NEWEST, PUBLICATIONS, Released, Row, Tables, key, place};
use super::summary::Summary;

/// Publications of one catalogue, whoever made them: about 600 MB on the disk.
const PUBLICATIONS_MAX: u64 = 100_000;

/// Denials of one catalogue, whoever keeps them: their targets are in memory, in about 50 MB.
const DENIALS_MAX: u64 = 1_000_000;

/// Objects that are shown for money, each once for every title that it is part of: they are in memory, in about 150 MB.
const HELD_MAX: u64 = 1_000_000;

/// Bytes of memory that the database caches.
const DATABASE_CACHE_LEN: usize = 4 << 20;

/// The durable catalogue of one gateway. Its methods block for as long as a disk does, but for [`Self::is_denied`].
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    database: Arc<Database>,
    network: NetworkId,
    per_creator_max: u64,
    denied: Arc<RwLock<HashSet<[u8; 36]>>>,
    held: Arc<RwLock<Held>>,
}

/// A publication as it was offered.
#[derive(Debug, Clone)]
pub(crate) struct Offered {
    pub(crate) record: Signed<Publication>,
    pub(crate) is_withdrawn: bool,
}

/// What became of a publication that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is kept.
    Now,
    /// It was kept before, by this record or a later one.
    Known,
    /// Its creator has withdrawn it at the time of this record or later.
    Withdrawn,
    /// It is somebody else's.
    Foreign,
    /// There is no room for another one.
    Full,
    /// There is no room for another one of this creator, who has as many as this.
    CreatorFull(u64),
    /// It is for money, and what it consists of is not kept for it.
    NotHeld(PaidFor),
}

/// What became of a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The publication with this summary is withdrawn.
    Now(Box<Summary>),
    /// The creator has published it again since.
    Older,
    /// It is somebody else's.
    Foreign,
    /// There is no such publication.
    Unknown,
}

/// What became of objects that are to be shown for money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaidFor {
    /// It is kept.
    Kept,
    /// Somebody else is paid for one of them.
    Foreign,
    /// There is no room for them.
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

impl Catalogue {
    /// The catalogue in the file `path`, which is created when it is missing.
    pub(crate) fn open(
        path: &Path,
        network: NetworkId,
        per_creator_max: u64,
    ) -> Result<Self, CatalogueError> {
        keep_private(path).map_err(redb::Error::Io)?;
        let database = Database::builder().set_cache_size(DATABASE_CACHE_LEN).create(path);
        Self::with(database.map_err(redb::Error::from)?, network, per_creator_max)
    }

    /// A catalogue that ends with the process.
    pub(crate) fn in_memory(network: NetworkId, per_creator_max: u64) -> Result<Self, CatalogueError> {
        let database = Database::builder().create_with_backend(InMemoryBackend::new());
        Self::with(database.map_err(redb::Error::from)?, network, per_creator_max)
    }

    fn with(database: Database, network: NetworkId, per_creator_max: u64) -> Result<Self, CatalogueError> {
        let (denied, held) = rows::change(&database, |tables| Ok((tables.denied()?, tables.held()?)))?;
        let (denied, held) = (Arc::new(RwLock::new(denied)), Arc::new(RwLock::new(held)));
        Ok(Self { database: Arc::new(database), network, per_creator_max, denied, held })
    }

    /// Keeps a publication; of two records for one bundle the later counts. What it shows for `money` nobody has for nothing
    /// from then on.
    pub(crate) fn keep(
        &self,
        record: &Signed<Publication>,
        summary: Summary,
        money: &[Cid],
    ) -> Result<Kept, CatalogueError> {
        let body = record.body();
        let (place, id) = (place(summary.created, body.bundle), body.bundle);
        rows::change(&self.database, |tables| {
            let row = tables.row(id)?;
            let refusal = match &row {
                Some(row) => self.against(id, row, record)?,
                None => self.refuses(tables, record.by())?,
            };
            if let Some(refusal) = refusal {
                return Ok(refusal);
            }
            let title = PaidTitle { id: id.cid(), creator: record.by(), kind: PaidKind::Publication };
            match self.hold(tables, &title, money)? {
                PaidFor::Kept => {}
                refusal => return Ok(Kept::NotHeld(refusal)),
            }
            if row.is_none() {
                tables.count_one_more(record.by())?;
            }
            let object = body.object.to_bytes();
            tables.put(id, &Row { record: record.encode(), object, summary, withdrawal: None })?;
            tables.list(place, body.listed)?;
            Ok(Kept::Now)
        })
    }

    /// Why a record does not take the place of what is kept.
    fn against(
        &self,
        id: PublicationId,
        row: &Row,
        record: &Signed<Publication>,
    ) -> Result<Option<Kept>, CatalogueError> {
        let known: Signed<Publication> = self.decode(id, &row.record)?;
        if known.by() != record.by() {
            return Ok(Some(Kept::Foreign));
        }
        let issued = record.body().issued;
        if self.withdrawal(id, row)?.is_some_and(|withdrawal| withdrawal.body().issued >= issued) {
            return Ok(Some(Kept::Withdrawn));
        }
        Ok((known.body().issued >= issued).then_some(Kept::Known))
    }

    /// Why there is no room for one more publication of a creator, if there is none.
    fn refuses(&self, tables: &Tables<'_>, creator: PublicKey) -> Result<Option<Kept>, CatalogueError> {
        if tables.len()? >= PUBLICATIONS_MAX {
            return Ok(Some(Kept::Full));
        }
        if tables.count(creator)? >= self.per_creator_max {
            return Ok(Some(Kept::CreatorFull(self.per_creator_max)));
        }
        Ok(None)
    }

    /// Ends a publication of the same creator, unless it was published again since. What it has held is free.
    pub(crate) fn withdraw(&self, record: &Signed<Withdrawal>) -> Result<Ended, CatalogueError> {
        let (id, issued) = (record.body().bundle, record.body().issued);
        let mut released = Vec::new();
        let ended = rows::change(&self.database, |tables| {
            let Some(mut row) = tables.row(id)? else { return Ok(Ended::Unknown) };
            let known: Signed<Publication> = self.decode(id, &row.record)?;
            if known.by() != record.by() {
                return Ok(Ended::Foreign);
            }
            if known.body().issued > issued {
                return Ok(Ended::Older);
            }
            // Of two withdrawals the later counts, since it outweighs more records.
            if self.withdrawal(id, &row)?.is_none_or(|before| before.body().issued < issued) {
                row.withdrawal = Some(record.encode().into());
                tables.put(id, &row)?;
                tables.list(place(row.summary.created, id), false)?;
                released = tables.release(id.cid())?;
            }
            Ok(Ended::Now(Box::new(row.summary)))
        })?;
        self.forget_held(&released);
        Ok(ended)
    }

    /// Keeps a denial; whether its keeper is trusted, the caller has checked. False when there is no room for it.
    pub(crate) fn deny(&self, record: &Signed<Denial>) -> Result<bool, CatalogueError> {
        let target = record.body().target.to_bytes();
        let is_kept = rows::change(&self.database, |tables| {
            if tables.denials_len()? >= DENIALS_MAX && !self.is_denied(&record.body().target) {
                return Ok(false);
            }
            tables.deny(&target, &record.encode())?;
            Ok(true)
        })?;
        if is_kept {
            self.denied.write().unwrap_or_else(PoisonError::into_inner).insert(target);
        }
        Ok(is_kept)
    }

    /// Whether a denial names this publication or object; from memory.
    pub(crate) fn is_denied(&self, target: &Cid) -> bool {
        self.denied.read().unwrap_or_else(PoisonError::into_inner).contains(&target.to_bytes())
    }

    /// Keeps that these objects are shown for money within a title.
    pub(crate) fn pay_for(&self, objects: &[Cid], title: &PaidTitle) -> Result<PaidFor, CatalogueError> {
        rows::change(&self.database, |tables| self.hold(tables, title, objects))
    }

    /// Gives back what titles have held that are over.
    pub(crate) fn release(&self, titles: &[Cid]) -> Result<(), CatalogueError> {
        let released = rows::change(&self.database, |tables| {
            let released: Result<Vec<_>, _> = titles.iter().map(|title| tables.release(*title)).collect();
            Ok(released?.concat())
        })?;
        self.forget_held(&released);
        Ok(())
    }

    /// Changes of the database follow each other: nobody else holds the same object meanwhile.
    fn hold(
        &self,
        tables: &mut Tables<'_>,
        title: &PaidTitle,
        objects: &[Cid],
    ) -> Result<PaidFor, CatalogueError> {
        let mut new = HashSet::new();
        for object in objects {
            if !self.held.read().unwrap_or_else(PoisonError::into_inner).admits(object, title) {
                return Ok(PaidFor::Foreign);
            }
            if !tables.holds(title.id, &object.to_bytes())? {
                new.insert(object.to_bytes());
            }
        }
        if tables.held_len()? + new.len() as u64 > HELD_MAX {
            return Ok(PaidFor::Full);
        }
        new.iter().try_for_each(|object| tables.hold(title, object))?;
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        for object in new {
            held.add(object, *title.creator.as_bytes(), title.kind);
        }
        Ok(PaidFor::Kept)
    }

    fn forget_held(&self, released: &[Released]) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        for (object, creator, kind) in released {
            held.remove(*object, *creator, *kind);
        }
    }

    /// Whether this object is shown for money; from memory.
    pub(crate) fn is_held(&self, object: &Cid) -> bool {
        self.held.read().unwrap_or_else(PoisonError::into_inner).is_held(object)
    }

    /// Whether whoever pays this creator may have this object; from memory.
    pub(crate) fn is_open_to(&self, object: &Cid, creator: &PublicKey) -> bool {
        self.held.read().unwrap_or_else(PoisonError::into_inner).is_open_to(object, creator)
    }

    /// Why this publication or object must not be served.
    pub(crate) fn denial(&self, target: &Cid) -> Result<Option<Signed<Denial>>, CatalogueError> {
        let view = self.database.begin_read().map_err(redb::Error::from)?;
        let denials = view.open_table(DENIALS).map_err(redb::Error::from)?;
        let bytes = denials.get(&target.to_bytes()).map_err(redb::Error::from)?;
        bytes.map(|bytes| self.decode(target, bytes.value())).transpose()
    }

    /// A publication, listed or not.
    pub(crate) fn get(&self, id: PublicationId) -> Result<Option<Offered>, CatalogueError> {
        let view = self.database.begin_read().map_err(redb::Error::from)?;
        let publications = view.open_table(PUBLICATIONS).map_err(redb::Error::from)?;
        let Some(row) = publications.get(&key(id)).map_err(redb::Error::from)? else { return Ok(None) };
        let row = Row::decode(id, row.value())?;
        let record = self.decode(id, &row.record)?;
        Ok(Some(Offered { record, is_withdrawn: row.withdrawal.is_some() }))
    }

    /// Which of these are known here as withdrawn.
    pub(crate) fn withdrawn(&self, ids: &[PublicationId]) -> Result<HashSet<PublicationId>, CatalogueError> {
        let view = self.database.begin_read().map_err(redb::Error::from)?;
        let publications = view.open_table(PUBLICATIONS).map_err(redb::Error::from)?;
        let mut withdrawn = HashSet::new();
        for id in ids {
            let row = publications.get(&key(*id)).map_err(redb::Error::from)?;
            let row = row.map(|row| Row::decode(*id, row.value())).transpose()?;
            if row.is_some_and(|row| row.withdrawal.is_some()) {
                withdrawn.insert(*id);
            }
        }
        Ok(withdrawn)
    }

    /// Up to `limit` listed publications after `after` that nothing denies, newest first. Their records were verified when they came.
    pub(crate) fn list(&self, after: Option<Cursor>, limit: usize) -> Result<Vec<Summary>, CatalogueError> {
        let view = self.database.begin_read().map_err(redb::Error::from)?;
        let newest = view.open_table(NEWEST).map_err(redb::Error::from)?;
        let publications = view.open_table(PUBLICATIONS).map_err(redb::Error::from)?;
        let first = after.map_or((0, [0; 36]), |cursor| place(cursor.created, cursor.id));
        let places = newest.range((first.0, &first.1)..).map_err(redb::Error::from)?;
        let mut list = Vec::new();
        for place in places {
            let (place, ()) = place.map(|(place, row)| (place, row.value())).map_err(redb::Error::from)?;
            let id = rows::id(place.value().1)?;
            if after.is_some_and(|cursor| cursor.id == id) || self.is_denied(&id.cid()) {
                continue;
            }
            if list.len() == limit {
                break;
            }
            let row = publications.get(&key(id)).map_err(redb::Error::from)?;
            let row = row.ok_or_else(|| damaged(&id, &"it is listed, but not there"))?;
            let row = Row::decode(id, row.value())?;
            if !self.is_denied(&row.object(id)?) {
                list.push(row.summary);
            }
        }
        Ok(list)
    }

    fn withdrawal(&self, id: PublicationId, row: &Row) -> Result<Option<Signed<Withdrawal>>, CatalogueError> {
        row.withdrawal.as_ref().map(|record| self.decode(id, record)).transpose()
    }

    fn decode<T: Record>(
        &self,
        id: impl std::fmt::Display,
        record: &[u8],
    ) -> Result<Signed<T>, CatalogueError> {
        Signed::decode(record, &self.network).map_err(|error: RecordError| damaged(&id, &error))
    }
}

fn damaged(id: &dyn std::fmt::Display, reason: &dyn std::fmt::Display) -> CatalogueError {
    CatalogueError::Row { id: id.to_string(), reason: reason.to_string() }
}

/// Makes the file of a database, or what is there, readable for its owner alone: records hold the keys of what is not listed.
pub(crate) fn keep_private(path: &Path) -> io::Result<()> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

#[cfg(test)]
mod tests;
