//! What clients want of the index, and what becomes of it: decided one by one on the index as it is then. Pure.

use account::Change;
use proofs::Cid;
use protocol::UnixSeconds;
use sharing::{AccountIndex, EntryName, FileEntry, IndexPath};

use crate::address::bucket_of;
use crate::attributes::current;
use crate::conditions::{Conditions, Unmet};

/// A change that a client wants.
#[derive(Debug)]
pub(crate) enum Order {
    /// The file gets this name.
    Put { path: IndexPath, file: Box<FileEntry>, origin: Origin, conditions: Conditions },
    /// What has this name is removed; that nothing has it is well too.
    Remove { path: IndexPath, conditions: Conditions },
    /// There is a folder with this path: a bucket, or a marker in one.
    MakeFolder { path: IndexPath },
    /// The folder need not be there any more.
    RemoveMarker { path: IndexPath },
    /// The bucket is removed, in which nothing is.
    RemoveBucket { path: IndexPath },
}

/// Where a file that gets a name comes from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// It was stored for this name: if it does not get it, nobody wants it.
    Stored,
    /// It has another name, under which it must still be.
    Copied(IndexPath),
}

/// Why an order is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// There is no such bucket.
    #[error("there is no such bucket")]
    NoBucket,
    /// Something is in it.
    #[error("the bucket is not empty")]
    NotEmpty,
    /// It has to stay.
    #[error("it is held: it has to stay until its date, or until its hold is released")]
    Held,
    /// It is more than one object.
    #[error("it is a folder of records, whose packs would stay: `headwater rm` removes all of it")]
    Records,
    /// The conditions do not hold.
    #[error("a condition of the request does not hold")]
    Unmet,
    /// What was to be copied has changed meanwhile.
    #[error("what was to be copied has changed meanwhile")]
    OriginGone,
}

/// What an order does to the index.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) changes: Vec<Wanted>,
    /// The file that loses a name by it.
    pub(crate) loser: Option<FileEntry>,
}

/// A change in a form that can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    File(IndexPath, Box<FileEntry>),
    Folder(IndexPath),
    Gone(EntryName),
}

impl Wanted {
    /// The change, made now.
    pub(crate) fn into_change(self, now: UnixSeconds) -> Change {
        match self {
            Self::File(path, file) => Change::File(path, *file),
            Self::Folder(path) => Change::Folder(path, now),
            Self::Gone(name) => Change::Gone(name, now),
        }
    }
}

impl Order {
    /// What it does to this index, or why it does nothing.
    pub(crate) fn decide(&self, index: &AccountIndex, now: UnixSeconds) -> Result<Decision, Refusal> {
        if self.takes_away(index).is_some_and(|path| index.hold_over(path, now).is_some()) {
            return Err(Refusal::Held);
        }
        if self
            .takes_away(index)
            .and_then(|path| index.file(path))
            .is_some_and(FileEntry::is_folder_of_records)
        {
            return Err(Refusal::Records);
        }
        match self {
            Self::Put { path, file, origin, conditions } => put(index, path, file, origin, conditions),
            Self::Remove { path, conditions } => remove(index, path, conditions),
            Self::MakeFolder { path } => {
                let changes =
                    if has_folder(index, path) { vec![] } else { vec![Wanted::Folder(path.clone())] };
                Ok(Decision { changes, loser: None })
            }
            Self::RemoveMarker { path } => Ok(without_folder(index, path)),
            Self::RemoveBucket { path } => remove_bucket(index, path),
        }
    }

    /// The name that stands for another object afterwards, or for none.
    fn takes_away(&self, index: &AccountIndex) -> Option<&IndexPath> {
        match self {
            Self::Put { path, file, .. } => {
                index.file(path).filter(|old| old.object != file.object).map(|_| path)
            }
            Self::Remove { path, .. } => index.file(path).map(|_| path),
            Self::RemoveBucket { path } | Self::RemoveMarker { path } => index.folder(path).map(|_| path),
            Self::MakeFolder { .. } => None,
        }
    }

    /// The object that nobody wants when this order is not followed.
    pub(crate) fn unwanted(&self) -> Option<&FileEntry> {
        match self {
            Self::Put { file, origin: Origin::Stored, .. } => Some(file.as_ref()),
            _ => None,
        }
    }
}

fn put(
    index: &AccountIndex,
    path: &IndexPath,
    file: &FileEntry,
    origin: &Origin,
    conditions: &Conditions,
) -> Result<Decision, Refusal> {
    let bucket = bucket_of(path.as_str()).ok_or(Refusal::NoBucket)?;
    if !has_bucket(index, bucket) {
        return Err(Refusal::NoBucket);
    }
    if let Origin::Copied(from) = origin
        && object_of(index, from) != Some(file.object)
    {
        return Err(Refusal::OriginGone);
    }
    let old = index.file(path);
    conditions.permit_writing(old.map(current).as_ref()).map_err(unmet)?;
    let loser = old.filter(|old| old.object != file.object).cloned();
    Ok(Decision { changes: vec![Wanted::File(path.clone(), Box::new(file.clone()))], loser })
}

fn remove(index: &AccountIndex, path: &IndexPath, conditions: &Conditions) -> Result<Decision, Refusal> {
    let old = index.file(path);
    conditions.permit_writing(old.map(current).as_ref()).map_err(unmet)?;
    let Some(old) = old else { return Ok(Decision::default()) };
    let mut changes = vec![Wanted::Gone(EntryName::File(path.clone()))];
    // A bucket stays when its last key goes.
    let bucket = bucket_of(path.as_str()).and_then(|name| IndexPath::new(name).ok());
    changes.extend(bucket.filter(|bucket| !has_folder(index, bucket)).map(Wanted::Folder));
    Ok(Decision { changes, loser: Some(old.clone()) })
}

fn remove_bucket(index: &AccountIndex, path: &IndexPath) -> Result<Decision, Refusal> {
    if !has_bucket(index, path.as_str()) {
        return Err(Refusal::NoBucket);
    }
    let has_file = index.files_in(path).next().is_some();
    let has_marker = index.folders().any(|(folder, _)| path.within(folder).is_some());
    if has_file || has_marker { Err(Refusal::NotEmpty) } else { Ok(without_folder(index, path)) }
}

fn without_folder(index: &AccountIndex, path: &IndexPath) -> Decision {
    let gone = || Wanted::Gone(EntryName::Folder(path.clone()));
    let changes = if has_folder(index, path) { vec![gone()] } else { vec![] };
    Decision { changes, loser: None }
}

fn has_bucket(index: &AccountIndex, name: &str) -> bool {
    let folder = format!("{name}/");
    let first = index.first_file_from(&folder);
    first.is_some_and(|(path, _)| path.as_str().starts_with(&folder))
        || IndexPath::new(name).is_ok_and(|path| has_folder(index, &path))
}

fn has_folder(index: &AccountIndex, path: &IndexPath) -> bool {
    index.folder(path).is_some()
}

fn object_of(index: &AccountIndex, path: &IndexPath) -> Option<Cid> {
    index.file(path).map(|file| file.object)
}

const fn unmet(_: Unmet) -> Refusal {
    Refusal::Unmet
}

#[cfg(test)]
mod tests {
    use s3s::dto::ETagCondition;
    use sharing::{CATALOGUE_TYPE, DeviceId, Entry, Hold, MediaType};

    use super::*;
    use crate::view::tests::{file, index};

    const NOW: UnixSeconds = UnixSeconds::new(50);

    fn path(text: &str) -> IndexPath {
        IndexPath::new(text).unwrap()
    }

    fn put(to: &str, origin: Origin, conditions: Conditions) -> Order {
        Order::Put { path: path(to), file: Box::new(file("photos/a")), origin, conditions }
    }

    fn remove(text: &str) -> Order {
        Order::Remove { path: path(text), conditions: Conditions::default() }
    }

    #[test]
    fn a_put_takes_the_name_of_what_had_it() {
        let index = index(&["photos/a", "photos/b"], &[]);
        let stored = |to| put(to, Origin::Stored, Conditions::default());
        assert_eq!(stored("photos/c").decide(&index, NOW).unwrap().loser, None);
        assert_eq!(stored("photos/b").decide(&index, NOW).unwrap().loser, Some(file("photos/b")));
        assert_eq!(
            stored("photos/a").decide(&index, NOW).unwrap().loser,
            None,
            "the same object keeps its leases"
        );
        assert_eq!(stored("films/a").decide(&index, NOW), Err(Refusal::NoBucket));
        let absent = Conditions { none_matching: Some(ETagCondition::Any), ..Conditions::default() };
        assert_eq!(put("photos/b", Origin::Stored, absent).decide(&index, NOW), Err(Refusal::Unmet));
    }

    #[test]
    fn what_is_copied_must_still_be_there() {
        let index = index(&["photos/a", "photos/b"], &[]);
        let copied =
            |from| put("photos/c", Origin::Copied(path(from)), Conditions::default()).decide(&index, NOW);
        assert!(copied("photos/a").is_ok());
        assert_eq!(copied("photos/b"), Err(Refusal::OriginGone), "another object has that name now");
        assert_eq!(copied("photos/x"), Err(Refusal::OriginGone));
    }

    #[test]
    fn a_bucket_stays_until_it_is_removed() {
        let with_a = index(&["photos/a"], &[]);
        let gone = Wanted::Gone(EntryName::File(path("photos/a")));
        let decision = remove("photos/a").decide(&with_a, NOW).unwrap();
        assert_eq!(decision.changes, [gone, Wanted::Folder(path("photos"))]);
        assert_eq!(decision.loser, Some(file("photos/a")));
        assert_eq!(remove("photos/x").decide(&with_a, NOW), Ok(Decision::default()));

        let bucket = || Order::RemoveBucket { path: path("photos") };
        assert_eq!(bucket().decide(&with_a, NOW), Err(Refusal::NotEmpty));
        assert_eq!(bucket().decide(&index(&[], &["photos", "photos/x"]), NOW), Err(Refusal::NotEmpty));
        assert_eq!(bucket().decide(&index(&["photo"], &[]), NOW), Err(Refusal::NoBucket));
        let decision = bucket().decide(&index(&[], &["photos"]), NOW).unwrap();
        assert_eq!(decision.changes, [Wanted::Gone(EntryName::Folder(path("photos")))]);
    }

    #[test]
    fn a_folder_of_records_is_not_removed_without_its_packs() {
        let mut index = index(&["photos/b"], &["photos"]);
        let records = FileEntry { media_type: MediaType::new(CATALOGUE_TYPE).ok(), ..file("photos/a") };
        let stamp = index.next_stamp(DeviceId::from_bytes([1; 8]));
        index.write(Entry::file(stamp, path("photos/records"), records)).unwrap();
        let put = put("photos/records", Origin::Copied(path("photos/b")), Conditions::default());
        assert_eq!(remove("photos/records").decide(&index, NOW), Err(Refusal::Records));
        let Order::Put { mut file, .. } = put else { unreachable!("it is a put") };
        file.object = index.file(&path("photos/b")).unwrap().object;
        let order = Order::Put {
            path: path("photos/records"),
            file,
            origin: Origin::Copied(path("photos/b")),
            conditions: Conditions::default(),
        };
        assert_eq!(order.decide(&index, NOW), Err(Refusal::Records));
    }

    #[test]
    fn what_is_held_is_neither_removed_nor_replaced() {
        let mut index = index(&["photos/a", "photos/b"], &["photos"]);
        let hold = Hold::new(UnixSeconds::new(5), Some(UnixSeconds::new(100)), None).unwrap();
        let stamp = index.next_stamp(DeviceId::from_bytes([1; 8]));
        index.write(Entry::hold(stamp, path("photos/a"), hold)).unwrap();
        let put = |to| put(to, Origin::Stored, Conditions::default());
        assert_eq!(remove("photos/a").decide(&index, NOW), Err(Refusal::Held));
        assert!(remove("photos/b").decide(&index, NOW).is_ok());
        assert!(put("photos/a").decide(&index, NOW).is_ok(), "the same object again takes nothing away");
        let mut other = file("photos/b");
        other.object = file("photos/c").object;
        let order = Order::Put {
            path: path("photos/a"),
            file: Box::new(other),
            origin: Origin::Stored,
            conditions: Conditions::default(),
        };
        assert_eq!(order.decide(&index, NOW), Err(Refusal::Held));
        let bucket = Order::RemoveBucket { path: path("photos") };
        assert_eq!(bucket.decide(&index, NOW), Err(Refusal::Held));
        assert!(remove("photos/a").decide(&index, UnixSeconds::new(100)).is_ok(), "its date has passed");
    }
}
