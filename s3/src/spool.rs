//! Parts of uploads until all of them are there: sealed files on this machine's disk, durable before they are acknowledged.
//!
//! ```text
//! SPOOL/<upload>/about          sealed: bucket, key, attributes           upload: 32 random hexadecimal digits
//! SPOOL/<upload>/<number>       salt ‖ sealed pieces ‖ sealed foot         the last part with a number counts
//! SPOOL/completed/<upload>      sealed: bucket, key, tag                   instead of the folder, once the upload is an object
//! ```

mod completed;
mod part;
mod room;
mod seal;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use account::Account;
use data_encoding::HEXLOWER;
use proofs::canonical;
use protocol::UnixSeconds;
use serde::{Deserialize, Serialize};

pub(crate) use completed::Completed;
use completed::Notes;
pub(crate) use part::{PartReader, PartWriter};
use room::Room;
use seal::{open_small, seal_small};

/// Uploads that may be under way.
pub(crate) const UPLOADS_MAX: usize = 1000;
/// The greatest number of a part, as S3 has it.
pub(crate) const PARTS_MAX: i32 = 10_000;
/// How long an upload may rest before it is given up.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// How long a part that is not whole may rest: whoever writes one is given up earlier.
const DRAFT_KEPT: Duration = Duration::from_hours(1);
/// Longest description of an upload, in bytes.
const ABOUT_LEN_MAX: usize = 16 << 10;
const ABOUT: &str = "about";
const COMPLETED: &str = "completed";
/// How the name of a file ends that is not whole yet.
pub(crate) const DRAFT: &str = ".new";

/// The folder of uploads.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    account: Account,
    room: Arc<Room>,
    notes: Notes,
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
    #[error("parts of {used} bytes wait on this machine's disk, and {max} bytes at most may")]
    Full { used: u64, max: u64 },
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Spool {
    /// The uploads in this folder, which is made when the first one begins; at most `len_max` bytes of parts may wait there.
    pub(crate) fn open(folder: PathBuf, account: Account, len_max: u64) -> Result<Self, SpoolError> {
        let notes = Notes::new(folder.join(COMPLETED), account.clone());
        let spool = Self { folder, account, room: Room::new(len_max), notes };
        spool.tidy()?;
        Ok(spool)
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
        let sealed = read(&self.folder_of(id)?.join(ABOUT), ABOUT_LEN_MAX)?;
        let about = open_small(&self.account, &sealed);
        let about = about.and_then(|bytes| canonical::from_slice(&bytes, ABOUT_LEN_MAX).ok());
        Ok(about
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the upload is not this account's"))?)
    }

    /// A part of `expected` bytes that is to be written, as far as that is known. It counts once it is finished, also in place of one
    /// that had its number.
    pub(crate) fn write(
        &self,
        id: &str,
        number: i32,
        expected: Option<u64>,
    ) -> Result<PartWriter, SpoolError> {
        let folder = self.folder_of(id)?;
        let share = self.room.share(expected.unwrap_or(0))?;
        PartWriter::create(&self.account, share, &folder, number)
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
        self.remove(&folder)
    }

    /// Ends an upload that has become an object, and remembers that it has, durably.
    pub(crate) fn complete(&self, id: &str, completed: &Completed) -> Result<(), SpoolError> {
        let folder = self.folder_of(id)?;
        self.notes.write(id, completed)?;
        self.remove(&folder)
    }

    /// What became of an upload, when it has become an object lately.
    pub(crate) fn completed(&self, id: &str) -> Result<Option<Completed>, SpoolError> {
        Ok(self.notes.read(id)?)
    }

    /// All uploads.
    pub(crate) fn all(&self) -> Result<Vec<(String, About)>, SpoolError> {
        let about = |id: String| self.about(&id).ok().map(|about| (id, about));
        Ok(self.uploads()?.into_iter().filter_map(about).collect())
    }

    /// Gives up what has rested for long, removes what an interruption left, and counts what is there.
    pub(crate) fn tidy(&self) -> Result<(), SpoolError> {
        for id in self.uploads()? {
            let folder = self.folder.join(&id);
            let is_begun = folder.join(ABOUT).exists() || folder.join(format!("{ABOUT}{DRAFT}")).exists();
            if !is_begun || self.notes.has(&id) || has_rested(&folder, KEPT)? {
                self.remove(&folder)?;
                continue;
            }
            for name in names_in(&folder)? {
                let path = folder.join(&name);
                if name.ends_with(DRAFT) && has_rested(&path, DRAFT_KEPT).unwrap_or(false) {
                    fs::remove_file(path)?;
                }
            }
        }
        self.notes.tidy()?;
        Ok(self.room.recount(|| self.used())?)
    }

    /// Removes the folder of an upload.
    fn remove(&self, folder: &Path) -> Result<(), SpoolError> {
        // Parts that are being written give back by themselves what they have taken.
        let len = len_of(folder, |name| name.parse::<i32>().is_ok())?;
        match fs::remove_dir_all(folder) {
            // Somebody tidies at the same moment.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed?,
        }
        self.room.give_back(len);
        Ok(())
    }

    /// Bytes of all parts.
    fn used(&self) -> io::Result<u64> {
        let uploads = self.uploads()?;
        uploads.iter().map(|id| len_of(&self.folder.join(id), |name| name != ABOUT)).sum()
    }

    fn uploads(&self) -> io::Result<Vec<String>> {
        Ok(names_in(&self.folder)?.into_iter().filter(|name| is_id(name)).collect())
    }

    fn folder_of(&self, id: &str) -> Result<PathBuf, SpoolError> {
        let folder = self.folder.join(id);
        let is_under_way = is_id(id) && folder.join(ABOUT).exists() && !self.notes.has(id);
        if is_under_way { Ok(folder) } else { Err(SpoolError::NoUpload) }
    }
}

/// Whether a text may name an upload: it becomes part of a path.
fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether nothing was done to a file or folder for this long.
fn has_rested(path: &Path, long: Duration) -> io::Result<bool> {
    let touched = fs::metadata(path)?.modified()?;
    Ok(SystemTime::now().duration_since(touched).is_ok_and(|age| age > long))
}

/// The names in a folder, none when it is not there.
fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let files = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        files => files?,
    };
    let names = files.map(|file| Ok(file?.file_name().into_string().ok())).collect::<io::Result<Vec<_>>>()?;
    Ok(names.into_iter().flatten().collect())
}

/// Bytes of the files in a folder that have such names; of those that went meanwhile none.
fn len_of(folder: &Path, counts: impl Fn(&str) -> bool) -> io::Result<u64> {
    let names = names_in(folder)?;
    let len = |name: &String| match fs::metadata(folder.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        found => found.map(|found| found.len()),
    };
    names.iter().filter(|name| counts(name.as_str())).map(len).sum()
}

fn read(path: &Path, len_max: usize) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > len_max as u64 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "what is said of an upload is too long"));
    }
    fs::read(path)
}

#[cfg(test)]
mod tests;
