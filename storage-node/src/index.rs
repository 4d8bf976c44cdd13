//! The index: which shards, leases and pointers there are. The only file that names redb.
//!
//! It is written by one writer in durable transactions, over the same [`Disk`] seam as everything else.
//! What its tables say of each other (who uses how much, how much of a pack is in use, what expires when)
//! is kept in step by [`Change`], so that no caller can forget half of it.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError, RwLock};

use proofs::Root;
use protocol::{ByteHours, Lease, PublicKey, Slot, UnixSeconds};
use redb::{
    Database, Durability, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition, WriteTransaction,
};
use serde::de::DeserializeOwned;

use crate::disk::{Disk, DiskFile};
use crate::layout::{FileName, Folder, PackId};
use crate::rows::{GraveRow, LeaseKey, LeaseRow, PackRow, Place, PointerRow, ShardRow, Spot};

/// Memory for cached pages, in bytes. A node is meant to idle within 32 MiB.
const CACHE_LEN: usize = 8 << 20;

type Key<const N: usize> = &'static [u8; N];

const SHARDS: TableDefinition<Key<32>, &[u8]> = TableDefinition::new("shards");
/// root ‖ control key
const LEASES: TableDefinition<Key<64>, &[u8]> = TableDefinition::new("leases");
/// end of the lease, big-endian ‖ root ‖ control key
const BY_EXPIRY: TableDefinition<Key<72>, ()> = TableDefinition::new("leases by expiry");
/// payer → bytes under lease
const USAGE: TableDefinition<Key<32>, u64> = TableDefinition::new("usage");
/// control key ‖ holder → byte-hours
const SPENT: TableDefinition<Key<64>, u64> = TableDefinition::new("spent");
/// signer ‖ slot, big-endian
const POINTERS: TableDefinition<Key<34>, &[u8]> = TableDefinition::new("pointers");
/// end, live
const PACKS: TableDefinition<u32, (u64, u64)> = TableDefinition::new("packs");
/// root ‖ control key
const GRAVES: TableDefinition<Key<64>, &[u8]> = TableDefinition::new("graves");
const COUNTERS: TableDefinition<&str, u64> = TableDefinition::new("counters");

/// A number that the index keeps across restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// 1 once the index was brought up to the files for the first time.
    Complete,
    /// Bytes in the files of large shards.
    FileBytes,
    /// Shards found corrupt.
    Corrupt,
    /// Months since 1970 in which [`Self::EgressBytes`] were sent.
    EgressMonth,
    EgressBytes,
}

impl Counter {
    const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::FileBytes => "file bytes",
            Self::Corrupt => "corrupt",
            Self::EgressMonth => "egress month",
            Self::EgressBytes => "egress bytes",
        }
    }
}

/// Why the index did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IndexError {
    #[error("index: {0}")]
    Database(#[from] redb::Error),
    #[error("index: a row cannot be read: {0}")]
    Row(#[from] postcard::Error),
    #[error("index: {0}")]
    File(#[from] io::Error),
    #[error("index: {0}")]
    Damaged(&'static str),
}

impl IndexError {
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Database(redb::Error::Io(error)) | Self::File(error) => is_full(error),
            _ => false,
        }
    }
}

impl IndexError {
    /// Whether the disk failed, so that nothing is known against the index itself.
    pub(crate) fn is_of_the_disk(&self) -> bool {
        use io::ErrorKind::{InvalidData, UnexpectedEof};
        match self {
            Self::Database(redb::Error::Io(error)) => !matches!(error.kind(), InvalidData | UnexpectedEof),
            Self::Database(redb::Error::PreviousIo) | Self::File(_) => true,
            _ => false,
        }
    }
}

pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Makes the conversions of redb's many error types one `?`.
fn redb_error(error: impl Into<redb::Error>) -> IndexError {
    IndexError::Database(error.into())
}

type Result<T> = std::result::Result<T, IndexError>;

/// The open index.
#[derive(Debug)]
pub(crate) struct Index {
    disk: Arc<dyn Disk>,
    /// `None` only while and after reopening has failed.
    database: RwLock<Option<Database>>,
}

impl Index {
    /// Opens the index, or an empty one when there is none. An error means that it is of no use any more, and
    /// [`Index::discard`] makes way for a new one.
    pub(crate) fn open(disk: Arc<dyn Disk>) -> Result<Self> {
        let database = open_database(&disk)?;
        Ok(Self { disk, database: RwLock::new(Some(database)) })
    }

    /// Removes the index file. Everything in it can be rebuilt.
    pub(crate) fn discard(disk: &dyn Disk) -> io::Result<()> {
        disk.remove(FileName::Index)?;
        disk.sync_folder(Folder::Top)
    }

    /// Opens it again after an error: redb refuses to go on after the first one.
    pub(crate) fn reopen(&self) -> Result<()> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        *database = None;
        *database = Some(open_database(&self.disk)?);
        Ok(())
    }

    /// What was committed last. Short-lived: an old view pins old pages.
    pub(crate) fn view(&self) -> Result<View> {
        self.with(|database| Ok(View(database.begin_read().map_err(redb_error)?)))
    }

    /// Begins a change. There is one writer; a second one waits here.
    pub(crate) fn change(&self) -> Result<Change> {
        self.with(|database| {
            let mut transaction = database.begin_write().map_err(redb_error)?;
            transaction.set_durability(Durability::Immediate).map_err(redb_error)?;
            Ok(Change(transaction))
        })
    }

    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T>) -> Result<T> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        work(database.as_ref().ok_or(IndexError::Damaged("it could not be opened again after an error"))?)
    }
}

fn open_database(disk: &Arc<dyn Disk>) -> Result<Database> {
    let file = match disk.open(FileName::Index) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => disk.create(FileName::Index)?,
        other => other?,
    };
    disk.sync_folder(Folder::Top)?;
    // A damaged file can make redb panic. To us that is one more way of being unreadable.
    let opened = std::panic::catch_unwind(AssertUnwindSafe(|| {
        Database::builder().set_cache_size(CACHE_LEN).create_with_backend(Backend(file))
    }));
    let database = opened.map_err(|_| IndexError::Damaged("it cannot be read"))?.map_err(redb_error)?;
    let change = database.begin_write().map_err(redb_error)?;
    create_tables(&change)?;
    change.commit().map_err(redb_error)?;
    Ok(database)
}

/// A view can only open tables that exist.
fn create_tables(transaction: &WriteTransaction) -> Result<()> {
    drop(transaction.open_table(SHARDS).map_err(redb_error)?);
    drop(transaction.open_table(LEASES).map_err(redb_error)?);
    drop(transaction.open_table(BY_EXPIRY).map_err(redb_error)?);
    drop(transaction.open_table(USAGE).map_err(redb_error)?);
    drop(transaction.open_table(SPENT).map_err(redb_error)?);
    drop(transaction.open_table(POINTERS).map_err(redb_error)?);
    drop(transaction.open_table(PACKS).map_err(redb_error)?);
    drop(transaction.open_table(GRAVES).map_err(redb_error)?);
    drop(transaction.open_table(COUNTERS).map_err(redb_error)?);
    Ok(())
}

/// redb's file, by way of the disk seam.
#[derive(Debug)]
struct Backend(Arc<dyn DiskFile>);

impl redb::StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, data)
    }
}

/// The index as it was committed last.
pub(crate) struct View(ReadTransaction);

impl View {
    pub(crate) fn shard(&self, root: &Root) -> Result<Option<ShardRow>> {
        row(&self.0.open_table(SHARDS).map_err(redb_error)?, root.as_bytes())
    }

    /// The shards after `after` in the order of their roots, at most `limit`.
    pub(crate) fn shards_after(&self, after: Option<Root>, limit: usize) -> Result<Vec<(Root, ShardRow)>> {
        let table = self.0.open_table(SHARDS).map_err(redb_error)?;
        let from = after.map_or([0; 32], |root| *root.as_bytes());
        let mut found = Vec::new();
        for item in table.range::<&[u8; 32]>(&from..).map_err(redb_error)? {
            let (key, value) = item.map_err(redb_error)?;
            let root = Root::from_bytes(*key.value());
            if after != Some(root) {
                found.push((root, postcard::from_bytes(value.value())?));
            }
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }

    pub(crate) fn shard_count(&self) -> Result<u64> {
        self.0.open_table(SHARDS).map_err(redb_error)?.len().map_err(redb_error)
    }

    pub(crate) fn lease(&self, key: &LeaseKey) -> Result<Option<LeaseRow>> {
        row(&self.0.open_table(LEASES).map_err(redb_error)?, &lease_key(key))
    }

    /// The leases that end at `until` or before, first to end first, at most `limit`.
    pub(crate) fn leases_ending(&self, until: UnixSeconds, limit: usize) -> Result<Vec<LeaseKey>> {
        let table = self.0.open_table(BY_EXPIRY).map_err(redb_error)?;
        let mut end = [0xff; 72];
        end[..8].copy_from_slice(&until.get().to_be_bytes());
        let mut found = Vec::new();
        for item in table.range::<&[u8; 72]>(..=&end).map_err(redb_error)?.take(limit) {
            found.push(decode_lease_key(&item.map_err(redb_error)?.0.value()[8..])?);
        }
        Ok(found)
    }

    pub(crate) fn pointers_of(&self, owner: &PublicKey) -> Result<Vec<(Slot, PointerRow)>> {
        pointers_of(&self.0.open_table(POINTERS).map_err(redb_error)?, owner)
    }

    /// The pointers that have ended at `now`, at most `limit`.
    pub(crate) fn pointers_ended(&self, now: UnixSeconds, limit: usize) -> Result<Vec<(PublicKey, Slot)>> {
        let table = self.0.open_table(POINTERS).map_err(redb_error)?;
        let mut found = Vec::new();
        for item in table.iter().map_err(redb_error)? {
            let (key, value) = item.map_err(redb_error)?;
            let pointer: PointerRow = postcard::from_bytes(value.value())?;
            if pointer.expires.has_passed(now) && found.len() < limit {
                found.push(decode_pointer_key(key.value())?);
            }
        }
        Ok(found)
    }

    pub(crate) fn graves_ended(&self, now: UnixSeconds, limit: usize) -> Result<Vec<LeaseKey>> {
        let table = self.0.open_table(GRAVES).map_err(redb_error)?;
        let mut found = Vec::new();
        for item in table.iter().map_err(redb_error)? {
            let (key, value) = item.map_err(redb_error)?;
            let grave: GraveRow = postcard::from_bytes(value.value())?;
            if grave.until.has_passed(now) && found.len() < limit {
                found.push(decode_lease_key(key.value())?);
            }
        }
        Ok(found)
    }

    pub(crate) fn packs(&self) -> Result<Vec<(PackId, PackRow)>> {
        packs(&self.0.open_table(PACKS).map_err(redb_error)?)
    }

    pub(crate) fn counter(&self, counter: Counter) -> Result<u64> {
        let table = self.0.open_table(COUNTERS).map_err(redb_error)?;
        Ok(table.get(counter.name()).map_err(redb_error)?.map_or(0, |value| value.value()))
    }

    /// Bytes on the disk: files of large shards, and packs.
    pub(crate) fn stored(&self) -> Result<u64> {
        let packs: u64 = self.packs()?.iter().map(|(_, pack)| pack.end).sum();
        Ok(self.counter(Counter::FileBytes)? + packs)
    }
}

/// A change of the index: nothing of it is seen or kept before [`Change::commit`].
pub(crate) struct Change(WriteTransaction);

impl Change {
    /// Returns when the change is durable. After an error it is unknown whether it was made.
    pub(crate) fn commit(self) -> Result<()> {
        self.0.commit().map_err(redb_error)
    }

    pub(crate) fn shard(&self, root: &Root) -> Result<Option<ShardRow>> {
        row(&self.0.open_table(SHARDS).map_err(redb_error)?, root.as_bytes())
    }

    pub(crate) fn set_shard(&self, root: &Root, new: ShardRow) -> Result<()> {
        let mut table = self.0.open_table(SHARDS).map_err(redb_error)?;
        let old = row(&table, root.as_bytes())?;
        table.insert(root.as_bytes(), postcard::to_stdvec(&new)?.as_slice()).map_err(redb_error)?;
        self.account_shard(old, Some(new))
    }

    pub(crate) fn remove_shard(&self, root: &Root) -> Result<()> {
        let mut table = self.0.open_table(SHARDS).map_err(redb_error)?;
        let old = row(&table, root.as_bytes())?;
        table.remove(root.as_bytes()).map_err(redb_error)?;
        self.account_shard(old, None)
    }

    fn account_shard(&self, old: Option<ShardRow>, new: Option<ShardRow>) -> Result<()> {
        for (row, sign) in [(new, Sign::Plus), (old, Sign::Minus)] {
            let Some(row) = row else { continue };
            match row.place {
                Place::File { end } => self.add(Counter::FileBytes, sign, end)?,
                Place::Pack { pack, offset } => {
                    let len = crate::entry::shard_entry_len(row.len);
                    self.add_live(Some(Spot { pack, offset, len }), sign)?;
                }
            }
            if !row.is_sound() {
                self.add(Counter::Corrupt, sign, 1)?;
            }
        }
        Ok(())
    }

    pub(crate) fn lease(&self, key: &LeaseKey) -> Result<Option<LeaseRow>> {
        row(&self.0.open_table(LEASES).map_err(redb_error)?, &lease_key(key))
    }

    pub(crate) fn leases_of(&self, root: &Root) -> Result<Vec<LeaseRow>> {
        leases_of(&self.0.open_table(LEASES).map_err(redb_error)?, root)
    }

    pub(crate) fn set_lease(&self, new: &LeaseRow) -> Result<()> {
        let key = LeaseKey::of(&new.lease);
        let mut table = self.0.open_table(LEASES).map_err(redb_error)?;
        let old = row(&table, &lease_key(&key))?;
        table.insert(&lease_key(&key), postcard::to_stdvec(new)?.as_slice()).map_err(redb_error)?;
        self.account_lease(old.as_ref(), Some(new))
    }

    pub(crate) fn remove_lease(&self, key: &LeaseKey) -> Result<()> {
        let mut table = self.0.open_table(LEASES).map_err(redb_error)?;
        let old: Option<LeaseRow> = row(&table, &lease_key(key))?;
        table.remove(&lease_key(key)).map_err(redb_error)?;
        self.account_lease(old.as_ref(), None)
    }

    fn account_lease(&self, old: Option<&LeaseRow>, new: Option<&LeaseRow>) -> Result<()> {
        let mut by_expiry = self.0.open_table(BY_EXPIRY).map_err(redb_error)?;
        if let Some(LeaseRow { lease, spot }) = old {
            by_expiry.remove(&expiry_key(lease)).map_err(redb_error)?;
            self.add_usage(&lease.payer(), Sign::Minus, lease.len().get())?;
            self.add_live(*spot, Sign::Minus)?;
        }
        if let Some(LeaseRow { lease, spot }) = new {
            by_expiry.insert(&expiry_key(lease), ()).map_err(redb_error)?;
            self.add_usage(&lease.payer(), Sign::Plus, lease.len().get())?;
            self.add_live(*spot, Sign::Plus)?;
        }
        Ok(())
    }

    pub(crate) fn usage(&self, payer: &PublicKey) -> Result<u64> {
        let table = self.0.open_table(USAGE).map_err(redb_error)?;
        Ok(table.get(payer.as_bytes()).map_err(redb_error)?.map_or(0, |bytes| bytes.value()))
    }

    fn add_usage(&self, payer: &PublicKey, sign: Sign, bytes: u64) -> Result<()> {
        let sum = sign.apply(self.usage(payer)?, bytes);
        let mut table = self.0.open_table(USAGE).map_err(redb_error)?;
        if sum == 0 {
            table.remove(payer.as_bytes()).map_err(redb_error)?;
        } else {
            table.insert(payer.as_bytes(), sum).map_err(redb_error)?;
        }
        Ok(())
    }

    /// What this holder has spent at this node under mandates of this control key.
    pub(crate) fn spent(&self, control: &PublicKey, holder: &PublicKey) -> Result<ByteHours> {
        let table = self.0.open_table(SPENT).map_err(redb_error)?;
        let spent = table.get(&two_keys(control, holder)).map_err(redb_error)?;
        Ok(ByteHours::new(spent.map_or(0, |spent| spent.value())))
    }

    pub(crate) fn set_spent(&self, control: &PublicKey, holder: &PublicKey, spent: ByteHours) -> Result<()> {
        let mut table = self.0.open_table(SPENT).map_err(redb_error)?;
        table.insert(&two_keys(control, holder), spent.get()).map_err(redb_error)?;
        Ok(())
    }

    pub(crate) fn pointer(&self, owner: &PublicKey, slot: Slot) -> Result<Option<PointerRow>> {
        row(&self.0.open_table(POINTERS).map_err(redb_error)?, &pointer_key(owner, slot))
    }

    pub(crate) fn pointers_of(&self, owner: &PublicKey) -> Result<Vec<(Slot, PointerRow)>> {
        pointers_of(&self.0.open_table(POINTERS).map_err(redb_error)?, owner)
    }

    pub(crate) fn set_pointer(&self, owner: &PublicKey, slot: Slot, new: PointerRow) -> Result<()> {
        self.remove_pointer(owner, slot)?;
        let mut table = self.0.open_table(POINTERS).map_err(redb_error)?;
        let bytes = postcard::to_stdvec(&new)?;
        table.insert(&pointer_key(owner, slot), bytes.as_slice()).map_err(redb_error)?;
        self.add_live(Some(new.spot), Sign::Plus)
    }

    pub(crate) fn remove_pointer(&self, owner: &PublicKey, slot: Slot) -> Result<()> {
        if let Some(old) = self.pointer(owner, slot)? {
            let mut table = self.0.open_table(POINTERS).map_err(redb_error)?;
            table.remove(&pointer_key(owner, slot)).map_err(redb_error)?;
            self.add_live(Some(old.spot), Sign::Minus)?;
        }
        Ok(())
    }

    pub(crate) fn grave(&self, key: &LeaseKey) -> Result<Option<GraveRow>> {
        row(&self.0.open_table(GRAVES).map_err(redb_error)?, &lease_key(key))
    }

    pub(crate) fn set_grave(&self, key: &LeaseKey, new: GraveRow) -> Result<()> {
        self.remove_grave(key)?;
        let mut table = self.0.open_table(GRAVES).map_err(redb_error)?;
        table.insert(&lease_key(key), postcard::to_stdvec(&new)?.as_slice()).map_err(redb_error)?;
        self.add_live(Some(new.spot), Sign::Plus)
    }

    pub(crate) fn remove_grave(&self, key: &LeaseKey) -> Result<()> {
        if let Some(old) = self.grave(key)? {
            let mut table = self.0.open_table(GRAVES).map_err(redb_error)?;
            table.remove(&lease_key(key)).map_err(redb_error)?;
            self.add_live(Some(old.spot), Sign::Minus)?;
        }
        Ok(())
    }

    /// Forgets the releases whose shards lay in this pack, which is gone for good.
    pub(crate) fn remove_graves_in(&self, pack: PackId) -> Result<()> {
        let mut found = Vec::new();
        for item in self.0.open_table(GRAVES).map_err(redb_error)?.iter().map_err(redb_error)? {
            let (key, value) = item.map_err(redb_error)?;
            let grave: GraveRow = postcard::from_bytes(value.value())?;
            if grave.shard_pack == pack {
                found.push(decode_lease_key(key.value())?);
            }
        }
        found.iter().try_for_each(|key| self.remove_grave(key))
    }

    pub(crate) fn packs(&self) -> Result<Vec<(PackId, PackRow)>> {
        packs(&self.0.open_table(PACKS).map_err(redb_error)?)
    }

    pub(crate) fn pack(&self, pack: PackId) -> Result<Option<PackRow>> {
        let table = self.0.open_table(PACKS).map_err(redb_error)?;
        let found = table.get(pack.0).map_err(redb_error)?;
        Ok(found.map(|found| PackRow { end: found.value().0, live: found.value().1 }))
    }

    /// Notes that the pack is written up to `end`; begins it when it is new.
    pub(crate) fn set_pack_end(&self, pack: PackId, end: u64) -> Result<()> {
        let live = self.pack(pack)?.unwrap_or_default().live;
        self.set_pack(pack, PackRow { end, live })
    }

    pub(crate) fn remove_pack(&self, pack: PackId) -> Result<()> {
        self.0.open_table(PACKS).map_err(redb_error)?.remove(pack.0).map_err(redb_error)?;
        Ok(())
    }

    fn set_pack(&self, pack: PackId, PackRow { end, live }: PackRow) -> Result<()> {
        self.0.open_table(PACKS).map_err(redb_error)?.insert(pack.0, (end, live)).map_err(redb_error)?;
        Ok(())
    }

    fn add_live(&self, spot: Option<Spot>, sign: Sign) -> Result<()> {
        let Some(Spot { pack, len, .. }) = spot else { return Ok(()) };
        let PackRow { end, live } = self.pack(pack)?.unwrap_or_default();
        self.set_pack(pack, PackRow { end, live: sign.apply(live, len) })
    }

    pub(crate) fn set_counter(&self, counter: Counter, value: u64) -> Result<()> {
        self.0.open_table(COUNTERS).map_err(redb_error)?.insert(counter.name(), value).map_err(redb_error)?;
        Ok(())
    }

    fn add(&self, counter: Counter, sign: Sign, amount: u64) -> Result<()> {
        let table = self.0.open_table(COUNTERS).map_err(redb_error)?;
        let old = table.get(counter.name()).map_err(redb_error)?.map_or(0, |value| value.value());
        drop(table);
        self.set_counter(counter, sign.apply(old, amount))
    }
}

#[derive(Clone, Copy)]
enum Sign {
    Plus,
    Minus,
}

impl Sign {
    fn apply(self, sum: u64, amount: u64) -> u64 {
        match self {
            Self::Plus => sum.saturating_add(amount),
            Self::Minus => sum.saturating_sub(amount),
        }
    }
}

fn row<T: DeserializeOwned, const N: usize>(
    table: &impl ReadableTable<Key<N>, &'static [u8]>,
    key: &[u8; N],
) -> Result<Option<T>> {
    let found = table.get(key).map_err(redb_error)?;
    Ok(found.map(|found| postcard::from_bytes(found.value())).transpose()?)
}

fn leases_of(table: &impl ReadableTable<Key<64>, &'static [u8]>, root: &Root) -> Result<Vec<LeaseRow>> {
    let [mut from, mut to] = [[0; 64], [0xff; 64]];
    from[..32].copy_from_slice(root.as_bytes());
    to[..32].copy_from_slice(root.as_bytes());
    let found = table.range::<&[u8; 64]>(&from..=&to).map_err(redb_error)?;
    found.map(|item| Ok(postcard::from_bytes(item.map_err(redb_error)?.1.value())?)).collect()
}

fn pointers_of(
    table: &impl ReadableTable<Key<34>, &'static [u8]>,
    owner: &PublicKey,
) -> Result<Vec<(Slot, PointerRow)>> {
    let [from, to] = [Slot::new(0), Slot::new(u16::MAX)].map(|slot| pointer_key(owner, slot));
    let found = table.range::<&[u8; 34]>(&from..=&to).map_err(redb_error)?;
    found
        .map(|item| {
            let (key, value) = item.map_err(redb_error)?;
            Ok((decode_pointer_key(key.value())?.1, postcard::from_bytes(value.value())?))
        })
        .collect()
}

fn packs(table: &impl ReadableTable<u32, (u64, u64)>) -> Result<Vec<(PackId, PackRow)>> {
    let found = table.iter().map_err(redb_error)?;
    found
        .map(|item| {
            let (pack, row) = item.map_err(redb_error)?;
            let (end, live) = row.value();
            Ok((PackId(pack.value()), PackRow { end, live }))
        })
        .collect()
}

fn lease_key(key: &LeaseKey) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(key.root.as_bytes());
    bytes[32..].copy_from_slice(key.control.as_bytes());
    bytes
}

fn decode_lease_key(bytes: &[u8]) -> Result<LeaseKey> {
    let (root, control) = bytes.split_first_chunk().ok_or(IndexError::Damaged("key of a lease"))?;
    Ok(LeaseKey { root: Root::from_bytes(*root), control: decode_public_key(control)? })
}

fn expiry_key(lease: &Lease) -> [u8; 72] {
    let mut bytes = [0; 72];
    bytes[..8].copy_from_slice(&lease.expires().get().to_be_bytes());
    bytes[8..].copy_from_slice(&lease_key(&LeaseKey::of(lease)));
    bytes
}

fn two_keys(first: &PublicKey, second: &PublicKey) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(first.as_bytes());
    bytes[32..].copy_from_slice(second.as_bytes());
    bytes
}

fn pointer_key(owner: &PublicKey, slot: Slot) -> [u8; 34] {
    let mut bytes = [0; 34];
    bytes[..32].copy_from_slice(owner.as_bytes());
    bytes[32..].copy_from_slice(&slot.get().to_be_bytes());
    bytes
}

fn decode_pointer_key(bytes: &[u8; 34]) -> Result<(PublicKey, Slot)> {
    let (owner, slot) = bytes.split_at(32);
    let slot = slot.try_into().map_err(|_| IndexError::Damaged("key of a pointer"))?;
    Ok((decode_public_key(owner)?, Slot::new(u16::from_be_bytes(slot))))
}

fn decode_public_key(bytes: &[u8]) -> Result<PublicKey> {
    let bytes = bytes.try_into().map_err(|_| IndexError::Damaged("a key has no 32 bytes"))?;
    protocol::keys::from_bytes(bytes).map_err(|_| IndexError::Damaged("a key is no public key"))
}
