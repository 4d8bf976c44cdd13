//! Which uploads have become objects: for clients that did not get the answer, and ask again.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::time::Duration;

use account::Account;
use proofs::canonical;
use serde::{Deserialize, Serialize};

use super::seal::{open_small, seal_small};
use super::{has_rested, is_id, names_in, part, read};

/// How long that is remembered.
const KEPT: Duration = Duration::from_hours(24);
/// Uploads of which it is remembered; the oldest are forgotten for further ones.
const NOTES_MAX: usize = 10_000;
/// Longest note, in bytes.
const NOTE_LEN_MAX: usize = 4 << 10;

/// What became of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Completed {
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// The tag of the object.
    pub(crate) tag: String,
}

/// Notes of uploads, one file each.
#[derive(Debug)]
pub(super) struct Notes {
    folder: PathBuf,
    account: Account,
}

impl Notes {
    pub(super) const fn new(folder: PathBuf, account: Account) -> Self {
        Self { folder, account }
    }

    /// The note is durable when this returns.
    pub(super) fn write(&self, id: &str, completed: &Completed) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        self.forget_all_but(NOTES_MAX - 1)?;
        let sealed = seal_small(&self.account, &canonical::to_vec(completed));
        part::write_whole(&self.folder.join(id), &sealed)
    }

    pub(super) fn has(&self, id: &str) -> bool {
        is_id(id) && self.folder.join(id).exists()
    }

    /// The note of an upload, when there is one.
    pub(super) fn read(&self, id: &str) -> io::Result<Option<Completed>> {
        if !self.has(id) {
            return Ok(None);
        }
        let sealed = read(&self.folder.join(id), NOTE_LEN_MAX)?;
        let plain = open_small(&self.account, &sealed);
        Ok(plain.and_then(|plain| canonical::from_slice(&plain, NOTE_LEN_MAX).ok()))
    }

    /// Forgets what is old.
    pub(super) fn tidy(&self) -> io::Result<()> {
        for id in names_in(&self.folder)? {
            let path = self.folder.join(id);
            if has_rested(&path, KEPT)? {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn forget_all_but(&self, count: usize) -> io::Result<()> {
        let names = names_in(&self.folder)?;
        let Some(surplus) = names.len().checked_sub(count).filter(|surplus| *surplus > 0) else {
            return Ok(());
        };
        let mut notes = Vec::with_capacity(names.len());
        for name in names {
            let path = self.folder.join(name);
            notes.push((fs::metadata(&path)?.modified()?, path));
        }
        notes.sort();
        notes.into_iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use chunker::AccountSecret;

    use super::*;

    fn notes(folder: &tempfile::TempDir, account: u8) -> Notes {
        let account = Account::new(AccountSecret::from_bytes([account; 32]));
        Notes::new(folder.path().join("completed"), account)
    }

    fn id(number: u8) -> String {
        format!("{number:032x}")
    }

    fn completed(key: &str) -> Completed {
        Completed { bucket: "photos".to_owned(), key: key.to_owned(), tag: "00-2".to_owned() }
    }

    #[test]
    fn what_was_completed_is_remembered_by_its_account_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(notes(&folder, 1).read(&id(1)).unwrap(), None);
        notes(&folder, 1).write(&id(1), &completed("a secret name")).unwrap();
        assert_eq!(notes(&folder, 1).read(&id(1)).unwrap(), Some(completed("a secret name")));
        assert_eq!(notes(&folder, 2).read(&id(1)).unwrap(), None);
        assert_eq!(notes(&folder, 1).read("../completed").unwrap(), None);
        let bytes = fs::read(folder.path().join("completed").join(id(1))).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let notes = notes(&folder, 1);
        for number in 0..5 {
            notes.write(&id(number), &completed("a")).unwrap();
            let age = Duration::from_hours(30 - 3 * u64::from(number));
            let file = fs::File::options().append(true).open(notes.folder.join(id(number))).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        notes.tidy().unwrap();
        let left = |notes: &Notes| (0..5).filter(|number| notes.has(&id(*number))).collect::<Vec<_>>();
        assert_eq!(left(&notes), [3, 4], "30, 27 and 24 hours ago is too long");
        notes.forget_all_but(1).unwrap();
        assert_eq!(left(&notes), [4]);
    }
}
