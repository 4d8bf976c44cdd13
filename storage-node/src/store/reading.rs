//! Reading shards that are held. Whatever is read here is checked against the root by the slice encoder.

use std::io;
use std::sync::Arc;

use proofs::{EncodeSliceError, ReadShard, Root, ShardHasher, ShardLen};
use protocol::{PublicKey, Slot};

use super::{Job, Store, StoreError, Verdict};
use crate::disk::DiskFile;
use crate::entry::{Entry, HEADER_LEN, Header};
use crate::index::Lookup as _;
use crate::layout::FileName;
use crate::rows::{Place, PointerRow, ShardRow};

/// From this length of a request on, the outboard is read as a whole.
const WHOLE_OUTBOARD_FROM_LEAVES: u32 = 1024;
/// How much is read at once when a whole shard is hashed.
const READ_LEN: usize = 256 * 1024;

/// A shard that is held, open for reading. Its bytes are *not* verified.
#[derive(Debug)]
pub(crate) struct HeldShard {
    pub(crate) root: Root,
    pub(crate) len: ShardLen,
    pub(crate) place: Place,
    data_offset: u64,
    file: Arc<dyn DiskFile>,
    outboard: Option<Vec<u8>>,
}

/// What the store has under a root.
#[derive(Debug)]
pub(crate) enum Lookup {
    Held(HeldShard),
    /// There is a copy, but it does not match its root.
    Corrupt,
    /// There was a copy, and its file is gone.
    Lost,
    NotHeld,
}

impl Store {
    /// The shard with this root, if its copy is not known to be corrupt.
    pub(crate) fn find(&self, root: &Root) -> Result<Lookup, StoreError> {
        match self.row(root)? {
            None => Ok(Lookup::NotHeld),
            Some(row) if !row.is_sound() => Ok(self.what_is_left(root, row)),
            Some(row) => match self.open_copy(root, row) {
                Ok(shard) => Ok(Lookup::Held(shard)),
                // Between row and file, compaction may have moved it.
                Err(_) => self.find_again(root, row),
            },
        }
    }

    fn find_again(&self, root: &Root, before: ShardRow) -> Result<Lookup, StoreError> {
        let Some(row) = self.row(root)? else { return Ok(Lookup::NotHeld) };
        match self.open_copy(root, row) {
            Ok(shard) => Ok(Lookup::Held(shard)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                tracing::error!(%root, ?before, "the file of a shard is missing");
                self.judge(root, row.place, Verdict::Corrupt);
                Ok(Lookup::Lost)
            }
            Err(source) => Err(StoreError::disk("open", file_name(root, row.place), source)),
        }
    }

    /// What there is of a shard that is not whole: a damaged disk and a deleted folder are different things to whoever
    /// runs the node.
    fn what_is_left(&self, root: &Root, row: ShardRow) -> Lookup {
        match self.open_copy(root, row) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Lookup::Lost,
            _ => Lookup::Corrupt,
        }
    }

    pub(crate) fn row(&self, root: &Root) -> Result<Option<ShardRow>, StoreError> {
        Ok(self.index.view()?.shard(root)?)
    }

    /// The shards after `after`, in the order of their roots, at most `limit`.
    pub(crate) fn rows_after(
        &self,
        after: Option<Root>,
        limit: usize,
    ) -> Result<Vec<(Root, ShardRow)>, StoreError> {
        Ok(self.index.view()?.shards_after(after, limit)?)
    }

    pub(crate) fn open_copy(&self, root: &Root, row: ShardRow) -> io::Result<HeldShard> {
        Ok(HeldShard::new(*root, row, self.files.open(file_name(root, row.place))?))
    }

    /// Writes down what reading a shard has shown of it.
    pub(crate) fn judge(&self, root: &Root, place: Place, verdict: Verdict) {
        let outcome = self.commit(vec![Job::Judge { root: *root, place, verdict }]);
        if let Some(Err(refusal)) = outcome.first() {
            tracing::warn!(%root, %refusal, "cannot write down the state of a shard");
        }
    }

    /// The records of this owner's pointers, as they were signed.
    pub(crate) fn pointers(&self, owner: &PublicKey) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = self.pointer_rows(owner)?;
        rows.into_iter().map(|(_, row)| self.pointer_record(&row)).collect()
    }

    fn pointer_rows(&self, owner: &PublicKey) -> Result<Vec<(Slot, PointerRow)>, StoreError> {
        Ok(self.index.view()?.pointers_of(owner)?)
    }

    pub(super) fn pointer_record(&self, row: &PointerRow) -> Result<Vec<u8>, StoreError> {
        let bytes = self.entry_bytes(row.spot)?;
        let rotten =
            || StoreError::disk("read", FileName::Pack(row.spot.pack), io::ErrorKind::InvalidData.into());
        let (header, head) = bytes.split_first_chunk::<HEADER_LEN>().ok_or_else(rotten)?;
        match Header::decode(header).and_then(|header| header.decode_head(head)) {
            Ok(Entry::Pointer { record, .. }) => Ok(record),
            _ => Err(rotten()),
        }
    }
}

pub(crate) fn file_name(root: &Root, place: Place) -> FileName {
    match place {
        Place::File { .. } => FileName::Shard(*root),
        Place::Pack { pack, .. } => FileName::Pack(pack),
    }
}

impl HeldShard {
    pub(super) fn new(root: Root, row: ShardRow, file: Arc<dyn DiskFile>) -> Self {
        Self { root, len: row.len, place: row.place, data_offset: row.data_offset(), file, outboard: None }
    }

    /// Prepares for a request of this many leaves.
    pub(crate) fn prepare(&mut self, leaves: u32) -> io::Result<()> {
        if leaves >= WHOLE_OUTBOARD_FROM_LEAVES {
            self.outboard = Some(self.read_whole_outboard()?);
        }
        Ok(())
    }

    fn read_whole_outboard(&self) -> io::Result<Vec<u8>> {
        let len = usize::try_from(self.len.outboard_len()).expect("an outboard is at most 1 MiB");
        let mut outboard = vec![0; len];
        self.file.read_at(self.data_offset + self.len.get(), &mut outboard)?;
        Ok(outboard)
    }

    /// All bytes of a short shard.
    pub(crate) fn read_all(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.len.get()).expect("a shard is at most 2^28 bytes")];
        self.read_bytes(0, &mut bytes)?;
        Ok(bytes)
    }

    /// Hashes the whole shard. `pace` is called with the number of bytes before each read, and may end it.
    pub(crate) fn check(&self, mut pace: impl FnMut(u64) -> io::Result<()>) -> io::Result<Verdict> {
        let mut hasher = ShardHasher::new();
        let mut buffer = vec![0; READ_LEN.min(usize::try_from(self.len.get()).unwrap_or(READ_LEN))];
        while hasher.len() < self.len.get() {
            let left = self.len.get() - hasher.len();
            let part = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            pace(part as u64)?;
            if let Err(error) = self.read_bytes(hasher.len(), &mut buffer[..part]) {
                return verdict_of(error);
            }
            hasher.push(&buffer[..part]);
        }
        let outboard = match self.read_whole_outboard() {
            Ok(outboard) => outboard,
            Err(error) => return verdict_of(error),
        };
        let found = hasher.finish().expect("as long as a shard");
        let matches = found.root == self.root && found.outboard.as_bytes() == outboard;
        Ok(if matches { Verdict::Sound } else { Verdict::Corrupt })
    }
}

/// A file that is too short has lost bytes; other errors say nothing about what is on the disk.
fn verdict_of(error: io::Error) -> io::Result<Verdict> {
    if error.kind() == io::ErrorKind::UnexpectedEof { Ok(Verdict::Corrupt) } else { Err(error) }
}

/// Whether an error of the encoder shows that the copy does not match its root.
pub(crate) fn shows_corruption(error: &EncodeSliceError) -> bool {
    match error {
        EncodeSliceError::ReadBytes { source, .. } | EncodeSliceError::ReadOutboard { source, .. } => {
            source.kind() == io::ErrorKind::UnexpectedEof
        }
        EncodeSliceError::RottenBytes { .. } | EncodeSliceError::RottenOutboard { .. } => true,
    }
}

impl ReadShard for HeldShard {
    fn read_bytes(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.file.read_at(self.data_offset + offset, buf)
    }

    fn read_outboard(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        if let Some(outboard) = &self.outboard {
            let start = usize::try_from(offset).map_err(io::Error::other)?;
            let part = outboard.get(start..start + buf.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            buf.copy_from_slice(part);
            return Ok(());
        }
        self.file.read_at(self.data_offset + self.len.get() + offset, buf)
    }
}
