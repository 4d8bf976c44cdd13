//! The whole index in memory: entries by name, merged in any order.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;

use proofs::Cid;
use protocol::UnixSeconds;

use super::{
    Clock, DeviceId, Entry, EntryName, FileEntry, Hold, INDEX_NAMES_MAX, IndexPath, NameError, Seen, Stamp,
    StoredPublishingIndex, What,
};
use crate::Publication;

/// How long the name of something removed is kept, in seconds: 400 days, the longest that a lease may last.
pub const TOMBSTONE_KEPT_S: u64 = 400 * 86_400;
/// Numbers that are tried for a file whose name is taken.
const NUMBERS_MAX: u32 = 10_000;

/// All that an account has put and published, as far as one device knows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccountIndex {
    entries: BTreeMap<EntryName, Entry>,
    seen: Seen,
    /// The greatest clock of any entry that was here.
    latest: Option<Clock>,
}

/// A file whose name was given to something else by a device that did not know of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Displaced {
    /// The name that it had.
    pub path: IndexPath,
    /// The file.
    pub file: FileEntry,
}

/// An index has as many entries as it may.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the index has {INDEX_NAMES_MAX} entries, and takes no more")]
pub struct IndexFull;

impl AccountIndex {
    /// An index with these entries, which has seen this much.
    pub fn new(entries: impl IntoIterator<Item = Entry>, seen: Seen) -> Self {
        let mut index = Self { entries: BTreeMap::new(), latest: seen.clock(), seen };
        for entry in entries {
            index.enter(entry);
        }
        index
    }

    /// All entries in the order of their names, those of what is gone included.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.values()
    }

    /// How far each device was seen.
    pub const fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The file with this path.
    pub fn file(&self, path: &IndexPath) -> Option<&FileEntry> {
        self.files_from(path.clone()).next().filter(|(found, _)| *found == path).map(|(_, file)| file)
    }

    /// All files in the order of their paths.
    pub fn files(&self) -> impl Iterator<Item = (&IndexPath, &FileEntry)> {
        self.entries.values().map_while(file_name).filter_map(live_file)
    }

    /// The files in a folder and in those below it.
    pub fn files_in<'a>(
        &'a self,
        folder: &'a IndexPath,
    ) -> impl Iterator<Item = (&'a IndexPath, &'a FileEntry)> {
        // What begins like the folder without a slash may stand in between: `a b` comes between `a` and `a/b`.
        let inside = |path: &IndexPath| folder.within(path).is_some();
        self.files_from(folder.clone())
            .take_while(|(path, _)| path.as_str().starts_with(folder.as_str()))
            .filter(move |(path, _)| inside(path))
    }

    /// The first file of which the path is `text` or comes after it. `text` need not be a path.
    pub fn first_file_from(&self, text: &str) -> Option<(&IndexPath, &FileEntry)> {
        self.files_from(IndexPath::bound(text)).next()
    }

    /// When the folder with this path was made, if it has an entry of its own.
    pub fn folder(&self, path: &IndexPath) -> Option<UnixSeconds> {
        match self.entries.get(&EntryName::Folder(path.clone()))?.what {
            What::Folder(created) => Some(created),
            _ => None,
        }
    }

    /// All folders that have an entry of their own, and when they were made, in the order of their paths.
    pub fn folders(&self) -> impl Iterator<Item = (&IndexPath, UnixSeconds)> {
        let entries = self.entries.range(EntryName::Folder(IndexPath::bound(""))..).map(|(_, entry)| entry);
        entries.take_while(|entry| matches!(entry.name, EntryName::Folder(_))).filter_map(|entry| {
            match (&entry.name, &entry.what) {
                (EntryName::Folder(path), What::Folder(created)) => Some((path, *created)),
                _ => None,
            }
        })
    }

    /// All holds, those included that are over, in the order of their paths.
    pub fn holds(&self) -> impl Iterator<Item = (&IndexPath, &Hold)> {
        let entries = self.entries.range(EntryName::Hold(IndexPath::bound(""))..).map(|(_, entry)| entry);
        entries.take_while(|entry| matches!(entry.name, EntryName::Hold(_))).filter_map(|entry| {
            match (&entry.name, &entry.what) {
                (EntryName::Hold(path), What::Hold(hold)) => Some((path, hold)),
                _ => None,
            }
        })
    }

    /// A hold that keeps this path from being removed now: on itself, on a folder that it is in, or on something in it.
    pub fn hold_over(&self, path: &IndexPath, now: UnixSeconds) -> Option<(&IndexPath, &Hold)> {
        self.holds().find(|(held, hold)| {
            let is_meant = *held == path || held.within(path).is_some() || path.within(held).is_some();
            is_meant && hold.holds(now)
        })
    }

    /// The paths under which this object stands.
    pub fn paths_of(&self, object: Cid) -> impl Iterator<Item = &IndexPath> {
        self.files().filter(move |(_, file)| file.object == object).map(|(path, _)| path)
    }

    /// All publications.
    pub fn publications(&self) -> impl Iterator<Item = &Publication> {
        self.entries.values().filter_map(|entry| match &entry.what {
            What::Publication(publication) => Some(publication),
            _ => None,
        })
    }

    /// Where devices keep their creator's indices.
    pub fn publishing(&self) -> impl Iterator<Item = (DeviceId, &StoredPublishingIndex)> {
        self.entries.values().filter_map(|entry| match (&entry.name, &entry.what) {
            (EntryName::Publishing(device), What::Publishing(stored)) => Some((*device, stored)),
            _ => None,
        })
    }

    /// The path, or, when it is taken, the first one with a number that is not.
    pub fn free_path(&self, path: &IndexPath) -> Result<IndexPath, NameError> {
        if self.file(path).is_none() {
            return Ok(path.clone());
        }
        for number in 2..NUMBERS_MAX {
            let numbered = path.numbered(number)?;
            if self.file(&numbered).is_none() {
                return Ok(numbered);
            }
        }
        Err(NameError::Length { len: path.as_str().len() })
    }

    /// The stamp of the next entry that this device writes.
    pub fn next_stamp(&self, device: DeviceId) -> Stamp {
        Stamp { clock: self.latest.map_or(Clock::FIRST, Clock::next), device }
    }

    /// Takes an entry that a device wrote after all its entries that were taken before.
    pub fn write(&mut self, entry: Entry) -> Result<(), IndexFull> {
        if self.entries.len() >= INDEX_NAMES_MAX && !self.entries.contains_key(&entry.name) {
            return Err(IndexFull);
        }
        self.seen.enter(entry.at);
        self.enter(entry);
        Ok(())
    }

    /// What two indices know together. The order of merging makes no difference.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.seen.join(&other.seen);
        self.latest = self.latest.max(other.latest);
        for entry in other.entries.into_values() {
            self.enter(entry);
        }
        self
    }

    /// The files that would lose their names by merging without anybody having meant it: what takes the name was written without
    /// having seen them. Whoever merges gives each of them another name.
    pub fn collisions(&self, other: &Self) -> Vec<Displaced> {
        let met = other.entries.values().filter_map(|theirs| Some((self.entries.get(&theirs.name)?, theirs)));
        let lost = met.filter_map(|(mine, theirs)| {
            let (loser, winner, was_seen) = if theirs.beats(mine) {
                (mine, theirs, other.seen.covers(mine.at))
            } else {
                (theirs, mine, self.seen.covers(theirs.at))
            };
            if was_seen || same(loser, winner) { None } else { live_file(loser) }
        });
        lost.map(|(path, file)| Displaced { path: path.clone(), file: file.clone() }).collect()
    }

    /// Forgets what has been gone for long.
    pub fn prune(&mut self, now: UnixSeconds) {
        self.entries.retain(|_, entry| match entry.what {
            What::Gone(since) => now.seconds_since(since) <= TOMBSTONE_KEPT_S,
            _ => true,
        });
    }

    fn enter(&mut self, entry: Entry) {
        self.latest = self.latest.max(Some(entry.at.clock));
        match self.entries.entry(entry.name.clone()) {
            Place::Vacant(place) => {
                place.insert(entry);
            }
            Place::Occupied(mut place) => {
                if entry.beats(place.get()) {
                    place.insert(entry);
                }
            }
        }
    }

    fn files_from(&self, path: IndexPath) -> impl Iterator<Item = (&IndexPath, &FileEntry)> {
        self.entries.range(EntryName::File(path)..).map_while(|(_, e)| file_name(e)).filter_map(live_file)
    }
}

/// The entry, when it has the name of a file: these come first.
fn file_name(entry: &Entry) -> Option<&Entry> {
    matches!(entry.name, EntryName::File(_)).then_some(entry)
}

fn live_file(entry: &Entry) -> Option<(&IndexPath, &FileEntry)> {
    match (&entry.name, &entry.what) {
        (EntryName::File(path), What::File(file)) => Some((path, file)),
        _ => None,
    }
}

/// Whether both are about one object, so that nothing is lost with one of them.
fn same(one: &Entry, two: &Entry) -> bool {
    matches!((&one.what, &two.what), (What::File(one), What::File(two)) if one.object == two.object)
}
