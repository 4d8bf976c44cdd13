//! The index on this device: a snapshot, and a journal of what was written since.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use proofs::Cid;
use protocol::{Sequence, UnixSeconds};
use sharing::{
    AccountIndex, ContentHash, DeviceId, Entry, EntryName, FileEntry, Hold, INDEX_NAMES_MAX, IndexFull,
    IndexPage, IndexPath, PagePrefix, Publication, Seen, StoredPublishingIndex,
};

use crate::durable;
use crate::held::Held;
use crate::journal::Journal;
use crate::pull::now;
use crate::releases::Pending;
use crate::state::State;

/// How long to wait for another process that has the index.
const LOCK_WITHIN: Duration = Duration::from_mins(1);
/// How often to look whether it has finished.
const LOCK_EVERY: Duration = Duration::from_millis(30);

/// All that this device knows of the account. One process has it at a time, and should not keep it for long.
#[derive(Debug)]
pub struct LocalIndex {
    folder: PathBuf,
    pub(crate) state: State,
    index: AccountIndex,
    journal: Journal,
    /// What is in the index and not yet in the journal.
    staged: Vec<Entry>,
    was_damaged: bool,
    /// Held as long as the index is open.
    _lock: File,
}

/// Tells whether the index in a folder was written since; nothing else is to be read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexFingerprint {
    journal: (u64, SystemTime),
    state: (u64, SystemTime),
}

/// A change that the user wants.
#[derive(Debug, Clone)]
pub enum Change {
    /// A file has this path.
    File(IndexPath, FileEntry),
    /// A folder of records has this catalogue, and nothing in it is taken away but these records, by their whole paths.
    Records {
        /// The folder.
        path: IndexPath,
        /// Its catalogue.
        file: FileEntry,
        /// The records that are gone, or of which the names stand for others.
        taken: Vec<IndexPath>,
    },
    /// There is a folder with this path.
    Folder(IndexPath, UnixSeconds),
    /// What has this path, is in it or above it stays.
    Hold(IndexPath, Hold),
    /// Something is published.
    Publication(Publication),
    /// This device's creator's index is stored there.
    Publishing(StoredPublishingIndex),
    /// What has this name is removed.
    Gone(EntryName, UnixSeconds),
    /// The file with this path is in another one now: its name goes, and nothing with it.
    Joined(IndexPath, UnixSeconds),
    /// A path has again the file that was taken from it: that came to be held before anything was destroyed.
    Back(IndexPath, FileEntry),
}

/// Why the index on this device cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The file system says no.
    #[error("{path}: {source}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it.
    #[error("{path} has been in use by another process for {} s", LOCK_WITHIN.as_secs())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// There is no room in it.
    #[error(transparent)]
    Full(#[from] IndexFull),
    /// It would take away what has to stay.
    #[error(transparent)]
    Held(#[from] Box<Held>),
}

impl LocalIndex {
    /// Opens the index in a folder, which is made when there is none. Waits for another process that has it.
    ///
    /// A snapshot that cannot be read counts as none: the network has what was written to it.
    pub fn open(folder: &Path) -> Result<Self, LocalError> {
        let at = |source| LocalError::Io { path: folder.to_owned(), source };
        durable::create_folder(&folder.join("pages")).map_err(at)?;
        durable::create_folder(&folder.join("releases")).map_err(at)?;
        let lock = lock(folder)?;
        let found = State::load(&folder.join("state")).map_err(at)?;
        let has_state = found.is_some();
        let mut state = found.unwrap_or_else(State::new);
        if !has_state {
            state.save(&folder.join("state")).map_err(at)?;
        }
        let snapshot = snapshot(folder, &state);
        let was_damaged = snapshot.is_none();
        let mut index = snapshot.unwrap_or_else(|| {
            state.seen = Seen::default();
            state.pages.clear();
            AccountIndex::default()
        });
        let (journal, entries) = Journal::open(&folder.join("journal")).map_err(at)?;
        if was_damaged {
            // Its clocks were given out before: nobody would notice new entries under them.
            (state.device, state.slot, state.seq) =
                (DeviceId::from_bytes(rand::random()), None, Sequence::FIRST);
        }
        if was_damaged || !has_state {
            // What came before these entries may be missing: they do not show how far anybody was seen.
            index = AccountIndex::new(entries, Seen::default());
        } else {
            for entry in entries {
                index.write(entry)?;
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            state,
            index,
            journal,
            staged: Vec::new(),
            was_damaged,
            _lock: lock,
        })
    }

    /// The entries.
    pub const fn index(&self) -> &AccountIndex {
        &self.index
    }

    /// Who this device is.
    pub const fn device(&self) -> DeviceId {
        self.state.device
    }

    /// Whether the snapshot on this device could not be read, so that only the journal was left.
    pub const fn was_damaged(&self) -> bool {
        self.was_damaged
    }

    /// Whether there is something here that is not on the network yet.
    pub const fn has_unpushed(&self) -> bool {
        !self.state.is_pushed || !self.journal.is_empty()
    }

    /// Fails where one of these changes would remove, move or replace what is held now.
    pub fn check(&self, changes: &[Change]) -> Result<(), LocalError> {
        let taken = changes.iter().flat_map(|change| change.takes(&self.index));
        Held::check(&self.index, taken, now()).map_err(|held| Box::new(held).into())
    }

    /// Writes changes, in this order: all of them, or none where one is refused. They are durable when this returns.
    pub fn write(&mut self, changes: Vec<Change>) -> Result<(), LocalError> {
        self.stage(changes)?;
        self.flush()
    }

    /// Takes changes, in this order, which are durable after the next [`flush`](Self::flush): so many of them, each of
    /// which depends on those before, wait for the disk once. Whoever cannot flush them opens the index anew.
    pub fn stage(&mut self, changes: Vec<Change>) -> Result<(), LocalError> {
        if self.index.entries().len() + changes.len() > INDEX_NAMES_MAX {
            return Err(IndexFull.into());
        }
        self.check(&changes)?;
        let mut stamp = self.index.next_stamp(self.state.device);
        for change in changes {
            let entry = match change {
                Change::File(path, file) | Change::Records { path, file, .. } | Change::Back(path, file) => {
                    Entry::file(stamp, path, file)
                }
                Change::Folder(path, created) => Entry::folder(stamp, path, created),
                Change::Hold(path, hold) => Entry::hold(stamp, path, hold),
                Change::Publication(publication) => Entry::publication(stamp, publication),
                Change::Publishing(stored) => Entry::publishing(stamp, stored),
                Change::Gone(name, since) => Entry::gone(stamp, name, since),
                Change::Joined(path, since) => Entry::gone(stamp, EntryName::File(path), since),
            };
            self.index.write(entry.clone())?;
            self.staged.push(entry);
            stamp.clock = stamp.clock.next();
        }
        Ok(())
    }

    /// Makes what was staged durable.
    pub fn flush(&mut self) -> Result<(), LocalError> {
        let path = self.folder.join("journal");
        self.journal.append(&self.staged).map_err(|source| LocalError::Io { path, source })?;
        self.staged.clear();
        Ok(())
    }

    /// What changes whenever the index in this folder is written by anybody: the lengths and times of its files.
    pub fn fingerprint(folder: &Path) -> io::Result<IndexFingerprint> {
        let of = |name: &str| {
            let metadata = fs::metadata(folder.join(name))?;
            Ok::<_, io::Error>((metadata.len(), metadata.modified()?))
        };
        Ok(IndexFingerprint { journal: of("journal")?, state: of("state")? })
    }

    /// Takes what another device has written to the network. Durable after [`save`](Self::save).
    pub(crate) fn merge(&mut self, other: AccountIndex) {
        self.index = std::mem::take(&mut self.index).merge(other);
    }

    /// Takes what stands in an exported index, durably.
    pub fn import(&mut self, other: AccountIndex) -> Result<(), LocalError> {
        crate::pull::merge(self, other)?;
        self.save(false)
    }

    /// The hashes of the pages in the snapshot.
    pub(crate) fn knows_page(&self, hash: &ContentHash) -> bool {
        self.state.pages.contains(hash)
    }

    /// Forgets what is gone for long, and gives the pages of what is left.
    pub(crate) fn pages(&mut self, now: UnixSeconds) -> Result<Vec<IndexPage>, LocalError> {
        self.index.prune(now);
        Ok(self.index.pages()?)
    }

    /// Writes the state alone.
    pub(crate) fn save_state(&self) -> Result<(), LocalError> {
        let path = self.folder.join("state");
        self.state.save(&path).map_err(|source| LocalError::Io { path, source })
    }

    /// Makes a snapshot of everything, and begins a new journal.
    pub(crate) fn save(&mut self, is_pushed: bool) -> Result<(), LocalError> {
        let pages = self.index.pages()?;
        self.save_pages(&pages, is_pushed)
            .map_err(|source| LocalError::Io { path: self.folder.clone(), source })
    }

    /// Where it lies.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The objects whose leases are to be ended.
    pub(crate) fn pending(&self) -> Pending {
        Pending::at(self.folder.join("releases"))
    }

    /// Has the leases of an object ended, now or at a later command. Durable when this returns.
    pub fn release_later(&self, object: Cid, now: UnixSeconds) -> Result<(), LocalError> {
        self.release_all_later([object], now)
    }

    /// The same for many objects, which wait for the disk together.
    pub fn release_all_later(
        &self,
        objects: impl IntoIterator<Item = Cid>,
        now: UnixSeconds,
    ) -> Result<(), LocalError> {
        let path = self.folder.join("releases");
        self.pending().add(objects, now).map_err(|source| LocalError::Io { path, source })
    }

    fn save_pages(&mut self, pages: &[IndexPage], is_pushed: bool) -> io::Result<()> {
        let folder = self.folder.join("pages");
        let hashes: Vec<_> = pages.iter().map(|page| ContentHash::of(&page.bytes)).collect();
        for (page, hash) in pages.iter().zip(&hashes) {
            let path = folder.join(hash.to_string());
            if !path.exists() {
                durable::replace(&path, &page.bytes)?;
            }
        }
        let old = std::mem::replace(&mut self.state.pages, hashes);
        self.state.seen = self.index.seen().clone();
        self.state.is_pushed = is_pushed;
        self.state.save(&self.folder.join("state"))?;
        self.journal.clear()?;
        for hash in old.iter().filter(|hash| !self.state.pages.contains(hash)) {
            fs::remove_file(folder.join(hash.to_string()))?;
        }
        Ok(())
    }
}

fn lock(folder: &Path) -> Result<File, LocalError> {
    let at = |source| LocalError::Io { path: folder.to_owned(), source };
    let file = durable::private().create(true).truncate(false).open(folder.join("lock")).map_err(at)?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_WITHIN => std::thread::sleep(LOCK_EVERY),
            Err(TryLockError::WouldBlock) => return Err(LocalError::InUse { path: folder.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(at(error)),
        }
    }
}

/// The entries in the pages of a snapshot; none when a page is missing or damaged.
fn snapshot(folder: &Path, state: &State) -> Option<AccountIndex> {
    let mut entries = Vec::new();
    for hash in &state.pages {
        let bytes = fs::read(folder.join("pages").join(hash.to_string())).ok()?;
        if ContentHash::of(&bytes) != *hash {
            return None;
        }
        entries.extend(IndexPage::decode(&bytes, PagePrefix::ALL).ok()?);
    }
    Some(AccountIndex::new(entries, state.seen.clone()))
}
