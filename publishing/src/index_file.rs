//! The creator's index as a file: replaced as a whole, so that it is either the old one or the new one.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sharing::{IndexError, PublishingIndex};

/// The index of one account on one machine. One process has it at a time.
#[derive(Debug)]
pub struct IndexFile {
    path: PathBuf,
    index: PublishingIndex,
    /// Held as long as the index is open.
    _lock: File,
}

/// Why the index cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum IndexFileError {
    /// The file system says no.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process publishes for this account.
    #[error("{path} is in use: something else is being published for this account")]
    InUse {
        /// Which file.
        path: PathBuf,
    },
    /// It holds something else.
    #[error("{path}: {source}")]
    Index {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: IndexError,
    },
}

impl IndexFile {
    /// Opens the index in `path`; an empty one when there is none.
    pub fn open(path: &Path) -> Result<Self, IndexFileError> {
        let at = |source| IndexFileError::Io { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(at)?;
        }
        let lock = private().create(true).open(path.with_extension("lock")).map_err(at)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(IndexFileError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(at(error)),
        }
        let index = match fs::read(path) {
            Ok(bytes) => PublishingIndex::decode(&bytes)
                .map_err(|source| IndexFileError::Index { path: path.to_owned(), source })?,
            Err(error) if error.kind() == ErrorKind::NotFound => PublishingIndex::default(),
            Err(error) => return Err(at(error)),
        };
        Ok(Self { path: path.to_owned(), index, _lock: lock })
    }

    /// What is known.
    pub const fn index(&self) -> &PublishingIndex {
        &self.index
    }

    /// Takes what another version of the index knows, durably.
    pub fn merge(&mut self, other: PublishingIndex) -> Result<(), IndexFileError> {
        self.change(|index| {
            *index = std::mem::take(index).merge(other);
            Ok(())
        })
    }

    /// Changes the index, durably.
    pub(crate) fn change(
        &mut self,
        change: impl FnOnce(&mut PublishingIndex) -> Result<(), IndexError>,
    ) -> Result<(), IndexFileError> {
        let of_index = |source| IndexFileError::Index { path: self.path.clone(), source };
        let mut index = self.index.clone();
        change(&mut index).map_err(of_index)?;
        let bytes = index.encode().map_err(of_index)?;
        replace(&self.path, &bytes)
            .map_err(|source| IndexFileError::Io { path: self.path.clone(), source })?;
        self.index = index;
        Ok(())
    }
}

/// The index holds keys: its owner alone may read it.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = private().create(true).truncate(true).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
