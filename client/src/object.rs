//! An opened object: ranges of cells and of bytes.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chunker::{ContentKey, Manifest, ObjectHeader, OpenManifestError, Opener};
use futures_util::{Stream, StreamExt as _};
use proofs::Cid;
use protocol::PublicKey;

use crate::client::Client;
use crate::driver::cells::CellStream;
use crate::error::ReadError;
use crate::reader::ObjectReader;
use crate::sealed_object::SealedObject;

/// An object whose key was checked. Clones are cheap and share what was learned about where its shards are.
#[derive(Debug, Clone)]
pub struct Object(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sealed: SealedObject,
    header: ObjectHeader,
    opener: Opener,
}

/// The plaintext of one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedCell {
    /// Its number in the object.
    pub index: u64,
    /// Its plaintext, without padding: empty for a cell beyond the exact length.
    pub plaintext: Bytes,
    /// Where it came from.
    pub origin: Origin,
}

/// Where the bytes of a cell came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// From the node that was asked for it first.
    Direct(PublicKey),
    /// From a node that was asked because an earlier request was late, or failed.
    Hedged(PublicKey),
    /// Rebuilt from the cells of its stripe that these nodes sent.
    Rebuilt(Arc<[PublicKey]>),
}

impl Object {
    /// Checks a key against a manifest.
    pub fn open(client: Client, manifest: Manifest, key: &ContentKey) -> Result<Self, OpenManifestError> {
        let (header, opener) = manifest.open(key)?;
        let sealed = SealedObject::new(client, manifest);
        Ok(Self(Arc::new(Inner { sealed, header, opener })))
    }

    /// The object's address.
    pub fn cid(&self) -> Cid {
        self.0.sealed.cid()
    }

    /// Its exact length in bytes.
    pub fn len(&self) -> u64 {
        self.0.header.object_len()
    }

    /// True when it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.0.header.name()
    }

    /// Its media type, if it has one.
    pub fn media_type(&self) -> Option<&str> {
        self.0.header.media_type()
    }

    /// Its manifest.
    pub fn manifest(&self) -> &Manifest {
        self.0.sealed.manifest()
    }

    /// The number of its cells.
    pub fn cell_count(&self) -> u64 {
        self.0.sealed.manifest().geometry().cells()
    }

    /// Bytes of plaintext in every cell but the last.
    pub fn cell_plain_len(&self) -> u64 {
        self.0.sealed.manifest().geometry().cell_size().plain_bytes() as u64
    }

    /// The cells of a range in order, clipped to those that exist. Dropping the stream ends all its requests.
    pub fn cells(&self, cells: Range<u64>) -> CellStream {
        CellStream::new(self, cells)
    }

    /// The bytes of a range in order, clipped to the object's length; pieces are one cell long at most.
    pub fn read(
        &self,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, ReadError>> + Send + Unpin + use<> {
        let range = range.start.min(self.len())..range.end.min(self.len());
        let plain = self.cell_plain_len();
        let cells = self.0.sealed.manifest().geometry().cells_of(range.clone());
        self.cells(cells).map(move |cell| {
            let OpenedCell { index, plaintext, .. } = cell?;
            let begin = index * plain;
            let within = |at: u64| {
                usize::try_from(at.saturating_sub(begin)).unwrap_or(usize::MAX).min(plaintext.len())
            };
            Ok(plaintext.slice(within(range.start)..within(range.end)))
        })
    }

    /// A reader that can seek, with bounded read-ahead.
    pub fn reader(&self) -> ObjectReader {
        ObjectReader::new(self.clone())
    }

    /// The object without its key.
    pub fn sealed(&self) -> &SealedObject {
        &self.0.sealed
    }

    pub(crate) fn opener(&self) -> &Opener {
        &self.0.opener
    }
}
