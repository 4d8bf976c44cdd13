//! The seam to the file system: everything a store does to its files passes through [`Disk`].
//!
//! Two implementations: [`RealDisk`], and in tests a simulated disk that forgets, reorders and tears
//! whatever was not synced, and that fills up.

use std::fmt::Debug;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::layout::{FileName, Folder};

/// The folder of one node. Nothing is durable before it was synced: contents by
/// [`DiskFile::sync_data`], names by [`Disk::sync_folder`].
pub(crate) trait Disk: Debug + Send + Sync + 'static {
    /// A new, empty file. Fails when the name is taken.
    fn create(&self, name: FileName) -> io::Result<Arc<dyn DiskFile>>;
    /// An existing file, for reading and writing.
    fn open(&self, name: FileName) -> io::Result<Arc<dyn DiskFile>>;
    /// Atomic; replaces what `to` named before.
    fn rename(&self, from: FileName, to: FileName) -> io::Result<()>;
    fn remove(&self, name: FileName) -> io::Result<()>;
    /// The node's own files in this folder, in no particular order.
    fn list(&self, folder: Folder) -> io::Result<Vec<FileName>>;
    fn sync_folder(&self, folder: Folder) -> io::Result<()>;
    /// Bytes that can still be written to this file system.
    fn free_space(&self) -> io::Result<u64>;
}

/// An open file. Positions are in bytes from its beginning.
pub(crate) trait DiskFile: Debug + Send + Sync + 'static {
    /// Fills `out` or fails, with `UnexpectedEof` past the end.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()>;
    fn len(&self) -> io::Result<u64>;
    /// Truncates, or extends with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;
    fn sync_data(&self) -> io::Result<()>;
}

/// Why a node's folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenDirError {
    /// Another node runs on this folder.
    #[error("the folder {0} is in use by another node")]
    InUse(PathBuf),
    /// The file system refused.
    #[error("cannot prepare the folder {0}: {1}")]
    Io(PathBuf, io::Error),
}

/// A lock on a folder, which no other node and nothing that changes one has for as long as this lives.
pub(crate) fn lock(dir: &Path) -> Result<File, OpenDirError> {
    let failed = |error| OpenDirError::Io(dir.to_owned(), error);
    let lock = File::open(dir).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenDirError::InUse(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// The folder as the operating system keeps it, locked against a second node for as long as this lives.
#[derive(Debug)]
pub(crate) struct RealDisk {
    dir: PathBuf,
    /// Held for its lock only. The lock is on the folder itself, so it needs no file of its own.
    _lock: File,
}

impl RealDisk {
    /// Creates what is missing of the layout, and takes the lock.
    pub(crate) fn open(dir: &Path) -> Result<Self, OpenDirError> {
        let failed = |error| OpenDirError::Io(dir.to_owned(), error);
        std::fs::create_dir_all(dir).map_err(failed)?;
        let disk = Self { dir: dir.to_owned(), _lock: lock(dir)? };
        disk.create_folders().map_err(failed)?;
        Ok(disk)
    }

    fn create_folders(&self) -> io::Result<()> {
        for folder in Folder::all() {
            std::fs::create_dir_all(self.dir.join(folder.path()))?;
        }
        File::open(self.dir.join("shards"))?.sync_all()?;
        self.sync_folder(Folder::Top)
    }

    fn path(&self, name: FileName) -> PathBuf {
        self.dir.join(name.path())
    }
}

impl Disk for RealDisk {
    fn create(&self, name: FileName) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(self.path(name))?;
        Ok(Arc::new(RealFile(file)))
    }

    fn open(&self, name: FileName) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).open(self.path(name))?;
        Ok(Arc::new(RealFile(file)))
    }

    fn rename(&self, from: FileName, to: FileName) -> io::Result<()> {
        std::fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: FileName) -> io::Result<()> {
        std::fs::remove_file(self.path(name))
    }

    fn list(&self, folder: Folder) -> io::Result<Vec<FileName>> {
        let mut found = Vec::new();
        for item in std::fs::read_dir(self.dir.join(folder.path()))? {
            let item = item?.file_name();
            found.extend(item.to_str().and_then(|name| FileName::parse(folder, name)));
        }
        Ok(found)
    }

    fn sync_folder(&self, folder: Folder) -> io::Result<()> {
        File::open(self.dir.join(folder.path()))?.sync_all()
    }

    fn free_space(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(&self.dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_folder_twice_is_a_clear_error() {
        let dir = tempfile::tempdir().unwrap();
        let first = RealDisk::open(dir.path()).unwrap();
        assert!(matches!(RealDisk::open(dir.path()), Err(OpenDirError::InUse(_))));
        drop(first);
        RealDisk::open(dir.path()).unwrap();
    }

    #[test]
    fn files_are_made_renamed_listed_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(dir.path()).unwrap();
        let file = disk.create(FileName::Tmp(7)).unwrap();
        file.write_at(3, b"abc").unwrap();
        file.sync_data().unwrap();
        assert!(disk.create(FileName::Tmp(7)).is_err());
        let name = FileName::Shard(proofs::Root::of(b"abc"));
        disk.rename(FileName::Tmp(7), name).unwrap();
        disk.sync_folder(name.folder()).unwrap();
        std::fs::write(dir.path().join(name.folder().path()).join("stranger"), b"").unwrap();
        assert_eq!(disk.list(name.folder()).unwrap(), vec![name]);
        let mut all = [9; 6];
        disk.open(name).unwrap().read_at(0, &mut all).unwrap();
        assert_eq!(&all, b"\0\0\0abc");
        assert!(disk.free_space().unwrap() > 0);
        disk.remove(name).unwrap();
        assert!(disk.list(name.folder()).unwrap().is_empty());
    }
}
