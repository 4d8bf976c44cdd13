//! Which files a node's folder has (spec §16), as types: no path is built anywhere else.

use std::fmt;
use std::path::PathBuf;

use proofs::Root;
use serde::{Deserialize, Serialize};

/// How many folders the shard files are spread over: one per leading hex digit of the root.
pub(crate) const SHARD_FOLDERS: u8 = 16;

/// Packs are numbered in the order in which they were begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct PackId(pub(crate) u32);

impl PackId {
    pub(crate) fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("2^32 packs of 256 MiB are an exbibyte"))
    }
}

/// A directory below the node's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Folder {
    Top,
    /// Leading hex digit, below [`SHARD_FOLDERS`].
    Shards(u8),
    Packs,
    Tmp,
}

impl Folder {
    /// Every folder, parents first.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [Self::Top, Self::Packs, Self::Tmp].into_iter().chain(Self::shards())
    }

    pub(crate) fn shards() -> impl Iterator<Item = Self> {
        (0..SHARD_FOLDERS).map(Self::Shards)
    }

    /// Path relative to the node's folder.
    pub(crate) fn path(self) -> PathBuf {
        match self {
            Self::Top => PathBuf::new(),
            Self::Shards(digit) => PathBuf::from(format!("shards/{digit:x}")),
            Self::Packs => PathBuf::from("packs"),
            Self::Tmp => PathBuf::from("tmp"),
        }
    }
}

/// A file below the node's folder.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum FileName {
    Index,
    Shard(Root),
    Pack(PackId),
    /// An upload under way; the number is unique within one run.
    Tmp(u64),
}

impl FileName {
    pub(crate) fn folder(self) -> Folder {
        match self {
            Self::Index => Folder::Top,
            Self::Shard(root) => Folder::Shards(root.as_bytes()[0] >> 4),
            Self::Pack(_) => Folder::Packs,
            Self::Tmp(_) => Folder::Tmp,
        }
    }

    /// Path relative to the node's folder.
    pub(crate) fn path(self) -> PathBuf {
        self.folder().path().join(match self {
            Self::Index => "index.redb".to_owned(),
            Self::Shard(root) => root.to_string(),
            Self::Pack(PackId(number)) => format!("{number:08x}.pack"),
            Self::Tmp(number) => format!("{number:016x}"),
        })
    }

    /// The file of this name in `folder`; `None` for files that are not ours.
    pub(crate) fn parse(folder: Folder, name: &str) -> Option<Self> {
        let found = match folder {
            Folder::Top => Self::Index,
            Folder::Shards(_) => Self::Shard(name.parse().ok()?),
            Folder::Packs => Self::Pack(PackId(u32::from_str_radix(name.strip_suffix(".pack")?, 16).ok()?)),
            Folder::Tmp => Self::Tmp(u64::from_str_radix(name, 16).ok()?),
        };
        (found.path() == folder.path().join(name)).then_some(found)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().display().fmt(f)
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back_and_strangers_do_not() {
        let root = Root::of(b"x");
        for name in
            [FileName::Index, FileName::Shard(root), FileName::Pack(PackId(0x1f)), FileName::Tmp(u64::MAX)]
        {
            let text = name.path().file_name().unwrap().to_str().unwrap().to_owned();
            assert_eq!(FileName::parse(name.folder(), &text), Some(name));
        }
        let home = FileName::Shard(root).folder();
        let elsewhere = Folder::Shards((root.as_bytes()[0] >> 4) ^ 1);
        assert_eq!(FileName::parse(elsewhere, &root.to_string()), None);
        assert_eq!(FileName::parse(home, &root.to_string().to_uppercase()), None);
        assert_eq!(FileName::parse(Folder::Packs, "1f.pack"), None);
        assert_eq!(FileName::parse(Folder::Packs, "0000001f.pack.bak"), None);
        assert_eq!(FileName::parse(Folder::Top, "node.key"), None);
    }
}
