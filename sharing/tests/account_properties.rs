//! What must hold for every index of an account: merging in any order, against a naive model, and pages for any number of names.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proofs::Cid;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, proptest};
use proptest::sample::Index;
use protocol::UnixSeconds;
use sharing::{
    AccountIndex, Clock, DeviceId, Entry, EntryName, FileEntry, INDEX_PAGE_ENTRIES_MAX, INDEX_PAGE_LEN_MAX,
    IndexPath, IndexRoot, PageRef, Seen, Stamp, What,
};

fn path(number: u64) -> IndexPath {
    IndexPath::new(format!("folder {}/{number}", number % 3)).unwrap()
}

fn file(number: u64) -> FileEntry {
    FileEntry {
        object: Cid::of(&number.to_le_bytes()),
        len: number,
        media_type: None,
        created: UnixSeconds::new(number),
        modified: UnixSeconds::new(number),
        until: UnixSeconds::new(number),
        erasable: None,
        headers: sharing::HeaderFields::default(),
    }
}

fn device(number: u8) -> DeviceId {
    DeviceId::from_bytes([number; 8])
}

/// Few names, clocks and devices, so that the same ones meet.
fn entry() -> impl Strategy<Value = Entry> {
    (1..5_u64, 0..3_u8, 0..4_u64, 0..4_u64, any::<bool>()).prop_map(|(clock, by, name, number, is_gone)| {
        let at = Stamp { clock: Clock::new(clock).unwrap(), device: device(by) };
        if is_gone {
            Entry::gone(at, EntryName::File(path(name)), UnixSeconds::new(number))
        } else {
            Entry::file(at, path(name), file(number))
        }
    })
}

/// The entry that counts for each name, found by looking at all of them.
fn naive<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Entry> {
    let mut newest: BTreeMap<String, Entry> = BTreeMap::new();
    for entry in entries {
        let rank = |entry: &Entry| (entry.at(), entry.encode());
        let name = entry.name().to_string();
        if newest.get(&name).is_none_or(|known| rank(known) < rank(entry)) {
            newest.insert(name, entry.clone());
        }
    }
    newest.into_values().collect()
}

proptest! {
    #[test]
    fn devices_merge_in_any_order(
        (written, orders) in prop::collection::vec(prop::collection::vec(entry(), 0..8), 1..5)
            .prop_flat_map(|written| (Just(written), prop::collection::vec(any::<Index>(), 24)))
    ) {
        let index = |entries: &Vec<Entry>| AccountIndex::new(entries.clone(), Seen::default());
        let expected = naive(written.iter().flatten());
        // In random order, and some of them more than once.
        let mut merged = AccountIndex::default();
        for order in &orders {
            merged = merged.merge(index(&written[order.index(written.len())]));
        }
        for entries in &written {
            merged = index(entries).merge(merged);
        }
        prop_assert_eq!(merged.entries().cloned().collect::<Vec<_>>(), expected);
        prop_assert_eq!(merged.clone().merge(merged.clone()), merged);
    }

    #[test]
    fn merging_is_associative(one in prop::collection::vec(entry(), 0..8), two in prop::collection::vec(entry(), 0..8), three in prop::collection::vec(entry(), 0..8)) {
        let [one, two, three] = [one, two, three].map(|entries| {
            let mut index = AccountIndex::default();
            for entry in entries {
                index.write(entry).unwrap();
            }
            index
        });
        let left = one.clone().merge(two.clone()).merge(three.clone());
        prop_assert_eq!(&left, &one.clone().merge(two.clone().merge(three.clone())));
        prop_assert_eq!(&left, &three.merge(one).merge(two));
    }

    /// Devices that put files under the same names without hearing of each other lose none of them.
    #[test]
    fn no_file_loses_its_name_to_a_coincidence(names in prop::collection::vec((0..3_u8, 0..3_u64), 1..12), rounds in prop::collection::vec((0..3_u8, 0..3_u8), 0..12)) {
        let mut indices = vec![AccountIndex::default(); 3];
        let sync = |indices: &mut Vec<AccountIndex>, to: usize, from: usize| {
            let other = indices[from].clone();
            let displaced = indices[to].collisions(&other);
            let mut index = std::mem::take(&mut indices[to]).merge(other);
            for lost in displaced {
                let stamp = index.next_stamp(device(u8::try_from(to).unwrap()));
                let free = index.free_path(&lost.path).unwrap();
                index.write(Entry::file(stamp, free, lost.file)).unwrap();
            }
            indices[to] = index;
        };
        let mut rounds = rounds.into_iter();
        for (number, &(by, name)) in names.iter().enumerate() {
            let index = &mut indices[usize::from(by)];
            let stamp = index.next_stamp(device(by));
            let free = index.free_path(&path(name)).unwrap();
            index.write(Entry::file(stamp, free, file(number as u64))).unwrap();
            if let Some((to, from)) = rounds.next() {
                sync(&mut indices, to.into(), from.into());
            }
        }
        for _ in 0..3 {
            for (to, from) in [(0, 1), (1, 2), (2, 0), (0, 2), (2, 1), (1, 0)] {
                sync(&mut indices, to, from);
            }
        }
        for index in &indices {
            for number in 0..names.len() {
                let object = file(number as u64).object;
                prop_assert!(index.paths_of(object).next().is_some(), "file {number} has lost its name");
            }
        }
        prop_assert_eq!(&indices[0], &indices[1]);
        prop_assert_eq!(&indices[1], &indices[2]);
    }

    #[test]
    fn folders_hold_what_begins_with_them(numbers in prop::collection::btree_set(0..40_u64, 0..40)) {
        let at = Stamp { clock: Clock::FIRST, device: device(1) };
        let entries = numbers.iter().map(|&number| Entry::file(at, path(number), file(number)));
        let index = AccountIndex::new(entries, Seen::default());
        for folder in 0..3 {
            let name = IndexPath::new(format!("folder {folder}")).unwrap();
            let inside = index.files_in(&name).map(|(_, file)| file.len);
            let mut inside: Vec<_> = inside.collect();
            inside.sort_unstable();
            let expected: Vec<_> = numbers.iter().copied().filter(|number| number % 3 == folder).collect();
            prop_assert_eq!(inside, expected);
        }
        prop_assert_eq!(index.files().count(), numbers.len());
    }
}

/// A hundred thousand names make pages that give all of them back, and a change concerns one page.
#[test]
fn one_change_of_many_names_concerns_one_page() {
    let at = |clock| Stamp { clock: Clock::new(clock).unwrap(), device: device(1) };
    let mut index = AccountIndex::default();
    for number in 0..100_000 {
        index.write(Entry::file(at(number + 1), path(number), file(number))).unwrap();
    }
    let pages = index.pages().unwrap();
    assert!((196..=512).contains(&pages.len()), "{} pages", pages.len());
    let refs = pages.iter().map(|page| {
        assert!(page.bytes.len() <= INDEX_PAGE_LEN_MAX);
        let (hash, object) = (sharing::ContentHash::of(&page.bytes), Cid::of(&page.bytes));
        PageRef { prefix: page.prefix, hash, object, until: UnixSeconds::new(1) }
    });
    let root = IndexRoot::new(refs.collect()).unwrap();
    assert_eq!(IndexRoot::decode(&root.encode()), Ok(root.clone()));
    let entries = root.pages().iter().zip(&pages).flat_map(|(page, made)| {
        let entries = page.open(&made.bytes).unwrap();
        assert!(entries.len() <= INDEX_PAGE_ENTRIES_MAX);
        entries
    });
    let again = AccountIndex::new(entries, index.seen().clone());
    assert_eq!(again, index);

    index.write(Entry::file(at(100_001), path(77), file(1))).unwrap();
    let changed = index.pages().unwrap();
    let differing: Vec<_> = changed.iter().zip(&pages).filter(|(new, old)| new != old).collect();
    assert_eq!((changed.len(), differing.len()), (pages.len(), 1));
    let (page, root) = (differing[0].0.bytes.len(), root.encode().len());
    assert!(page + root < 160_000, "a change costs a page of {page} and a root of {root} bytes");
}

#[test]
fn what_is_gone_for_long_is_forgotten() {
    let at = |clock| Stamp { clock: Clock::new(clock).unwrap(), device: device(1) };
    let mut index = AccountIndex::default();
    index.write(Entry::gone(at(1), EntryName::File(path(1)), UnixSeconds::new(1000))).unwrap();
    index.write(Entry::file(at(2), path(2), file(2))).unwrap();
    index.prune(UnixSeconds::new(1000 + sharing::TOMBSTONE_KEPT_S));
    assert_eq!(index.entries().len(), 2);
    index.prune(UnixSeconds::new(1001 + sharing::TOMBSTONE_KEPT_S));
    assert!(index.entries().all(|entry| matches!(entry.what(), What::File(_))));
    assert_eq!(index.next_stamp(device(2)).clock.get(), 3, "the clock goes on all the same");
}
