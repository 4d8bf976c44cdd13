//! The disk fills up at every step: a clean refusal, and nothing that was acknowledged is lost.

use protocol::Code;

use super::*;
use crate::layout::FileName;

const NOW: u64 = 1_800_000_000;

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    for number in [2, 7] {
        let mut step = 0;
        loop {
            let disk = SimulatedDisk::new();
            let (store, _) = open(&disk, NOW);
            leased(commit_one(&store, put(&store, 1, 1, NOW, 30, 1).unwrap()));
            leased(commit_one(&store, put(&store, 6, 1, NOW, 30, 2).unwrap()));
            disk.full_in(Some(step));
            let outcome = put(&store, number, 1, NOW, 30, 3).map(|job| commit_one(&store, job));
            let is_done = match outcome {
                Ok(Ok(_)) => true,
                Ok(Err(refusal)) => {
                    assert_eq!(refusal.code(), Code::Full, "step {step}: {refusal}");
                    false
                }
                Err(error) => {
                    assert_eq!(error.refusal().code(), Code::Full, "step {step}: {error}");
                    false
                }
            };
            disk.full_in(None);
            assert_eq!(lease_of(&store, number, 1).is_some(), is_done, "step {step}");
            let lease = leased(commit_one(&store, put(&store, number, 1, NOW, 40, 4).unwrap()));
            assert!(!disk.names().iter().any(|name| matches!(name, FileName::Tmp(_))), "step {step}");
            for (disk, lost) in [(disk.clone(), false), (disk, true)] {
                if lost {
                    disk.lose(FileName::Index);
                }
                let (store, _) = open(&disk.after_power_cut(step), NOW);
                assert!([1, 6, number].iter().all(|number| is_whole(&store, *number)), "step {step}");
                assert_eq!(lease_of(&store, number, 1), Some(lease), "step {step}");
            }
            if is_done {
                break;
            }
            step += 1;
        }
        assert!(step > 0, "at least one step needs room");
    }
}

#[test]
fn a_full_group_keeps_what_fits() {
    let disk = SimulatedDisk::new();
    let (store, _) = open(&disk, NOW);
    let lease = leased(commit_one(&store, put(&store, 1, 1, NOW, 30, 1).unwrap()));
    let jobs = vec![
        put(&store, 2, 1, NOW, 30, 2).unwrap(),
        release(&lease, 1),
        put(&store, 7, 1, NOW, 30, 3).unwrap(),
    ];
    disk.full_in(Some(0));
    let outcomes = store.commit(jobs);
    // What only needs names and rows that fit may still be done; what was refused has not happened at all.
    assert_eq!(outcomes[0].as_ref().unwrap_err().code(), Code::Full);
    assert_eq!(outcomes[1].as_ref().unwrap_err().code(), Code::Full);
    disk.full_in(None);
    assert!(is_whole(&store, 1) && !is_whole(&store, 2));
    assert_eq!(is_whole(&store, 7), outcomes[2].is_ok());
}

#[test]
fn capacity_is_kept_before_anything_is_written() {
    let disk = SimulatedDisk::new();
    let mut rules = rules();
    rules.capacity = Capacity { total: 300_000, reserve: 0 };
    let (store, _) = Store::open(Arc::new(disk.clone()), rules, UnixSeconds::new(NOW)).unwrap();
    let first = store.reserve(100_000).unwrap();
    let _second = store.reserve(100_000).unwrap();
    assert!(store.reserve(100_000).unwrap_err().is_full());
    drop(first);
    leased(commit_one(&store, put(&store, 7, 1, NOW, 30, 1).unwrap()));
    assert!(store.stored() > 100_000);
    assert!(store.reserve(100_000).unwrap_err().is_full());
}
