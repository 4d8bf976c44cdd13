//! Compaction: what is in use of a pack that is mostly not moves on, and the pack goes.

use proofs::Root;
use protocol::{Pointer, Refusal, Signed};

use super::group::{GROUP_BYTES_MAX, Group};
use super::job::{Done, Job};
use super::scan::{Found, entry_at};
use super::{Store, StoreError};
use crate::disk::DiskFile;
use crate::entry::Entry;
use crate::index::Lookup as _;
use crate::layout::{FileName, Folder, PackId};
use crate::rows::{GraveRow, LeaseKey, LeaseRow, Place, PointerRow, ShardRow, Spot};

impl Store {
    /// Compacts one pack of which less than half is in use, if there is one. The pack that is being written is
    /// left alone, and so are those in `except`.
    pub(crate) fn compact_one(&self, except: &[PackId]) -> Result<Option<PackId>, StoreError> {
        let packs = self.index.view()?.packs()?;
        let sealed = packs.split_last().map_or(&[][..], |(_, sealed)| sealed);
        let wasteful = sealed.iter().find(|(id, pack)| pack.live * 2 < pack.end && !except.contains(id));
        let Some((pack, _)) = wasteful else { return Ok(None) };
        let mut from = 0;
        loop {
            match self.commit(vec![Job::Compact { pack: *pack, from }]).pop() {
                Some(Ok(Done::Compacted { next: Some(next) })) => from = next,
                Some(Ok(_)) => break,
                Some(Err(_)) | None => return Ok(Some(*pack)),
            }
        }
        self.drop_pack(*pack)?;
        Ok(Some(*pack))
    }

    /// Removes a pack of which nothing is in use any more.
    fn drop_pack(&self, pack: PackId) -> Result<(), StoreError> {
        let _writer = self.lock_writer();
        let change = self.index.change()?;
        if change.pack(pack)?.is_none_or(|row| row.live > 0) {
            tracing::warn!(pack = pack.0, "a pack cannot be read to its end and is left as it is");
            return Ok(());
        }
        change.remove_pack(pack)?;
        change.commit()?;
        let name = FileName::Pack(pack);
        self.files.forget(name);
        self.disk.remove(name).map_err(|source| StoreError::disk("remove", name, source))?;
        let synced = self.disk.sync_folder(Folder::Packs);
        synced.map_err(|source| StoreError::folder("sync", Folder::Packs, source))?;
        // Only now can a rebuilt index no longer find the shards whose leases were released.
        let change = self.index.change()?;
        change.remove_graves_in(pack)?;
        change.commit()?;
        self.room.set_stored(self.index.view()?.stored()?);
        Ok(())
    }
}

impl Group<'_> {
    pub(super) fn compact(&mut self, pack: PackId, from: u64) -> Result<Result<Done, Refusal>, StoreError> {
        let name = FileName::Pack(pack);
        let failed = |source| StoreError::disk("read", name, source);
        let file = self.store.files.open(name).map_err(failed)?;
        let end = self.change.pack(pack)?.map_or(0, |row| row.end);
        let mut at = from;
        while self.packs.len() < GROUP_BYTES_MAX {
            let Some(found) = entry_at(file.as_ref(), at, end).map_err(failed)? else {
                return Ok(Ok(Done::Compacted { next: None }));
            };
            at = found.end();
            self.move_on(pack, file.as_ref(), &found)?;
        }
        Ok(Ok(Done::Compacted { next: Some(at) }))
    }

    /// Appends the entry again if it is in use here.
    fn move_on(&mut self, pack: PackId, file: &dyn DiskFile, found: &Found) -> Result<(), StoreError> {
        let spot = found.spot(pack);
        match &found.entry {
            Entry::Shard { root, .. } => {
                let here = Place::Pack { pack, offset: found.offset };
                self.move_shard(root, here, file, found)
            }
            Entry::Lease(lease) => {
                let key = LeaseKey::of(lease);
                if let Some(row) = self.change.lease(&key)?.filter(|row| row.spot == Some(spot)) {
                    let moved = Some(self.copy(file, found)?);
                    self.change.set_lease(&LeaseRow { spot: moved, ..row })?;
                }
                Ok(())
            }
            Entry::Release { root, control } => {
                let key = LeaseKey { root: *root, control: *control };
                if let Some(row) = self.change.grave(&key)?.filter(|row| row.spot == spot) {
                    let moved = self.copy(file, found)?;
                    self.change.set_grave(&key, GraveRow { spot: moved, ..row })?;
                }
                Ok(())
            }
            Entry::Pointer { record, .. } => self.move_pointer(record, spot, file, found),
        }
    }

    /// Moves a shard, and writes its leases again behind it.
    fn move_shard(
        &mut self,
        root: &Root,
        here: Place,
        file: &dyn DiskFile,
        found: &Found,
    ) -> Result<(), StoreError> {
        let Some(row) = self.change.shard(root)?.filter(|row| row.place == here) else { return Ok(()) };
        let moved = self.copy(file, found)?;
        let place = Place::Pack { pack: moved.pack, offset: moved.offset };
        self.change.set_shard(root, ShardRow { place, ..row })?;
        for LeaseRow { lease, .. } in self.change.leases_of(root)? {
            self.write_lease_of(root, &lease)?;
        }
        Ok(())
    }

    fn move_pointer(
        &mut self,
        record: &[u8],
        spot: Spot,
        file: &dyn DiskFile,
        found: &Found,
    ) -> Result<(), StoreError> {
        let Ok(pointer) = Signed::<Pointer>::decode(record, &self.store.rules.network) else {
            return Ok(());
        };
        let (owner, which) = (pointer.by(), pointer.body().slot);
        if let Some(row) = self.change.pointer(&owner, which)?.filter(|row| row.spot == spot) {
            let moved = self.copy(file, found)?;
            self.change.set_pointer(&owner, which, PointerRow { spot: moved, ..row })?;
        }
        Ok(())
    }

    fn copy(&mut self, file: &dyn DiskFile, found: &Found) -> Result<Spot, StoreError> {
        let mut bytes = vec![0; usize::try_from(found.len).expect("an entry in a pack is below 70 KiB")];
        let read = file.read_at(found.offset, &mut bytes);
        read.map_err(|source| StoreError::disk("read", FileName::Pack(found.spot(PackId(0)).pack), source))?;
        Ok(self.packs.append(&[&bytes]))
    }
}
