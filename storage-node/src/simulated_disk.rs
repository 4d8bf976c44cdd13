//! A disk for tests that keeps exactly what was synced, and of the rest whatever it likes.
//!
//! It counts every operation that changes something. A *cut* makes the operation with a given number
//! and all later ones fail, as if the power had gone; [`SimulatedDisk::after_power_cut`] then gives the
//! disk as it is found afterwards: unsynced writes survive or not, sector by sector, in any
//! combination, and so do unsynced names. *Full from* makes writes fail with `StorageFull`.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::disk::{Disk, DiskFile};
use crate::layout::{FileName, Folder};

/// What a disk writes whole or not at all.
const SECTOR: u64 = 512;

type Inode = u64;

#[derive(Clone, Debug)]
enum Change {
    Write { offset: u64, data: Vec<u8> },
    SetLen(u64),
}

#[derive(Clone, Debug, Default)]
struct Content {
    /// What the running program reads back.
    now: Vec<u8>,
    /// What a power cut leaves for certain.
    synced: Vec<u8>,
    since: Vec<Change>,
}

#[derive(Clone, Copy, Debug)]
enum Naming {
    Link(FileName, Inode),
    Unlink(FileName),
    Rename(FileName, FileName, Inode),
}

impl Naming {
    fn touches(self, folder: Folder) -> bool {
        match self {
            Self::Link(name, _) | Self::Unlink(name) => name.folder() == folder,
            Self::Rename(from, to, _) => from.folder() == folder || to.folder() == folder,
        }
    }

    fn apply(self, names: &mut BTreeMap<FileName, Inode>) {
        match self {
            Self::Link(name, inode) => {
                names.insert(name, inode);
            }
            Self::Unlink(name) => {
                names.remove(&name);
            }
            Self::Rename(from, to, inode) => {
                names.remove(&from);
                names.insert(to, inode);
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
struct State {
    files: BTreeMap<Inode, Content>,
    names: BTreeMap<FileName, Inode>,
    synced_names: BTreeMap<FileName, Inode>,
    since: Vec<Naming>,
    next_inode: Inode,
    steps: u64,
    cut_at: Option<u64>,
    full_from: Option<u64>,
    lies_about: Option<fn(Folder) -> bool>,
}

/// See the module's text. Clones share one state.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimulatedDisk(Arc<Mutex<State>>);

impl SimulatedDisk {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// How many changing operations there have been.
    pub(crate) fn steps(&self) -> u64 {
        self.state().steps
    }

    /// The power goes with the `step`-th operation from now on.
    pub(crate) fn cut_in(&self, step: u64) {
        let mut state = self.state();
        state.cut_at = Some(state.steps + step);
    }

    /// No room any more from the `step`-th operation from now on; `None`: room again.
    pub(crate) fn full_in(&self, step: Option<u64>) {
        let mut state = self.state();
        state.full_from = step.map(|step| state.steps + step);
    }

    /// From now on syncing does nothing in some folders, as on a disk that lies.
    pub(crate) fn lie_about(&self, lies: fn(Folder) -> bool) {
        self.state().lies_about = Some(lies);
    }

    /// What is found after the power came back; what was not synced is left to `seed`.
    pub(crate) fn after_power_cut(&self, seed: u64) -> Self {
        let state = self.state().clone();
        let mut random = StdRng::seed_from_u64(seed);
        let survival = random.random_range(0..=2_u8); // nothing, anything, everything
        let mut keep = move || match survival {
            0 => false,
            1 => random.random_bool(0.5),
            _ => true,
        };
        let mut names = state.synced_names.clone();
        for naming in &state.since {
            if keep() {
                naming.apply(&mut names);
            }
        }
        let files = names
            .values()
            .map(|inode| {
                let now = torn(&state.files[inode], &mut keep);
                (*inode, Content { synced: now.clone(), now, since: Vec::new() })
            })
            .collect();
        let synced_names = names.clone();
        let next_inode = state.next_inode;
        Self(Arc::new(Mutex::new(State { files, names, synced_names, next_inode, ..State::default() })))
    }

    /// Changes bytes behind the store's back.
    pub(crate) fn tamper(&self, name: FileName, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let inode = state.names[&name];
        let content = state.files.get_mut(&inode).expect("named");
        change(&mut content.now);
        content.synced = content.now.clone();
        content.since.clear();
    }

    /// Removes a file behind the store's back, durably.
    pub(crate) fn lose(&self, name: FileName) {
        let mut state = self.state();
        state.names.remove(&name);
        state.synced_names.remove(&name);
    }

    /// Exchanges two files behind the store's back, durably.
    pub(crate) fn swap(&self, one: FileName, other: FileName) {
        let mut state = self.state();
        let exchange = |names: &mut BTreeMap<FileName, Inode>| {
            let inodes = [names[&one], names[&other]];
            names.insert(one, inodes[1]);
            names.insert(other, inodes[0]);
        };
        exchange(&mut state.names);
        exchange(&mut state.synced_names);
    }

    pub(crate) fn is_cut(&self) -> bool {
        let state = self.state();
        state.cut_at.is_some_and(|cut| state.steps >= cut)
    }

    pub(crate) fn names(&self) -> Vec<FileName> {
        self.state().names.keys().copied().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds the disk")
    }

    /// Counts one changing operation, and fails it when the power is gone.
    fn step(&self, needs_room: bool) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if state.cut_at.is_some_and(|cut| state.steps >= cut) {
            return Err(io::Error::other("the power is gone"));
        }
        if needs_room && state.full_from.is_some_and(|full| state.steps >= full) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.steps += 1;
        Ok(state)
    }
}

fn apply(change: &Change, bytes: &mut Vec<u8>, mut keep: impl FnMut() -> bool) {
    match change {
        Change::SetLen(len) => {
            if keep() {
                bytes.resize(usize::try_from(*len).expect("small"), 0);
            }
        }
        Change::Write { offset, data } => {
            let mut at = 0_usize;
            while at < data.len() {
                let position = offset + at as u64;
                let rest = usize::try_from(SECTOR - position % SECTOR).expect("small");
                let run = rest.min(data.len() - at);
                let start = usize::try_from(position).expect("small");
                if keep() {
                    if bytes.len() < start + run {
                        bytes.resize(start + run, 0);
                    }
                    bytes[start..start + run].copy_from_slice(&data[at..at + run]);
                }
                at += run;
            }
        }
    }
}

fn torn(content: &Content, mut keep: impl FnMut() -> bool) -> Vec<u8> {
    let mut bytes = content.synced.clone();
    for change in &content.since {
        apply(change, &mut bytes, &mut keep);
    }
    bytes
}

impl Disk for SimulatedDisk {
    fn create(&self, name: FileName) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.step(true)?;
        if state.names.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.next_inode;
        state.next_inode += 1;
        state.files.insert(inode, Content::default());
        state.names.insert(name, inode);
        state.since.push(Naming::Link(name, inode));
        Ok(Arc::new(SimulatedFile { disk: self.clone(), inode }))
    }

    fn open(&self, name: FileName) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.state();
        let inode = *state.names.get(&name).ok_or(io::ErrorKind::NotFound)?;
        drop(state);
        Ok(Arc::new(SimulatedFile { disk: self.clone(), inode }))
    }

    fn rename(&self, from: FileName, to: FileName) -> io::Result<()> {
        let mut state = self.step(false)?;
        let inode = *state.names.get(&from).ok_or(io::ErrorKind::NotFound)?;
        let naming = Naming::Rename(from, to, inode);
        naming.apply(&mut state.names);
        state.since.push(naming);
        Ok(())
    }

    fn remove(&self, name: FileName) -> io::Result<()> {
        let mut state = self.step(false)?;
        if state.names.remove(&name).is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.since.push(Naming::Unlink(name));
        Ok(())
    }

    fn list(&self, folder: Folder) -> io::Result<Vec<FileName>> {
        Ok(self.names().into_iter().filter(|name| name.folder() == folder).collect())
    }

    fn sync_folder(&self, folder: Folder) -> io::Result<()> {
        let mut state = self.step(false)?;
        if state.lies_about.is_some_and(|lies| lies(folder)) {
            return Ok(());
        }
        let (done, rest) = state.since.drain(..).partition(|naming| naming.touches(folder));
        state.since = rest;
        let done: Vec<Naming> = done;
        for naming in done {
            naming.apply(&mut state.synced_names);
        }
        Ok(())
    }

    fn free_space(&self) -> io::Result<u64> {
        let state = self.state();
        let full = state.full_from.is_some_and(|full| state.steps >= full);
        Ok(if full { 0 } else { 1 << 40 })
    }
}

#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    inode: Inode,
}

impl SimulatedFile {
    fn change(&self, change: Change) -> io::Result<()> {
        let grows = match &change {
            Change::Write { offset, data } => offset + data.len() as u64,
            Change::SetLen(len) => *len,
        } > self.len()?;
        let mut state = self.disk.step(grows)?;
        let content = state.files.get_mut(&self.inode).expect("open");
        apply(&change, &mut content.now, || true);
        content.since.push(change);
        Ok(())
    }
}

impl DiskFile for SimulatedFile {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.disk.state();
        if state.cut_at.is_some_and(|cut| state.steps >= cut) {
            return Err(io::Error::other("the power is gone"));
        }
        let bytes = &state.files[&self.inode].now;
        let from = usize::try_from(offset).map_err(io::Error::other)?;
        let part = bytes.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(part);
        Ok(())
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Write { offset, data: data.to_vec() })
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state().files[&self.inode].now.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::SetLen(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.step(false)?;
        let name = state.names.iter().find(|(_, inode)| **inode == self.inode).map(|(name, _)| *name);
        if state.lies_about.zip(name).is_some_and(|(lies, name)| lies(name.folder())) {
            return Ok(());
        }
        let content = state.files.get_mut(&self.inode).expect("open");
        let changes = std::mem::take(&mut content.since);
        for change in &changes {
            apply(change, &mut content.synced, || true);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_synced_is_sure_to_survive() {
        let disk = SimulatedDisk::new();
        let file = disk.create(FileName::Tmp(1)).unwrap();
        file.write_at(0, &[1; 1024]).unwrap();
        file.sync_data().unwrap();
        disk.sync_folder(Folder::Tmp).unwrap();
        file.write_at(0, &[2; 1024]).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..64 {
            let after = disk.after_power_cut(seed);
            let mut bytes = [0; 1024];
            after.open(FileName::Tmp(1)).unwrap().read_at(0, &mut bytes).unwrap();
            seen.insert((bytes[0], bytes[1023]));
        }
        assert_eq!(seen, [(1, 1), (1, 2), (2, 1), (2, 2)].into());
    }

    #[test]
    fn names_need_their_folder_synced() {
        let disk = SimulatedDisk::new();
        disk.create(FileName::Tmp(1)).unwrap();
        assert!((0..64).any(|seed| disk.after_power_cut(seed).names().is_empty()));
        disk.sync_folder(Folder::Tmp).unwrap();
        assert!((0..64).all(|seed| !disk.after_power_cut(seed).names().is_empty()));
    }
}
