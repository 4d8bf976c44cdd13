//! The file of a gateway, in an embedded database that one process has open: links, and what is kept beside them.

use std::path::Path;
use std::sync::Arc;

use redb::Database;

use super::LinkStoreError;
use crate::publications::keep_private;

/// Bytes of memory that the database caches.
const DATABASE_CACHE_LEN: usize = 4 << 20;

/// The file. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct LinkFile(Arc<Database>);

impl LinkFile {
    /// This file, which is made when it is missing, and which only its owner may read.
    pub(crate) fn open(path: &Path) -> Result<Self, LinkStoreError> {
        keep_private(path).map_err(failed)?;
        match Database::builder().set_cache_size(DATABASE_CACHE_LEN).create(path) {
            Err(redb::DatabaseError::DatabaseAlreadyOpen) => Err(LinkStoreError::InUse),
            other => Ok(Self(Arc::new(other.map_err(failed)?))),
        }
    }

    /// What makes tables.
    pub(crate) fn database(&self) -> &Database {
        &self.0
    }

    /// Does something that waits for the disk.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, LinkStoreError> + Send + 'static,
    ) -> Result<T, LinkStoreError> {
        let database = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || work(&database)).await.expect("the store does not panic")
    }
}

/// What the database says, as an error of the store.
pub(crate) fn failed(error: impl Into<redb::Error>) -> LinkStoreError {
    LinkStoreError::Redb(Box::new(error.into()))
}
