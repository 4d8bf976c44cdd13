//! A shard on its way in: hashed while it is written, and durable in `tmp/` before it is handed on.

use std::sync::Arc;

use proofs::{HashedShard, Root, ShardHasher, ShardLen};
use protocol::Lease;

use super::{SMALL_SHARD_LEN_MAX, StoreError};
use crate::disk::{Disk, DiskFile};
use crate::entry;
use crate::layout::FileName;

/// Dropping it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Receiving {
    hasher: ShardHasher,
    name: FileName,
    body: Body,
    disk: Arc<dyn Disk>,
}

#[derive(Debug)]
enum Body {
    /// What may still turn out to be a small shard.
    Small(Vec<u8>),
    Large(TmpFile),
}

/// A shard that was received completely.
#[derive(Debug)]
pub(crate) enum Staged {
    Small {
        root: Root,
        len: ShardLen,
        /// The shard's bytes and its outboard.
        bytes: Vec<u8>,
    },
    Large {
        root: Root,
        len: ShardLen,
        file: TmpFile,
        /// Length of the file: the shard's entry and that of the lease asked for.
        end: u64,
    },
}

impl Staged {
    pub(crate) fn root(&self) -> Root {
        match self {
            Self::Small { root, .. } | Self::Large { root, .. } => *root,
        }
    }
}

/// A file in `tmp/`, removed on drop unless it was moved to its place.
#[derive(Debug)]
pub(crate) struct TmpFile {
    name: FileName,
    file: Arc<dyn DiskFile>,
    disk: Arc<dyn Disk>,
    is_placed: bool,
}

impl TmpFile {
    pub(super) fn create(disk: &Arc<dyn Disk>, name: FileName) -> Result<Self, StoreError> {
        let file = disk.create(name).map_err(|source| StoreError::disk("create", name, source))?;
        Ok(Self { name, file, disk: disk.clone(), is_placed: false })
    }

    pub(super) fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_at(offset, bytes).map_err(|source| StoreError::disk("write", self.name, source))
    }

    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|source| StoreError::disk("sync", self.name, source))
    }

    /// Its name in `tmp/`.
    pub(crate) fn name(&self) -> FileName {
        self.name
    }

    pub(crate) fn as_file(&self) -> &dyn DiskFile {
        self.file.as_ref()
    }

    /// Gives the file its final name.
    pub(crate) fn place(&mut self, to: FileName) -> Result<(), StoreError> {
        if !self.is_placed {
            self.disk
                .rename(self.name, to)
                .map_err(|source| StoreError::disk("rename", self.name, source))?;
            self.is_placed = true;
        }
        Ok(())
    }

    /// Takes it back into `tmp/`. When even that fails, the next start finds it without a row and decides.
    pub(crate) fn take_back(&mut self, from: FileName) {
        if self.is_placed && self.disk.rename(from, self.name).is_ok() {
            self.is_placed = false;
        }
    }
}

impl Drop for TmpFile {
    fn drop(&mut self) {
        if !self.is_placed
            && let Err(error) = self.disk.remove(self.name)
        {
            tracing::debug!(%error, file = %self.name, "an abandoned upload is left to the next start");
        }
    }
}

impl Receiving {
    pub(crate) fn new(disk: Arc<dyn Disk>, name: FileName) -> Self {
        Self { hasher: ShardHasher::new(), name, body: Body::Small(Vec::new()), disk }
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let at = entry::SHARD_PREFIX_LEN as u64 + self.hasher.len();
        self.hasher.push(bytes);
        match &mut self.body {
            Body::Small(held) if self.hasher.len() <= SMALL_SHARD_LEN_MAX => held.extend_from_slice(bytes),
            Body::Small(held) => {
                let file = TmpFile::create(&self.disk, self.name)?;
                file.write_at(entry::SHARD_PREFIX_LEN as u64, held)?;
                file.write_at(at, bytes)?;
                self.body = Body::Large(file);
            }
            Body::Large(file) => file.write_at(at, bytes)?,
        }
        Ok(())
    }

    /// Ends the shard. A large one is completed by its outboard and the lease that `lease` makes of its root
    /// and length, and is durable afterwards, except for its name.
    pub(crate) fn finish(
        self,
        lease: impl FnOnce(Root, ShardLen) -> Lease,
    ) -> Result<(Staged, Lease), StoreError> {
        let shard = self.hasher.finish().map_err(|_| StoreError::Empty)?;
        let lease = lease(shard.root, shard.len);
        let HashedShard { root, len, outboard } = shard;
        let staged = match self.body {
            Body::Small(mut bytes) => {
                bytes.extend_from_slice(outboard.as_bytes());
                Staged::Small { root, len, bytes }
            }
            Body::Large(file) => {
                let trailer = [outboard.as_bytes(), &entry::encode_lease(&lease)].concat();
                let trailer_at = entry::SHARD_PREFIX_LEN as u64 + len.get();
                file.write_at(trailer_at, &trailer)?;
                file.write_at(0, &entry::encode_shard_prefix(root, len))?;
                file.sync()?;
                Staged::Large { root, len, file, end: trailer_at + trailer.len() as u64 }
            }
        };
        Ok((staged, lease))
    }
}
