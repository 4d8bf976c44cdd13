//! What is held is not taken away by any change of the index, whoever asks for it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use account::{Change, LocalError, LocalIndex};
use proofs::Cid;
use protocol::UnixSeconds;
use sharing::{EntryName, FileEntry, HeaderFields, Hold, IndexPath, TrailText};

const LONG_AGO: UnixSeconds = UnixSeconds::new(1000);
/// Long after any clock that this runs by.
const LATE: UnixSeconds = UnixSeconds::new(1 << 40);

fn path(text: &str) -> IndexPath {
    IndexPath::new(text).unwrap()
}

fn file(object: &[u8]) -> FileEntry {
    FileEntry {
        object: Cid::of(object),
        len: 1,
        media_type: None,
        created: LONG_AGO,
        modified: LONG_AGO,
        until: LATE,
        erasable: None,
        headers: HeaderFields::default(),
    }
}

fn records(taken: &[&str]) -> Change {
    let taken = taken.iter().map(|text| path(text)).collect();
    Change::Records { path: path("study/records"), file: file(b"more records"), taken }
}

fn gone(name: EntryName) -> Change {
    Change::Gone(name, LONG_AGO)
}

/// `a/b` and one record of `study/records` are held, `c` was.
fn index(folder: &Path) -> LocalIndex {
    let until = |at| Hold::new(LONG_AGO, Some(UnixSeconds::new(at)), None).unwrap();
    let legal = Hold::new(LONG_AGO, None, TrailText::new("case 17").ok()).unwrap();
    let mut local = LocalIndex::open(folder).unwrap();
    let files = ["a/b", "a/d", "c", "study/records"].map(|at| Change::File(path(at), file(at.as_bytes())));
    local.write(files.into()).unwrap();
    let holds = [("a/b", until(LATE.get())), ("c", until(1001)), ("study/records/1.json", legal)];
    let holds = holds.map(|(at, hold)| Change::Hold(path(at), hold));
    local.write([vec![Change::Folder(path("a"), LONG_AGO)], holds.into()].concat()).unwrap();
    local
}

#[test]
fn what_was_taken_comes_back_though_it_has_come_to_be_held() {
    let folder = tempfile::tempdir().unwrap();
    let mut local = index(folder.path());
    local.write(vec![gone(EntryName::File(path("a/d")))]).unwrap();
    let hold = Hold::new(LONG_AGO, Some(LATE), None).unwrap();
    local.write(vec![Change::Hold(path("a/d"), hold), Change::Back(path("a/d"), file(b"a/d"))]).unwrap();
    assert_eq!(local.index().file(&path("a/d")).unwrap().object, Cid::of(b"a/d"));
    let back = Change::Back(path("study/records"), file(b"study/records"));
    local.write(vec![back]).unwrap();
    assert!(matches!(local.write(vec![gone(EntryName::File(path("a/d")))]), Err(LocalError::Held(_))));
}

#[test]
fn no_change_takes_away_what_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let mut local = index(folder.path());
    let refused = [
        ("a/b", Change::File(path("a/b"), file(b"other"))),
        ("a/b", gone(EntryName::File(path("a/b")))),
        ("a/b", gone(EntryName::Folder(path("a")))),
        ("study/records/1.json", Change::File(path("study/records"), file(b"all under other keys"))),
        ("study/records/1.json", gone(EntryName::File(path("study/records")))),
        ("study/records/1.json", records(&["study/records/2.json", "study/records/1.json"])),
    ];
    let before = local.index().clone();
    for (held, change) in refused {
        // What comes with it is not done either.
        let with = vec![gone(EntryName::File(path("a/d"))), change];
        match local.write(with) {
            Err(LocalError::Held(said)) => assert_eq!(said.held, path(held)),
            other => panic!("{held}: {other:?}"),
        }
    }
    assert_eq!(*local.index(), before);
    drop(local);
    assert_eq!(*LocalIndex::open(folder.path()).unwrap().index(), before, "nothing of it was written");
}

#[test]
fn all_else_may_be_done_and_a_hold_ends_by_its_date_or_its_release() {
    let folder = tempfile::tempdir().unwrap();
    let mut local = index(folder.path());
    let allowed = [
        Change::File(path("a/b"), FileEntry { len: 2, ..file(b"a/b") }),
        Change::File(path("a/new"), file(b"new")),
        records(&[]),
        records(&["study/records/2.json"]),
        gone(EntryName::File(path("a/d"))),
        gone(EntryName::File(path("a/nothing"))),
        gone(EntryName::File(path("c"))),
        gone(EntryName::Hold(path("a/b"))),
        gone(EntryName::File(path("a/b"))),
    ];
    for change in allowed {
        local.write(vec![change]).unwrap();
    }
    let error = local.write(vec![gone(EntryName::File(path("study/records")))]).unwrap_err();
    let expected = "/study/records has to stay: /study/records/1.json is held for a matter at law (case 17)";
    assert_eq!(error.to_string(), expected);
}
