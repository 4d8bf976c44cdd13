//! Parts of uploads until all of them are there: sealed files on this machine's disk, durable before they are acknowledged.
//!
//! ```text
//! SPOOL/<upload>/about          sealed: bucket, key, attributes           upload: 32 random hexadecimal digits
//! SPOOL/<upload>/<number>       salt ‖ sealed pieces ‖ sealed foot         the last part with a number counts
//! ```

mod part;
mod seal;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use account::Account;
use data_encoding::HEXLOWER;
use proofs::canonical;
use protocol::UnixSeconds;
use serde::{Deserialize, Serialize};

pub(crate) use part::{PartReader, PartWriter};
use seal::{open_small, seal_small};

/// Uploads that may be under way.
pub(crate) const UPLOADS_MAX: usize = 1000;
/// The greatest number of a part, as S3 has it.
pub(crate) const PARTS_MAX: i32 = 10_000;
/// How long an upload may rest before it is given up.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// Longest description of an upload, in bytes.
const ABOUT_LEN_MAX: usize = 16 << 10;
const ABOUT: &str = "about";
/// How the name of a file ends that is not whole yet.
pub(crate) const DRAFT: &str = ".new";

/// The folder of uploads.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    account: Account,
    len_max: u64,
}

/// What an upload is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) media_type: Option<String>,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) begun: UnixSeconds,
}

/// A part that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) number: i32,
    pub(crate) len: u64,
    pub(crate) md5: [u8; 16],
    pub(crate) at: UnixSeconds,
}

/// Why an upload cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    #[error("there is no such upload")]
    NoUpload,
    #[error("{UPLOADS_MAX} uploads are under way already")]
    TooMany,
    #[error("parts of {used} bytes wait on this machine's disk, at most {max} may")]
    Full { used: u64, max: u64 },
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Spool {
    /// The uploads in this folder, which is made when the first one begins; at most `len_max` bytes of parts may wait there.
    pub(crate) const fn new(folder: PathBuf, account: Account, len_max: u64) -> Self {
        Self { folder, account, len_max }
    }

    /// Begins an upload; it has a name when this returns, durably.
    pub(crate) fn begin(&self, about: &About) -> Result<String, SpoolError> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        if self.uploads()?.len() >= UPLOADS_MAX {
            return Err(SpoolError::TooMany);
        }
        let id = HEXLOWER.encode(&rand::random::<[u8; 16]>());
        let folder = self.folder.join(&id);
        DirBuilder::new().mode(0o700).create(&folder)?;
        let sealed = seal_small(&self.account, &canonical::to_vec(about));
        part::write_whole(&folder.join(ABOUT), &sealed)?;
        fs::File::open(&self.folder)?.sync_all()?;
        Ok(id)
    }

    /// What an upload is for.
    pub(crate) fn about(&self, id: &str) -> Result<About, SpoolError> {
        let sealed = read(&self.folder_of(id)?.join(ABOUT))?;
        let about = open_small(&self.account, &sealed);
        let about = about.and_then(|bytes| canonical::from_slice(&bytes, ABOUT_LEN_MAX).ok());
        Ok(about
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the upload is not this account's"))?)
    }

    /// A part that is to be written. It counts once it is finished, also in place of one that had its number.
    pub(crate) fn write(&self, id: &str, number: i32) -> Result<PartWriter, SpoolError> {
        let folder = self.folder_of(id)?;
        let used = self.used()?;
        if used > self.len_max {
            return Err(SpoolError::Full { used, max: self.len_max });
        }
        Ok(PartWriter::create(&self.account, &folder, number)?)
    }

    /// A part, to be read from its beginning.
    pub(crate) fn read(&self, id: &str, part: &Part) -> Result<PartReader, SpoolError> {
        Ok(PartReader::open(&self.account, &self.folder_of(id)?.join(part.number.to_string()), part.len)?)
    }

    /// The parts that are there, in the order of their numbers.
    pub(crate) fn parts(&self, id: &str) -> Result<Vec<Part>, SpoolError> {
        let mut parts = Vec::new();
        for file in fs::read_dir(self.folder_of(id)?)? {
            let file = file?;
            let Some(number) = file.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let (len, md5) = part::foot(&self.account, &file.path())?;
            parts.push(Part { number, len, md5, at: UnixSeconds::from(file.metadata()?.modified()?) });
        }
        parts.sort_by_key(|part| part.number);
        Ok(parts)
    }

    /// Ends an upload, and forgets its parts.
    pub(crate) fn end(&self, id: &str) -> Result<(), SpoolError> {
        let folder = self.folder_of(id)?;
        // Without its description it is none any more, wherever the rest is interrupted.
        fs::remove_file(folder.join(ABOUT))?;
        Ok(fs::remove_dir_all(folder)?)
    }

    /// All uploads.
    pub(crate) fn all(&self) -> Result<Vec<(String, About)>, SpoolError> {
        let about = |id: String| self.about(&id).ok().map(|about| (id, about));
        Ok(self.uploads()?.into_iter().filter_map(about).collect())
    }

    /// Gives up what has rested for long, and removes what an interruption left.
    pub(crate) fn tidy(&self) -> Result<(), SpoolError> {
        for id in self.uploads()? {
            let folder = self.folder.join(&id);
            let touched = fs::metadata(&folder)?.modified()?;
            let is_old = SystemTime::now().duration_since(touched).is_ok_and(|age| age > KEPT);
            if is_old || (!folder.join(ABOUT).exists() && !folder.join(format!("{ABOUT}{DRAFT}")).exists()) {
                fs::remove_dir_all(folder)?;
            }
        }
        Ok(())
    }

    /// Bytes of all parts.
    fn used(&self) -> Result<u64, SpoolError> {
        let mut used = 0;
        for id in self.uploads()? {
            for file in fs::read_dir(self.folder.join(id))? {
                used += file?.metadata()?.len();
            }
        }
        Ok(used)
    }

    fn uploads(&self) -> Result<Vec<String>, SpoolError> {
        let files = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            files => files?,
        };
        let name = |file: io::Result<fs::DirEntry>| file.map(|file| file.file_name().into_string().ok());
        let names = files.map(name).collect::<io::Result<Vec<_>>>()?;
        Ok(names.into_iter().flatten().filter(|name| is_id(name)).collect())
    }

    fn folder_of(&self, id: &str) -> Result<PathBuf, SpoolError> {
        let folder = self.folder.join(id);
        if is_id(id) && folder.join(ABOUT).exists() { Ok(folder) } else { Err(SpoolError::NoUpload) }
    }
}

/// Whether a text may name an upload: it becomes part of a path.
fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > ABOUT_LEN_MAX as u64 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the description of the upload is too long"));
    }
    fs::read(path)
}

#[cfg(test)]
mod tests;
