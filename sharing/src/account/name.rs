//! What entries are called: paths of files and folders, publications, and the creator's indices of devices.

use std::fmt;
use std::str::FromStr;

use chunker::ObjectHeader;
use proofs::{Cid, Root};

use super::DeviceId;
use crate::PublicationId;

/// Longest path, in bytes.
pub const INDEX_PATH_LEN_MAX: usize = 1024;

const FILES: &str = "files/";
const FOLDERS: &str = "folders/";
const HOLDS: &str = "holds/";
const PUBLICATIONS: &str = "publications/";
const PUBLISHING: &str = "publishing/";

/// The path of a file in the index: names of files with `/` between them, without one before or after.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IndexPath(String);

/// Why a text is no name of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameError {
    /// A path that is too long, or empty.
    #[error("path of {len} bytes, 1 to {INDEX_PATH_LEN_MAX} are allowed")]
    Length {
        /// Bytes found.
        len: usize,
    },
    /// A part that is no name of a file.
    #[error(
        "part {part} of the path is no name of a file: 1 to 255 bytes without control characters, neither . nor .."
    )]
    Part {
        /// Which, from 0.
        part: usize,
    },
    /// Another kind of name.
    #[error("the name is neither of a file or folder, nor of a publication, nor of a creator's index")]
    Kind,
}

impl IndexPath {
    /// The path, when it is one.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        if !(1..=INDEX_PATH_LEN_MAX).contains(&text.len()) {
            return Err(NameError::Length { len: text.len() });
        }
        match text.split('/').position(|part| !ObjectHeader::is_name(part)) {
            Some(part) => Err(NameError::Part { part }),
            None => Ok(Self(text)),
        }
    }

    /// The path as people write it: `/` before it, and perhaps after it, makes no difference.
    pub fn from_user(text: &str) -> Result<Self, NameError> {
        let text = text.strip_prefix('/').unwrap_or(text);
        Self::new(text.strip_suffix('/').unwrap_or(text))
    }

    /// A text as a bound of a range of paths, which need not be a path itself.
    pub(super) fn bound(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part: the name of the file.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The path of `name` in the folder with this path.
    pub fn join(&self, name: &str) -> Result<Self, NameError> {
        Self::new(format!("{}/{name}", self.0))
    }

    /// What follows this folder in the path of something in it.
    pub fn within<'p>(&self, path: &'p Self) -> Option<&'p str> {
        path.0.strip_prefix(&self.0)?.strip_prefix('/')
    }

    /// The path for the `number`th file of this name: `film.mp4`, `film (2).mp4`, …
    pub fn numbered(&self, number: u32) -> Result<Self, NameError> {
        let (folder, stem, ending) = self.parts();
        Self::new(format!("{folder}{stem} ({number}){ending}"))
    }

    /// The path of which this one is [`numbered`](Self::numbered); none where it has no such number.
    pub fn unnumbered(&self) -> Option<Self> {
        let (folder, stem, ending) = self.parts();
        let (stem, number) = stem.strip_suffix(')')?.rsplit_once(" (")?;
        let number: u32 = number.parse().ok()?;
        let first = Self::new(format!("{folder}{stem}{ending}")).ok()?;
        (number > 1 && first.numbered(number).as_ref() == Ok(self)).then_some(first)
    }

    /// The folder with its slash, the name up to its last dot, and the ending from there on.
    fn parts(&self) -> (&str, &str, &str) {
        let name = self.file_name();
        let folder = &self.0[..self.0.len() - name.len()];
        match name.rfind('.') {
            Some(dot) if dot > 0 => (folder, &name[..dot], &name[dot..]),
            _ => (folder, name, ""),
        }
    }
}

/// With `/` before it.
impl fmt::Display for IndexPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

/// The name of an entry. Ordered as its text is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EntryName {
    /// A file.
    File(IndexPath),
    /// A folder.
    Folder(IndexPath),
    /// A hold on a file or folder.
    Hold(IndexPath),
    /// A publication.
    Publication(PublicationId),
    /// The creator's index of a device.
    Publishing(DeviceId),
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{FILES}{}", path.as_str()),
            Self::Folder(path) => write!(f, "{FOLDERS}{}", path.as_str()),
            Self::Hold(path) => write!(f, "{HOLDS}{}", path.as_str()),
            Self::Publication(id) => write!(f, "{PUBLICATIONS}{}", id.cid().root()),
            Self::Publishing(device) => write!(f, "{PUBLISHING}{device}"),
        }
    }
}

impl FromStr for EntryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if let Some(path) = text.strip_prefix(FILES) {
            return IndexPath::new(path).map(Self::File);
        }
        if let Some(path) = text.strip_prefix(FOLDERS) {
            return IndexPath::new(path).map(Self::Folder);
        }
        if let Some(path) = text.strip_prefix(HOLDS) {
            return IndexPath::new(path).map(Self::Hold);
        }
        if let Some(hash) = text.strip_prefix(PUBLICATIONS) {
            let root: Root = hash.parse().map_err(|_| NameError::Kind)?;
            return Ok(Self::Publication(PublicationId::from_cid(Cid::from_root(root))));
        }
        let device = text.strip_prefix(PUBLISHING).ok_or(NameError::Kind)?;
        device.parse().map(Self::Publishing).map_err(|()| NameError::Kind)
    }
}

impl TryFrom<String> for EntryName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<EntryName> for String {
    fn from(name: EntryName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_names_between_slashes() {
        for good in ["a", "films/a.mp4", "ü/ß", "...", "a b/-c", &"x".repeat(255)] {
            assert!(IndexPath::new(good).is_ok(), "{good:?}");
        }
        let long = "x/".repeat(512) + "x";
        for bad in ["", "/", "/a", "a/", "a//b", ".", "a/..", "a\nb", "a/\u{7f}", &"x".repeat(256), &long] {
            assert!(IndexPath::new(bad).is_err(), "{bad:?}");
        }
        for same in ["films/a.mp4", "/films/a.mp4", "/films/a.mp4/"] {
            assert_eq!(IndexPath::from_user(same).unwrap().to_string(), "/films/a.mp4");
        }
    }

    #[test]
    fn folders_are_the_beginnings_of_paths() {
        let path = |text| IndexPath::new(text).unwrap();
        assert_eq!(path("a/b").within(&path("a/b/c/d")), Some("c/d"));
        assert_eq!(path("a/b").within(&path("a/bc")), None);
        assert_eq!(path("a/b").within(&path("a/b")), None);
    }

    #[test]
    fn a_number_stands_before_the_ending() {
        let numbered = |text, number| IndexPath::new(text).unwrap().numbered(number).unwrap();
        assert_eq!(numbered("films/a.b.mp4", 2).as_str(), "films/a.b (2).mp4");
        assert_eq!(numbered("x.y/.profile", 3).as_str(), "x.y/.profile (3)");
    }

    #[test]
    fn only_a_number_that_was_put_there_is_taken_away() {
        let unnumbered = |text| IndexPath::new(text).unwrap().unnumbered();
        for (text, number) in [("films/a.b.mp4", 2), ("study", 9999), ("study (2)", 3), (".profile", 2)] {
            let path = IndexPath::new(text).unwrap();
            assert_eq!(path.numbered(number).unwrap().unnumbered(), Some(path));
        }
        for own in [
            "study",
            "study (old)",
            "study (2",
            "study (1)",
            "study (02)",
            "study (+2)",
            "study(2)",
            "(2)",
            "x (2)/y",
        ] {
            assert_eq!(unnumbered(own), None, "{own}");
        }
        assert_eq!(unnumbered(" (2)"), None, "no name is left");
        assert_eq!(unnumbered("a (2).b (x)"), IndexPath::new("a.b (x)").ok());
    }

    #[test]
    fn names_are_ordered_as_their_texts() {
        let names: Vec<EntryName> = [
            "files/a",
            "files/a b",
            "files/a/b",
            "files/ä",
            "folders/a",
            "folders/a b",
            "holds/a",
            &format!("publications/{}", "0a".repeat(32)),
            &format!("publications/{}", "f0".repeat(32)),
            "publishing/00000000000000ff",
        ]
        .map(|text| text.parse().unwrap())
        .into();
        assert!(names.is_sorted());
        assert!(names.iter().map(ToString::to_string).is_sorted());
    }
}
