//! What a node says about itself just now: it changes while the node runs.

use std::sync::{Arc, PoisonError, RwLock};

use protocol::{NodeRecord, Signed};

/// The record that a node shows in its welcome. Clones are the same one.
#[derive(Clone, Debug)]
pub struct OwnRecord(Arc<RwLock<Arc<Signed<NodeRecord>>>>);

impl OwnRecord {
    /// The record as it is now.
    pub fn get(&self) -> Arc<Signed<NodeRecord>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on, another one is shown.
    pub fn replace(&self, record: Signed<NodeRecord>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(record);
    }
}

impl From<Signed<NodeRecord>> for OwnRecord {
    fn from(record: Signed<NodeRecord>) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(record))))
    }
}
