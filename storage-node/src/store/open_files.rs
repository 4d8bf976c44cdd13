//! Open files of shards and packs that are read often. Bounded.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::{Disk, DiskFile};
use crate::layout::FileName;

/// Most files that are kept open for reading.
const OPEN_FILES_MAX: usize = 128;

#[derive(Debug)]
pub(crate) struct OpenFiles {
    disk: Arc<dyn Disk>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    files: HashMap<FileName, Arc<dyn DiskFile>>,
    oldest_first: VecDeque<FileName>,
}

impl OpenFiles {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, kept: Mutex::default() }
    }

    pub(crate) fn open(&self, name: FileName) -> io::Result<Arc<dyn DiskFile>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = kept.files.get(&name) {
            return Ok(file.clone());
        }
        let file = self.disk.open(name)?;
        if kept.files.len() >= OPEN_FILES_MAX
            && let Some(oldest) = kept.oldest_first.pop_front()
        {
            kept.files.remove(&oldest);
        }
        kept.files.insert(name, file.clone());
        kept.oldest_first.push_back(name);
        Ok(file)
    }

    /// The name now stands for another file, or for none.
    pub(crate) fn forget(&self, name: FileName) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.files.remove(&name).is_some() {
            kept.oldest_first.retain(|other| *other != name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::PackId;
    use crate::simulated_disk::SimulatedDisk;

    #[test]
    fn the_number_of_open_files_is_bounded() {
        let disk = SimulatedDisk::new();
        let files = OpenFiles::new(Arc::new(disk.clone()));
        for number in 0..2 * u32::try_from(OPEN_FILES_MAX).unwrap() {
            let name = FileName::Pack(PackId(number));
            disk.create(name).unwrap();
            files.open(name).unwrap();
        }
        let kept = files.kept.lock().unwrap();
        assert_eq!((kept.files.len(), kept.oldest_first.len()), (OPEN_FILES_MAX, OPEN_FILES_MAX));
    }

    #[test]
    fn a_forgotten_name_is_opened_anew() {
        let disk = SimulatedDisk::new();
        let files = OpenFiles::new(Arc::new(disk.clone()));
        let name = FileName::Pack(PackId(0));
        assert!(files.open(name).is_err());
        disk.create(name).unwrap();
        files.open(name).unwrap();
        disk.remove(name).unwrap();
        files.open(name).unwrap();
        files.forget(name);
        assert!(files.open(name).is_err());
    }
}
