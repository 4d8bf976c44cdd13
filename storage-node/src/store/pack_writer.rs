//! Appending to packs: what a group of jobs appends is gathered, then written and synced at once.

use std::cmp::Ordering;
use std::io;

use super::StoreError;
use crate::disk::Disk;
use crate::layout::{FileName, Folder, PackId};
use crate::rows::{PackRow, Spot};

/// What is to be appended to one pack.
#[derive(Debug)]
struct Run {
    pack: PackId,
    start: u64,
    bytes: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct PackWriter {
    runs: Vec<Run>,
    len_max: u64,
}

impl PackWriter {
    /// Appends to the last of these packs.
    pub(crate) fn new(last: Option<(PackId, PackRow)>, len_max: u64) -> Self {
        let (pack, start) = last.map_or((PackId(0), 0), |(pack, row)| (pack, row.end));
        Self { runs: vec![Run { pack, start, bytes: Vec::new() }], len_max }
    }

    /// Where the entry made of these parts will be.
    pub(crate) fn append(&mut self, parts: &[&[u8]]) -> Spot {
        let len = parts.iter().map(|part| part.len() as u64).sum();
        let mut run = self.runs.last_mut().expect("begins with one run");
        let mut offset = run.start + run.bytes.len() as u64;
        if offset > 0 && offset + len > self.len_max {
            let pack = run.pack.next();
            self.runs.push(Run { pack, start: 0, bytes: Vec::new() });
            run = self.runs.last_mut().expect("just pushed");
            offset = 0;
        }
        for part in parts {
            run.bytes.extend_from_slice(part);
        }
        Spot { pack: run.pack, offset, len }
    }

    /// Bytes gathered.
    pub(crate) fn len(&self) -> usize {
        self.runs.iter().map(|run| run.bytes.len()).sum()
    }

    /// The packs that grow, and their new ends.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (PackId, u64)> + '_ {
        let grown = self.runs.iter().filter(|run| !run.bytes.is_empty());
        grown.map(|run| (run.pack, run.start + run.bytes.len() as u64))
    }

    /// Writes what was gathered; durable when it returns.
    pub(crate) fn write(&self, disk: &dyn Disk) -> Result<(), StoreError> {
        for run in self.runs.iter().filter(|run| !run.bytes.is_empty()) {
            let name = FileName::Pack(run.pack);
            write_run(disk, run).map_err(|source| StoreError::disk("append to", name, source))?;
        }
        Ok(())
    }
}

fn write_run(disk: &dyn Disk, run: &Run) -> io::Result<()> {
    let name = FileName::Pack(run.pack);
    let file = match disk.open(name) {
        Err(error) if run.start == 0 && error.kind() == io::ErrorKind::NotFound => disk.create(name)?,
        opened => opened?,
    };
    match file.len()?.cmp(&run.start) {
        Ordering::Equal => {}
        // What a group that failed left here must not follow this one's entries.
        Ordering::Greater => file.set_len(run.start)?,
        Ordering::Less => return Err(io::Error::new(io::ErrorKind::InvalidData, "the pack was cut short")),
    }
    file.write_at(run.start, &run.bytes)?;
    file.sync_data()?;
    if run.start == 0 { disk.sync_folder(Folder::Packs) } else { Ok(()) }
}
