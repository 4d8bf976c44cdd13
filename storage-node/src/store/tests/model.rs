//! Random histories, with restarts and lost indexes, against a map.

use std::collections::BTreeMap;

use proptest::prelude::*;
use protocol::Lease;
use protocol::limits::{LEASE_GRACE_S, LEASE_OVERHEAD_LEN};

use super::*;
use crate::layout::FileName;

#[derive(Clone, Copy, Debug)]
enum Op {
    Put { shard: u8, control: u8, days: u64 },
    Renew { shard: u8, control: u8, days: u64 },
    Release { shard: u8, control: u8 },
    Pass { days: u64 },
    Compact,
    Restart { loses_index: bool },
}

fn op() -> impl Strategy<Value = Op> {
    let (shard, control, days) = (0_u8..16, 1_u8..4, 1_u64..40);
    prop_oneof![
        6 => (shard.clone(), control.clone(), days.clone())
            .prop_map(|(shard, control, days)| Op::Put { shard, control, days }),
        2 => (shard.clone(), control.clone(), days.clone())
            .prop_map(|(shard, control, days)| Op::Renew { shard, control, days }),
        3 => (shard, control).prop_map(|(shard, control)| Op::Release { shard, control }),
        2 => (1_u64..20).prop_map(|days| Op::Pass { days }),
        1 => Just(Op::Compact),
        1 => any::<bool>().prop_map(|loses_index| Op::Restart { loses_index }),
    ]
}

type Model = BTreeMap<(u8, u8), Lease>;

fn agree(store: &Store, model: &Model) {
    let mut usage = 0;
    for number in 0..16 {
        let held = model.keys().any(|(shard, _)| *shard == number);
        assert_eq!(is_whole(store, number), held, "shard {number}");
        for control in 1..4 {
            let lease = model.get(&(number, control)).copied();
            assert_eq!(lease_of(store, number, control), lease, "lease ({number}, {control})");
            usage += lease.map_or(0, |lease| lease.len().get() + LEASE_OVERHEAD_LEN);
        }
    }
    assert_eq!(super::usage(store), usage);
    assert_eq!(store.corrupt_count().unwrap(), 0);
}

fn put_in_model(model: &mut Model, at: (u8, u8), granted: Lease, now: u64, days: u64) {
    let wanted = UnixSeconds::new(now + days * DAY);
    match model.get(&at) {
        Some(old) if old.expires() >= wanted => assert_eq!(granted, *old),
        Some(old) => assert_eq!((granted.id(), granted.seq()), (old.id(), old.seq().next())),
        None => assert_eq!(granted.seq(), Sequence::FIRST),
    }
    assert!(granted.expires() >= wanted);
    model.insert(at, granted);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_store_agrees_with_a_map(ops in prop::collection::vec(op(), 1..60)) {
        let disk = SimulatedDisk::new();
        let mut now = 1_800_000_000;
        let mut model = Model::new();
        let (mut store, _) = open(&disk, now);
        for (id, op) in ops.into_iter().enumerate() {
            match op {
                Op::Put { shard, control, days } => {
                    let job = put(&store, shard, control, now, days, u8::try_from(id).unwrap()).unwrap();
                    let granted = leased(commit_one(&store, job));
                    put_in_model(&mut model, (shard, control), granted, now, days);
                }
                Op::Renew { shard, control, days } => {
                    let Some(old) = model.get(&(shard, control)) else { continue };
                    let longer = old.expires().get() < now + days * DAY;
                    let outcome = commit_one(&store, renew(old, control, now, days));
                    prop_assert_eq!(outcome.is_ok(), longer);
                    if longer {
                        model.insert((shard, control), leased(outcome));
                    }
                }
                Op::Release { shard, control } => {
                    let Some(old) = model.remove(&(shard, control)) else { continue };
                    prop_assert_eq!(commit_one(&store, release(&old, control)), Ok(Done::Released));
                }
                Op::Pass { days } => {
                    now += days * DAY;
                    while store.collect(UnixSeconds::new(now)).unwrap().1 {}
                    model.retain(|_, lease| !lease.expires().plus(LEASE_GRACE_S).has_passed(UnixSeconds::new(now)));
                }
                Op::Compact => while store.compact_one(&[]).unwrap().is_some() {},
                Op::Restart { loses_index } => {
                    drop(store);
                    if loses_index {
                        disk.lose(FileName::Index);
                    }
                    store = open(&disk, now).0;
                    // A rebuilt index knows of leases that ended only from their dates.
                    while store.collect(UnixSeconds::new(now)).unwrap().1 {}
                }
            }
        }
        agree(&store, &model);
        let stored = store.stored();
        drop(store);
        let (store, _) = open(&disk, now);
        prop_assert_eq!(store.stored(), stored);
        agree(&store, &model);
        drop(store);
        disk.lose(FileName::Index);
        let (store, _) = open(&disk, now);
        while store.collect(UnixSeconds::new(now)).unwrap().1 {}
        agree(&store, &model);
    }
}
