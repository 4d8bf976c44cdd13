//! Bringing the index up to what the files say.
//!
//! At every start: packs are read from where the index knows them on, and files without a row are looked at.
//! An index that is missing or unreadable is the same case with nothing known. Whatever holds a lease in force by
//! its own entries is *adopted*, also when it was never acknowledged: that costs nobody anything, while removing
//! it would be wrong whenever it is the index that is behind. Files without any such lease are removed.
//!
//! Shards in packs are hashed on the way. One that does not match is the torn end of a group that was never
//! acknowledged, and is passed over, unless the index is being rebuilt: then it may be an old one gone bad, and
//! is kept as corrupt.

use std::collections::BTreeMap;

use proofs::{Root, ShardLen};
use protocol::limits::LEASE_GRACE_S;
use protocol::{ByteHours, Lease, Pointer, PublicKey, Signed, UnixSeconds};

use super::leases::charge;
use super::reading::HeldShard;
use super::scan::{Found, entry_at};
use super::{Store, StoreError, Verdict};
use crate::disk::DiskFile;
use crate::entry::Entry;
use crate::index::{Change, Counter, Lookup as _};
use crate::layout::{FileName, Folder, PackId};
use crate::rows::{GraveRow, LeaseKey, LeaseRow, Place, PointerRow, ShardRow, State};

/// After this many entries what was found is committed.
const REPLAY_GROUP_MAX: usize = 4096;

/// What a start has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replayed {
    /// The index was missing or unreadable.
    pub(crate) is_rebuilt: bool,
    /// Shard files that got a row.
    pub(crate) adopted: u64,
    /// Shard files and packs that were removed.
    pub(crate) removed: u64,
    /// Shard files that do not hold what their name says, left where they are.
    pub(crate) strange: u64,
    /// Entries found in packs.
    pub(crate) entries: u64,
}

impl Store {
    pub(super) fn replay(&self, is_new: bool, now: UnixSeconds) -> Result<Replayed, StoreError> {
        let mut replayed = Replayed { is_rebuilt: is_new, ..Replayed::default() };
        self.replay_files(now, &mut replayed)?;
        self.replay_packs(&mut replayed)?;
        if is_new {
            let change = self.index.change()?;
            change.set_counter(Counter::Complete, 1)?;
            change.commit()?;
        }
        Ok(replayed)
    }

    fn replay_files(&self, now: UnixSeconds, replayed: &mut Replayed) -> Result<(), StoreError> {
        for folder in Folder::shards() {
            let names =
                self.disk.list(folder).map_err(|source| StoreError::folder("list", folder, source))?;
            for names in names.chunks(REPLAY_GROUP_MAX) {
                let view = self.index.view()?;
                let change = self.index.change()?;
                for name in names {
                    let FileName::Shard(root) = name else { continue };
                    if view.shard(root)?.is_none() {
                        self.adopt_file(&change, *root, now, replayed)?;
                    }
                }
                change.commit()?;
            }
        }
        Ok(())
    }

    fn adopt_file(
        &self,
        change: &Change,
        root: Root,
        now: UnixSeconds,
        replayed: &mut Replayed,
    ) -> Result<(), StoreError> {
        let name = FileName::Shard(root);
        let Some(contents) = self.read_trailer(root)? else {
            tracing::warn!(file = %name, "the file does not hold the shard of its name, and is left alone");
            replayed.strange += 1;
            return Ok(());
        };
        if contents.leases.values().all(|lease| lease.is_collectable(now)) {
            self.disk.remove(name).map_err(|source| StoreError::disk("remove", name, source))?;
            replayed.removed += 1;
            return Ok(());
        }
        let place = Place::File { end: contents.end };
        change.set_shard(&root, ShardRow { len: contents.len, place, state: State::Sound })?;
        for ((control, holder), (spent, until)) in contents.spent {
            let sum = change.spent(&control, &holder)?.plus(spent);
            change.set_spent(&control, &holder, sum, until)?;
        }
        for lease in contents.leases.into_values() {
            change.set_lease(&LeaseRow { lease, spot: None })?;
        }
        replayed.adopted += 1;
        Ok(())
    }

    /// What the file of a large shard says; `None` when it is not the file of this shard.
    pub(super) fn read_trailer(&self, root: Root) -> Result<Option<Contents>, StoreError> {
        let name = FileName::Shard(root);
        let failed = |source| StoreError::disk("read", name, source);
        let file = self.disk.open(name).map_err(failed)?;
        let file_len = file.len().map_err(failed)?;
        let Some(shard) = entry_at(file.as_ref(), 0, file_len).map_err(failed)? else { return Ok(None) };
        let len = match shard.entry {
            Entry::Shard { root: found, len } if found == root => len,
            _ => return Ok(None),
        };
        let mut contents =
            Contents { len, end: shard.end(), leases: BTreeMap::new(), spent: BTreeMap::new() };
        while let Some(found) = entry_at(file.as_ref(), contents.end, file_len).map_err(failed)? {
            contents.end = found.end();
            contents.apply(root, &found.entry);
        }
        Ok(Some(contents))
    }

    fn replay_packs(&self, replayed: &mut Replayed) -> Result<(), StoreError> {
        let mut names: Vec<FileName> = self
            .disk
            .list(Folder::Packs)
            .map_err(|source| StoreError::folder("list", Folder::Packs, source))?;
        names.sort_unstable();
        let known: BTreeMap<PackId, u64> =
            self.index.view()?.packs()?.into_iter().map(|(pack, row)| (pack, row.end)).collect();
        let last_known = known.keys().last().copied();
        let mut pending = BTreeMap::new();
        for name in names {
            let FileName::Pack(pack) = name else { continue };
            match known.get(&pack) {
                Some(from) if self.pack_len(pack)? < *from => {}
                Some(from) => self.replay_pack(pack, *from, &mut pending, replayed)?,
                None if last_known.is_some_and(|last| pack < last) => {
                    // Compaction had emptied it; only its removal was lost.
                    self.disk.remove(name).map_err(|source| StoreError::disk("remove", name, source))?;
                    replayed.removed += 1;
                }
                None => self.replay_pack(pack, 0, &mut pending, replayed)?,
            }
        }
        self.leave_damaged_pack()
    }

    fn pack_len(&self, pack: PackId) -> Result<u64, StoreError> {
        let name = FileName::Pack(pack);
        let len = self.disk.open(name).and_then(|file| file.len());
        len.map_err(|source| StoreError::disk("measure", name, source))
    }

    /// A pack that lost its end, or its file, is not written to any more: a new one is begun.
    fn leave_damaged_pack(&self) -> Result<(), StoreError> {
        let Some((pack, row)) = self.index.view()?.packs()?.last().copied() else { return Ok(()) };
        let len = self.disk.open(FileName::Pack(pack)).and_then(|file| file.len());
        if row.end > 0 && len.unwrap_or(0) < row.end {
            tracing::error!(pack = pack.0, "the newest pack was cut short");
            let change = self.index.change()?;
            change.set_pack_end(pack.next(), 0)?;
            change.commit()?;
        }
        Ok(())
    }

    fn replay_pack(
        &self,
        pack: PackId,
        from: u64,
        pending: &mut BTreeMap<Root, ShardRow>,
        replayed: &mut Replayed,
    ) -> Result<(), StoreError> {
        let name = FileName::Pack(pack);
        let failed = |source| StoreError::disk("read", name, source);
        let file = self.disk.open(name).map_err(failed)?;
        let file_len = file.len().map_err(failed)?;
        let mut at = from;
        loop {
            let change = self.index.change()?;
            let mut reader = PackReader { store: self, change: &change, pack, file: &file, pending };
            let mut count = 0;
            while count < REPLAY_GROUP_MAX
                && let Some(found) = entry_at(file.as_ref(), at, file_len).map_err(failed)?
            {
                reader.apply(&found, replayed.is_rebuilt)?;
                at = found.end();
                count += 1;
            }
            replayed.entries += count as u64;
            change.set_pack_end(pack, at)?;
            change.commit()?;
            if count < REPLAY_GROUP_MAX {
                return Ok(());
            }
        }
    }
}

/// What the file of a large shard says.
pub(super) struct Contents {
    len: ShardLen,
    end: u64,
    leases: BTreeMap<PublicKey, Lease>,
    /// By control key and payer: how much, and until when it may count.
    spent: BTreeMap<(PublicKey, PublicKey), (ByteHours, UnixSeconds)>,
}

impl Contents {
    /// Where the next entry belongs.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    fn apply(&mut self, root: Root, entry: &Entry) {
        match entry {
            Entry::Lease(lease) if lease.root() == root => {
                let cost = charge(self.leases.get(&lease.control()), lease);
                let until = lease.expires().plus(LEASE_GRACE_S);
                let new = (ByteHours::default(), until);
                let spent = self.spent.entry((lease.control(), lease.payer())).or_insert(new);
                *spent = (spent.0.plus(cost), spent.1.max(until));
                self.leases.insert(lease.control(), *lease);
            }
            Entry::Release { root: of, control } if *of == root => {
                self.leases.remove(control);
            }
            _ => {}
        }
    }
}

struct PackReader<'a> {
    store: &'a Store,
    change: &'a Change,
    pack: PackId,
    file: &'a std::sync::Arc<dyn DiskFile>,
    /// Shards without a lease so far: they get their rows when one comes.
    pending: &'a mut BTreeMap<Root, ShardRow>,
}

impl PackReader<'_> {
    fn apply(&mut self, found: &Found, is_rebuilding: bool) -> Result<(), StoreError> {
        match &found.entry {
            Entry::Shard { root, len } => self.shard(*root, *len, found, is_rebuilding),
            Entry::Lease(lease) => self.lease(lease, found),
            Entry::Release { root, control } => {
                self.release(&LeaseKey { root: *root, control: *control }, found)
            }
            Entry::Pointer { payer, record } => self.pointer(payer, record, found),
        }
    }

    fn shard(&mut self, root: Root, len: ShardLen, found: &Found, rebuild: bool) -> Result<(), StoreError> {
        let place = Place::Pack { pack: self.pack, offset: found.offset };
        let row = ShardRow { len, place, state: State::Sound };
        let copy = HeldShard::new(root, row, self.file.clone());
        let failed = |source| StoreError::disk("read", FileName::Pack(self.pack), source);
        let is_sound = copy.check(|_| Ok(())).map_err(failed)? == Verdict::Sound;
        let state = if is_sound { State::Sound } else { State::Corrupt };
        let has_sound = self.change.shard(&root)?.is_some_and(|row| row.is_sound());
        if !is_sound && (has_sound || !rebuild) {
            return Ok(());
        }
        let row = ShardRow { state, ..row };
        if self.change.leases_of(&root)?.is_empty() {
            self.pending.insert(root, row);
        } else {
            self.change.set_shard(&root, row)?;
        }
        Ok(())
    }

    fn lease(&mut self, lease: &Lease, found: &Found) -> Result<(), StoreError> {
        let key = LeaseKey::of(lease);
        if let Some(row) = self.pending.remove(&key.root) {
            self.change.set_shard(&key.root, row)?;
        }
        let Some(ShardRow { place: Place::Pack { .. }, .. }) = self.change.shard(&key.root)? else {
            return Ok(());
        };
        let old = self.change.lease(&key)?;
        let cost = charge(old.as_ref().map(|row| &row.lease), lease);
        let spent = self.change.spent(&lease.control(), &lease.payer())?.plus(cost);
        let until = lease.expires().plus(LEASE_GRACE_S);
        self.change.set_spent(&lease.control(), &lease.payer(), spent, until)?;
        self.change.remove_grave(&key)?;
        self.change.set_lease(&LeaseRow { lease: *lease, spot: Some(found.spot(self.pack)) })?;
        Ok(())
    }

    fn release(&mut self, key: &LeaseKey, found: &Found) -> Result<(), StoreError> {
        let Some(ShardRow { place: Place::Pack { pack, .. }, .. }) = self.change.shard(&key.root)? else {
            return Ok(());
        };
        let Some(row) = self.change.lease(key)? else { return Ok(()) };
        let until = row.lease.expires().plus(LEASE_GRACE_S);
        self.change.set_grave(key, GraveRow { shard_pack: pack, until, spot: found.spot(self.pack) })?;
        self.change.remove_lease(key)?;
        if self.change.leases_of(&key.root)?.is_empty() {
            self.change.remove_shard(&key.root)?;
        }
        Ok(())
    }

    fn pointer(&mut self, payer: &PublicKey, record: &[u8], found: &Found) -> Result<(), StoreError> {
        let Ok(pointer) = Signed::<Pointer>::decode(record, &self.store.rules.network) else { return Ok(()) };
        let (owner, body) = (pointer.by(), pointer.body());
        if self.change.pointer(&owner, body.slot)?.is_none_or(|held| held.seq <= body.seq) {
            let row = PointerRow {
                seq: body.seq,
                expires: body.expires,
                payer: *payer,
                spot: found.spot(self.pack),
            };
            self.change.set_pointer(&owner, body.slot, row)?;
        }
        Ok(())
    }
}
