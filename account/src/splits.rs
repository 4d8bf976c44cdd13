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

    /// Writes one down, durably.
    pub(crate) fn note_split(&self, split: &Split) -> Result<(), LocalError> {
        self.at(FOLDER, |folder| durable::replace(&split.file(&folder), &split.encode()))
    }
}

impl Split {
    fn file(&self, folder: &Path) -> PathBuf {
        folder.join(ContentHash::of(self.other.as_str().as_bytes()).to_string())
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
