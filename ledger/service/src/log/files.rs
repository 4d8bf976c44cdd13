//! The folder of a log: tiles and bundles that never change, and the one checkpoint that does.

use std::fs::{self, File, TryLockError};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ledger::tlog::{
    Bundle, BundleError, Checkpoint, LogBytes, SignedNote, Subtree, Tile, TreeHash, VerifierKey,
};

use crate::durable;

/// The folder; one process has it.
#[derive(Debug)]
pub(crate) struct LogFiles {
    public: PathBuf,
    /// Held for as long as this lives.
    _lock: File,
}

/// Why the files of a log cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum LogError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("another process writes the log in {}", path.display())]
    Locked { path: PathBuf },
    #[error("the checkpoint on the disk is not one of this log")]
    NotOurs,
    #[error("the checkpoint on the disk is of {published} entries, the journal leads to {size}")]
    Ahead { published: u64, size: u64 },
    #[error("the checkpoint on the disk has another root than {size} entries of the journal lead to")]
    Forked { size: u64 },
    #[error("somebody else has changed the checkpoint")]
    Changed,
    #[error("{path}: {source}")]
    Bundle { path: String, source: BundleError },
}

const CHECKPOINT: &str = "checkpoint";
const LOCK: &str = "lock";
const PUBLIC: &str = "public";

impl LogFiles {
    /// The log in this folder, which is made when it is not there.
    pub(crate) fn open(folder: &Path) -> Result<Self, LogError> {
        let (public, lock) = (folder.join(PUBLIC), folder.join(LOCK));
        durable::make_folder(&public).map_err(at(&public))?;
        let file = File::options().create(true).append(true).open(&lock).map_err(at(&lock))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { public, _lock: file }),
            Err(TryLockError::WouldBlock) => Err(LogError::Locked { path: folder.to_owned() }),
            Err(TryLockError::Error(source)) => Err(LogError::Io { path: lock, source }),
        }
    }

    /// The published checkpoint; `None` before the first.
    pub(crate) fn checkpoint(&self, key: &VerifierKey) -> Result<Option<(SignedNote, Checkpoint)>, LogError> {
        let Some(bytes) = self.read(CHECKPOINT)? else { return Ok(None) };
        let note = SignedNote::decode(&bytes).map_err(|_| LogError::NotOurs)?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|_| LogError::NotOurs)?;
        let is_ours = matches!(note.verify(key), Ok(Some(_))) && checkpoint.origin == *key.name();
        if is_ours { Ok(Some((note, checkpoint))) } else { Err(LogError::NotOurs) }
    }

    /// Writes what never changes. When this returns, all of it is durable.
    pub(crate) fn write(&self, files: &[(String, Vec<u8>)]) -> Result<(), LogError> {
        let mut folders: Vec<PathBuf> = Vec::new();
        for (path, bytes) in files {
            let path = self.public.join(path);
            let folder = path.parent().expect("a file lies in a folder").to_owned();
            if !folders.contains(&folder) {
                fs::create_dir_all(&folder).map_err(at(&folder))?;
                folders.push(folder);
            }
            durable::replace(&path, bytes).map_err(at(&path))?;
        }
        folders.iter().try_for_each(|folder| sync_up(folder, &self.public))
    }

    /// Puts `next` where `before` is: the last step, after which the files before it are the log.
    pub(crate) fn swap(&self, before: Option<&SignedNote>, next: &SignedNote) -> Result<(), LogError> {
        let found = self.read(CHECKPOINT)?;
        if found != before.map(|note| note.encode().into_bytes()) {
            return Err(LogError::Changed);
        }
        let path = self.public.join(CHECKPOINT);
        durable::replace(&path, next.encode().as_bytes()).map_err(at(&path))?;
        sync_up(&self.public, &self.public)
    }

    /// A file of the log by its path; `None` when it is not there.
    pub(crate) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, LogError> {
        let path = self.public.join(path);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(LogError::Io { path, source }),
        }
    }

    /// The hash of a subtree of the log of this size.
    pub(crate) fn hash_of(&self, subtree: Subtree, size: u64) -> Option<TreeHash> {
        let tile = Tile::of(subtree, size)?;
        tile.hash_in(&self.read(&tile.path()).ok()??, subtree)
    }

    /// The entries in this range, of a published log of `size`.
    pub(crate) fn entries(&self, range: Range<u64>, size: u64) -> Result<Vec<LogBytes>, LogError> {
        let (mut entries, mut at) = (Vec::new(), range.start);
        // The file of the whole log is named: it has the most entries.
        while let Some(bundle) = Bundle::of(at, size).filter(|_| at < range.end) {
            let path = bundle.path();
            let bytes = self.read(&path)?.unwrap_or_default();
            let found = bundle.decode(&bytes).map_err(|source| LogError::Bundle { path, source })?;
            let numbered = bundle.range().zip(found);
            entries.extend(numbered.filter(|(number, _)| range.contains(number)).map(|(_, entry)| entry));
            at = bundle.range().end;
        }
        Ok(entries)
    }
}

/// Makes the names in a folder durable, and those of the folders above it.
fn sync_up(folder: &Path, root: &Path) -> Result<(), LogError> {
    for folder in folder.ancestors() {
        durable::sync_folder(folder).map_err(at(folder))?;
        if folder == root {
            break;
        }
    }
    Ok(())
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> LogError {
    let path = path.to_owned();
    |source| LogError::Io { path, source }
}
