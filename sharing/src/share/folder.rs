//! Many files as one object: a list, and their contents one after another.

use std::ops::Range;

use proofs::canonical;
use serde::{Deserialize, Serialize};

use crate::{IndexPath, MediaType};

/// The media type of an object that is a folder.
pub const FOLDER_TYPE: &str = "application/vnd.headwater.folder";
/// Files of one folder.
pub const SHARE_FOLDER_FILES_MAX: usize = 16_384;
/// Bytes of a folder's list.
pub const SHARE_FOLDER_LIST_LEN_MAX: usize = 4 << 20;
const VERSION: u8 = 1;
/// Bytes of the number in front of the list.
const PREFIX_LEN: usize = 4;

/// One file of a folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FolderFile {
    /// Its exact length in bytes.
    pub len: u64,
    /// Its path.
    pub name: IndexPath,
    /// Its media type, where one is known.
    pub media_type: Option<MediaType>,
}

/// The list of a folder; its contents follow it in the object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedFolder {
    files: Vec<FolderFile>,
    list: Vec<u8>,
}

/// Why something is no list of a folder.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SharedFolderError {
    /// None, or too many.
    #[error("a folder has 1 to {SHARE_FOLDER_FILES_MAX} files, not {found}")]
    Files {
        /// How many.
        found: usize,
    },
    /// Another version.
    #[error("the folder has version {found}, only {VERSION} is known")]
    Version {
        /// Its version.
        found: u8,
    },
    /// Not in order, one name twice, or a file in a file.
    #[error("file {at} of the folder does not come after the one before it, or lies in one of the files")]
    Order {
        /// Which, from 0.
        at: usize,
    },
    /// The list is longer than may be.
    #[error("the list of the folder has {len} bytes, at most {SHARE_FOLDER_LIST_LEN_MAX} are allowed")]
    TooLong {
        /// Its bytes.
        len: usize,
    },
    /// Not a canonical map of the known keys.
    #[error("the list of the folder is malformed: {0}")]
    Cbor(#[from] canonical::CanonicalError),
    /// The lengths of the files do not give that of the object.
    #[error("the files of the folder do not fill an object of {object_len} bytes")]
    ObjectLength {
        /// Its bytes.
        object_len: u64,
    },
}

impl SharedFolder {
    /// The folder of these files, which are put into the order of their names.
    pub fn new(mut files: Vec<FolderFile>) -> Result<Self, SharedFolderError> {
        files.sort_by(|a, b| a.name.cmp(&b.name));
        check(&files)?;
        let list = canonical::to_vec(&Fields::of(&files));
        if list.len() > SHARE_FOLDER_LIST_LEN_MAX {
            return Err(SharedFolderError::TooLong { len: list.len() });
        }
        Ok(Self { files, list })
    }

    /// The list in these bytes, when the object that begins with it has `object_len` bytes.
    pub fn decode(list: &[u8], object_len: u64) -> Result<Self, SharedFolderError> {
        let fields: Fields = canonical::from_slice(list, SHARE_FOLDER_LIST_LEN_MAX)?;
        if fields.v != VERSION {
            return Err(SharedFolderError::Version { found: fields.v });
        }
        let files: Vec<FolderFile> = fields.files.into_iter().map(FolderFile::from).collect();
        check(&files)?;
        let folder = Self { files, list: list.to_vec() };
        let end = folder.files.iter().try_fold(folder.begin(), |end, file| end.checked_add(file.len));
        if end == Some(object_len) { Ok(folder) } else { Err(SharedFolderError::ObjectLength { object_len }) }
    }

    /// The length of the list that an object with these first bytes has.
    pub const fn list_len(first: [u8; PREFIX_LEN]) -> Result<usize, SharedFolderError> {
        let len = u32::from_le_bytes(first) as usize;
        if len > SHARE_FOLDER_LIST_LEN_MAX { Err(SharedFolderError::TooLong { len }) } else { Ok(len) }
    }

    /// What the object begins with; the contents of the files follow in order.
    pub fn head(&self) -> Vec<u8> {
        let len = u32::try_from(self.list.len()).expect("a list has at most 4 MiB");
        [&len.to_le_bytes(), self.list.as_slice()].concat()
    }

    /// The files in order.
    pub fn files(&self) -> &[FolderFile] {
        &self.files
    }

    /// The files in order, and where in the object they lie.
    pub fn places(&self) -> impl Iterator<Item = (&FolderFile, Range<u64>)> {
        let mut end = self.begin();
        self.files.iter().map(move |file| {
            let begin = end;
            end += file.len;
            (file, begin..end)
        })
    }

    /// Where the first file begins.
    fn begin(&self) -> u64 {
        (PREFIX_LEN + self.list.len()) as u64
    }
}

/// Whether every name comes after the one before, and none lies in another one.
fn check(files: &[FolderFile]) -> Result<(), SharedFolderError> {
    let found = files.len();
    if !(1..=SHARE_FOLDER_FILES_MAX).contains(&found) {
        return Err(SharedFolderError::Files { found });
    }
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    if let Some(at) = names.windows(2).position(|pair| pair[0] >= pair[1]) {
        return Err(SharedFolderError::Order { at: at + 1 });
    }
    // Between a name and one that lies in it others may stand.
    let lies_in_a_file = |name: &str| {
        let folders = name.match_indices('/').map(|(at, _)| &name[..at]);
        folders.into_iter().any(|folder| names.binary_search(&folder).is_ok())
    };
    match names.iter().position(|name| lies_in_a_file(name)) {
        Some(at) => Err(SharedFolderError::Order { at }),
        None => Ok(()),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    files: Vec<FileFields>,
    v: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileFields {
    len: u64,
    #[serde(with = "path")]
    name: IndexPath,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    media_type: Option<MediaType>,
}

impl Fields {
    fn of(files: &[FolderFile]) -> Self {
        let files = files.iter().cloned().map(|FolderFile { len, name, media_type }| FileFields {
            len,
            name,
            media_type,
        });
        Self { files: files.collect(), v: VERSION }
    }
}

impl From<FileFields> for FolderFile {
    fn from(FileFields { len, name, media_type }: FileFields) -> Self {
        Self { len, name, media_type }
    }
}

/// A path as text.
mod path {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use crate::IndexPath;

    pub(super) fn serialize<S: Serializer>(path: &IndexPath, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(path.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IndexPath, D::Error> {
        IndexPath::new(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
