//! Folders of records that two devices have changed without knowing of each other: each keeps a name until they are brought together.

use std::fs;
use std::path::{Path, PathBuf};

use proofs::Cid;
use proofs::canonical;
use serde::{Deserialize, Serialize};
use sharing::{ContentHash, IndexPath};

use crate::durable;
use crate::local::{LocalError, LocalIndex};

/// Where they are written down, beside the index.
const FOLDER: &str = "splits";
/// Where those are written down that stay two, beside the index.
const APART_FOLDER: &str = "apart";
/// The longest of their files, in bytes: two paths, and an object.
const SPLIT_LEN_MAX: usize = 4096;

/// One folder under two names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Its name, which another device has given to a catalogue of its own.
    pub path: IndexPath,
    /// What the catalogue is called now that lost the name.
    pub other: IndexPath,
    /// This catalogue.
    pub object: Cid,
}

#[derive(Serialize, Deserialize)]
struct Fields {
    object: Cid,
    other: String,
    path: String,
}

impl LocalIndex {
    /// The folders of records that are to be brought together.
    pub fn splits(&self) -> Result<Vec<Split>, LocalError> {
        self.at(FOLDER, |folder| {
            let mut splits = Vec::new();
            for file in fs::read_dir(folder)? {
                // What is none of ours, or was cut off, is nobody's loss: both names are in the index.
                splits.extend(durable::read(&file?.path())?.and_then(|bytes| Split::decode(&bytes)));
            }
            Ok(splits)
        })
    }

    /// Forgets one that has been brought together, or never can be.
    pub fn forget_split(&self, split: &Split) -> Result<(), LocalError> {
        self.at(FOLDER, |folder| durable::remove(&split.file(&folder)))
    }

    /// Whether two folders, of which one has this name, were found to stay two, and neither has changed since.
    pub fn are_apart(&self, other: &IndexPath, objects: [Cid; 2]) -> Result<bool, LocalError> {
        let known = self.at(APART_FOLDER, |folder| durable::read(&file_of(other, &folder)))?;
        Ok(known.is_some_and(|known| known == canonical::to_vec(&objects)))
    }

    /// Writes down that they stay two, until one of them changes.
    pub fn note_apart(&self, other: &IndexPath, objects: [Cid; 2]) -> Result<(), LocalError> {
        let bytes = canonical::to_vec(&objects);
        self.at(APART_FOLDER, |folder| durable::replace(&file_of(other, &folder), &bytes))
    }

    /// Writes one down, durably.
    pub(crate) fn note_split(&self, split: &Split) -> Result<(), LocalError> {
        self.at(FOLDER, |folder| durable::replace(&split.file(&folder), &split.encode()))
    }
}

impl Split {
    fn file(&self, folder: &Path) -> PathBuf {
        file_of(&self.other, folder)
    }

    fn encode(&self) -> Vec<u8> {
        let Self { path, other, object } = self;
        let (path, other) = (path.as_str().to_owned(), other.as_str().to_owned());
        canonical::to_vec(&Fields { object: *object, other, path })
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let Fields { object, other, path } = canonical::from_slice(bytes, SPLIT_LEN_MAX).ok()?;
        Some(Self { path: IndexPath::new(path).ok()?, other: IndexPath::new(other).ok()?, object })
    }
}

/// The file in a folder that is about this name.
fn file_of(path: &IndexPath, folder: &Path) -> PathBuf {
    folder.join(ContentHash::of(path.as_str().as_bytes()).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_stay_apart_until_one_of_them_changes() {
        let folder = tempfile::tempdir().unwrap();
        let local = LocalIndex::open(folder.path()).unwrap();
        let other = IndexPath::new("study (2)").unwrap();
        let [one, two, three] = ["one", "two", "three"].map(|name| Cid::of(name.as_bytes()));
        assert!(!local.are_apart(&other, [one, two]).unwrap());
        local.note_apart(&other, [one, two]).unwrap();
        assert!(local.are_apart(&other, [one, two]).unwrap());
        assert!(!local.are_apart(&other, [one, three]).unwrap());
        assert!(!local.are_apart(&IndexPath::new("study (3)").unwrap(), [one, two]).unwrap());
    }
}
