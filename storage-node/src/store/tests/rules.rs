//! Quotas, mandates, sequence numbers, and the days of grace.

use protocol::limits::{LEASE_GRACE_S, LEASE_OVERHEAD_LEN, POINTER_SLOTS_MAX};
use protocol::{Code, Pointer, Signed};

use super::*;
use crate::index::Lookup as _;
use crate::layout::FileName;

const NOW: u64 = 1_800_000_000;

fn refused(outcome: Outcome) -> Code {
    outcome.unwrap_err().code()
}

#[test]
fn a_shard_that_is_held_is_not_stored_twice() {
    for number in [2, 7] {
        let disk = SimulatedDisk::new();
        let (store, _) = open(&disk, NOW);
        let first = leased(commit_one(&store, put(&store, number, 1, NOW, 30, 1).unwrap()));
        let stored = store.stored();
        let again = leased(commit_one(&store, put(&store, number, 1, NOW + 5, 30, 2).unwrap()));
        assert_eq!((again.id(), again.seq()), (first.id(), first.seq().next()));
        let shorter = leased(commit_one(&store, put(&store, number, 1, NOW + 5, 3, 3).unwrap()));
        assert_eq!(shorter, again);
        let other = leased(commit_one(&store, put(&store, number, 2, NOW, 30, 4).unwrap()));
        assert_ne!(other.id(), first.id());
        assert!(store.stored() - stored < 2000);
        assert_eq!(store.shard_count().unwrap(), 1);
        assert_eq!(store.index.change().unwrap().leases_of(&root(number)).unwrap().len(), 2);
        let tmp = disk.names().into_iter().filter(|name| matches!(name, FileName::Tmp(_)));
        assert_eq!(tmp.count(), 0);
    }
}

#[test]
fn grace_lasts_seven_days_and_a_release_none() {
    for number in [2, 7] {
        let disk = SimulatedDisk::new();
        let (store, _) = open(&disk, NOW);
        let lease = leased(commit_one(&store, put(&store, number, 1, NOW, 1, 1).unwrap()));
        let end = lease.expires().plus(LEASE_GRACE_S);
        store.collect(UnixSeconds::new(end.get() - 1)).unwrap();
        assert!(is_whole(&store, number));
        let renewed = leased(commit_one(&store, renew(&lease, 1, end.get() - 1, 2)));
        store.collect(end).unwrap();
        assert!(is_whole(&store, number));
        store.collect(renewed.expires().plus(LEASE_GRACE_S)).unwrap();
        assert!(matches!(store.find(&root(number)).unwrap(), Lookup::NotHeld));
        assert_eq!(usage(&store), 0);

        let lease = leased(commit_one(&store, put(&store, number, 1, NOW, 30, 2).unwrap()));
        assert_eq!(commit_one(&store, release(&lease, 1)), Ok(Done::Released));
        assert!(matches!(store.find(&root(number)).unwrap(), Lookup::NotHeld));
        assert_eq!(refused(commit_one(&store, release(&lease, 1))), Code::UnknownLease);
        assert_eq!(refused(commit_one(&store, renew(&lease, 1, NOW, 60))), Code::UnknownLease);
        assert!(!disk.names().contains(&FileName::Shard(root(number))));
    }
}

#[test]
fn only_the_right_key_id_and_sequence_change_a_lease() {
    let disk = SimulatedDisk::new();
    let (store, _) = open(&disk, NOW);
    let lease = leased(commit_one(&store, put(&store, 2, 1, NOW, 30, 1).unwrap()));
    assert_eq!(refused(commit_one(&store, release(&lease, 2))), Code::UnknownLease);
    assert_eq!(refused(commit_one(&store, renew(&lease, 2, NOW, 60))), Code::BadSignature);
    let newer = leased(commit_one(&store, renew(&lease, 1, NOW, 60)));
    assert_eq!(refused(commit_one(&store, renew(&lease, 1, NOW, 60))), Code::Stale);
    assert_eq!(refused(commit_one(&store, release(&lease, 1))), Code::Stale);
    assert_eq!(refused(commit_one(&store, renew(&newer, 1, NOW, 401))), Code::Expired);
    assert_eq!(lease_of(&store, 2, 1), Some(newer));
}

#[test]
fn quota_and_mandate_bound_what_a_payer_stores() {
    let disk = SimulatedDisk::new();
    let mut rules = rules();
    rules.quota_per_payer = Some(120_000);
    let (store, _) = Store::open(Arc::new(disk.clone()), rules, UnixSeconds::new(NOW)).unwrap();
    let lease = leased(commit_one(&store, put(&store, 7, 1, NOW, 30, 1).unwrap()));
    assert_eq!(usage(&store), 100_000 + LEASE_OVERHEAD_LEN);
    assert_eq!(refused(commit_one(&store, put(&store, 3, 1, NOW, 30, 2).unwrap())), Code::Quota);
    assert_eq!(refused(commit_one(&store, put(&store, 7, 2, NOW, 30, 2).unwrap())), Code::Quota);
    assert!(!is_whole(&store, 3));
    leased(commit_one(&store, put(&store, 7, 1, NOW, 31, 2).unwrap()));
    assert_eq!(refused(commit_one(&store, release(&lease, 1))), Code::Stale);
    let lease = lease_of(&store, 7, 1).unwrap();
    assert_eq!(commit_one(&store, release(&lease, 1)), Ok(Done::Released));

    let spend = |id, days, byte_hours| {
        let job = put_bytes(&store, &shard(1), mandate(3, byte_hours), NOW, days, id).unwrap();
        commit_one(&store, job)
    };
    assert_eq!(refused(spend(3, 2, 97_152 - 1)), Code::MandateSpent);
    leased(spend(4, 2, 97_152));
    leased(spend(5, 2, 97_152)); // nothing more is asked for
    assert_eq!(refused(spend(6, 3, 97_152)), Code::MandateSpent);
    leased(spend(7, 3, 145_728));
}

#[test]
fn what_was_spent_is_known_after_a_rebuild() {
    for (number, len) in [(1, 1000), (7, 100_000)] {
        let charged = len + LEASE_OVERHEAD_LEN;
        let disk = SimulatedDisk::new();
        let (store, _) = open(&disk, NOW);
        for (id, days) in [(1, 10), (2, 20)] {
            leased(commit_one(&store, put(&store, number, 1, NOW, days, id).unwrap()));
        }
        drop(store);
        disk.lose(FileName::Index);
        let (store, _) = open(&disk, NOW);
        let more = |byte_hours| {
            let job = put_bytes(&store, &shard(number), mandate(1, byte_hours), NOW, 21, 3).unwrap();
            commit_one(&store, job)
        };
        assert_eq!(refused(more(21 * 24 * charged - 1)), Code::MandateSpent);
        leased(more(21 * 24 * charged));
    }
}

#[test]
fn pointers_only_move_forward() {
    let disk = SimulatedDisk::new();
    let (store, _) = open(&disk, NOW);
    let set = |pointer: &Signed<Pointer>| commit_one(&store, set_pointer(pointer.clone()));
    let second = pointer(1, 4, 2, NOW + DAY);
    assert_eq!(set(&second), Ok(Done::PointerKept));
    assert_eq!(set(&second), Ok(Done::PointerKept));
    assert_eq!(refused(set(&pointer(1, 4, 1, NOW + DAY))), Code::Stale);
    assert_eq!(refused(set(&pointer(1, 4, 2, NOW + 2 * DAY))), Code::Stale);
    assert_eq!(store.pointers(&secret(1).public()).unwrap(), vec![second.encode()]);
    for slot in 1..u16::try_from(POINTER_SLOTS_MAX).unwrap() {
        assert_eq!(set(&pointer(1, 100 + slot, 0, NOW + DAY)), Ok(Done::PointerKept));
    }
    assert_eq!(refused(set(&pointer(1, 99, 0, NOW + DAY))), Code::Quota);
    store.collect(UnixSeconds::new(NOW + DAY)).unwrap();
    assert!(store.pointers(&secret(1).public()).unwrap().is_empty());
}

#[test]
fn a_second_carer_replaces_a_corrupt_shard_and_pays_only_for_what_it_adds() {
    for number in [2, 7] {
        for days in [10, 40] {
            let disk = SimulatedDisk::new();
            let (store, _) = open(&disk, NOW);
            let first = leased(commit_one(&store, put(&store, number, 1, NOW, 30, 1).unwrap()));
            let Lookup::Held(held) = store.find(&root(number)).unwrap() else { panic!("just put") };
            store.judge(&held.root, held.place, Verdict::Corrupt);

            let carer = secret(50);
            let again = mandate_for(&carer, 1, u64::MAX);
            let job = put_bytes(&store, &shard(number), again, NOW, days, 2).unwrap();
            let lease = leased(commit_one(&store, job));
            assert!(is_whole(&store, number));
            assert_eq!(lease.expires(), UnixSeconds::new(NOW + days.max(30) * DAY));
            let change = store.index.change().unwrap();
            let spent = change.spent(&secret(1).public(), &carer.public()).unwrap();
            if days < 30 {
                assert_eq!((lease, spent), (first, ByteHours::default()));
            } else {
                assert_eq!(lease.payer(), carer.public());
                assert_eq!(spent, super::super::leases::charge(Some(&first), &lease));
            }
            drop(change);
            drop(store);
            disk.lose(FileName::Index);
            let (store, _) = open(&disk, NOW);
            assert_eq!(lease_of(&store, number, 1), Some(lease), "the files say the same");
        }
    }
}

#[test]
fn pointers_count_for_whoever_pays_for_them() {
    let disk = SimulatedDisk::new();
    let mut rules = rules();
    rules.quota_per_payer = Some(4000);
    let (store, _) = Store::open(Arc::new(disk.clone()), rules.clone(), UnixSeconds::new(NOW)).unwrap();
    let set = |slot, seq| commit_one(&store, set_pointer(pointer(1, slot, seq, NOW + DAY)));
    assert_eq!([set(1, 0), set(2, 0)], [Ok(Done::PointerKept), Ok(Done::PointerKept)]);
    let used = usage(&store);
    assert!((2 * (500 + LEASE_OVERHEAD_LEN)..4000).contains(&used), "{used}");
    assert_eq!(refused(set(3, 0)), Code::Quota);
    assert_eq!(set(2, 1), Ok(Done::PointerKept), "a newer one takes the place of the old one");
    assert_eq!(usage(&store), used);
    drop(store);
    disk.lose(FileName::Index);
    let (store, _) = Store::open(Arc::new(disk.clone()), rules, UnixSeconds::new(NOW)).unwrap();
    assert_eq!(usage(&store), used, "the packs say who pays");
    store.collect(UnixSeconds::new(NOW + DAY)).unwrap();
    assert_eq!(usage(&store), 0);
}

#[test]
fn what_was_spent_is_forgotten_when_it_can_no_longer_count() {
    let disk = SimulatedDisk::new();
    let (store, _) = open(&disk, NOW);
    let limited = |expires| {
        let body = Mandate { expires: UnixSeconds::new(expires), ..*mandate(1, u64::MAX).body() };
        Signed::sign(&secret(1), &NETWORK, body)
    };
    for (number, mandate_days, lease_days) in [(1, 2, 30), (2, 60, 1)] {
        let job =
            put_bytes(&store, &shard(number), limited(NOW + mandate_days * DAY), NOW, lease_days, number);
        leased(commit_one(&store, job.unwrap()));
    }
    let spent = || store.index.change().unwrap().spent(&secret(1).public(), &payer().public()).unwrap();
    let sum = spent();
    for day in [2, 38, 59] {
        store.collect(UnixSeconds::new(NOW + day * DAY)).unwrap();
        assert_eq!(spent(), sum, "day {day}: a mandate is in force until day 60");
    }
    store.collect(UnixSeconds::new(NOW + 60 * DAY)).unwrap();
    assert_eq!(spent(), ByteHours::default());
}

#[test]
fn a_trailer_does_not_grow_with_every_renewal() {
    let disk = SimulatedDisk::new();
    let (store, _) = open(&disk, NOW);
    let mut lease = leased(commit_one(&store, put(&store, 7, 1, NOW, 1, 1).unwrap()));
    leased(commit_one(&store, put(&store, 7, 2, NOW, 300, 2).unwrap()));
    let before = store.stored();
    for days in 2..60 {
        lease = leased(commit_one(&store, renew(&lease, 1, NOW, days)));
        assert!(store.stored() < before + 2000, "{} bytes after {days} renewals", store.stored() - before);
    }
    assert!(is_whole(&store, 7));
    drop(store);
    disk.lose(FileName::Index);
    let (store, _) = open(&disk, NOW);
    assert_eq!(lease_of(&store, 7, 1), Some(lease));
    assert!(lease_of(&store, 7, 2).is_some() && is_whole(&store, 7));
    let tmp = disk.names().into_iter().filter(|name| matches!(name, FileName::Tmp(_)));
    assert_eq!(tmp.count(), 0);
}
