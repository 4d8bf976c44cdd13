//! The tables of the catalogue.

use std::collections::HashSet;

use proofs::Cid;
use protocol::PublicKey;
use redb::{AccessGuard, Database, ReadableTable as _, ReadableTableMetadata as _, Table, TableDefinition};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use sharing::PublicationId;

use super::held::{Held, PaidKind, PaidTitle};
use super::{CatalogueError, damaged};
use crate::publications::summary::Summary;

/// By publication id.
pub(super) const PUBLICATIONS: TableDefinition<&[u8; 36], &[u8]> = TableDefinition::new("publications");
/// What is listed, newest first, by [`Place`].
pub(super) const NEWEST: TableDefinition<(u64, &[u8; 36]), ()> = TableDefinition::new("newest");
/// By target.
pub(super) const DENIALS: TableDefinition<&[u8; 36], &[u8]> = TableDefinition::new("denials");
/// By title and object: what is shown for money, the creator who is paid, and whether it is a publication.
const HELD: TableDefinition<HeldKey, (&[u8; 32], bool)> = TableDefinition::new("held for money");
/// How many rows of publications there are of each creator, withdrawn ones included.
const CREATORS: TableDefinition<&[u8; 32], u64> = TableDefinition::new("creators");

type HeldKey = (&'static [u8; 36], &'static [u8; 36]);

/// An object that a title holds no more.
pub(super) type Released = ([u8; 36], [u8; 32], PaidKind);

/// Where a publication stands in the list: `u64::MAX` − the time of its bundle, and its id.
pub(super) type Place = (u64, [u8; 36]);

#[derive(Serialize, Deserialize)]
pub(super) struct Row {
    #[serde(with = "serde_bytes")]
    pub(super) record: Vec<u8>,
    /// The object of the record's bundle, to be compared with denials.
    #[serde(with = "serde_bytes")]
    pub(super) object: [u8; 36],
    pub(super) summary: Summary,
    pub(super) withdrawal: Option<ByteBuf>,
}

impl Row {
    pub(super) fn decode(id: PublicationId, bytes: &[u8]) -> Result<Self, CatalogueError> {
        serde_ipld_dagcbor::from_slice(bytes).map_err(|error| damaged(&id, &error))
    }

    pub(super) fn object(&self, id: PublicationId) -> Result<Cid, CatalogueError> {
        Cid::from_bytes(&self.object).map_err(|error| damaged(&id, &error))
    }
}

/// One durable transaction.
pub(super) fn change<T>(
    database: &Database,
    change: impl FnOnce(&mut Tables<'_>) -> Result<T, CatalogueError>,
) -> Result<T, CatalogueError> {
    let transaction = database.begin_write().map_err(redb::Error::from)?;
    let result = {
        let mut tables = Tables {
            publications: transaction.open_table(PUBLICATIONS).map_err(redb::Error::from)?,
            newest: transaction.open_table(NEWEST).map_err(redb::Error::from)?,
            denials: transaction.open_table(DENIALS).map_err(redb::Error::from)?,
            creators: transaction.open_table(CREATORS).map_err(redb::Error::from)?,
            held: transaction.open_table(HELD).map_err(redb::Error::from)?,
        };
        change(&mut tables)?
    };
    transaction.commit().map_err(redb::Error::from)?;
    Ok(result)
}

pub(super) struct Tables<'t> {
    publications: Table<'t, &'static [u8; 36], &'static [u8]>,
    newest: Table<'t, (u64, &'static [u8; 36]), ()>,
    denials: Table<'t, &'static [u8; 36], &'static [u8]>,
    creators: Table<'t, &'static [u8; 32], u64>,
    held: Table<'t, HeldKey, (&'static [u8; 32], bool)>,
}

impl Tables<'_> {
    pub(super) fn len(&self) -> Result<u64, CatalogueError> {
        Ok(self.publications.len().map_err(redb::Error::from)?)
    }

    pub(super) fn row(&self, id: PublicationId) -> Result<Option<Row>, CatalogueError> {
        let row = self.publications.get(&key(id)).map_err(redb::Error::from)?;
        row.map(|row| Row::decode(id, row.value())).transpose()
    }

    pub(super) fn put(&mut self, id: PublicationId, row: &Row) -> Result<(), CatalogueError> {
        let bytes = serde_ipld_dagcbor::to_vec(row).expect("texts, numbers and bytes are CBOR");
        self.publications.insert(&key(id), bytes.as_slice()).map_err(redb::Error::from)?;
        Ok(())
    }

    /// Puts a publication into the list, or takes it out.
    pub(super) fn list(&mut self, place: Place, is_listed: bool) -> Result<(), CatalogueError> {
        let place = (place.0, &place.1);
        if is_listed {
            self.newest.insert(place, ()).map_err(redb::Error::from)?;
        } else {
            self.newest.remove(place).map_err(redb::Error::from)?;
        }
        Ok(())
    }

    /// How many publications of a creator there are.
    pub(super) fn count(&self, creator: PublicKey) -> Result<u64, CatalogueError> {
        let count = self.creators.get(creator.as_bytes()).map_err(redb::Error::from)?;
        Ok(count.map_or(0, |count| count.value()))
    }

    pub(super) fn count_one_more(&mut self, creator: PublicKey) -> Result<(), CatalogueError> {
        let count = self.count(creator)? + 1;
        self.creators.insert(creator.as_bytes(), count).map_err(redb::Error::from)?;
        Ok(())
    }

    pub(super) fn deny(&mut self, target: &[u8; 36], record: &[u8]) -> Result<(), CatalogueError> {
        self.denials.insert(target, record).map_err(redb::Error::from)?;
        Ok(())
    }

    pub(super) fn denials_len(&self) -> Result<u64, CatalogueError> {
        Ok(self.denials.len().map_err(redb::Error::from)?)
    }

    /// How many objects are held, each once for every title.
    pub(super) fn held_len(&self) -> Result<u64, CatalogueError> {
        Ok(self.held.len().map_err(redb::Error::from)?)
    }

    /// Whether a title holds this object already.
    pub(super) fn holds(&self, title: Cid, object: &[u8; 36]) -> Result<bool, CatalogueError> {
        Ok(self.held.get((&title.to_bytes(), object)).map_err(redb::Error::from)?.is_some())
    }

    /// Keeps that an object is shown for money within a title.
    pub(super) fn hold(&mut self, title: &PaidTitle, object: &[u8; 36]) -> Result<(), CatalogueError> {
        let is_publication = title.kind == PaidKind::Publication;
        let row = (title.creator.as_bytes(), is_publication);
        self.held.insert((&title.id.to_bytes(), object), row).map_err(redb::Error::from)?;
        Ok(())
    }

    /// Forgets all that a title holds.
    pub(super) fn release(&mut self, title: Cid) -> Result<Vec<Released>, CatalogueError> {
        let title = title.to_bytes();
        let all = (&title, &[0; 36])..=(&title, &[0xff; 36]);
        let rows = self.held.extract_from_if(all, |_, _| true).map_err(redb::Error::from)?;
        let released = rows.map(|row| row.map(|(key, row)| released(&key, &row)).map_err(redb::Error::from));
        Ok(released.collect::<Result<_, _>>()?)
    }

    /// All objects that are shown for money.
    pub(super) fn held(&self) -> Result<Held, CatalogueError> {
        let mut held = Held::default();
        for row in self.held.iter().map_err(redb::Error::from)? {
            let (key, row) = row.map_err(redb::Error::from)?;
            let (object, creator, kind) = released(&key, &row);
            PublicKey::from_bytes(&creator).map_err(|error| damaged(&"a creator who is paid", &error))?;
            held.add(object, creator, kind);
        }
        Ok(held)
    }

    /// The targets of all denials.
    pub(super) fn denied(&self) -> Result<HashSet<[u8; 36]>, CatalogueError> {
        let rows = self.denials.iter().map_err(redb::Error::from)?;
        let targets = rows.map(|row| Ok(*row.map_err(redb::Error::from)?.0.value()));
        targets.collect()
    }
}

fn released(key: &AccessGuard<'_, HeldKey>, row: &AccessGuard<'_, (&'static [u8; 32], bool)>) -> Released {
    let ((_, object), (creator, is_publication)) = (key.value(), row.value());
    let kind = if is_publication { PaidKind::Publication } else { PaidKind::Live };
    (*object, *creator, kind)
}

pub(super) fn key(id: PublicationId) -> [u8; 36] {
    id.cid().to_bytes()
}

pub(super) fn place(created: u64, id: PublicationId) -> Place {
    (u64::MAX - created, key(id))
}

/// The id in a place.
pub(super) fn id(key: &[u8; 36]) -> Result<PublicationId, CatalogueError> {
    let cid = Cid::from_bytes(key).map_err(|error| damaged(&"a listed id", &error))?;
    Ok(PublicationId::from_cid(cid))
}
