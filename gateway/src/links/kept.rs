//! All that a gateway keeps for owners: their links, the turns at guessing them, and what devices have sent.

use std::path::Path;
use std::sync::Arc;

use database::Connection;
use protocol::UnixSeconds;
use tokio::sync::Mutex;

use super::file::LinkFile;
use super::guess::Turns;
use super::store::RoomForLinks;
use super::{LinkStore, LinkStoreError, PostgresLinks, RedbLinks};
use crate::streams::{BatchStore, PostgresBatches, RedbBatches};

/// How often links are looked through for those that can be forgotten, in seconds.
const SWEEP_EVERY_S: u64 = 3600;

/// The links of a gateway: cheap to clone, all clones are the same.
#[derive(Debug, Clone)]
pub struct Links {
    store: Arc<dyn LinkStore>,
    batches: Arc<dyn BatchStore>,
    pub(super) turns: Arc<Turns>,
    swept: Arc<Mutex<UnixSeconds>>,
}

impl Links {
    /// Links in a file of this gateway, which is made when it is missing.
    pub fn in_file(path: &Path) -> Result<Self, LinkStoreError> {
        Self::in_file_with(path, RoomForLinks::default())
    }

    pub(super) fn in_file_with(path: &Path, room: RoomForLinks) -> Result<Self, LinkStoreError> {
        let file = LinkFile::open(path)?;
        Ok(Self::new(RedbLinks::open(file.clone(), room)?, RedbBatches::open(file)?))
    }

    /// Links in the database at `postgres://user@host:port/name`, which several gateways may share.
    pub async fn in_database(url: &str) -> Result<Self, LinkStoreError> {
        Self::in_database_with(url, RoomForLinks::default()).await
    }

    pub(super) async fn in_database_with(url: &str, room: RoomForLinks) -> Result<Self, LinkStoreError> {
        let connection = Connection::open(url).await?;
        let (store, batches) =
            (PostgresLinks::open(connection.clone(), room).await?, PostgresBatches::open(connection).await?);
        Ok(Self::new(store, batches))
    }

    fn new(store: impl LinkStore + 'static, batches: impl BatchStore + 'static) -> Self {
        Self {
            store: Arc::new(store),
            batches: Arc::new(batches),
            turns: Arc::default(),
            swept: Arc::new(Mutex::new(UnixSeconds::new(0))),
        }
    }

    /// Where they are kept.
    pub fn store(&self) -> &dyn LinkStore {
        &*self.store
    }

    /// Where the batches of streams are kept.
    pub fn batches(&self) -> &dyn BatchStore {
        &*self.batches
    }

    /// Forgets links that expired long ago, when that was not done lately.
    pub(crate) async fn sweep(&self, now: UnixSeconds) -> Result<(), LinkStoreError> {
        let mut swept = self.swept.lock().await;
        if now.seconds_since(*swept) >= SWEEP_EVERY_S {
            let gone = self.store.sweep(now).await?;
            tracing::debug!(gone, "links that expired long ago");
            *swept = now;
        }
        Ok(())
    }
}
