//! The index as S3 clients see it: buckets, and keys in them.

use std::collections::BTreeMap;
use std::ops::Bound;

use protocol::UnixSeconds;
use s3s::path::check_bucket_name;
use sharing::{AccountIndex, FileEntry, IndexPath};

/// What was known of the index at one moment.
#[derive(Debug, Default)]
pub(crate) struct View {
    index: AccountIndex,
    /// Folders that have an entry of their own, with `/` behind their paths, and when they were made.
    folders: BTreeMap<String, UnixSeconds>,
}

/// What a key stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A file.
    File(&'a FileEntry),
    /// A folder that was made then.
    Marker(UnixSeconds),
}

impl View {
    pub(crate) fn new(index: AccountIndex) -> Self {
        let folders = index.folders().map(|(path, created)| (format!("{}/", path.as_str()), created));
        Self { folders: folders.collect(), index }
    }

    /// The file with this path.
    pub(crate) fn file(&self, path: &IndexPath) -> Option<&FileEntry> {
        self.index.file(path)
    }

    /// When the folder with this path was made, if it has an entry of its own.
    pub(crate) fn marker(&self, path: &IndexPath) -> Option<UnixSeconds> {
        self.folders.get(&format!("{}/", path.as_str())).copied()
    }

    /// Since when there is a bucket with this name, if there is one: where nobody made it, since its first file was put.
    pub(crate) fn bucket(&self, name: &str) -> Option<UnixSeconds> {
        let folder = format!("{name}/");
        let made = self.folders.get(&folder).copied();
        made.or_else(|| {
            let (path, file) = self.index.first_file_from(&folder)?;
            path.as_str().starts_with(&folder).then_some(file.created)
        })
    }

    /// All buckets in the order of their names: the folders at the top of which the names may be those of buckets.
    pub(crate) fn buckets(&self) -> BTreeMap<&str, UnixSeconds> {
        let made = self.folders.iter().map(|(folder, created)| (folder.as_str(), *created));
        let mut buckets: BTreeMap<_, _> =
            made.filter_map(|(folder, created)| Some((folder.strip_suffix('/')?, created))).collect();
        let mut from = String::new();
        while let Some((path, file)) = self.index.first_file_from(&from) {
            match path.as_str().split_once('/') {
                Some((folder, _)) => {
                    buckets.entry(folder).or_insert(file.created);
                    // `0` is the character after `/`.
                    from = format!("{folder}0");
                }
                None => from = format!("{}\0", path.as_str()),
            }
        }
        buckets.retain(|name, _| check_bucket_name(name));
        buckets
    }

    /// The first key of a bucket that is not less than `from`.
    pub(crate) fn first_from(&self, bucket: &str, from: &str) -> Option<(String, Found<'_>)> {
        let folder = format!("{bucket}/");
        let text = format!("{folder}{from}");
        let file = self.index.first_file_from(&text).map(|(path, file)| (path.as_str(), Found::File(file)));
        let file = file.filter(|(path, _)| path.starts_with(&folder));
        // The folder that is the bucket is no key in it.
        let bound = if text == folder { Bound::Excluded(text) } else { Bound::Included(text) };
        let marker = self.folders.range((bound, Bound::Unbounded)).next();
        let marker = marker.map(|(path, created)| (path.as_str(), Found::Marker(*created)));
        let marker = marker.filter(|(path, _)| path.starts_with(&folder));
        let first = [file, marker].into_iter().flatten().min_by_key(|(path, _)| *path);
        first.map(|(path, found)| (path[folder.len()..].to_owned(), found))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proofs::Cid;
    use sharing::{Clock, DeviceId, Entry, HeaderFields, Seen, Stamp};

    use super::*;

    pub(crate) fn file(text: &str) -> FileEntry {
        FileEntry {
            object: Cid::of(text.as_bytes()),
            len: 1,
            media_type: None,
            created: UnixSeconds::new(7),
            modified: UnixSeconds::new(7),
            until: UnixSeconds::new(9),
            erasable: None,
            headers: HeaderFields::default(),
        }
    }

    pub(crate) fn index(files: &[&str], folders: &[&str]) -> AccountIndex {
        let at = Stamp { clock: Clock::FIRST, device: DeviceId::from_bytes([1; 8]) };
        let path = |text: &&str| IndexPath::new(*text).unwrap();
        let files = files.iter().map(|text| Entry::file(at, path(text), file(text)));
        let folders = folders.iter().map(|text| Entry::folder(at, path(text), UnixSeconds::new(3)));
        AccountIndex::new(files.chain(folders), Seen::default())
    }

    #[test]
    fn buckets_are_made_or_have_files() {
        let files = ["top", "photos/a", "photos/b/c", "My Films/x", "zoo-1/a", "zoo/a"];
        let view = View::new(index(&files, &["empty", "photos", "photos/deep", "No"]));
        let buckets: Vec<_> = view.buckets().into_iter().map(|(name, at)| (name, at.get())).collect();
        assert_eq!(buckets, [("empty", 3), ("photos", 3), ("zoo", 7), ("zoo-1", 7)]);
        assert_eq!(view.bucket("zoo").map(UnixSeconds::get), Some(7));
        assert_eq!(view.bucket("zo"), None);
    }

    #[test]
    fn keys_and_markers_come_in_the_order_of_their_texts() {
        let view = View::new(index(&["b/a b/1", "b/a/1", "b/a", "bb/x"], &["b", "b/a", "b/z", "bb"]));
        let mut keys = Vec::new();
        let mut from = String::new();
        while let Some((key, found)) = view.first_from("b", &from) {
            from = format!("{key}\0");
            keys.push((key, matches!(found, Found::Marker(_))));
        }
        let expected = [("a", false), ("a b/1", false), ("a/", true), ("a/1", false), ("z/", true)];
        assert_eq!(keys, expected.map(|(key, is_marker)| (key.to_owned(), is_marker)));
    }
}
