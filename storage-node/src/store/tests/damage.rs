//! Rot, swapped and truncated files: found, never taken for sound, and healed by the next put.

use proofs::{EncodeSliceError, LeafSet, encode_slice};

use super::*;
use crate::layout::{FileName, PackId};
use crate::store::reading::shows_corruption;

const NOW: u64 = 1_800_000_000;

fn with_shards(numbers: &[u8]) -> (SimulatedDisk, Store) {
    let disk = SimulatedDisk::new();
    let (store, _) = open(&disk, NOW);
    for number in numbers {
        leased(commit_one(&store, put(&store, *number, 1, NOW, 30, *number).unwrap()));
    }
    (disk, store)
}

fn read(store: &Store, number: u8) -> Result<bytes::Bytes, EncodeSliceError> {
    match store.find(&root(number)).unwrap() {
        Lookup::Held(held) => encode_slice(held.root, &LeafSet::whole(held.len), &held),
        other => panic!("shard {number}: {other:?}"),
    }
}

fn heals(store: &Store, number: u8) {
    let Lookup::Held(held) = store.find(&root(number)).unwrap() else { panic!("held so far") };
    assert_eq!(held.check(|_| Ok(())).unwrap(), Verdict::Corrupt);
    store.judge(&held.root, held.place, Verdict::Corrupt);
    assert_eq!(store.corrupt_count().unwrap(), 1);
    assert!(matches!(store.find(&root(number)).unwrap(), Lookup::Corrupt));
    let before = lease_of(store, number, 1).unwrap();
    assert_eq!(leased(commit_one(store, put(store, number, 1, NOW, 30, 9).unwrap())), before);
    assert!(is_whole(store, number));
    assert_eq!(store.corrupt_count().unwrap(), 0);
}

#[test]
fn a_flipped_bit_is_never_delivered() {
    for (number, name) in [(3, FileName::Pack(PackId(0))), (7, FileName::Shard(root(7)))] {
        let len = SHARD_LENS[usize::from(number)];
        for at in [0, len / 2, len - 1] {
            let (disk, store) = with_shards(&[number]);
            read(&store, number).unwrap();
            disk.tamper(name, |bytes| bytes[crate::entry::SHARD_PREFIX_LEN + at] ^= 4);
            assert!(shows_corruption(&read(&store, number).unwrap_err()));
            heals(&store, number);
        }
        let (disk, store) = with_shards(&[number]);
        disk.tamper(name, |bytes| bytes[crate::entry::SHARD_PREFIX_LEN + len + 5] ^= 4); // outboard
        assert!(shows_corruption(&read(&store, number).unwrap_err()));
        heals(&store, number);
    }
}

#[test]
fn swapped_files_are_detected() {
    let (disk, store) = with_shards(&[5, 6]);
    let names = [root(5), root(6)].map(FileName::Shard);
    disk.swap(names[0], names[1]);
    drop(store);
    let (store, _) = open(&disk, NOW);
    for number in [5, 6] {
        assert!(shows_corruption(&read(&store, number).unwrap_err()));
    }
    disk.lose(FileName::Index);
    drop(store);
    let (store, replayed) = open(&disk, NOW);
    assert_eq!(replayed.strange, 2);
    assert!(matches!(store.find(&root(5)).unwrap(), Lookup::NotHeld));
}

#[test]
fn truncated_and_missing_files_are_corrupt() {
    for number in [3, 7] {
        let (disk, store) = with_shards(&[number]);
        let name = if number == 3 { FileName::Pack(PackId(0)) } else { FileName::Shard(root(number)) };
        disk.tamper(name, |bytes| bytes.truncate(20_000));
        assert!(shows_corruption(&read(&store, number).unwrap_err()));
        drop(store);
        let (store, _) = open(&disk, NOW);
        heals(&store, number);
    }
    let (disk, store) = with_shards(&[3, 7]);
    drop(store);
    disk.lose(FileName::Shard(root(7)));
    disk.lose(FileName::Pack(PackId(0)));
    let (store, _) = open(&disk, NOW);
    for number in [3, 7] {
        for _once_and_again in 0..2 {
            assert!(matches!(store.find(&root(number)).unwrap(), Lookup::Lost));
        }
        leased(commit_one(&store, put(&store, number, 1, NOW, 30, 9).unwrap()));
        assert!(is_whole(&store, number));
    }
}

#[test]
fn a_rotten_shard_in_a_pack_is_known_after_a_rebuild() {
    let (disk, store) = with_shards(&[3, 2]);
    drop(store);
    disk.tamper(FileName::Pack(PackId(0)), |bytes| bytes[1000] ^= 1);
    disk.lose(FileName::Index);
    let (store, _) = open(&disk, NOW);
    assert!(matches!(store.find(&root(3)).unwrap(), Lookup::Corrupt));
    assert!(is_whole(&store, 2));
    assert!(lease_of(&store, 3, 1).is_some());
}

#[test]
fn an_unreadable_index_is_rebuilt() {
    for damage in [0_usize, 1, 2, 3] {
        let (disk, store) = with_shards(&[0, 3, 5, 7]);
        drop(store);
        disk.tamper(FileName::Index, |bytes| match damage {
            0 => bytes.clear(),
            1 => bytes.truncate(5000),
            2 => bytes[..4096].fill(0x5a),
            _ => bytes.truncate(100),
        });
        let (store, replayed) = open(&disk, NOW);
        assert!(replayed.is_rebuilt, "damage {damage}");
        assert!([0, 3, 5, 7].iter().all(|number| is_whole(&store, *number)));
    }
}

#[test]
fn leftovers_of_uploads_are_removed_at_the_start() {
    let (disk, store) = with_shards(&[]);
    let mut receiving = store.receive();
    receiving.push(&shard(7)).unwrap();
    let crashed = disk.after_power_cut(2);
    drop(receiving);
    assert!(disk.names().iter().all(|name| !matches!(name, FileName::Tmp(_))));
    open(&crashed, NOW);
    assert!(crashed.names().iter().all(|name| !matches!(name, FileName::Tmp(_))));
}
