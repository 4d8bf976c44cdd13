//! An object of which only the address is known: its cells can be read and proved, not opened.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use chunker::{Column, Manifest};
use proofs::Cid;
use protocol::PublicKey;

use crate::client::Client;
use crate::driver::sealed::SealedStream;

/// Shards found away from their first place that are remembered per object.
const HINTS_MAX: usize = 4096;

/// An object without its key. Clones are cheap and share what was learned about where its shards are.
#[derive(Debug, Clone)]
pub struct SealedObject(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    manifest: Manifest,
    hints: Mutex<Vec<(u32, Column, PublicKey)>>,
}

impl SealedObject {
    /// The object that a manifest describes.
    pub fn new(client: Client, manifest: Manifest) -> Self {
        Self(Arc::new(Inner { client, manifest, hints: Mutex::default() }))
    }

    /// The object's address.
    pub fn cid(&self) -> Cid {
        self.0.manifest.cid()
    }

    /// Its manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// Its number of cells.
    pub fn cell_count(&self) -> u64 {
        self.0.manifest.geometry().cells()
    }

    /// The cells of a range in batches, in order, clipped to those that exist. Dropping the stream ends all its requests.
    pub fn sealed_cells(&self, cells: Range<u64>) -> SealedStream {
        SealedStream::new(self, cells)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(crate) fn hints(&self) -> Vec<(u32, Column, PublicKey)> {
        self.0.hints.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn remember(&self, hint: (u32, Column, PublicKey)) {
        let mut hints = self.0.hints.lock().unwrap_or_else(PoisonError::into_inner);
        if hints.len() < HINTS_MAX && !hints.contains(&hint) {
            hints.push(hint);
        }
    }
}
