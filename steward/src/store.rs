//! What a steward knows, on disk. The only file that names redb.
//!
//! All of it can be learned anew from mandates and audits, except the manifests, which may be the last copies there
//! are. Rows of an older program are dropped for that reason, and manifests are not.

use std::collections::BTreeMap;
use std::path::Path;

use proofs::Cid;
use protocol::PublicKey;
use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::history::HourLine;
use crate::plan::{NodeCare, Object};

/// Raised with every change of a row.
const VERSION: u64 = 2;
/// Memory for cached pages, in bytes.
const CACHE_LEN: usize = 16 << 20;

type Rows = TableDefinition<'static, &'static [u8], &'static [u8]>;

const OBJECTS: Rows = TableDefinition::new("objects");
const NODES: Rows = TableDefinition::new("nodes");
/// What the audits of each node found, hour by hour.
const HISTORY: Rows = TableDefinition::new("history");
const MANIFESTS: Rows = TableDefinition::new("manifests");
const VERSIONS: TableDefinition<'static, &'static str, u64> = TableDefinition::new("versions");

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error("another steward runs over this folder, alone or in a gateway")]
    InUse,
    /// The database says no: it is damaged, or the disk is full.
    #[error("state: {0}")]
    Database(Box<redb::Error>),
    /// A row cannot be written.
    #[error("state: {0}")]
    Row(#[from] postcard::Error),
}

fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Database(Box::new(error.into()))
}

/// Objects and nodes as they were saved last.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    pub(crate) objects: BTreeMap<Cid, Object>,
    pub(crate) nodes: BTreeMap<PublicKey, NodeCare>,
    pub(crate) history: BTreeMap<PublicKey, Vec<HourLine>>,
}

/// What changed of what is saved.
#[derive(Debug, Default)]
pub(crate) struct Changes<'a> {
    /// `None` forgets an object, its manifest included.
    pub(crate) objects: Vec<(Cid, Option<&'a Object>)>,
    pub(crate) nodes: Vec<(PublicKey, &'a NodeCare)>,
    /// Without lines a node is forgotten.
    pub(crate) history: Vec<(PublicKey, Vec<HourLine>)>,
}

impl Changes<'_> {
    pub(crate) const fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.nodes.is_empty() && self.history.is_empty()
    }
}

/// The open state.
#[derive(Debug)]
pub(crate) struct Store(Database);

impl Store {
    /// Opens the state, or an empty one where there is none. One process at a time.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let database =
            Database::builder().set_cache_size(CACHE_LEN).create(path).map_err(|error| match error {
                DatabaseError::DatabaseAlreadyOpen => StoreError::InUse,
                other => failed(other),
            })?;
        let change = database.begin_write().map_err(failed)?;
        {
            let mut versions = change.open_table(VERSIONS).map_err(failed)?;
            let is_ours = versions.get("rows").map_err(failed)?.is_some_and(|row| row.value() == VERSION);
            if !is_ours {
                change.delete_table(OBJECTS).map_err(failed)?;
                change.delete_table(NODES).map_err(failed)?;
                change.delete_table(HISTORY).map_err(failed)?;
                versions.insert("rows", VERSION).map_err(failed)?;
            }
            for table in [OBJECTS, NODES, HISTORY, MANIFESTS] {
                drop(change.open_table(table).map_err(failed)?);
            }
        }
        change.commit().map_err(failed)?;
        Ok(Self(database))
    }

    /// Everything that was saved. Rows that cannot be read are left out: they are learned anew.
    pub(crate) fn load(&self) -> Result<Saved, StoreError> {
        let view = self.0.begin_read().map_err(failed)?;
        let mut saved = Saved::default();
        for item in view.open_table(OBJECTS).map_err(failed)?.iter().map_err(failed)? {
            let (key, row) = item.map_err(failed)?;
            if let (Ok(cid), Some(object)) = (Cid::from_bytes(key.value()), decode(row.value())) {
                saved.objects.insert(cid, object);
            }
        }
        saved.nodes = of_nodes(&view, NODES)?;
        saved.history = of_nodes(&view, HISTORY)?;
        Ok(saved)
    }

    /// Saves what changed, all of it or nothing. Durable on return.
    pub(crate) fn save(&self, changes: &Changes<'_>) -> Result<(), StoreError> {
        let change = self.0.begin_write().map_err(failed)?;
        {
            let mut rows = change.open_table(OBJECTS).map_err(failed)?;
            let mut manifests = change.open_table(MANIFESTS).map_err(failed)?;
            for (cid, object) in &changes.objects {
                let key = cid.to_bytes();
                if let Some(object) = object {
                    rows.insert(&key[..], &encode(object)?[..]).map_err(failed)?;
                } else {
                    rows.remove(&key[..]).map_err(failed)?;
                    manifests.remove(&key[..]).map_err(failed)?;
                }
            }
            let mut rows = change.open_table(NODES).map_err(failed)?;
            for (node, care) in &changes.nodes {
                rows.insert(&node.as_bytes()[..], &encode(care)?[..]).map_err(failed)?;
            }
            let mut rows = change.open_table(HISTORY).map_err(failed)?;
            for (node, lines) in &changes.history {
                let key = &node.as_bytes()[..];
                if lines.is_empty() {
                    rows.remove(key).map_err(failed)?;
                } else {
                    rows.insert(key, &encode(lines)?[..]).map_err(failed)?;
                }
            }
        }
        change.commit().map_err(failed)
    }

    /// Keeps a manifest.
    pub(crate) fn keep_manifest(&self, cid: &Cid, bytes: &[u8]) -> Result<(), StoreError> {
        let change = self.0.begin_write().map_err(failed)?;
        change
            .open_table(MANIFESTS)
            .map_err(failed)?
            .insert(&cid.to_bytes()[..], bytes)
            .map_err(failed)
            .map(drop)?;
        change.commit().map_err(failed)
    }

    /// A manifest that was kept.
    pub(crate) fn manifest(&self, cid: &Cid) -> Result<Option<Vec<u8>>, StoreError> {
        let view = self.0.begin_read().map_err(failed)?;
        let table = view.open_table(MANIFESTS).map_err(failed)?;
        Ok(table.get(&cid.to_bytes()[..]).map_err(failed)?.map(|row| row.value().to_vec()))
    }
}

/// The rows of a table whose keys are nodes.
fn of_nodes<T: DeserializeOwned>(
    view: &ReadTransaction,
    table: Rows,
) -> Result<BTreeMap<PublicKey, T>, StoreError> {
    let mut rows = BTreeMap::new();
    for item in view.open_table(table).map_err(failed)?.iter().map_err(failed)? {
        let (key, row) = item.map_err(failed)?;
        let node = key.value().try_into().ok().and_then(|key| PublicKey::from_bytes(key).ok());
        if let (Some(node), Some(row)) = (node, decode(row.value())) {
            rows.insert(node, row);
        }
    }
    Ok(rows)
}

fn encode(row: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    Ok(postcard::to_stdvec(row)?)
}

fn decode<T: DeserializeOwned>(row: &[u8]) -> Option<T> {
    postcard::from_bytes(row).inspect_err(|error| tracing::warn!(%error, "a row cannot be read")).ok()
}

#[cfg(test)]
mod tests {
    use chunker::{CellSize, Geometry};
    use protocol::{SecretKey, UnixSeconds};

    use super::*;
    use crate::history::{AuditResult, NodeAudit};
    use crate::plan::Fault;

    #[test]
    fn what_was_saved_is_there_again_and_what_was_let_go_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let now = UnixSeconds::new(5);
        let geometry = Geometry::new("4+2".parse().unwrap(), CellSize::LARGEST, 9).unwrap();
        let object = Object::new(&geometry, now, now, vec!["a tag".to_owned()], now);
        let [first, second] = [b"a", b"b"].map(|bytes| Cid::of(bytes));
        let node = SecretKey::from_bytes(&[1; 32]).public();
        let mut care = NodeCare::default();
        care.score.add(Fault::Missing, now);
        let other = SecretKey::from_bytes(&[2; 32]).public();
        let reason = Some("1 missing".to_owned());
        let worst = NodeAudit { result: AuditResult::Missing, asked: 8, proved: 7, took_ms: 3, reason };
        let line = HourLine { hour: 4, audits: 2, failed: 1, worst };
        {
            let store = Store::open(&path).unwrap();
            store.keep_manifest(&first, b"manifest").unwrap();
            store.keep_manifest(&second, b"another").unwrap();
            let objects = vec![(first, Some(&object)), (second, Some(&object))];
            let history = vec![(node, vec![line.clone()]), (other, vec![line.clone()])];
            store.save(&Changes { objects, nodes: vec![(node, &care)], history }).unwrap();
            let (objects, history) = (vec![(second, None)], vec![(other, Vec::new())]);
            store.save(&Changes { objects, nodes: Vec::new(), history }).unwrap();
            assert!(Store::open(&path).is_err(), "one process at a time");
        }
        let store = Store::open(&path).unwrap();
        let saved = store.load().unwrap();
        assert_eq!(saved.objects, [(first, object)].into());
        assert_eq!(saved.nodes, [(node, care)].into());
        assert_eq!(saved.history, [(node, vec![line])].into());
        assert_eq!(store.manifest(&first).unwrap().as_deref(), Some(&b"manifest"[..]));
        assert_eq!(store.manifest(&second).unwrap(), None);
    }
}
