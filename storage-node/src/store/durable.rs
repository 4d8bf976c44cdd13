//! Making a group of changes durable: files first, then names, then the transaction of the index.

use std::collections::BTreeSet;
use std::io;

use super::group::Group;
use super::job::{Job, Put};
use super::receiving::Staged;
use super::{Store, StoreError};
use crate::disk::DiskFile;
use crate::index::Lookup as _;
use crate::layout::{FileName, Folder};
use crate::rows::{Place, ShardRow, Spot};

/// What is appended to the file of a large shard.
#[derive(Debug)]
pub(super) struct Trailer {
    pub(super) start: u64,
    pub(super) bytes: Vec<u8>,
}

impl Group<'_> {
    /// Files first, then names, then the transaction; only then may old files go.
    pub(super) fn make_durable(mut self, jobs: &mut [Job]) -> Result<(), StoreError> {
        for (pack, end) in self.packs.ends() {
            self.change.set_pack_end(pack, end)?;
        }
        self.packs.write(self.store.disk.as_ref())?;
        self.place_files(jobs)?;
        self.write_trailers()?;
        self.place_rewritten()?;
        let named = self.placed.keys().chain(self.rewritten.keys());
        let folders: BTreeSet<Folder> = named.map(|root| FileName::Shard(*root).folder()).collect();
        for folder in folders {
            let synced = self.store.disk.sync_folder(folder);
            synced.map_err(|source| StoreError::folder("sync", folder, source))?;
        }
        let gone = std::mem::take(&mut self.gone);
        let store = self.store;
        self.change.commit()?;
        for root in gone {
            store.remove_file(FileName::Shard(root));
        }
        Ok(())
    }

    /// Moves new files to their places. What else is to be in such a file is in it before.
    fn place_files(&mut self, jobs: &mut [Job]) -> Result<(), StoreError> {
        let mut waiting = self.placed.clone();
        for job in jobs {
            let Job::Put(Put { staged: Staged::Large { root, file, .. }, .. }) = job else { continue };
            // Another upload of the same shard may have been refused; its file says what was asked for in vain.
            if waiting.get(root) != Some(&file.name()) {
                continue;
            }
            waiting.remove(root);
            let name = FileName::Shard(*root);
            if let Some(trailer) = self.trailers.remove(root) {
                let written = trailer.write_at(file.as_file(), trailer.start);
                written.map_err(|source| StoreError::disk("append to", name, source))?;
            }
            file.place(name)?;
            self.store.files.forget(name);
        }
        Ok(())
    }

    fn write_trailers(&self) -> Result<(), StoreError> {
        for (root, trailer) in &self.trailers {
            let name = FileName::Shard(*root);
            let written = match self.store.disk.open(name) {
                // A lost file is corrupt, which is found by reading; its leases are still renewed and end.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(error) => Err(error),
                Ok(file) => {
                    let start = self.end_of_file(root, file.as_ref(), trailer.start)?;
                    if let Some(row) = self.change.shard(root)?.filter(|_| start != trailer.start) {
                        let place = Place::File { end: start + trailer.bytes.len() as u64 };
                        self.change.set_shard(root, ShardRow { place, ..row })?;
                    }
                    trailer.write_at(file.as_ref(), start)
                }
            };
            written.map_err(|source| StoreError::disk("append to", name, source))?;
        }
        Ok(())
    }
}

impl Trailer {
    /// Durable when it returns.
    fn write_at(&self, file: &dyn DiskFile, start: u64) -> io::Result<()> {
        // What a group that failed left here must not follow this one's entries.
        if file.len()? > start {
            file.set_len(start)?;
        }
        file.write_at(start, &self.bytes)?;
        file.sync_data()
    }
}

impl Store {
    /// Removes a file that no row names any more. What cannot be removed is removed at the next start.
    pub(super) fn remove_file(&self, name: FileName) {
        self.files.forget(name);
        if let Err(error) = self.disk.remove(name) {
            tracing::debug!(%error, file = %name, "an unused file is left to the next start");
        }
    }

    /// The bytes of an entry in a pack.
    pub(super) fn entry_bytes(&self, spot: Spot) -> Result<Vec<u8>, StoreError> {
        let name = FileName::Pack(spot.pack);
        let mut bytes = vec![0; usize::try_from(spot.len).expect("an entry in a pack is below 70 KiB")];
        let read = self.files.open(name).and_then(|file| file.read_at(spot.offset, &mut bytes));
        read.map_err(|source| StoreError::disk("read", name, source))?;
        Ok(bytes)
    }
}
